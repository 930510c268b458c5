"""Queues, buttons, change and the window."""

from collections.abc import Iterator

import pytest

from tests.support.sandbox_player import Json, Play, Player, data_url, players


@pytest.fixture
def play() -> Iterator[Play]:
    with players() as new:
        yield new


# --- queues --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "queued", "full"), [("novicezk", 22, 23), ("trueai", 22, 9), ("gateway", 1, 9)]
)
def test_a_full_account(play: Play, dialect: str, queued: int, full: int) -> None:
    player = play(dialect, task_seconds=(0.3, 0.3), max_running=1, refuse_above=1)
    replies = [player.post("submit/imagine", prompt=f"p{n}").json or {} for n in range(3)]
    assert [reply["code"] for reply in replies] == [1, queued, full]
    assert replies[1]["properties"]["numberOfQueues"] == 1
    assert len(player.sandbox.ledger.entries()) == 2
    assert player.ended(replies[1]["result"])["status"] == "SUCCESS"


# --- buttons, change and the window --------------------------------------------------------------


def test_change_stands_in_for_buttons(play: Play) -> None:
    player = play("novicezk")
    grid = player.finished("imagine", prompt="a dog")
    upscale = player.finished("change", taskId=grid["id"], action="UPSCALE", index=2)
    assert upscale["action"] == "UPSCALE"
    assert upscale["description"] == f"/up {grid['id']} U2"
    varied = player.finished("simple-change", content=f"{grid['id']} v3")
    assert varied["action"] == "VARIATION"
    reply = player.post("submit/change", taskId=upscale["id"], action="UPSCALE", index=1)
    assert (reply.json or {})["code"] == 4
    assert [e["kind"] for e in player.sandbox.ledger.entries()] == ["imagine", "change", "change"]


def test_buttons_of_a_single_picture(play: Play) -> None:
    player = play("trueai")
    wide = player.finished("imagine", prompt="a dog --ar 16:9")
    reply = player.press(wide, "MJ::JOB::upsample::2")
    single = player.ended((reply.json or {})["result"])
    ids = [button["customId"] for button in single["buttons"]]
    assert any(each.startswith("MJ::Outpaint::100") for each in ids)
    for custom_id in ids:
        window = custom_id.startswith(("MJ::CustomZoom", "MJ::Inpaint"))
        expected = 4 if "BOOKMARK" in custom_id else 21 if window else 1
        answer = player.post("submit/action", taskId=single["id"], customId=custom_id)
        assert (answer.json or {})["code"] == expected, custom_id
    square = player.finished("imagine", prompt="a dog")
    foreign = player.post("submit/action", taskId=square["id"], customId=ids[0])
    assert (foreign.json or {})["code"] == 4


def test_an_action_on_an_unfinished_parent(play: Play) -> None:
    for dialect, status in (("trueai", 200), ("gateway", 400)):
        player = play(dialect, task_seconds=(5, 5))
        parent = player.submit("imagine", prompt="a")
        custom_id = "MJ::JOB::upsample::1::x"
        reply = player.post("submit/action", taskId=parent, customId=custom_id)
        assert (reply.status_code, (reply.json or {})["code"]) == (status, 4)


def upscaled(player: Player) -> Json:
    grid = player.finished("imagine", prompt="a dog", state="root")
    reply = player.press(grid, "MJ::JOB::upsample::1")
    return player.ended((reply.json or {})["result"])


def test_the_window_continues_the_same_task(play: Play) -> None:
    player = play("trueai")
    reply = player.press(upscaled(player), "MJ::CustomZoom", state="press").json or {}
    assert (reply["code"], reply["description"]) == (21, "Waiting for window confirm")
    assert reply["properties"] == {"finalPrompt": "a dog", "remix": True}
    assert player.fetch(reply["result"])["status"] == "MODAL"
    before = len(player.sandbox.ledger.entries())
    body = {"taskId": reply["result"], "prompt": "a dog --zoom 1.8", "state": "modal"}
    assert player.submit("modal", **body) == reply["result"]
    task = player.ended(reply["result"])
    assert (task["status"], task["state"], task["action"]) == ("SUCCESS", "press", "ZOOM")
    assert player.submit("modal", **body) == reply["result"]  # again: skipped silently
    entries = player.sandbox.ledger.entries()[before:]
    assert [(e["kind"], e["state"]) for e in entries] == [("modal", "modal")]
    assert player.sandbox.stats.get("modals_skipped") == 1


