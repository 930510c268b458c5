"""PURE. What a reply to a submit means.

The envelope is ``{code, description, result, properties}``, but gateways answer errors without
``result`` and ``properties`` and with HTTP 400 for everything except rate limits; front ends answer
in OpenAI's error shape, in plain text, HTML or not at all. So: the code first, the HTTP status
next, and words only where they are the provider's own fixed phrases. Whatever leaves open whether
the job was accepted is in doubt, because a second submit may be a second payment.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial
from typing import Any, NamedTuple

from worker.adapters.provider.redirects import ELSEWHERE, redirect_words
from worker.adapters.provider.wire import (
    MAX_TEXT,
    UNREADABLE,
    items,
    mapping,
    page_words,
    read_json,
    text,
    url,
    whole,
    words_of,
)
from worker.domain import task_ids
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.job_spec import JSON, Kind
from worker.domain.provider_reports import Outcome, SeedReply, Verdict
from worker.domain.result import JobError, Result

_OTHER_CALLS_WORK = (
    "Nothing was paid. Other calls of this provider work; this kind of job needs an account whose "
    "provider has it."
)

#: Kinds that always continue another task; VIDEO does so only when it extends a film.
_ON_PARENT = frozenset({Kind.ACTION, Kind.CHANGE, Kind.MODAL})
_MAX_SEED = 40  #: characters; a seed is a number of about ten digits
_MAX_NAMED = 100  #: tasks or URLs in one result


class Code(IntEnum):
    """The envelope's ``code``."""

    REFUSED = -1
    SUCCESS = 1
    QUEUED_BEFORE_2_0 = 2  #: only the first releases; later ones say 22
    MISSING = 3  #: no account, or no such parent
    INVALID = 4
    GATEWAY_BROKE = 5  #: while it talked to its upstream, which may have accepted
    FAILURE = 9
    EXISTS = 21  #: or: a window is open
    QUEUED = 22
    QUEUE_FULL = 23
    BANNED = 24
    SATURATED = 30


_QUEUE_WORDS = ("排队", "in queue", "queued")
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


@dataclass(frozen=True, slots=True)
class _Reply:
    """The parts of a reply, wherever they were."""

    kind: Kind
    status: int
    code: int | None
    message: str  #: the provider's words, or ours about a body without any
    said: str  #: all words that may carry a hint, in lower case
    named: tuple[str, ...]  #: what the result names: tasks, or an upload's URLs
    listed: tuple[str, ...]  #: a result that is a list
    properties: JSON

    @property
    def task_ids(self) -> tuple[str, ...]:
        """The tasks; none if one of them could not be asked about."""
        return self.named if all(map(task_ids.is_usable, self.named)) else ()

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def missing(self) -> bool:
        """Whether the HTTP path seems not to exist: no code means that no provider answered."""
        return self.status in (404, 405) and self.code is None

    def says(self, phrases: tuple[str, ...]) -> bool:
        """Whether one of the phrases (in lower case) is among the words."""
        return any(phrase in self.said for phrase in phrases)


class _Rule(NamedTuple):
    """The verdict on the replies that match."""

    outcome: Outcome
    code: ErrorCode
    matches: Callable[[_Reply], object]
    slow: bool = False
    account_trouble: bool = False  #: other jobs of the account would fare the same


_not_yet = partial(_Rule, Outcome.NOT_YET)
_later = partial(_Rule, Outcome.TRY_LATER)
_permanent = partial(_Rule, Outcome.PERMANENT)
_account = partial(_Rule, Outcome.PERMANENT, account_trouble=True)
_in_doubt = partial(_Rule, Outcome.IN_DOUBT, ErrorCode.IN_DOUBT)


def _is_moderated(reply: _Reply) -> bool:
    refused = reply.code in (Code.BANNED, Code.EXISTS)
    return refused or bool(reply.properties.get("bannedWord")) or reply.says(_BANNED_WORDS)


def _parent_not_ready(reply: _Reply) -> bool:
    return reply.kind in (*_ON_PARENT, Kind.VIDEO) and reply.says(_PARENT_STATUS_WORDS)


def _lacks_parent(reply: _Reply) -> bool:
    """Whether the provider does not know the parent task; without an account it says 3, too."""
    on_parent = reply.kind in _ON_PARENT and reply.code == Code.MISSING
    words = reply.kind in (*_ON_PARENT, Kind.VIDEO) and reply.says(_PARENT_MISSING_WORDS)
    return words or (on_parent and not reply.says(_ACCOUNT_WORDS))


def _limited(reply: _Reply, phrases: tuple[str, ...]) -> bool:
    """Limits without a code of their own come as 4 or -1, or with HTTP 4xx."""
    return (reply.code is not None or reply.status >= 400) and reply.says(phrases)


