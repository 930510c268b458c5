"""PURE. What a reply to a submit means.

The envelope is ``{code, description, result, properties}``, but gateways answer errors without
``result`` and ``properties`` and with HTTP 400 for everything except rate limits; front ends answer
in OpenAI's error shape, in plain text, HTML or not at all. So: the code first, the HTTP status
next, and words only where they are the provider's own fixed phrases. Whatever leaves open whether
the job was accepted is in doubt, because a second submit may be a second payment.
"""

from collections.abc import Callable, Mapping
from typing import Any

from worker.adapters.provider.reply import Code, Reply, look
from worker.adapters.provider.wire import mapping, text, whole, words_of
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.job import Kind
from worker.domain.provider_reports import Outcome, SeedReply, Verdict
from worker.domain.result import Result

#: Kinds that go on from another task. VIDEO does so only when it extends a film.
_ON_PARENT = frozenset({Kind.ACTION, Kind.CHANGE, Kind.MODAL})

#: Characters of a seed, a number of ten digits as a rule; a longer text is none.
_MAX_SEED = 40

_WINDOW_WORDS = ("window confirm", "窗口等待")
_EXISTS_WORDS = ("已存在", "already exist")
_BANNED_WORDS = ("敏感词", "sensitive word", "sensitive_word", "banned word", "banned prompt")
_QUOTA_WORDS = (
    "quota_not_enough",
    "insufficient_quota",
    "insufficient quota",
    "insufficient_user_quota",
    "insufficient balance",
    "exceeded your current quota",
    "额度已用尽",
    "额度不足",
    "余额不足",
)
_PARENT_MISSING_WORDS = (
    "task_no_found",
    "task_not_found",
    "关联任务不存在",
    "related task does not exist",
)
_PARENT_STATUS_WORDS = ("task_status_not_success", "关联任务状态", "related task status")
_ACCOUNT_WORDS = ("账号", "实例", "account", "instance")
_CHANNEL_WORDS = ("no channel", "no available channel", "model_not_found", "无可用渠道")
_FULL_WORDS = ("队列已满", "queue is full", "queue full")
_LASTING_LIMIT_WORDS = ("今日绘图", "绘图次数已达上限", "临时封锁")
_LIMIT_WORDS = ("已达上限", "已饱和", "too many requests", "rate limit", "rate_limit")


def read_reply(kind: Kind, http_status: int, body: bytes) -> Verdict:
    """Classify the reply to a submit of ``kind``; never raises.

    The first rule that has an opinion decides. ``NOT_YET`` carries the error that the job ends with
    if the gateway does not catch up with its own callback in time, which is decided elsewhere.
    """
    reply = look(kind, http_status, body)
    for rule in _RULES:
        verdict = rule(reply)
        if verdict is not None:
            return verdict
    return _refused(Outcome.PERMANENT, ErrorCode.BAD_PARAMETER, reply)


def read_transport_error(reason: str, *, sent: bool) -> Verdict:
    """The verdict on a submit without a reply. ``sent``: all of it may have been received."""
    if sent:
        return Verdict(Outcome.IN_DOUBT, error=job_error(ErrorCode.IN_DOUBT, reason))
    return Verdict(Outcome.TRY_LATER, error=job_error(ErrorCode.UNREACHABLE, reason))


def read_seed(http_status: int, body: Any) -> SeedReply:
    """The JSON of an image-seed reply: the seed is under ``result``, or ``seed`` in some forks.

    Only HTTP 404 and 405 last: the provider has no such call, or no such task. A gateway's 400 for
    a task that it does not know does not, since it lags, nor does trueai's for a task whose hash is
    not there yet.
    """
    reply = mapping(body)
    if 200 <= http_status < 300 and whole(reply.get("code")) in (None, Code.SUCCESS):
        seed = text(reply.get("result")) or text(reply.get("seed"))
        if seed and len(seed) <= _MAX_SEED:
            return SeedReply(seed)
    lasting = http_status in (404, 405)
    words = words_of(body)[0] or ("it has no seeds" if lasting else "no explanation")
    return SeedReply(
        error=f"The provider gave no seed (HTTP {http_status}): {words}", lasting=lasting
    )


