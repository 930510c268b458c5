"""Replies to a submit, beyond the corpus: each rule and where rules meet."""

import json
from typing import Any

import pytest

from tests.support.cpu import assert_cheap
from worker.adapters.provider.replies import read_reply, read_seed, read_transport_error
from worker.adapters.tokens import Tokens
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import Outcome, SeedReply, Verdict
from worker.domain.result import Result

ID = "1712345678901234"
TOKEN_URL = f"https://new.example/{Tokens(['a secret of this test']).for_job('0' * 32, 1)}"


def reply(body: Any, status: int = 200, kind: Kind = Kind.IMAGINE, location: str = "") -> Verdict:
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_reply(kind, status, written, location)


def code_of(verdict: Verdict) -> str:
    assert verdict.error is not None
    return verdict.error.code


def envelope(code: Any, description: str = "", result: Any = None, **properties: Any) -> Any:
    return {
        "code": code,
        "description": description,
        "result": result,
        "properties": properties,
    }


@pytest.mark.parametrize("code", [1, "1", 1.0, " 1 ", 22, "22"])
def test_accepted_however_the_code_is_written(code: Any) -> None:
    assert reply(envelope(code, result=ID)) == Verdict(Outcome.ACCEPTED, task_id=ID)


@pytest.mark.parametrize("status", [200, 201, 400, 500])
def test_a_task_id_outweighs_the_status(status: int) -> None:
    assert reply(envelope(1, result=ID), status).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("result", [1712345678901234, 1712345678901234.0])
def test_a_number_is_an_id(result: Any) -> None:
    assert reply(envelope(1, result=result)).task_id == ID


def test_several_ids() -> None:
    verdict = reply(envelope(1, result="a, b,,c"), kind=Kind.ACTION)
    assert (verdict.task_id, verdict.other_task_ids) == ("a", ("b", "c"))


@pytest.mark.parametrize("result", [None, "", " ", ",", True, [], [ID], {}, {"id": ID}, 1e400])
@pytest.mark.parametrize("code", [1, 22])
def test_accepted_without_an_id_is_in_doubt(code: int, result: Any) -> None:
    assert reply(envelope(code, result=result)).outcome is Outcome.IN_DOUBT


@pytest.mark.parametrize("code", [1, 21, 22])
@pytest.mark.parametrize(
    "hint",
    [
        {"description": "Waiting for window confirm"},
        {"description": "窗口等待"},
        {"properties": {"remix": True}},
        {"properties": {"remix": "true"}},
    ],
)
def test_a_window_even_where_a_gateway_hides_it(code: int, hint: dict[str, Any]) -> None:
    verdict = reply({"code": code, "result": ID} | hint, kind=Kind.ACTION)
    assert (verdict.outcome, verdict.task_id) == (Outcome.NEEDS_MODAL, ID)


def test_a_window_brings_its_default_prompt() -> None:
    body = envelope(21, "Waiting for window confirm", ID, finalPrompt="a cat", remix=True)
    assert reply(body, kind=Kind.ACTION).modal_prompt == "a cat"


def test_remix_that_is_off_is_no_window() -> None:
    assert reply(envelope(1, "提交成功", ID, remix=False)).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (Kind.ACTION, Outcome.NEEDS_MODAL),
        (Kind.CHANGE, Outcome.NEEDS_MODAL),
        (Kind.IMAGINE, Outcome.EXISTS),
        (Kind.MODAL, Outcome.EXISTS),
    ],
)
def test_21_without_any_hint(kind: Kind, outcome: Outcome) -> None:
    assert reply({"code": 21, "result": ID}, kind=kind).outcome is outcome


def test_21_that_says_it_exists() -> None:
    body = {"code": 21, "result": ID, "description": "任务已存在"}
    assert reply(body, kind=Kind.ACTION).outcome is Outcome.EXISTS


def test_the_preview_of_an_existing_task_is_no_result() -> None:
    body = envelope(21, "任务已存在", ID, status="IN_PROGRESS", imageUrl="https://a/preview.png")
    assert reply(body).result == Result()


def test_21_without_a_task_is_a_refused_prompt() -> None:
    assert code_of(reply({"code": 21, "description": "x"})) == "moderated"


