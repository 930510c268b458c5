"""Endpoints, auth and refusals as each provider has them."""

from collections.abc import Iterator

import pytest

from tests.support.sandbox_player import Json, Play, Player, data_url, players
from worker.sandbox.dialects.gateway import gateway_action


@pytest.fixture
def play() -> Iterator[Play]:
    with players() as new:
        yield new


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


# --- seeds ---------------------------------------------------------------------------------------

NO_SEED = [  # of a task that runs, that has no picture, and of one that nobody knows
    ("trueai", (400, 4), (400, 4), (404, 3)),
    ("gateway", (400, 4), (400, 4), (400, 4)),
    ("crazyrouter", (400, 4), (400, 4), (400, 4)),
]


@pytest.mark.parametrize("dialect", ["trueai", "gateway", "crazyrouter"])
def test_a_finished_picture_has_a_seed_that_stays(play: Play, dialect: str) -> None:
    player = play(dialect)
    task_id = player.finished("imagine", prompt="a cat")["id"]
    first, again = (player.client.get(f"/mj/task/{task_id}/image-seed") for _ in range(2))
    assert (first.status_code, (first.json or {})["code"]) == (200, 1)
    assert (first.json or {})["result"].isdecimal()
    assert first.json == again.json


@pytest.mark.parametrize(("dialect", "running", "words", "unknown"), NO_SEED)
def test_without_a_seed_each_provider_says_so_in_its_way(
    play: Play,
    dialect: str,
    running: tuple[int, int],
    words: tuple[int, int],
    unknown: tuple[int, int],
) -> None:
    slow, quick = play(dialect, task_seconds=(60.0, 60.0)), play(dialect)
    cases = [
        (slow, slow.submit("imagine", prompt="a cat"), running),
        (quick, quick.finished("shorten", prompt="a very long cat")["id"], words),
        (quick, "1", unknown),
    ]
    for player, task_id, expected in cases:
        reply = player.client.get(f"/mj/task/{task_id}/image-seed")
        assert (reply.status_code, (reply.json or {})["code"]) == expected


# --- prefixes ------------------------------------------------------------------------------------

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


def listed_by(player: Player) -> list[str]:
    return [task["id"] for task in player.client.get("/mj/task/list").json or ()]


def test_a_list_may_be_short_late_or_another_servers(play: Play) -> None:
    short, late, apart = play(list_length=2), play(list_lag=5.0), play(list_servers=2)
    ids = [short.submit("imagine", prompt=f"p{n}") for n in range(3)]
    assert listed_by(short) == [ids[2], ids[1]]
    old = late.submit("imagine", prompt="old")
    late.clock.advance(4.9)
    new = late.submit("imagine", prompt="new")
    assert listed_by(late) == []
    late.clock.advance(0.1)
    assert listed_by(late) == [old]
    late.clock.advance(4.9)
    assert listed_by(late) == [new, old]
    one, two, three = (apart.submit("imagine", prompt=f"p{n}") for n in range(3))
    assert [listed_by(apart), listed_by(apart)] == [[two], [three, one]]
    assert late.fetch(old)["id"] == old, "each is known by its id at once"


def test_a_gateway_may_show_its_web_page_for_what_it_lacks(play: Play) -> None:
    player = play("gateway", web_pages=True)
    asked = (
        player.post("submit/retexture", prompt="a cat", image="https://c/1.png"),
        player.client.get("/mj/task/list"),
        player.client.get("/mj/nobody/knows/this"),
    )
    assert [(reply.status_code, reply.mimetype) for reply in asked] == [(200, "text/html")] * 3
    assert len({reply.data for reply in asked}) == 3, "each copy has a nonce of its own"
    assert player.post("task/list-by-condition", ids=["1"]).json == []
    assert player.sandbox.stats.get("web_pages") == 3


def test_a_gateway_may_refuse_every_seed(play: Play) -> None:
    player = play("gateway", no_seeds=True, task_seconds=(1, 1))
    task_id = player.submit("imagine", prompt="a cat")
    player.clock.advance(5)
    reply = player.client.get(f"/mj/task/{task_id}/image-seed")
    assert reply.status_code == 400
    assert reply.json is not None
    assert "unmarshal" in reply.json["description"]


@pytest.mark.parametrize("dialect", ["novicezk", "trueai", "gateway"])
def test_a_sandbox_forgets_its_tasks_when_it_is_told_to(play: Play, dialect: str) -> None:
    player = play(dialect, task_seconds=(1, 1))
    tasks = [player.submit("imagine", prompt=f"a cat {n}") for n in range(2)]
    player.clock.advance(1)
    told = player.client.post("/sandbox/forget").json
    assert told == {"forgotten": 2}
    player.clock.advance(9)
    assert player.post("task/list-by-condition", ids=tasks).json == []
    assert not player.fetch(tasks[0]) or dialect == "gateway"
    assert player.submit("imagine", prompt="a dog") not in tasks