#: For replies that took no job. The first rule that matches decides.
_RULES: tuple[_Rule, ...] = (
    # A proxy on the way wants a login, and handed nothing on.
    _later(ErrorCode.UNAVAILABLE, lambda r: r.status == 407),
    _permanent(ErrorCode.MODERATED, _is_moderated),
    _account(ErrorCode.QUOTA, lambda r: r.says(_QUOTA_WORDS) or r.status == 402),
    _account(ErrorCode.UNAUTHORIZED, lambda r: r.status == 401),
    _account(ErrorCode.FORBIDDEN, lambda r: r.status == 403),
    _permanent(ErrorCode.NOT_FOUND, lambda r: r.status == 404 and r.code == Code.MISSING),
    _not_yet(ErrorCode.PARENT_NOT_READY, _parent_not_ready),
    _not_yet(ErrorCode.NOT_FOUND, _lacks_parent),
    # A gateway's own trouble after it handed the job on.
    _in_doubt(lambda r: r.code == Code.GATEWAY_BROKE),
    _in_doubt(lambda r: "insert_midjourney_task_failed" in r.said),
    _later(ErrorCode.QUEUE_FULL, lambda r: r.code == Code.QUEUE_FULL),
    _later(ErrorCode.RATE_LIMITED, lambda r: r.code == Code.SATURATED),
    _later(ErrorCode.NO_ACCOUNT, lambda r: r.code == Code.MISSING),
    _later(ErrorCode.QUEUE_FULL, lambda r: r.code == Code.FAILURE and r.says(_FULL_WORDS)),
    _later(ErrorCode.PROVIDER_ERROR, lambda r: r.code == Code.FAILURE),
    _later(ErrorCode.RATE_LIMITED, lambda r: r.status == 429),
    _later(ErrorCode.NO_CHANNEL, lambda r: r.status == 503 and r.says(_CHANNEL_WORDS), slow=True),
    _later(ErrorCode.UNAVAILABLE, lambda r: r.status == 503),
    # Whatever broke or was cut short on the way: the job may have been handed on before.
    _in_doubt(lambda r: not 200 <= r.status < 500 or r.status in (408, 499)),
    _later(ErrorCode.QUEUE_FULL, lambda r: _limited(r, _FULL_WORDS)),
    _later(ErrorCode.LIMIT_REACHED, lambda r: _limited(r, _LASTING_LIMIT_WORDS), slow=True),
    _later(ErrorCode.LIMIT_REACHED, lambda r: _limited(r, _LIMIT_WORDS)),
    # A 2xx that neither takes nor refuses the job in words of this protocol.
    _in_doubt(lambda r: r.ok and r.code not in (Code.INVALID, Code.REFUSED)),
    # A front that is being changed, or an address that has moved: which one, time will tell.
    _later(ErrorCode.UNAVAILABLE, lambda r: r.status in ELSEWHERE),
    _in_doubt(lambda r: 300 <= r.status < 400),
    # Every provider has `imagine`: if it is missing, the address is wrong.
    _account(ErrorCode.NO_ENDPOINT, lambda r: r.missing and r.kind is Kind.IMAGINE),
    _permanent(ErrorCode.NO_ENDPOINT, lambda r: r.missing),
    _permanent(ErrorCode.UNKNOWN_ACTION, lambda r: "unknown_action" in r.said),
    _permanent(ErrorCode.BAD_PARAMETER, lambda _: True),
)


def read_reply(
    kind: Kind,
    http_status: int,
    body: bytes,
    location: str = "",
    *,
    hide: Callable[[str], str] = str,
) -> Verdict:
    """Classify the reply to a submit of ``kind``; never raises. ``location``: of a redirect.

    ``hide`` removes secrets from the provider's words, before they are cut.

    ``NOT_YET`` carries the error that the job ends with if the gateway does not catch up with its
    own callback in time, which is decided elsewhere.
    """
    reply = _look(kind, http_status, body, hide)
    if reply.status in ELSEWHERE:
        words = f"{redirect_words(reply.status, location)}, and redirects are not followed."
        reply = replace(reply, message=hide(words))
    if _took_it(reply):
        return _taken(reply)
    rule = next(rule for rule in _RULES if rule.matches(reply))
    error = job_error(rule.code, _explained(reply))
    return Verdict(rule.outcome, error=error, slow=rule.slow, account_trouble=rule.account_trouble)


def _explained(reply: _Reply) -> str:
    """The provider's words, and the word that it took offence at, if it names one."""
    word = text(reply.properties.get("bannedWord"))
    if word is None or word.lower() in reply.message.lower():
        return reply.message
    return f"{reply.message} (banned word: {word})"


def read_transport_error(reason: str, *, sent: bool) -> Verdict:
    """The verdict on a submit without a reply. ``sent``: all of it may have been received."""
    if sent:
        return Verdict(Outcome.IN_DOUBT, error=job_error(ErrorCode.IN_DOUBT, reason))
    return Verdict(Outcome.TRY_LATER, error=job_error(ErrorCode.UNREACHABLE, reason))