def test_code_2_of_old() -> None:
    assert reply({"code": 2, "description": "排队中", "result": ID}).outcome is Outcome.ACCEPTED
    assert reply({"code": 2, "description": "?", "result": ID}).outcome is Outcome.IN_DOUBT
    assert reply({"code": 2, "description": "排队中"}).outcome is Outcome.IN_DOUBT


def test_upload_is_done_at_once() -> None:
    urls = ["https://a/1.png", "https://a/2.png"]
    verdict = reply(envelope(1, "提交成功", urls), kind=Kind.UPLOAD)
    assert verdict == Verdict(Outcome.DONE, result=Result(image_urls=tuple(urls)))
    one = reply(envelope(1, result=urls[0]), kind=Kind.UPLOAD)
    assert one == Verdict(Outcome.DONE, result=Result(image_urls=(urls[0],)))
    assert reply(envelope(1, result=[]), kind=Kind.UPLOAD).outcome is Outcome.IN_DOUBT


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (envelope(24, "可能包含敏感词", bannedWord="nude"), 200),
        (envelope(24, "submission failed"), 200),
        (envelope(4, "may contain sensitive words"), 200),
        ({"description": "banned prompt ", "type": "upstream_error", "code": 24}, 400),
        ({"error": {"message": "sensitive_words_detected"}}, 400),
    ],
)
def test_moderated(body: Any, status: int) -> None:
    verdict = reply(body, status)
    assert (verdict.outcome, code_of(verdict)) == (Outcome.PERMANENT, "moderated")
    assert not verdict.account_trouble


@pytest.mark.parametrize(
    ("description", "word", "message"),
    [
        ("可能包含敏感词", "nude", "可能包含敏感词 (banned word: nude)"),
        ("Banned prompt: NUDE", "nude", "Banned prompt: NUDE"),
        ("submission failed", None, "submission failed"),
        ("submission failed", "", "submission failed"),
        ("submission failed", ["nude"], "submission failed"),
    ],
)
def test_the_banned_word_is_told(description: str, word: Any, message: str) -> None:
    error = reply(envelope(24, description, bannedWord=word)).error
    assert error is not None
    assert error.message == message


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 401, "unauthorized"),
        (b"Authorization header missing.", 401, "unauthorized"),
        ({"error": "Unauthorized"}, 401, "unauthorized"),
        ({"error": {"message": "bad key", "type": "new_api_error"}}, 401, "unauthorized"),
        ("账号不可用".encode(), 403, "forbidden"),
        ({"error": {"message": "group not allowed", "type": "new_api_error"}}, 403, "forbidden"),
        ({"error": {"message": "该令牌额度已用尽", "type": "new_api_error"}}, 401, "quota"),
        ({"error": {"message": "no money", "code": "insufficient_quota"}}, 403, "quota"),
        ({"error": {"message": "no money", "code": "insufficient_quota"}}, 429, "quota"),
        ({"description": "quota_not_enough ", "type": "upstream_error", "code": 4}, 400, "quota"),
        (b"", 402, "quota"),
    ],
)
def test_the_accounts_trouble(body: Any, status: int, code: str) -> None:
    verdict = reply(body, status)
    assert (verdict.outcome, code_of(verdict)) == (Outcome.PERMANENT, code)
    assert verdict.account_trouble


@pytest.mark.parametrize("kind", [Kind.ACTION, Kind.CHANGE, Kind.MODAL])
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (envelope(3, "related task does not exist or has expired"), 200, "not_found"),
        (envelope(3, "?"), 200, "not_found"),
        (envelope(4, "related task status error"), 200, "parent_not_ready"),
        (envelope(4, "关联任务状态错误"), 200, "parent_not_ready"),
        ({"description": "task_status_not_success ", "code": 4}, 400, "parent_not_ready"),
        ({"description": "task_not_found ", "code": 4}, 400, "not_found"),
    ],
)
def test_not_yet(kind: Kind, body: Any, status: int, code: str) -> None:
    verdict = reply(body, status, kind)
    assert (verdict.outcome, code_of(verdict)) == (Outcome.NOT_YET, code)


def test_a_longer_film_waits_for_its_parent_too() -> None:
    body = {"description": "task_status_not_success ", "code": 4}
    assert reply(body, 400, Kind.VIDEO).outcome is Outcome.NOT_YET
    assert reply(envelope(3, "?"), kind=Kind.VIDEO).outcome is Outcome.TRY_LATER


