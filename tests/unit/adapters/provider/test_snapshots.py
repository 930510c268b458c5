"""Tasks, beyond the corpus."""

from typing import Any

import pytest

from tests.support.cpu import assert_cheap
from worker.adapters.provider.dialect import guess_dialect
from worker.adapters.provider.snapshots import (
    MAX_BUTTONS,
    MAX_URLS,
    read_fetch,
    read_task,
    read_tasks,
)
from worker.domain.provider_reports import TaskStatus
from worker.domain.result import Button, Result


def task(**fields: Any) -> dict[str, Any]:
    return {"id": "1", "action": "IMAGINE", "status": "SUCCESS", "submitTime": 1} | fields


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("NOT_START", TaskStatus.PENDING),
        ("SUBMITTED", TaskStatus.SUBMITTED),
        ("IN_PROGRESS", TaskStatus.IN_PROGRESS),
        ("MODAL", TaskStatus.MODAL),
        ("SUCCESS", TaskStatus.SUCCEEDED),
        ("success", TaskStatus.SUCCEEDED),
        ("FAILURE", TaskStatus.FAILED),
        ("CANCEL", TaskStatus.CANCELLED),
        ("", TaskStatus.PENDING),
        (None, TaskStatus.PENDING),
        ("BRAND_NEW", TaskStatus.PENDING),
        (["SUCCESS"], TaskStatus.PENDING),
    ],
)
def test_status(word: Any, status: TaskStatus) -> None:
    found = read_task(task(status=word))
    assert (found.recognised, found.status) == (True, status)


@pytest.mark.parametrize(
    ("said", "progress"),
    [
        ("65%", 65), ("65", 65), (65, 65), (65.9, 65), (" 7 % ", 7), ("33.5%", 33), ("0%", 0),
        ("(45%) fast", 45), (0.5, 0), ("0.5", 0), (150, 100), ("150%", 100), ("-5%", 0), (-5, 0),
        (10**400, 100), ("9" * 5000 + "%", None),
        ("", None), (None, None), ("string", None), ("Waiting to start", None), ("3 jobs", None),
        (True, None), (float("nan"), None), (float("inf"), None), ([5], None), ("٣", None),
    ],
)  # fmt: skip
def test_progress(said: Any, progress: int | None) -> None:
    assert read_task(task(status="IN_PROGRESS", progress=said)).progress == progress


def test_progress_at_the_end() -> None:
    assert read_task(task(progress="97%")).progress == 100
    assert read_task(task(status="FAILURE", progress="100%")).progress == 100
    assert read_task(task(status="FAILURE", progress="")).progress is None


def test_a_preview_is_no_result() -> None:
    assert read_task(task(status="IN_PROGRESS", imageUrl="https://a/b.png")).result == Result()
    failed = task(status="FAILURE", imageUrl="https://a/b.png", buttons=[])
    assert read_task(failed).result == Result()


def test_a_window_shows_its_prompt_only() -> None:
    body = task(status="MODAL", imageUrl="https://a", properties={"finalPrompt": "a cat"})
    assert read_task(body).result == Result(prompt="a cat")


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("可能包含敏感词", "moderated"),
        ("Banned prompt detected", "moderated"),
        ("Request cancelled due to image filters", "moderated"),
        ("任务超时", "timeout"),
        ("执行超时 5 分钟", "timeout"),
        ("上游任务超时（超过1小时）", "timeout"),
        ("Task timeout", "timeout"),
        ("超时，未找到消息", "timeout"),
        ("任务提交超时", "timeout"),
        ("Timed out", "timeout"),
        ("取消任务", "cancelled"),
        ("强制取消", "cancelled"),
        ("Invalid parameter: `--ar 0`", "bad_parameter"),
        ("Subscription required", "quota"),
        ("提交失败，队列已满，请稍后重试", "queue_full"),
        ("something else", "failed"),
        ("", "failed"),
        (None, "failed"),
    ],
)
def test_failure(reason: str | None, code: str) -> None:
    found = read_task(task(status="FAILURE", failReason=reason))
    assert found.status is TaskStatus.FAILED
    assert found.error is not None
    assert found.error.code == code
    assert found.error.message == (reason or "The provider gave no reason.")


def test_cancel_without_a_reason() -> None:
    error = read_task(task(status="CANCEL")).error
    assert error is not None
    assert error.code == "cancelled"


def test_pictures_and_films() -> None:
    body = task(
        imageUrl="https://a/grid.png",
        imageUrls=[{"url": "https://a/1.png", "thumbnail": "t"}, "https://a/2.png", None, {}, 7.5],
        videoUrl="https://a/1.mp4",
        videoUrls=[{"url": "https://a/1.mp4"}, {"url": "https://a/2.mp4"}],
    )
    found = read_task(body).result
    assert found.image_url == "https://a/grid.png"
    assert found.image_urls == ("https://a/1.png", "https://a/2.png")
    assert found.video_urls == ("https://a/1.mp4", "https://a/2.mp4")


