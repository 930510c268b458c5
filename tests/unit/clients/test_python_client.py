"""The Python client by itself: what it sends, repeats, raises and verifies."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hookline_client import (
    ERROR_CODES,
    ApiError,
    BadRequest,
    Conflict,
    Hookline,
    HooklineError,
    InvalidSignature,
    JobFailed,
    TooManyRequests,
    Unavailable,
    Unreachable,
    verify,
)
from standardwebhooks import Webhook

from worker.domain.error_codes import ErrorCode

JOB: dict[str, Any] = {
    "id": "0" * 32, "pipeline_id": "0" * 32, "parent_id": None, "status": "succeeded",
    "seed": False, "error": None, "result": {"assets_status": "stored"},
}  # fmt: skip

Answers = Callable[..., tuple[Hookline, list[httpx.Request]]]


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    return pauses


@pytest.fixture
def answering() -> Iterator[Answers]:
    """A client that gets these answers, and what it asked; the last one is repeated."""
    clients = []

    def made(*answers: httpx.Response | Exception) -> tuple[Hookline, list[httpx.Request]]:
        asked: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            request.read()
            asked.append(request)
            found = answers[min(len(asked), len(answers)) - 1]
            if isinstance(found, Exception):
                raise found
            return found

        client = Hookline(
            "http://hookline.example/", "a token", transport=httpx.MockTransport(answer)
        )
        clients.append(client)
        return client, asked

    yield made
    for each in clients:
        each.close()


def problem(status: int, **more: Any) -> httpx.Response:
    headers = {"Retry-After": more.pop("after")} if "after" in more else {}
    body = {"type": "", "title": "No", "status": status, "detail": "Wrong.", **more}
    return httpx.Response(status, json=body, headers=headers)


def test_a_submission_is_repeated_under_one_key(answering: Answers, slept: list[float]) -> None:
    away, job = httpx.ConnectError("refused"), httpx.Response(202, json=JOB)
    client, asked = answering(away, httpx.ReadTimeout("late"), problem(503, after="3"), job)
    assert client.submit({"kind": "imagine", "prompt": "a cat"}) == JOB
    assert len({each.headers["Idempotency-Key"] for each in asked}) == 1
    assert asked[0].headers["Authorization"] == "Bearer a token"
    assert json.loads(asked[0].content) == {"kind": "imagine", "prompt": "a cat"}
    assert len(slept) == 3
    assert slept[-1] == 3.0


def test_what_may_not_be_harmless_is_sent_once(answering: Answers, slept: list[float]) -> None:
    client, asked = answering(problem(503))
    with pytest.raises(Unavailable):
        client.retry("0" * 32)
    assert (len(asked), slept) == (1, [])


def test_it_gives_up_in_the_end(answering: Answers, slept: list[float]) -> None:
    client, asked = answering(httpx.ConnectError("refused"))
    with pytest.raises(Unreachable, match=r"hookline\.example"):
        client.get("0" * 32)
    assert (len(asked), len(slept)) == (4, 3)


def test_a_long_pause_is_the_callers_decision(answering: Answers, slept: list[float]) -> None:
    client, _ = answering(problem(429, after="40000"))
    with pytest.raises(TooManyRequests) as raised:
        client.submit({"kind": "imagine", "prompt": "a cat"})
    assert (raised.value.retry_after, slept) == (40000.0, [])


def test_errors_are_classes(answering: Answers) -> None:
    fields = [{"field": "prompt", "message": "is required"}]
    client, _ = answering(problem(400, errors=fields))
    with pytest.raises(BadRequest) as wrong:
        client.press("0" * 32, "U1")
    assert (wrong.value.errors, wrong.value.detail) == (fields, "Wrong.")
    client, _ = answering(problem(409))
    with pytest.raises(Conflict):
        client.cancel("0" * 32)
    client, _ = answering(httpx.Response(418, text="<html>"))
    with pytest.raises(ApiError, match="418"):
        client.accounts()


def test_a_failed_job_says_what_its_code_means(answering: Answers) -> None:
    error = {"code": "moderated", "message": "Banned.", "hint": "Change it.", "retryable": False}
    failed = {**JOB, "status": "failed", "error": error, "result": {"assets_status": "none"}}
    client, _ = answering(
        httpx.Response(200, json=failed), httpx.Response(200, json={"jobs": [failed]})
    )
    with pytest.raises(JobFailed, match="Banned") as raised:
        client.wait("0" * 32)
    assert (raised.value.code, raised.value.hint) == ("moderated", "Change it.")
    assert raised.value.meaning
    assert raised.value.meaning.family == "moderation"


def test_the_table_of_error_codes_is_whole() -> None:
    assert {code: row.retryable for code, row in ERROR_CODES.items()} == {
        code.value: code.retryable for code in ErrorCode
    }


def test_rows_are_sent_one_by_one(answering: Answers) -> None:
    client, asked = answering(httpx.Response(202, json={"new": 2}))
    rows = (each for each in ({"prompt": "a cat", "then": [{"press": "U1"}]}, "a dög"))
    client.submit_batch("cats", rows, budget=2.5, strict=True, defaults={"priority": 1})
    assert dict(asked[0].url.params) == {
        "name": "cats", "budget": "2.5", "strict": "true", "defaults": '{"priority": 1}',
    }  # fmt: skip
    lines = asked[0].content.decode().splitlines()
    assert [json.loads(line)["prompt"] for line in lines] == ["a cat", "a dög"]
    assert "Content-Length" not in asked[0].headers


def test_a_token_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOKLINE_API_TOKEN", raising=False)
    with pytest.raises(HooklineError, match="HOOKLINE_API_TOKEN"):
        Hookline()


SECRET, OTHER = "whsec_" + "c2VjcmV0" * 4, "whsec_" + "b3RoZXIx" * 4


def signed(body: str, *secrets: str, at: float = 0.0) -> dict[str, str]:
    when = datetime.fromtimestamp(datetime.now(UTC).timestamp() + at, UTC)
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(when.timestamp())),
        "Webhook-Signature": " ".join(Webhook(each).sign("msg_1", when, body) for each in secrets),
    }


def test_a_notification_is_verified() -> None:
    body = '{"type": "pipeline.finished", "data": {}}'
    for known in ([SECRET], [OTHER], [OTHER, SECRET]):
        event = verify(body.encode(), signed(body, SECRET, OTHER), *known)
        assert event["type"] == "pipeline.finished"


@pytest.mark.parametrize(
    "change",
    [
        {"Webhook-Signature": "v1,c2lnbmF0dXJl"},
        {"Webhook-Signature": "v1,é v1, v2,abc garbage"},
        {"Webhook-Signature": ""},
        {"Webhook-Timestamp": "now"},
        {"Webhook-Id": "msg_2"},
    ],
)
def test_what_is_not_signed_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(InvalidSignature):
        verify(b"{}", {**signed("{}", SECRET), **change}, SECRET)


def test_what_is_old_or_not_ours_is_refused() -> None:
    for headers in (
        signed("{}", SECRET, at=-301),
        signed("{}", SECRET, at=310),
        signed("{}", OTHER),
        {},
    ):
        with pytest.raises(InvalidSignature):
            verify(b"{}", headers, SECRET)
    with pytest.raises(InvalidSignature):
        verify(b"{ }", signed("{}", SECRET), SECRET)
    with pytest.raises(ValueError, match="whsec_"):
        verify(b"{}", signed("{}", SECRET), "hunter2!")