def test_the_parent_is_gone() -> None:
    verdict = reply(envelope(3, "关联任务不存在或已失效"), 404, Kind.ACTION)
    assert (verdict.outcome, code_of(verdict)) == (Outcome.PERMANENT, "not_found")


def test_a_parent_that_cannot_be_varied() -> None:
    body = envelope(4, "关联任务不允许执行变化")
    assert reply(body, kind=Kind.CHANGE).outcome is Outcome.PERMANENT


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (envelope(23, "队列已满，请稍后尝试", ID), 200, "queue_full"),
        (envelope(9, "提交失败，队列已满，请稍后重试"), 200, "queue_full"),
        ({"success": False, "code": -1, "message": "队列已满"}, 200, "queue_full"),
        (envelope(9, "系统异常"), 500, "provider_error"),
        (envelope(3, "无可用的账号实例"), 200, "no_account"),
        ({"description": "当前分组负载已饱和 ", "code": 30}, 429, "rate_limited"),
        (b"", 429, "rate_limited"),
        (b"<html><title>503</title>", 503, "unavailable"),
        (envelope(4, "并发数已达上限"), 200, "limit_reached"),
        ({"success": False, "code": -1, "message": "队列数已达上限"}, 200, "limit_reached"),
    ],
)
def test_try_later(body: Any, status: int, code: str) -> None:
    verdict = reply(body, status)
    assert (verdict.outcome, code_of(verdict)) == (Outcome.TRY_LATER, code)
    assert not verdict.slow
    assert verdict.error is not None
    assert verdict.error.retryable


def test_no_account_for_a_button_either() -> None:
    body = envelope(3, "账号不可用: 1118138338562560102")
    verdict = reply(body, kind=Kind.ACTION)
    assert (verdict.outcome, code_of(verdict)) == (Outcome.TRY_LATER, "no_account")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"message": "no channel for model mj_imagine"}}, 503),
        ({"error": {"message": "?", "code": "model_not_found"}}, 503),
        ({"success": False, "code": -1, "message": "今日绘图次数已达上限"}, 200),
    ],
)
def test_slowly(body: Any, status: int) -> None:
    verdict = reply(body, status)
    assert (verdict.outcome, verdict.slow) == (Outcome.TRY_LATER, True)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"", 204),
        (b"null", 200),
        (b"OK", 200),
        (b"too many requests", 200),  # says so, but in no shape that we know
        (b"\xff\xfe\x00", 200),
        (b"[" * 100_000, 200),
        ([], 200),
        ({}, 200),
        ({"message": "queue is full"}, 200),
        ({"code": None, "result": ID}, 200),
        ({"code": True, "result": ID}, 200),
        ({"code": 26, "result": ID}, 200),
        ({"code": 200, "data": [{"task_id": ID}]}, 200),
        ({"code": 5, "description": "do_request_failed "}, 400),
        ({"code": 5, "description": "do_request_failed "}, 503),
        ({"code": 4, "description": "insert_midjourney_task_failed "}, 400),
        ({"success": False, "code": -1, "message": "NullReference"}, 500),
        ({"code": 4, "description": "?"}, 500),
        ({"error": {"message": "please try again later", "type": "server_error"}}, 502),
        (b"<html>gateway time-out</html>", 504),
        (b"", 520),
        (b"", 408),
    ],
)
def test_in_doubt(body: Any, status: int) -> None:
    verdict = reply(body, status)
    assert (verdict.outcome, code_of(verdict)) == (Outcome.IN_DOUBT, "in_doubt")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (envelope(4, "dimensions参数错误"), 200, "bad_parameter"),
        ({"success": False, "code": -1, "message": "bad JSON"}, 200, "bad_parameter"),
        ({"code": 4, "description": "prompt_is_required ", "type": "upstream_error"}, 400, None),
        ({"error": {"message": "Invalid request, unknown_action:x"}}, 400, "unknown_action"),
        ({"timestamp": "t", "status": 400, "error": "Bad Request", "path": "/"}, 400, None),
        (b"<html>413</html>", 413, "bad_parameter"),
        (b"", 422, "bad_parameter"),
        (b"", 405, "no_endpoint"),
        ({"error": {"message": "Invalid URL", "type": "invalid_request_error"}}, 404, None),
    ],
)
def test_permanent(body: Any, status: int, code: str | None) -> None:
    verdict = reply(body, status, Kind.BLEND)
    assert verdict.outcome is Outcome.PERMANENT
    assert code in (None, code_of(verdict))


