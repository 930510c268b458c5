"""Shapes per dialect, over Flask's test client: no socket is opened."""

import base64
import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from werkzeug.test import TestResponse

from worker.sandbox import Sandbox, SandboxOptions, create_sandbox
from worker.sandbox.dialects import gateway_action

DIALECTS = ("trueai", "novicezk", "gateway", "crazyrouter")
QUICK = (0.0, 0.0)
Json = dict[str, Any]


def data_url(size: tuple[int, int] = (32, 32), colour: str = "white") -> str:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


class Player:
    """Plays a client against one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.client = sandbox.app.test_client()

    def post(self, path: str, **body: Any) -> TestResponse:
        return self.client.post(f"/mj/{path}", json=body)

    def submit(self, path: str, **body: Any) -> str:
        reply = self.post(f"submit/{path}", **body)
        assert reply.json is not None
        assert reply.json["code"] in (1, 21, 22), reply.json
        return str(reply.json["result"])

    def fetch(self, task_id: str) -> Json:
        return dict(self.client.get(f"/mj/task/{task_id}/fetch").json or {})

    def finished(self, path: str, **body: Any) -> Json:
        return self.ended(self.submit(path, **body))

    def ended(self, task_id: str) -> Json:
        for _ in range(500):
            task = self.fetch(task_id)
            if task["status"] in ("SUCCESS", "FAILURE"):
                return task
            time.sleep(0.01)
        raise AssertionError(f"{task_id} did not end")

    def press(self, task: Json, custom_id: str, **body: Any) -> TestResponse:
        known = [b["customId"] for b in task["buttons"] if b["customId"].startswith(custom_id)]
        return self.post("submit/action", taskId=task["id"], customId=known[0], **body)


Play = Callable[..., Player]


@pytest.fixture
def play() -> Iterator[Play]:
    started: list[Sandbox] = []

    def new(dialect: str = "trueai", **options: Any) -> Player:
        options.setdefault("task_seconds", QUICK)
        started.append(create_sandbox(SandboxOptions(dialect=dialect, **options)))
        return Player(started[-1])

    yield new
    for sandbox in started:
        sandbox.stop()


# --- endpoints and auth --------------------------------------------------------------------------

MISSING = [
    ("trueai", "POST", "submit/change", 404),
    ("trueai", "GET", "task/queue", 404),
    ("trueai", "GET", "image/1", 404),
    ("novicezk", "POST", "submit/action", 404),
    ("novicezk", "POST", "submit/modal", 404),
    ("novicezk", "GET", "task/1/image-seed", 404),
    ("gateway", "POST", "submit/retexture", 404),
    ("gateway", "POST", "submit/simple-change", 503),
    ("gateway", "GET", "task/list", 404),
    ("crazyrouter", "POST", "submit/show", 404),
    ("crazyrouter", "GET", "task/queue", 404),
]


@pytest.mark.parametrize(("dialect", "method", "path", "status"), MISSING)
def test_a_missing_endpoint_answers_as_that_provider(
    play: Play, dialect: str, method: str, path: str, status: int
) -> None:
    reply = play(dialect).client.open(f"/mj/{path}", method=method, json={})
    assert reply.status_code == status
    if dialect == "trueai":
        assert reply.data == b""
    elif dialect == "novicezk":
        assert set(reply.json or ()) == {"timestamp", "status", "error", "path"}
    else:
        assert {"message", "type"} <= set((reply.json or {})["error"])


PREFIXES = [
    ("trueai", "mj-fast", True),
    ("trueai", "mj-relax", True),
    ("trueai", "mj-slow", False),
    ("novicezk", "mj-fast", False),
    ("gateway", "anything", True),
]


@pytest.mark.parametrize(("dialect", "prefix", "known"), PREFIXES)
def test_mode_prefixes(play: Play, dialect: str, prefix: str, known: bool) -> None:
    player = play(dialect)
    reply = player.client.post(f"/{prefix}/mj/submit/imagine", json={"prompt": "a"})
    assert (reply.status_code == 200) is known
    if known and dialect == "trueai":
        task = player.fetch((reply.json or {})["result"])
        assert task["mode"] == prefix.removeprefix("mj-").upper()


BEARER, RAW = {"Authorization": "Bearer sk-key"}, {"Authorization": "sk-key"}
SECRET, BOTH = {"mj-api-secret": "sk-key"}, {**BEARER, "mj-api-secret": "sk-key"}
KEYS = [
    ("novicezk", SECRET, True),
    ("novicezk", BEARER, False),
    ("novicezk", BOTH, True),
    ("trueai", RAW, True),
    ("trueai", SECRET, True),
    ("trueai", BEARER, False),
    ("trueai", BOTH, False),
    ("trueai", {}, False),
    ("gateway", BEARER, True),
    ("gateway", RAW, True),
    ("gateway", {"Authorization": "Bearer key-7"}, True),
    ("gateway", {"Authorization": "midjourney-proxy", **SECRET}, True),
    ("gateway", {"Authorization": "Bearer other"}, False),
    ("crazyrouter", BEARER, True),
    ("crazyrouter", {}, False),
]


@pytest.mark.parametrize(("dialect", "headers", "good"), KEYS)
def test_auth(play: Play, dialect: str, headers: dict[str, str], good: bool) -> None:
    player = play(dialect, key="sk-key")
    reply = player.client.post("/mj/submit/imagine", json={"prompt": "a"}, headers=headers)
    assert reply.status_code == (200 if good else 401)
    if good:
        return
    if dialect == "novicezk":
        assert reply.data == b""
    elif dialect == "trueai":
        assert reply.mimetype == "text/plain"
    else:
        assert "message" in (reply.json or {})["error"]


# --- refusals ------------------------------------------------------------------------------------

ENVELOPE = {"code", "description", "result", "properties"}
UPSTREAM = {"code", "description", "type"}
REFUSALS: list[tuple[str, str, Json, tuple[int, int, set[str]]]] = [
    ("novicezk", "imagine", {}, (200, 4, ENVELOPE)),
    ("novicezk", "imagine", {"prompt": "a", "base64Array": ["abcd"]}, (200, 4, ENVELOPE)),
    ("novicezk", "blend", {"base64Array": [data_url()]}, (200, 4, ENVELOPE)),
    ("novicezk", "describe", {}, (200, 4, ENVELOPE)),
    ("novicezk", "change", {"taskId": "1", "action": "UPSCALE", "index": 1}, (200, 3, ENVELOPE)),
    ("novicezk", "simple-change", {"content": "1  U2"}, (200, 4, ENVELOPE)),
    ("trueai", "imagine", {"prompt": " "}, (200, 4, ENVELOPE)),
    ("trueai", "imagine", {"prompt": "a", "state": "s" * 256}, (200, 4, ENVELOPE)),
    ("trueai", "action", {"taskId": "1"}, (200, 4, ENVELOPE)),
    ("trueai", "action", {"taskId": "1", "customId": "x"}, (404, 3, ENVELOPE)),
    ("trueai", "modal", {"taskId": "1"}, (404, 3, ENVELOPE)),
    ("trueai", "edits", {"prompt": "a"}, (200, 4, ENVELOPE)),
    ("trueai", "video", {"prompt": "a", "taskId": "1"}, (200, 4, ENVELOPE)),
    ("gateway", "imagine", {"prompt": ""}, (400, 4, UPSTREAM)),
    ("gateway", "change", {"taskId": "1", "action": "REROLL"}, (400, 4, UPSTREAM)),
    ("gateway", "action", {"taskId": "1", "customId": "MJ::Inpaint::1"}, (400, 4, UPSTREAM)),
    ("gateway", "blend", {"base64Array": []}, (200, 4, ENVELOPE)),
]


@pytest.mark.parametrize(("dialect", "path", "body", "answer"), REFUSALS)
def test_refusals(
    play: Play, dialect: str, path: str, body: Json, answer: tuple[int, int, set[str]]
) -> None:
    player, (*code, keys) = play(dialect), answer
    reply = player.post(f"submit/{path}", **body)
    assert [reply.status_code, (reply.json or {})["code"]] == code
    assert set(reply.json or ()) == keys
    if keys == UPSTREAM:
        assert (reply.json or {})["description"].endswith(" ")
    assert player.sandbox.ledger.entries() == []


def test_odd_bodies(play: Play) -> None:
    trueai, gateway, novicezk = play("trueai"), play("gateway"), play("novicezk")
    too_long = trueai.post("submit/shorten", prompt="a", state="s" * 256).json or {}
    assert set(too_long) == {"success", "code", "message", "timestamp"}
    assert too_long["code"] == -1
    broken = {"data": "{", "content_type": "application/json"}
    assert (trueai.client.post("/mj/submit/imagine", **broken).json or {})["code"] == -1
    assert novicezk.client.post("/mj/submit/imagine", **broken).status_code == 400
    plain = gateway.client.post("/mj/submit/imagine", data='{"prompt": "a"}')
    assert (plain.json or {})["description"] == "prompt_is_required "
    missing_index = novicezk.post("submit/change", taskId="1", action="UPSCALE")
    assert missing_index.status_code == 500


@pytest.mark.parametrize(
    ("custom_id", "status"),
    [
        ("MJ::BOOKMARK::x", 400),
        ("MJ::Job::PicReader::1", 400),
        ("MJ::JOB::animate_high::1::x", 400),
        ("nonsense", 500),
    ],
)
def test_buttons_that_a_gateway_does_not_pass_on(play: Play, custom_id: str, status: int) -> None:
    reply = play("gateway").post("submit/action", taskId="1", customId=custom_id)
    assert reply.status_code == status
    assert "error" in (reply.json or {})


@pytest.mark.parametrize(
    ("custom_id", "action"),
    [
        ("MJ::JOB::upsample::1::x", "UPSCALE"),
        ("MJ::JOB::upsample_v6_2x_subtle::1::x", "UPSCALE"),
        ("MJ::JOB::low_variation::1::x", "LOW_VARIATION"),
        ("MJ::Outpaint::50::1::x", "ZOOM"),
        ("MJ::CustomZoom::x", "CUSTOM_ZOOM"),
        ("MJ::JOB::pan_left::1::x", "PAN"),
        ("MJ", None),
    ],
)
def test_the_action_a_gateway_reads_from_a_button(custom_id: str, action: str | None) -> None:
    assert gateway_action(custom_id) == action


# --- task objects --------------------------------------------------------------------------------

CORPUS = Path(__file__).parent.parent / "corpus"


def corpus(name: str) -> Json:
    """A payload seen in the wild or in a provider's documentation."""
    return dict(json.loads((CORPUS / f"{name}.json").read_text(encoding="utf-8")))