@pytest.mark.parametrize(
    ("mask", "status"),
    [
        (data_url((1024, 1024)), "SUCCESS"),
        (data_url((512, 512)), "FAILURE"),
        (data_url((1024, 1024)).replace("image/png", "image/jpeg"), "FAILURE"),
        ("", "FAILURE"),
    ],
)
def test_masks(play: Play, mask: str, status: str) -> None:
    player = play("trueai")
    task_id = (player.press(upscaled(player), "MJ::Inpaint").json or {})["result"]
    player.submit("modal", taskId=task_id, prompt="a hat", maskBase64=mask)
    task = player.ended(task_id)
    assert task["status"] == status
    assert ("mask" in task["failReason"]) is (status == "FAILURE")


def test_a_modal_may_open_a_new_task(play: Play) -> None:
    player = play("trueai", modal_new_task=True)
    opened = (player.press(upscaled(player), "MJ::CustomZoom", state="a").json or {})["result"]
    task = player.finished("modal", taskId=opened, state="b")
    assert task["id"] != opened
    assert task["state"] == "b"
    assert player.fetch(opened)["status"] == "MODAL"


def test_a_gateway_hides_windows_and_keeps_two_rows(play: Play) -> None:
    player = play("gateway", remix=True, task_seconds=(0.3, 0.3))
    grid = player.finished("imagine", prompt="a dog")
    reply = player.press(grid, "MJ::JOB::variation::1").json or {}
    assert (reply["code"], reply["properties"]["remix"]) == (1, True)
    assert player.fetch(reply["result"])["status"] == "MODAL"
    player.submit("modal", taskId=reply["result"])
    player.clock.advance(0.1)
    rows = player.post("task/list-by-condition", ids=[reply["result"]]).json or []
    assert [row["id"] for row in rows] == [reply["result"]] * 2
    assert rows[0]["status"] == player.fetch(reply["result"])["status"] == "MODAL"
    assert rows[1]["status"] in ("SUBMITTED", "IN_PROGRESS")
    assert player.ended(reply["result"])["action"] == "VARIATION"


def test_a_gateway_keeps_the_code_of_real_windows(play: Play) -> None:
    player = play("gateway")
    assert (player.press(upscaled(player), "MJ::Inpaint").json or {})["code"] == 21


def test_a_gateway_that_lags_refuses_a_follow_up_too_early(play: Play) -> None:
    player = play("gateway", fetch_lag=0.4)
    task_id = player.submit("imagine", prompt="a dog")
    assert player.fetch(task_id)["status"] == ""
    player.clock.advance(0.3)  # it has ended, and the gateway has not looked yet
    custom_id = "MJ::JOB::upsample::1::x"
    reply = player.post("submit/action", taskId=task_id, customId=custom_id)
    assert (reply.json or {})["description"] == "task_status_not_success "
    assert player.ended(task_id)["status"] == "SUCCESS"


def test_describe_buttons_want_the_window_but_all_do_not(play: Play) -> None:
    player = play("trueai")
    described = player.finished("describe", base64=data_url(), state="s")
    first = player.press(described, "MJ::Job::PicReader::1").json or {}
    assert first["code"] == 21
    player.submit("modal", taskId=first["result"])
    assert player.ended(first["result"])["prompt"] == first["properties"]["finalPrompt"]
    everything = player.press(described, "MJ::Job::PicReader::all", state="s").json or {}
    ids = everything["result"].split(",")
    assert [player.ended(each)["state"] for each in ids] == ["s::1", "s::2", "s::3", "s::4"]
    assert (player.press(described, "MJ::Picread::Retry").json or {})["code"] == 1


def test_grids_without_buttons_leave_change(play: Play) -> None:
    player = play("trueai", grids_without_buttons=True)
    grid = player.finished("imagine", prompt="a dog")
    assert grid["buttons"] == []
    single = player.finished("change", taskId=grid["id"], action="UPSCALE", index=1)
    assert single["buttons"][0]["emoji"] == {"name": "upscale_1"}


def test_instant_upscales_are_done_when_the_submit_returns(play: Play) -> None:
    player = play("trueai", instant_upscales=True, task_seconds=(0.1, 0.1))
    grid = player.finished("imagine", prompt="a dog")
    reply = player.press(grid, "MJ::JOB::upsample::3").json or {}
    assert player.fetch(reply["result"])["status"] == "SUCCESS"