def test_buttons() -> None:
    buttons = [
        {"customId": "MJ::JOB::upsample::1::h", "label": "U1", "emoji": ""},
        {"customId": "MJ::JOB::reroll::0::h::SOLO", "emoji": {"name": "🔄"}},
        {"customId": "", "label": "Web"},
        {"label": "Web"},
        {"customId": "MJ::BOOKMARK::h", "label": None, "emoji": "❤️"},
        "no button",
    ]
    assert read_task(task(buttons=buttons)).result.buttons == (
        Button("MJ::JOB::upsample::1::h", "U1"),
        Button("MJ::JOB::reroll::0::h::SOLO", emoji="🔄"),
        Button("MJ::BOOKMARK::h", emoji="❤️"),
    )


@pytest.mark.parametrize(("said", "read"), [(None, None), ("", None), ({}, None), ([], ())])
def test_no_buttons(said: Any, read: tuple[Button, ...] | None) -> None:
    assert read_task(task(buttons=said)).result.buttons == read


def test_the_prompt_nearest_to_midjourneys_own() -> None:
    body = task(prompt="猫", promptEn="cat", properties={"finalPrompt": "cat --v 6"})
    assert read_task(body).result.prompt == "cat --v 6"
    assert read_task(body | {"properties": None}).result.prompt == "cat"
    assert read_task(body | {"properties": {}, "promptEn": ""}).result.prompt == "猫"


@pytest.mark.parametrize(
    "said",
    [
        "1️⃣ a cat\n\n2️⃣ a dog",
        "1⃣a cat\r\n2⃣ a dog",
        "a cat\r\na dog",
        "1. a cat\n2. a dog",
        "1) a cat\n\n2) a dog\n",
        "1️⃣ a **cat**\n\n2️⃣ a [dog](https://google.com/search?q=dog)",
        "\ufe0f1️⃣ a cat \n2️⃣\ufe0f a\n dog",
    ],
)
def test_describe(said: str) -> None:
    for place in ({"properties": {"finalPrompt": said}}, {"promptEn": said}, {"prompt": said}):
        found = read_task(task(action="DESCRIBE", **place)).result
        assert found.prompts == ("a cat", "a dog")
        assert found.text == said.strip()


def test_a_figure_at_a_lines_start_is_no_number_of_a_list() -> None:
    said = "2.5D city --ar 1:1\r\n3D render"
    found = read_task(task(action="DESCRIBE", promptEn=said)).result
    assert found.prompts == ("2.5D city --ar 1:1", "3D render")


def test_ten_prompts() -> None:
    said = "\n".join(f"{n}️⃣ p{n}" for n in range(1, 10)) + "\n🔟 p10"
    found = read_task(task(action="DESCRIBE", promptEn=said)).result
    assert found.prompts == tuple(f"p{n}" for n in range(1, 11))


def test_shorten_from_the_description() -> None:
    said = "Important tokens\n**cat**\n**Shortened prompts**\n1️⃣ a ~~big~~ cat\n2️⃣ cat\n## More\nx"
    found = read_task(task(action="SHORTEN", prompt="a big cat", description=said)).result
    assert found.prompts == ("a big cat", "cat")
    assert found.text == said


def test_what_was_to_be_shortened_is_no_answer() -> None:
    found = read_task(task(action="SHORTEN", prompt="line one\nline two")).result
    assert (found.prompts, found.text) == ((), None)


def test_a_picture_has_no_prompts() -> None:
    found = read_task(task(promptEn="1. a cat\n2. a dog")).result
    assert (found.prompts, found.text) == ((), None)


def test_numbered_prompts_without_an_action() -> None:
    said = "1️⃣ a cat\n2️⃣ a dog"
    found = read_task(task(action=None, promptEn=said)).result
    assert (found.prompts, found.text) == (("a cat", "a dog"), said)


@pytest.mark.parametrize(
    "body",
    [
        None, True, 7, 1.5, "SUCCESS", [], [task()], {}, {"id": "1"}, {"status": ""},
        {"id": "1", "status": "succeed", "output": {}},
        {"id": "1", "status": "complete"},
        {"id": "1", "status": "success"},
        {"task_id": "1", "status": "SUCCESS", "data": {}},
        {"code": 4, "description": "task_no_found ", "type": "upstream_error"},
        {"error": {"message": "x"}},
    ],
)  # fmt: skip
def test_no_task(body: Any) -> None:
    found = read_task(body)
    assert not found.recognised
    assert found.status is TaskStatus.PENDING


def test_a_bare_task_is_recognised() -> None:
    assert read_task({"id": "1", "status": "SUCCESS"}).recognised


def test_text_can_be_stored() -> None:
    found = read_task(task(state="a\ud800b", prompt="\udfff"))
    assert found.state == "a?b"
    assert found.result.prompt == "?"


def test_a_list_keeps_the_most_advanced_row_of_an_id() -> None:
    rows = [
        task(id="a", status="MODAL", progress="0%"),
        task(id="b", status="SUCCESS"),
        task(id="a", status="IN_PROGRESS", progress="30%"),
        task(id="b", status="FAILURE"),
        task(id="a", status="IN_PROGRESS", progress="20%"),
        task(id="c", status="MODAL"),
        task(id="c", status=""),
        task(id=None),
        None,
        {"id": "d"},
    ]
    found = {snapshot.task_id: snapshot for snapshot in read_tasks(rows)}
    assert set(found) == {"a", "b", "c"}
    assert (found["a"].status, found["a"].progress) == (TaskStatus.IN_PROGRESS, 30)
    assert found["b"].status is TaskStatus.SUCCEEDED
    assert found["c"].status is TaskStatus.PENDING