def _refused(outcome: Outcome, reason: ErrorCode, reply: Reply, *, slow: bool = False) -> Verdict:
    return Verdict(outcome, error=job_error(reason, reply.message), slow=slow)


# The rules. Each gives a verdict, or None to leave it to the next.


def _taken(reply: Reply) -> Verdict | None:
    """The provider has a task, or has done the work at once."""
    if not reply.took_it:
        return None
    if reply.kind is Kind.UPLOAD:
        urls = reply.listed or tuple(i for i in reply.ids if i.startswith("http"))
        if urls:
            return Verdict(Outcome.DONE, result=Result(image_urls=urls))
    if not reply.ids:
        return _refused(Outcome.IN_DOUBT, ErrorCode.IN_DOUBT, reply)
    outcome = _kind_of_task(reply)
    known = Result(image_url=_finished_picture(reply)) if outcome is Outcome.EXISTS else None
    asked = text(reply.properties.get("finalPrompt")) if outcome is Outcome.NEEDS_MODAL else None
    return Verdict(
        outcome,
        task_id=reply.ids[0],
        other_task_ids=reply.ids[1:],
        result=known,
        modal_prompt=asked,
    )


def _kind_of_task(reply: Reply) -> Outcome:
    """Running, waiting for a window's answer (gateways call that running), or there before."""
    remix = reply.properties.get("remix")
    if remix is True or text(remix) in ("true", "1") or reply.says(_WINDOW_WORDS):
        return Outcome.NEEDS_MODAL
    if reply.code != Code.EXISTS:
        return Outcome.ACCEPTED
    known = reply.properties.get("status") or reply.properties.get("imageUrl")
    if known or reply.says(_EXISTS_WORDS):
        return Outcome.EXISTS
    # Without any hint: only a button can open a window.
    on_button = reply.kind in (Kind.ACTION, Kind.CHANGE)
    return Outcome.NEEDS_MODAL if on_button else Outcome.EXISTS


def _finished_picture(reply: Reply) -> str | None:
    """The existing task's picture; before its end the same field holds a preview."""
    finished = text(reply.properties.get("status")) == "SUCCESS"
    return text(reply.properties.get("imageUrl")) if finished else None


def _moderated(reply: Reply) -> Verdict | None:
    banned = reply.properties.get("bannedWord") or reply.says(_BANNED_WORDS)
    if reply.code in (Code.BANNED, Code.EXISTS) or banned:
        return _refused(Outcome.PERMANENT, ErrorCode.MODERATED, reply)
    return None


def _account(reply: Reply) -> Verdict | None:
    """The key, the credit or the account is at fault, so other jobs would fare the same."""
    if reply.says(_QUOTA_WORDS) or reply.http_status == 402:
        reason = ErrorCode.QUOTA
    elif reply.http_status == 401:
        reason = ErrorCode.UNAUTHORIZED
    elif reply.http_status == 403:
        reason = ErrorCode.FORBIDDEN
    else:
        return None
    error = job_error(reason, reply.message)
    return Verdict(Outcome.PERMANENT, error=error, account_trouble=True)


def _parent(reply: Reply) -> Verdict | None:
    """The parent task is unknown, or not finished as far as the provider knows."""
    if reply.http_status == 404 and reply.code == Code.MISSING:
        return _refused(Outcome.PERMANENT, ErrorCode.NOT_FOUND, reply)
    if reply.kind not in (*_ON_PARENT, Kind.VIDEO):
        return None
    if reply.says(_PARENT_STATUS_WORDS):
        return _refused(Outcome.NOT_YET, ErrorCode.PARENT_NOT_READY, reply)
    no_account = reply.says(_ACCOUNT_WORDS)
    missing = reply.code == Code.MISSING and reply.kind in _ON_PARENT and not no_account
    if missing or reply.says(_PARENT_MISSING_WORDS):
        return _refused(Outcome.NOT_YET, ErrorCode.NOT_FOUND, reply)
    return None