def test_a_novicezk_task_has_the_keys_and_types_seen_in_the_wild(play: Play) -> None:
    task, seen = play("novicezk").finished("imagine", prompt="a dog"), corpus("callbacks/032")
    assert {key: type(task[key]) for key in task} == {key: type(seen[key]) for key in seen}
    assert set(task["properties"]) == set(seen["properties"])
    assert (task["state"], task["failReason"], task["progress"]) == (None, None, "100%")


def test_a_trueai_task_leaks_its_internals_and_spells_blanks_as_empty(play: Play) -> None:
    task = play("trueai").finished("imagine", prompt="a dog")
    leaks = {"clientIp", "userId", "accountFilter", "displays", "isCompleted", "parentId"}
    assert set(task) >= (set(corpus("callbacks/032")) | leaks | {"buttons", "customId", "botType"})
    assert (task["state"], task["failReason"]) == ("", "")
    assert set(task["buttons"][0]) == {"customId", "emoji", "label", "style", "type"}
    assert [b["label"] for b in task["buttons"]] == [
        "U1",
        "U2",
        "U3",
        "U4",
        "",
        "V1",
        "V2",
        "V3",
        "V4",
    ]


def test_a_gateway_task_has_zeros_and_blanks_and_the_gateways_picture(play: Play) -> None:
    player = play("gateway", task_seconds=(5, 5))
    waiting = player.fetch(player.submit("imagine", prompt="a dog", state="s"))
    assert (waiting["startTime"], waiting["finishTime"]) == (0, 0)
    assert (waiting["buttons"], waiting["properties"], waiting["imageUrl"]) == (None, None, "")
    task = play("gateway").finished("imagine", prompt="a dog", state="s")
    assert task["imageUrl"].endswith(f"/mj/image/{task['id']}")
    assert task["properties"] == {"finalPrompt": "a dog", "finalZhPrompt": ""}
    assert (task["state"], task["description"], task["customId"]) == ("s", "提交成功", "")
    assert "imageUrls" not in task