def test_a_wrong_address_is_the_accounts_trouble() -> None:
    assert reply(b"", 404, Kind.IMAGINE).account_trouble  # every provider has imagine
    assert not reply(b"", 404, Kind.SHORTEN).account_trouble


@pytest.mark.parametrize("kind", [Kind.IMAGINE, Kind.SHORTEN])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_took_no_job_and_is_the_account_s_passing_trouble(
    status: int, kind: Kind
) -> None:
    verdict = reply(b"<html><title>Moved</title>", status, kind, "https://new.example/mj")
    assert (verdict.outcome, code_of(verdict)) == (Outcome.TRY_LATER, "unavailable")
    assert not verdict.account_trouble, "it would close the account"
    assert verdict.error is not None
    assert f"redirects to https://new.example/mj (HTTP {status})" in verdict.error.message


@pytest.mark.parametrize("status", [300, 303, 304, 305, 306, 399])
def test_another_3xx_may_follow_a_job_that_was_taken(status: int) -> None:
    verdict = reply(b"", status, location="https://new.example/done")
    assert (verdict.outcome, code_of(verdict)) == (Outcome.IN_DOUBT, "in_doubt")


def test_a_redirect_with_a_task_id_took_the_job() -> None:
    assert reply(envelope(1, result=ID), 302, location="/x").outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        (
            "https://new.example:8443/mj/submit/imagine",
            "https://new.example:8443/mj/submit/imagine",
        ),
        ("https://me:word@new.example/x?key=word#word", "https://new.example/x"),
        ("/login?next=word", "/login"),
        ("//new.example/x", "//new.example/x"),
        (TOKEN_URL, "https://new.example/[redacted]"),
        (
            "https://new.example/\x1b]0;word\x07\u202e",
            "https://new.example/%1B]0;word%07%E2%80%AE",
        ),
        ("https://new.example/" + "x" * 5000, "https://new.example/..."),
        ("https://new.example/a%2Bb%7cc%1b", "https://new.example/a+b|c%1B"),
        ("https://[", "an unreadable address"),
        ("https://new.example:x/", "an unreadable address"),
        ("javascript:word", "an unreadable address"),
        ("", "nowhere"),
        ("?word", "nowhere"),
    ],
)
def test_where_a_redirect_leads_is_told_without_secrets(location: str, shown: str) -> None:
    error = reply(b"", 302, location=location).error
    assert error is not None
    assert error.message == (
        f"The provider redirects to {shown} (HTTP 302), and redirects are not followed."
    )


def test_the_providers_words_are_kept() -> None:
    error = reply(envelope(4, " base64格式错误 ")).error
    assert error is not None
    assert error.message == "base64格式错误"
    long = reply(envelope(4, "x" * 5000)).error
    assert long is not None
    assert len(long.message) == 1000
    silent = reply(b"", 400).error
    assert silent is not None
    assert silent.message == "HTTP 400 without an explanation"


def test_other_encodings_are_read() -> None:
    body = '{"code":1,"description":"提交成功","result":"7"}'
    for encoding in ("gbk", "utf-8-sig", "utf-16"):
        assert reply(body.encode(encoding)).task_id == "7"


def test_trouble_on_the_way() -> None:
    assert read_transport_error("refused", sent=False).outcome is Outcome.TRY_LATER
    verdict = read_transport_error("reset", sent=True)
    assert (verdict.outcome, code_of(verdict)) == (Outcome.IN_DOUBT, "in_doubt")


@pytest.mark.parametrize(
    ("status", "body", "seed"),
    [
        (200, {"code": 1, "result": "42"}, "42"),
        (200, {"code": 1, "description": "成功", "result": "1234567890"}, "1234567890"),
        (200, {"code": 1, "result": 42}, "42"),
        (200, {"seed": 42}, "42"),  # P
        (200, {"seed": "0"}, "0"),
        (200, {"code": 1, "result": "", "seed": 7}, "7"),
    ],
)
def test_a_seed_is_read_wherever_a_dialect_puts_it(status: int, body: Any, seed: str) -> None:
    assert read_seed(status, body) == SeedReply(seed)


