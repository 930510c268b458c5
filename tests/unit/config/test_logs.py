"""Logs: one format for all, context on every line, no secret in any."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from config.logs import Redactor, configure_logging
from tests.support.cpu import assert_cheap
from worker.adapters.tokens import Tokens
from worker.domain.redaction import HIDDEN

CANARY = "canary-5f2d8"


@pytest.fixture(autouse=True)
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_an_event_carries_time_level_and_what_is_bound(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info")
    structlog.contextvars.bind_contextvars(job_id="j1", account="default")
    structlog.get_logger("worker.x").info("submitted", task_id="t1")
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "submitted",
        "level": "info",
        "logger": "worker.x",
        "job_id": "j1",
        "account": "default",
        "task_id": "t1",
    }


def test_other_libraries_pass_the_same_door(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info", [CANARY])
    structlog.contextvars.bind_contextvars(job_id="j1")
    logging.getLogger("celery").info("with %s", CANARY, extra={"api_key": "x"})
    (line,) = lines(capsys)
    assert (line["event"], line["logger"], line["job_id"]) == (f"with {HIDDEN}", "celery", "j1")
    assert line["api_key"] == HIDDEN


def test_the_level_filters(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("flask").info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "api_token",
        "key",
        "secret",
        "notify_secret",
        "Authorization",
        "api_key",
        "password",
        "notifyHook",
        "notify_hook",
    ],
)
def test_a_secret_field_is_hidden_at_any_depth(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("json", "info")
    structlog.get_logger().info("x", **{name: CANARY}, body={"list": [{name: CANARY}]})
    assert CANARY not in json.dumps(lines(capsys))


def test_a_state_is_readable_unless_it_is_a_token_of_ours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("json", "info")
    token = Tokens(["a secret of this test"]).for_job("0" * 32, 1)
    log = structlog.get_logger()
    log.info("notification.not_delivered", state="dead")
    log.info("foreign", state=f"other\x1b]0;x\x07{token}", task={"state": token})
    log.info("long", state="s" * 1_000_000)
    dead, foreign, long = (line for line in lines(capsys))
    assert dead["state"] == "dead"
    assert foreign["state"] == f"other]0;x{HIDDEN}"
    assert foreign["task"] == {"state": HIDDEN}
    assert len(long["state"]) < 21_000


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_no_line_moves_the_cursor_or_hides_a_word(
    fmt: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(fmt, "info")
    words = "a\x1b[2Jb\x9b2Jc\u202ed\x00"
    logging.getLogger("celery").warning("message %s", words, extra={"x\x1b[1m": [words.encode()]})
    written = capsys.readouterr().err
    for unseen in ("\x1b[2J", "\x9b", "\u202e", "\x00", "\\u001b", "\\u202e"):
        assert unseen not in written


@pytest.mark.parametrize(
    "value",
    [
        "j." * 500_000,
        "/webhooks/midjourney/" * 50_000,
        "canary-" * 150_000,
        ["j.j." for _ in range(300_000)],
        {f"{n}": "x" for n in range(100_000)},
        {"api_" * 250_000: "x"},
        b"\xff" * 1_000_000,
    ],
)
def test_a_megabyte_in_a_line_is_cheap(value: Any) -> None:
    redact = Redactor([CANARY, "canary-x"])
    assert_cheap(lambda: redact(None, "info", {"event": "x", "value": value}), 1_000_000)


def test_a_value_that_is_nested_without_end_is_written() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert "…" in str(Redactor()(None, "info", {"event": "x", "value": deep}))


def test_ordinary_fields_stay(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info")
    structlog.get_logger().info("x", job_key="a", status="queued", token=None, size=3, ok=True)
    (line,) = lines(capsys)
    assert (line["job_key"], line["status"], line["token"]) == ("a", "queued", None)
    assert (line["size"], line["ok"]) == (3, True)


class _Telling:
    def __repr__(self) -> str:
        return f"<Telling {CANARY}>"


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_a_known_secret_is_hidden_wherever_it_is(
    fmt: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(fmt, "debug", [CANARY, CANARY[:-1], "", "abc"])
    log = structlog.get_logger()
    event = f"in the event {CANARY}"
    log.info(event, text=f"a{CANARY}b", raw=CANARY.encode(), thing=_Telling())
    log.info("nested", values=[(CANARY,), {"deep": {CANARY}}], known="abc")
    log.info("positional %s", CANARY)
    try:
        int(CANARY)
    except ValueError:
        log.exception("failed")
        logging.getLogger("requests").exception("failed with %s", CANARY)
    text = capsys.readouterr().err
    assert "canary" not in text
    assert "ValueError" in text
    assert "abc" in text  # too short to be hidden without harm


def test_a_callback_path_loses_its_token(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info")
    logging.getLogger("a.server").info('"POST /webhooks/midjourney/tok.en-1 HTTP/1.1" 200')
    assert lines(capsys)[0]["event"] == f'"POST /webhooks/midjourney/{HIDDEN} HTTP/1.1" 200'