def test_crazyrouter_ids_and_buttons(play: Play) -> None:
    task = play("crazyrouter").finished("imagine", prompt="a dog")
    assert task["id"].startswith("task_")
    seen = corpus("callbacks/021")
    assert set(task) >= set(seen)
    assert set(task["buttons"][0]) == set(seen["buttons"][0])
    assert task["buttons"][0]["emoji"] == "U1"


#: dialect, endpoint, body, what the provider answers but for the text
REPLIES: list[tuple[str, str, Json, str]] = [
    ("novicezk", "imagine", {"prompt": "a"}, "001"),
    ("novicezk", "change", {"taskId": "1", "action": "REROLL"}, "075"),
    ("novicezk", "imagine", {}, "077"),
    ("crazyrouter", "imagine", {"prompt": "a"}, "021"),
]


@pytest.mark.parametrize(("dialect", "path", "body", "name"), REPLIES)
def test_submit_replies_are_as_recorded(
    play: Play, dialect: str, path: str, body: Json, name: str
) -> None:
    reply = play(dialect).post(f"submit/{path}", **body).json or {}
    seen = corpus(f"submit_responses/{name}")
    assert reply["code"] == seen["code"]
    assert set(reply) == set(seen)
    assert set(reply["properties"]) == set(seen["properties"])
    assert type(reply["result"]) is type(seen["result"])