def _doubtful_code(reply: Reply) -> Verdict | None:
    """A gateway's own trouble after it handed the job on."""
    if reply.code == Code.GATEWAY_BROKE or "insert_midjourney_task_failed" in reply.said:
        return _refused(Outcome.IN_DOUBT, ErrorCode.IN_DOUBT, reply)
    return None


def _later_by_code(reply: Reply) -> Verdict | None:
    reasons: Mapping[int | None, ErrorCode] = {
        Code.QUEUE_FULL: ErrorCode.QUEUE_FULL,
        Code.SATURATED: ErrorCode.RATE_LIMITED,
        Code.MISSING: ErrorCode.NO_ACCOUNT,
        Code.FAILURE: ErrorCode.QUEUE_FULL if reply.says(_FULL_WORDS) else ErrorCode.PROVIDER_ERROR,
    }
    reason = reasons.get(reply.code)
    return _refused(Outcome.TRY_LATER, reason, reply) if reason else None


def _later_by_status(reply: Reply) -> Verdict | None:
    if reply.http_status == 429:
        return _refused(Outcome.TRY_LATER, ErrorCode.RATE_LIMITED, reply)
    if reply.http_status != 503:
        return None
    if reply.says(_CHANNEL_WORDS):
        return _refused(Outcome.TRY_LATER, ErrorCode.NO_CHANNEL, reply, slow=True)
    return _refused(Outcome.TRY_LATER, ErrorCode.UNAVAILABLE, reply)


def _server_failed(reply: Reply) -> Verdict | None:
    """Anything that broke or was cut short on the way: the job may have been handed on before."""
    if 200 <= reply.http_status < 500 and reply.http_status not in (408, 499):
        return None
    return _refused(Outcome.IN_DOUBT, ErrorCode.IN_DOUBT, reply)


def _later_by_words(reply: Reply) -> Verdict | None:
    """Limits that have no code of their own: they come as 4 or -1, or with HTTP 4xx."""
    if reply.code is None and reply.http_status < 400:
        return None
    if reply.says(_FULL_WORDS):
        return _refused(Outcome.TRY_LATER, ErrorCode.QUEUE_FULL, reply)
    if reply.says(_LASTING_LIMIT_WORDS):
        return _refused(Outcome.TRY_LATER, ErrorCode.LIMIT_REACHED, reply, slow=True)
    if reply.says(_LIMIT_WORDS):
        return _refused(Outcome.TRY_LATER, ErrorCode.LIMIT_REACHED, reply)
    return None


def _unclear(reply: Reply) -> Verdict | None:
    """A 2xx that neither takes nor refuses the job in words of this protocol."""
    refused = reply.code in (Code.INVALID, Code.REFUSED)
    if 200 <= reply.http_status < 300 and not refused:
        return _refused(Outcome.IN_DOUBT, ErrorCode.IN_DOUBT, reply)
    return None


def _no_endpoint(reply: Reply) -> Verdict | None:
    """Nothing answers there. Every provider has ``imagine``: without it the address is wrong."""
    redirected = 300 <= reply.http_status < 400
    if not redirected and (reply.http_status not in (404, 405) or reply.code is not None):
        return None
    error = job_error(ErrorCode.NO_ENDPOINT, reply.message)
    wrong_address = redirected or reply.kind is Kind.IMAGINE
    return Verdict(Outcome.PERMANENT, error=error, account_trouble=wrong_address)


def _unknown_action(reply: Reply) -> Verdict | None:
    if "unknown_action" in reply.said:
        return _refused(Outcome.PERMANENT, ErrorCode.UNKNOWN_ACTION, reply)
    return None


_RULES: tuple[Callable[[Reply], Verdict | None], ...] = (
    _taken,
    _moderated,
    _account,
    _parent,
    _doubtful_code,
    _later_by_code,
    _later_by_status,
    _server_failed,
    _later_by_words,
    _unclear,
    _no_endpoint,
    _unknown_action,
)