@pytest.mark.parametrize(
    ("status", "body", "lasting", "words"),
    [
        # N has no such call: Spring's own page.
        (404, {"status": 404, "error": "Not Found", "path": "/mj"}, True, "Not Found"),
        # T: no hash yet, the task is unknown, Discord did not answer.
        (400, {"code": 4, "description": "关联任务状态错误"}, False, "关联任务状态错误"),
        (404, {"code": 3, "description": "关联任务不存在或已失效"}, True, "关联任务不存在或已失效"),
        (200, {"code": 3, "description": "不存在", "result": "42"}, False, "不存在"),
        (200, {"code": 9, "description": "超时"}, False, "超时"),
        # G: it does not know the task (yet), its upstream took longer than 30 s.
        (400, {"code": 4, "description": "task_no_found "}, False, "task_no_found"),
        (400, {"code": 5, "description": "do_request_failed "}, False, "do_request_failed"),
        (404, {"error": {"message": "Invalid URL (GET /mj)"}}, True, "Invalid URL"),
        # Others.
        (405, None, True, "it has no seeds"),
        (200, None, False, "no explanation"),
        (200, [], False, "no explanation"),
        (200, {"code": 1, "result": "x" * 41}, False, "no explanation"),
        (200, {"code": 1, "result": ""}, False, "no explanation"),
    ],
)  # fmt: skip
def test_where_there_is_no_seed_it_is_told_why_and_whether_that_lasts(
    status: int, body: Any, lasting: bool, words: str
) -> None:
    reply = read_seed(status, body)
    assert (reply.seed, reply.lasting) == (None, lasting)
    assert reply.error is not None
    assert words in reply.error
    assert f"HTTP {status}" in reply.error


@pytest.mark.parametrize("code", [1, 21, 22])
@pytest.mark.parametrize(
    "task_id",
    [
        "..", ".", "../account", "a/b", "a\\b", "1\x1b[2J", "1\u202e2", "1\u200b2", "a b", "猫",
        "x" * 256, "17,..", "1\n2", "\x001", "%2e%2e/x",
    ],
)  # fmt: skip
def test_an_accepted_job_whose_id_cannot_be_used_is_in_doubt(code: int, task_id: str) -> None:
    """It is paid: a refusal, or another try, would pay for it again."""
    verdict = reply({"code": code, "description": "ok", "result": task_id})
    assert (verdict.outcome, verdict.task_id) == (Outcome.IN_DOUBT, None)


@pytest.mark.parametrize(
    "task_id",
    ["1712158011464906", "task_1234567890", "0b5f3c1e-0b5f-4c1e-8b5f-3c1e0b5f4c1e", "..."],
)
def test_ordinary_ids_are_used_as_they_are(task_id: str) -> None:
    assert reply(envelope(1, result=f" {task_id} ")).task_id == task_id


def test_a_key_is_hidden_before_the_words_are_cut() -> None:
    key = "sk-" + "k" * 60
    for before in range(920, 1010, 3):
        said = "x " * (before // 2) + key + " is no key" * 200
        body = json.dumps({"code": 4, "description": said}).encode()
        verdict = read_reply(
            Kind.IMAGINE, 200, body, hide=lambda words: words.replace(key, "[hidden]")
        )
        assert verdict.error is not None
        assert "sk-k" not in verdict.error.message


@pytest.mark.parametrize(
    "body",
    [
        {"code": 4, "description": "j." * 1_500_000},  # held the interpreter for 47 seconds
        {"code": 1, "result": "1," * 1_000_000},
        {"code": 4, "description": "sensitive wor" * 200_000},
        {"code": 21, "result": ["http://a"] * 140_000},
        {"code": 4, "properties": {"bannedWord": "\x1b" * 500_000}},
        {f"k{n}": n for n in range(140_000)},
        [{}] * 1_000_000,
    ],
)
def test_a_reply_of_megabytes_is_cheap(body: Any) -> None:
    written = json.dumps(body).encode()
    assert_cheap(lambda: read_reply(Kind.IMAGINE, 200, written), len(written))


@pytest.mark.parametrize("unit", [b"<title", b"<title>", b"j.", b"\x1b", b"[", b"a", b"\xff"])
def test_a_page_of_megabytes_is_cheap(unit: bytes) -> None:
    body = unit * (1_000_000 // len(unit))
    for page in (body, b"<" + body):
        assert_cheap(lambda page=page: read_reply(Kind.IMAGINE, 200, page), len(page))  # type: ignore[misc]