@pytest.mark.parametrize("body", [None, {}, "x", 1, task()])
def test_no_list(body: Any) -> None:
    assert read_tasks(body) == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, None),
        (204, None),
        (404, None),
        (404, {"message": "Not Found"}),
        (400, {"description": "task_no_found ", "type": "upstream_error", "code": 4}),
        (200, {"code": 3, "description": "?"}),
    ],
)
def test_fetch_of_an_unknown_id(status: int, body: Any) -> None:
    assert read_fetch(status, body) is None


@pytest.mark.parametrize(
    ("status", "body"), [(400, {"code": 4, "description": "?"}), (200, "x"), (200, []), (404, "x")]
)
def test_fetch_that_makes_no_sense(status: int, body: Any) -> None:
    found = read_fetch(status, body)
    assert found is not None
    assert not found.recognised


@pytest.mark.parametrize(
    ("body", "dialect"),
    [
        (task(displays={}, buttons=[]), "trueai"),
        (task(imageUrl="http://localhost:3000/mj/image/1?rand=5"), "gateway"),
        (task(startTime=0, buttons=None), "gateway"),
        (task(properties={"discordInstanceId": "1"}), "novicezk"),
        (task(properties={"discordInstanceId": "1"}, buttons=[]), None),
        ([{}, task(id="task_1")], "crazyrouter"),
        ({"error": {"message": "x", "type": "new_api_error"}}, "gateway"),
        ({"code": 1, "result": "1", "properties": {"discordChannelId": "1"}}, None),
        (None, None),
        ("x", None),
        ([[task(displays={})]], None),
    ],
)
def test_guess(body: Any, dialect: str | None) -> None:
    assert guess_dialect(body) == dialect


def test_what_a_terminal_would_obey_is_no_part_of_a_task() -> None:
    evil = "\x1b]0;x\x07\x9b2Ja\u202eb\u200bc"
    found = read_task(
        task(
            status="SUCCESS",
            imageUrl=f"https://a/{evil}.png",
            properties={"finalPrompt": f"{evil}\na dog"},
            state=evil,
            buttons=[{"customId": f"MJ::{evil}", "label": f"{evil}\nx", "emoji": evil}],
        )
    )
    clean = "]0;x2Jabc"
    assert found.state == clean
    assert found.result.image_url == f"https://a/{clean}.png"
    assert found.result.prompt == f"{clean}\na dog"
    assert found.result.buttons == (Button(f"MJ::{clean}", f"{clean} x", clean),)
    failed = read_task(task(status="FAILURE", failReason=f"no: {evil}")).error
    assert failed is not None
    assert failed.message == f"no: {clean}"


@pytest.mark.parametrize("task_id", [".", "..", "a/b", "1\x1b[2J", "1\u202e2", "x" * 256, "a b"])
def test_an_id_that_cannot_be_asked_about_is_none(task_id: str) -> None:
    found = read_task(task(id=task_id))
    assert (found.recognised, found.task_id) == (True, None)
    assert read_tasks([task(id=task_id), task(id="2")]) == [read_task(task(id="2"))]


def test_a_task_has_bounds() -> None:
    found = read_task(
        task(
            buttons=[{"customId": f"MJ::{n}"} for n in range(5000)],
            imageUrls=[{"url": f"https://a/{n}"} for n in range(5000)],
            videoUrl="https://a/" + "x" * 10_000,
        )
    ).result
    assert found.buttons is not None
    assert len(found.buttons) == MAX_BUTTONS
    assert (len(found.image_urls), found.video_urls) == (MAX_URLS, ())


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "FAILURE", "failReason": "j.j.j." * 170_000},  # took 20 seconds
        {"buttons": [{"customId": "MJ::JOB::upsample_"}] * 40_000},
        {"imageUrls": [{"url": f"https://a/{n}.mp4"} for n in range(40_000)]},
        {"action": "DESCRIBE", "prompt": "1\u20e3 a" * 200_000},
        {"action": "DESCRIBE", "prompt": "[a](http://" * 90_000},
        {"action": "SHORTEN", "description": "\n#" * 500_000},
        {"action": "SHORTEN", "description": "shortened prompt" * 60_000},
        {"progress": "9" * 1_000_000},
        {"prompt": "\u200b" * 160_000},
    ],
)
def test_a_task_of_a_megabyte_is_cheap(fields: dict[str, Any]) -> None:
    body = task(**fields)
    assert_cheap(lambda: read_task(body), 1_000_000)


def test_a_list_is_read_up_to_a_number_of_rows() -> None:
    rows = [{"id": "1", "buttons": [], "status": "SUCCESS"}] * 460_000
    assert_cheap(lambda: read_tasks(rows), 5_000_000)