def test_a_gateways_own_refusal_is_as_recorded(play: Play) -> None:
    reply = play("gateway").client.get("/mj/task/1/image-seed")
    assert reply.status_code == 400
    assert reply.json == corpus("submit_responses/081")


def test_recorded_client_requests_are_understood(play: Play) -> None:
    player = play("gateway", task_seconds=(5, 5))
    for file in sorted((CORPUS / "client_requests").glob("*.json")):
        body = json.loads(file.read_text(encoding="utf-8"))
        path = body.pop("_path")
        reply = player.client.post(path, json=body)
        assert reply.status_code in (200, 400, 404, 500, 503), file.name
        if path == "/mj/submit/imagine" and not body.get("base64Array"):
            assert (reply.json or {})["code"] == 1, file.name


@pytest.mark.parametrize(
    ("dialect", "status", "body"),
    [
        ("novicezk", 200, b""),
        ("trueai", 204, b""),
        ("gateway", 400, b'"description":"task_no_found "'),
    ],
)
def test_fetch_of_an_unknown_task(play: Play, dialect: str, status: int, body: bytes) -> None:
    player = play(dialect)
    reply = player.client.get("/mj/task/1/fetch")
    assert reply.status_code == status
    assert body in reply.data
    assert player.post("task/list-by-condition", ids=["1"]).json == []
    assert player.post("task/list-by-condition").json == []


@pytest.mark.parametrize(
    ("dialect", "progress"), [("novicezk", ""), ("trueai", ""), ("gateway", "100%")]
)
def test_failures(play: Play, dialect: str, progress: str) -> None:
    task = play(dialect).finished("describe", base64="data:image/png;base64,AAAA")
    assert (task["status"], task["progress"]) == ("FAILURE", progress)
    assert task["failReason"] == "Invalid Form Body"
    assert not task.get("buttons")