def read_late(reason: str) -> Verdict:
    """The verdict on a submit that was not sent, since its lease was over: a worker that was cut
    off or suspended goes on. It says nothing about the provider.
    """
    hint = "Nothing was sent; the job is submitted again automatically."
    error = JobError(ErrorCode.NOT_PREPARED, reason, hint, retryable=True)
    return Verdict(Outcome.TRY_LATER, error=error)


def no_such_call(kind: Kind, call: str, title: str) -> Verdict:
    """The verdict on a submit that got a page, where the provider was shown to lack the call.

    ``call``: as ``POST /mj/submit/imagine``; ``title``: the page's.
    """
    message = f"The provider has no {call}: it answers with a web page ({title})."
    # Every provider has `imagine`: if it is missing, the address is wrong.
    everywhere = kind is Kind.IMAGINE
    hint = None if everywhere else _OTHER_CALLS_WORK
    error = job_error(ErrorCode.NO_ENDPOINT, message, hint)
    return Verdict(Outcome.PERMANENT, error=error, account_trouble=everywhere, lacks_call=True)


def front_away(verdict: Verdict) -> Verdict:
    """The verdict on a call that took jobs before and is missing now, with everything else: only
    the front of the provider answers, as while its own servers are replaced.
    """
    message = verdict.error.message if verdict.error else "no explanation"
    words = f"The provider answers nothing but this now: {message}"
    return Verdict(Outcome.TRY_LATER, error=job_error(ErrorCode.UNAVAILABLE, words))


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


def _look(kind: Kind, http_status: int, body: bytes, hide: Callable[[str], str]) -> _Reply:
    value = read_json(body)
    reply = mapping(value)
    message, said = words_of(value)
    if value is UNREADABLE:
        message, is_page = page_words(body)
        said = "" if is_page else (message or "").lower()
    return _Reply(
        kind=kind,
        status=http_status,
        code=whole(reply.get("code")),
        message=hide(message) if message else f"HTTP {http_status} without an explanation",
        said=said,
        named=_named(reply.get("result")),
        listed=tuple(filter(None, map(url, items(reply.get("result"))[:_MAX_NAMED]))),
        properties=mapping(reply.get("properties")),
    )


def _named(result: Any) -> tuple[str, ...]:
    """The parts of a result: text, a number, or several joined by commas. As they were written:
    a cleaned id could be another task's.
    """
    written = result if isinstance(result, str) else text(result) or ""
    pieces = (piece.strip() for piece in written[:MAX_TEXT].split(","))
    return tuple(dict.fromkeys(piece for piece in pieces if piece))[:_MAX_NAMED]


def _took_it(reply: _Reply) -> bool:
    """Whether the code means that there is a task, though its id may be missing."""
    if reply.code == Code.EXISTS:
        return bool(reply.named)  # even if it is none that we can use
    if reply.code == Code.QUEUED_BEFORE_2_0:
        return reply.says(_QUEUE_WORDS)
    return reply.code in (Code.SUCCESS, Code.QUEUED)


def _taken(reply: _Reply) -> Verdict:
    """The provider has a task, or has done the work at once."""
    if reply.kind is Kind.UPLOAD:
        urls = reply.listed or tuple(filter(None, map(url, filter(_is_web, reply.named))))
        if urls:
            return Verdict(Outcome.DONE, result=Result(image_urls=urls))
    ids = reply.task_ids
    if not ids:
        return Verdict(Outcome.IN_DOUBT, error=job_error(ErrorCode.IN_DOUBT, reply.message))
    outcome = _kind_of_task(reply)
    known = Result(image_url=_finished_picture(reply)) if outcome is Outcome.EXISTS else None
    asked = text(reply.properties.get("finalPrompt")) if outcome is Outcome.NEEDS_MODAL else None
    return Verdict(
        outcome,
        task_id=ids[0],
        other_task_ids=ids[1:],
        result=known,
        modal_prompt=asked,
    )


def _kind_of_task(reply: _Reply) -> Outcome:
    """Running, waiting for a modal's answer (gateways call that running), or an existing task."""
    remix = reply.properties.get("remix")
    if remix is True or text(remix) in ("true", "1") or reply.says(_WINDOW_WORDS):
        return Outcome.NEEDS_MODAL
    if reply.code != Code.EXISTS:
        return Outcome.ACCEPTED
    known = reply.properties.get("status") or reply.properties.get("imageUrl")
    if known or reply.says(_EXISTS_WORDS):
        return Outcome.EXISTS
    # Without any hint: only a button can open a modal.
    on_button = reply.kind in (Kind.ACTION, Kind.CHANGE)
    return Outcome.NEEDS_MODAL if on_button else Outcome.EXISTS


def _finished_picture(reply: _Reply) -> str | None:
    """The existing task's picture; before its end the same field holds a preview."""
    finished = text(reply.properties.get("status")) == "SUCCESS"
    return url(reply.properties.get("imageUrl")) if finished else None


def _is_web(text: str) -> bool:
    return text.startswith("http")
