"""Task objects and kinds, checked against recorded payloads."""

from collections.abc import Iterator

import pytest

from tests.support import corpus
from tests.support.sandbox_player import Json, Play, data_url, players


@pytest.fixture
def play() -> Iterator[Play]:
    with players() as new:
        yield new


# --- task objects --------------------------------------------------------------------------------


def test_a_novicezk_task_has_the_keys_and_types_seen_in_the_wild(play: Play) -> None:
    task, seen = (
        play("novicezk").finished("imagine", prompt="a dog"),
        corpus.value("callbacks", "032"),
    )
    assert {key: type(task[key]) for key in task} == {key: type(seen[key]) for key in seen}
    assert set(task["properties"]) == set(seen["properties"])
    assert (task["state"], task["failReason"], task["progress"]) == (None, None, "100%")


def test_a_trueai_task_leaks_its_internals_and_spells_blanks_as_empty(play: Play) -> None:
    task = play("trueai").finished("imagine", prompt="a dog")
    leaks = {"clientIp", "userId", "accountFilter", "displays", "isCompleted", "parentId"}
    assert set(task) >= (
        set(corpus.value("callbacks", "032")) | leaks | {"buttons", "customId", "botType"}
    )
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
    player = play("gateway", task_seconds=(60, 60), max_running=1)
    player.submit("imagine", prompt="a cat")  # has the only place
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
    seen = corpus.value("callbacks", "021")
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
    seen = corpus.value("submit_responses", name)
    assert reply["code"] == seen["code"]
    assert set(reply) == set(seen)
    assert set(reply["properties"]) == set(seen["properties"])
    assert type(reply["result"]) is type(seen["result"])


def test_a_gateways_own_refusal_is_as_recorded(play: Play) -> None:
    reply = play("gateway").client.get("/mj/task/1/image-seed")
    assert reply.status_code == 400
    assert reply.json == corpus.value("submit_responses", "081")


def test_recorded_client_requests_are_understood(play: Play) -> None:
    player = play("gateway", task_seconds=(5, 5))
    for name in corpus.names("client_requests"):
        body = corpus.value("client_requests", name)
        path = body.pop("_path")
        reply = player.client.post(path, json=body)
        assert reply.status_code in (200, 400, 404, 500, 503), name
        if path == "/mj/submit/imagine" and not body.get("base64Array"):
            assert (reply.json or {})["code"] == 1, name


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
