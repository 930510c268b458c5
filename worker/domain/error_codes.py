"""PURE. Why a job, or the storing of its files, failed: every code of ``JobError``, one row each.

Programs may branch on a code; the message is the provider's own, or ours. The rows also decide
which errors a further attempt may answer, and make the table in docs/retries.md.
"""

from enum import StrEnum
from typing import Self

from worker.domain.redaction import shown
from worker.domain.result import JobError

_MAX_MESSAGE = 1000  #: characters; some providers answer with a stack trace


class Family(StrEnum):
    """The kinds of trouble."""

    MODERATION = "moderation"
    BAD_PARAMETER = "bad parameter"
    BUSY = "busy"
    NO_ACCOUNT = "no account"
    QUOTA = "quota"
    AUTH = "auth"
    TIMEOUT = "timeout"
    LOST = "lost"
    PROVIDER_BUG = "provider bug"
    CANCELLED = "cancelled"
    DOUBT = "doubt"
    NOT_SENT = "not sent"  #: the job fails before anything is sent
    FILES = "files"  #: the job succeeded, but its files could not be stored


_ENDS = "the job fails"
_MOVES_ON = (
    "the account is closed, and tried again with one job after 30 s, 1, 2 ... 10 minutes; a root "
    "that any account may take moves on; any other job waits until its deadline, but fails if the "
    "account never accepted one"
)
_WAITS = "nothing was charged: submitted again with backoff, under the same attempt"
_WAITS_FOR_IT = (
    "nothing was charged: ready again within 5 s, under the same attempt; if all jobs fail so, the "
    "account rests"
)
_IF_ACCEPTED = f"{_WAITS}; fails if the task had been accepted"
_IF_ACCEPTED_LATER = f"{_WAITS_FOR_IT}; fails if the task had been accepted"
_WATCHED = "watched for a late success for half an hour, then timed out"
_REFUSED_AGAIN = "the same request is refused again: correct it and submit a new job"
_NEVER_PAID = "the submit was not accepted, so it is repeated automatically"
_FIX_ACCOUNT = "another attempt does not fix the account: see its hint, then `hookline retry`"
_NO_TIME = "nothing is submitted after the deadline: set a longer `deadline_s`"
_TRIED = "tried 2 seconds to 5 minutes apart, for an hour after the job's end"
_NO_TASK = "there is no task to try again"

_RESUBMITTED = "Nothing was accepted; the job waits and is submitted again automatically."