def test_lists_and_seed(play: Play) -> None:
    player = play("novicezk", task_seconds=(5, 5))
    ids = [player.submit("imagine", prompt=f"p{n}") for n in range(2)]
    assert {t["id"] for t in player.client.get("/mj/task/queue").json or ()} == set(ids)
    assert len(player.client.get("/mj/task/list").json or ()) == 2
    trueai = play("trueai")
    task = trueai.finished("imagine", prompt="a")
    seed = trueai.client.get(f"/mj/task/{task['id']}/image-seed").json or {}
    assert seed["code"] == 1
    assert seed["result"].isdigit()
    assert trueai.client.get("/mj/task/1/image-seed").status_code == 404
    assert trueai.post("task/list-by-ids", ids=[task["id"]]).json == [trueai.fetch(task["id"])]


# --- kinds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "action"),
    [
        ("blend", {"base64Array": [data_url(), data_url(colour="red")]}, "BLEND"),
        ("describe", {"base64": data_url()}, "DESCRIBE"),
        ("describe", {"link": "http://pictures.example/cat.png"}, "DESCRIBE"),
        ("shorten", {"prompt": "an old tower by the sea"}, "SHORTEN"),
        ("edits", {"prompt": "night", "image": data_url()}, "EDIT"),
        ("retexture", {"prompt": "glass", "image": data_url()}, "RETEXTURE"),
        ("video", {"prompt": "it moves", "image": data_url()}, "VIDEO"),
        ("imagine", {"prompt": "like this", "base64Array": [data_url()]}, "IMAGINE"),
    ],
)
def test_every_kind_succeeds(play: Play, path: str, body: Json, action: str) -> None:
    player = play("trueai")
    task = player.finished(path, **body)
    assert (task["status"], task["action"]) == ("SUCCESS", action)
    if path != "shorten":
        assert player.client.get(f"/sandbox/images/{task['id']}.png").mimetype == "image/png"
    if path == "video":
        assert player.client.get(f"/sandbox/videos/{task['id']}.gif").mimetype == "image/gif"
        assert task["videoUrls"][0]["url"] == task["videoUrl"]


def test_swap_upload_and_the_words_of_the_ledger(play: Play) -> None:
    player = play("trueai")
    red = data_url(colour="red")
    swap = {"sourceBase64": data_url(), "targetBase64": red}
    task = player.ended((player.post("insight-face/swap", **swap).json or {})["result"])
    assert (task["action"], task["status"]) == ("SWAP_FACE", "SUCCESS")
    upload = player.post("submit/upload-discord-images", base64Array=[red]).json or {}
    assert isinstance(upload["result"], list)
    path = upload["result"][0].partition("127.0.0.1")[2]
    assert player.client.get(path).status_code == 200
    assert [e["kind"] for e in player.sandbox.ledger.entries()] == ["swap_face", "upload"]


def test_describe_text_by_account(play: Play) -> None:
    discord = play("novicezk").finished("describe", base64=data_url())
    assert discord["prompt"] == discord["promptEn"] == discord["properties"]["finalPrompt"]
    assert discord["prompt"].startswith("1️⃣ ")
    assert "\n\n4️⃣ " in discord["prompt"]
    partner = play("trueai", partner_account=True).finished("describe", base64=data_url())
    assert partner["prompt"] == ""
    assert len(partner["promptEn"].split("\r\n")) == 4


def test_shorten_text_survives_a_gateway_in_final_prompt_only(play: Play) -> None:
    trueai = play("trueai").finished("shorten", prompt="an old tower")
    assert trueai["description"] == trueai["properties"]["finalPrompt"]
    gateway = play("gateway").finished("shorten", prompt="an old tower")
    assert gateway["description"] == "提交成功"
    assert "## Shortened prompts" in gateway["properties"]["finalPrompt"]


def test_banned_words(play: Play) -> None:
    at_once = play("novicezk", banned=("nude",)).post("submit/imagine", prompt="a Nude body")
    assert (at_once.json or {})["code"] == 24
    assert (at_once.json or {})["properties"]["bannedWord"] == "nude"
    later = play("trueai", banned=("nude",)).finished("imagine", prompt="a nude body")
    assert (later["status"], later["failReason"]) == ("FAILURE", "可能包含敏感词")


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
    time.sleep(0.1)
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
    time.sleep(0.15)
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