class ErrorCode(StrEnum):
    """Value, family, what happens by itself, why no further attempt helps, what to do about it."""

    family: Family
    by_itself: str
    why_not: str | None  #: why `retry` cannot answer it with the same request; None where it can
    hint: str | None  #: None where it depends on the job

    MODERATED = (
        "moderated",
        Family.MODERATION,
        "the job fails; its prompt is never submitted again, to any account",
        "a moderated prompt is refused again: change it and submit a new job",
        "Change the prompt or the picture; the same one is refused again.",
    )
    BAD_PARAMETER = (
        "bad_parameter",
        Family.BAD_PARAMETER,
        _ENDS,
        _REFUSED_AGAIN,
        "Check the prompt's options and the pictures against the message.",
    )
    UNKNOWN_ACTION = (
        "unknown_action",
        Family.BAD_PARAMETER,
        _ENDS,
        "the provider does not forward that button: press another",
        "This provider does not forward that button; press another one.",
    )
    QUEUE_FULL = "queue_full", Family.BUSY, _IF_ACCEPTED, None, _RESUBMITTED
    RATE_LIMITED = "rate_limited", Family.BUSY, _WAITS, _NEVER_PAID, _RESUBMITTED
    LIMIT_REACHED = (
        "limit_reached",
        Family.BUSY,
        _WAITS,
        _NEVER_PAID,
        _RESUBMITTED + " A lower max_running of the account avoids this.",
    )
    UNAVAILABLE = "unavailable", Family.BUSY, _WAITS_FOR_IT, _NEVER_PAID, _RESUBMITTED
    UNREACHABLE = (
        "unreachable",
        Family.BUSY,
        _WAITS_FOR_IT,
        _NEVER_PAID,
        (
            "Nothing was sent; the job is submitted again automatically. Check the account's url "
            "and the network if this lasts."
        ),
    )
    PARENT_NOT_READY = (
        "parent_not_ready",
        Family.BUSY,
        (
            "submitted again when the provider probably knows of the parent's end, for a minute; "
            "then the job fails"
        ),
        _NEVER_PAID,
        "A gateway may lag behind its own callback; retry in a minute.",
    )
    NO_ACCOUNT = "no_account", Family.NO_ACCOUNT, _IF_ACCEPTED_LATER, None, _RESUBMITTED
    NO_CHANNEL = (
        "no_channel",
        Family.NO_ACCOUNT,
        f"{_WAITS}, soon minutes apart; if all jobs fail so, the account rests",
        _NEVER_PAID,
        (
            "The gateway has no channel for this now. The job is submitted again by itself; "
            "`hookline resume ACCOUNT` does so at once. Ask the provider if this lasts."
        ),
    )
    QUOTA = (
        "quota",
        Family.QUOTA,
        _MOVES_ON,
        _FIX_ACCOUNT,
        (
            "Top up the account: it is tried again by itself, and `hookline resume ACCOUNT` tries "
            "it at once. A job that has failed needs `hookline retry`."
        ),
    )
    UNAUTHORIZED = (
        "unauthorized",
        Family.AUTH,
        _MOVES_ON,
        _FIX_ACCOUNT,
        (
            "Check the account's key and auth (HOOKLINE_PROVIDER_AUTH, or `auth` in the accounts' "
            "file), and its quota: gateways call a key invalid whose quota is used up. If they "
            "are right, the provider's own key for its upstream may be wrong: ask the provider."
        ),
    )
    FORBIDDEN = (
        "forbidden",
        Family.AUTH,
        _MOVES_ON,
        _FIX_ACCOUNT,
        (
            "The key may lack the right to Midjourney, its quota may be used up, or this machine's "
            "address is blocked: ask the provider."
        ),
    )
    NO_ENDPOINT = (
        "no_endpoint",
        Family.AUTH,
        f"{_ENDS}; of an imagine, which every provider has: {_MOVES_ON}",
        _FIX_ACCOUNT,
        (
            "This provider lacks the call, or the account's url is wrong: it is the address before "
            "`/mj` (HOOKLINE_PROVIDER_URL, or `url` in the accounts' file)."
        ),
    )
    TIMEOUT = (
        "timeout",
        Family.TIMEOUT,
        f"the provider gave up: {_WATCHED}",
        None,
        "It may have been paid. `hookline retry` pays again.",
    )
    DEADLINE = (
        "deadline",
        Family.TIMEOUT,
        f"our own deadline: {_WATCHED}",
        _NO_TIME,
        "It may have been paid. `hookline retry` pays again; a longer `deadline_s` waits longer.",
    )
    WINDOW_DEADLINE = (
        "window_deadline",
        Family.TIMEOUT,
        "timed out: the window was not answered",
        _NO_TIME,
        "Give the step a `modal`, or answer sooner with `hookline modal`.",
    )
    LOST = (
        "lost",
        Family.LOST,
        (
            "polled until the provider has not known the task for five minutes (six seconds if it "
            "stores tasks before it answers: novicezk, trueai), then fails"
        ),
        None,
        "It may have restarted without keeping its tasks; `hookline retry` submits the job again.",
    )
    NOT_FOUND = (
        "not_found",
        Family.LOST,
        (
            "the parent's task is unknown: the job fails; at a gateway, which may only be late, "
            "after a minute"
        ),
        "the parent's task is gone, and its buttons with it: run the parent again",
        (
            "The provider forgot the parent task (it may have restarted), or the task belongs to "
            "another account: run the parent again."
        ),
    )
    FAILED = (
        "failed",
        Family.PROVIDER_BUG,
        "the job fails, with the provider's message",
        None,
        "`hookline retry` submits it again; see the message first.",
    )
    PROVIDER_ERROR = "provider_error", Family.PROVIDER_BUG, _WAITS_FOR_IT, _NEVER_PAID, _RESUBMITTED
    CANCELLED = (
        "cancelled",
        Family.CANCELLED,
        "the job is cancelled",
        "what was cancelled stays cancelled",
        "`hookline retry` submits it again.",
    )
    IN_DOUBT = (
        "in_doubt",
        Family.DOUBT,
        "waits for evidence whether it was accepted",
        "the submit may have been charged: see `hookline resolve`",
        (
            "The job may have been accepted and paid, so it is not sent again blindly; a callback "
            "settles it, or `hookline resolve`."
        ),
    )

    BAD_PICTURE = (
        "bad_picture",
        Family.NOT_SENT,
        "a URL that does not answer is tried 15 times in ten minutes, then the job fails",
        _REFUSED_AGAIN,
        None,
    )
    BAD_MASK = "bad_mask", Family.NOT_SENT, _ENDS, _REFUSED_AGAIN, None
    NOT_PREPARED = (
        "not_prepared",
        Family.NOT_SENT,
        "prepared again until the deadline if storage or provider are away; else the job fails",
        _REFUSED_AGAIN,
        None,
    )
    BUTTON_NOT_FOUND = "button_not_found", Family.NOT_SENT, _ENDS, _NO_TASK, None
    TEMPLATE_UNRESOLVED = (
        "template_unresolved",
        Family.NOT_SENT,
        _ENDS,
        _NO_TASK,
        "The parent's result does not have what the template asks for.",
    )
    NO_PICTURE = (
        "no_picture",
        Family.NOT_SENT,
        _ENDS,
        _NO_TASK,
        "Only a job that ends with a picture can be followed by a describe.",
    )
    SIBLING_FAILED = (
        "sibling_failed",
        Family.NOT_SENT,
        _ENDS,
        _NO_TASK,
        "`hookline retry` the one that is not there; when it has succeeded, retry this job.",
    )
    CHOOSE_FAILED = (
        "choose_failed",
        Family.NOT_SENT,
        _ENDS,
        _NO_TASK,
        "`hookline retry` calls the function again; the worker's log has its traceback.",
    )

    LINK_DEAD = (
        "link_dead",
        Family.FILES,
        f"{_TRIED}, each time with the provider's newest links",
        _NO_TASK,
        None,
    )
    NOT_REACHED = (
        "not_reached",
        Family.FILES,
        f"{_TRIED}; for a day where our own storage cannot be written to",
        _NO_TASK,
        "Look at the way to that host (`image_url` of the result), then `hookline fetch`.",
    )
    NOT_TAKEN = (
        "not_taken",
        Family.FILES,
        "the files are given up",
        _NO_TASK,
        (
            "It is over a limit, or on a host that HOOKLINE_ALLOWED_HOSTS would have to name. Once "
            "that is changed, `hookline fetch` stores it."
        ),
    )

    def __new__(
        cls, value: str, family: Family, by_itself: str, why_not: str | None, hint: str | None
    ) -> Self:
        """One row."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.family, code.by_itself, code.why_not, code.hint = family, by_itself, why_not, hint
        return code

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.why_not in (None, _NEVER_PAID)


#: What a submitted job may end with, by value.
TASK_CODES = {c.value: c for c in ErrorCode if c.family not in (Family.NOT_SENT, Family.FILES)}
#: Those after which the same request may succeed: `retry.on` may name them.
RETRY_ON = tuple(code.value for code in TASK_CODES.values() if code.why_not is None)


def job_error(code: ErrorCode, message: str, hint: str | None = None) -> JobError:
    """An error with the code's hint, unless there is a closer one.

    A message is cut at 1000 characters, cleaned of what a terminal would obey, and a state token
    that it quotes is hidden.
    """
    words = shown(message, _MAX_MESSAGE)
    return JobError(code.value, words, hint or code.hint, retryable=code.retryable)
