"""PURE. Why a provider did not do what was asked: the stable codes of ``JobError``.

Programs may branch on a code; the words beside it are the provider's own.
"""

from collections.abc import Mapping
from enum import StrEnum

from worker.domain.redaction import without_tokens
from worker.domain.result import JobError

_MAX_MESSAGE = 1000  #: characters; some providers answer with a stack trace


class ErrorCode(StrEnum):
    """The code of an error that the provider caused."""

    MODERATED = "moderated"  #: the content rules refuse the prompt or the picture
    BAD_PARAMETER = "bad_parameter"  #: a field of the request is refused
    UNKNOWN_ACTION = "unknown_action"  #: the provider does not forward this button
    NOT_FOUND = "not_found"  #: the parent task is not known there
    PARENT_NOT_READY = "parent_not_ready"  #: the parent task is not finished there
    NO_ENDPOINT = "no_endpoint"  #: nothing answers this call at this address
    UNAUTHORIZED = "unauthorized"  #: the key is refused
    FORBIDDEN = "forbidden"  #: the key may not do this, or the account is blocked
    QUOTA = "quota"  #: the account has no credit left
    NO_ACCOUNT = "no_account"  #: no Midjourney account is usable behind the provider now
    NO_CHANNEL = "no_channel"  #: the gateway has no way to this model
    QUEUE_FULL = "queue_full"  #: the provider takes no more jobs now
    RATE_LIMITED = "rate_limited"  #: too many requests
    LIMIT_REACHED = "limit_reached"  #: the account's own limit of jobs
    PROVIDER_ERROR = "provider_error"  #: the provider failed before it took the job
    UNAVAILABLE = "unavailable"  #: the provider says that it is away
    UNREACHABLE = "unreachable"  #: no connection; nothing was sent
    IN_DOUBT = "in_doubt"  #: nobody knows whether the job was accepted
    TIMEOUT = "timeout"  #: the task took too long for the provider; it may still have been paid
    CANCELLED = "cancelled"  #: the provider's side gave the task up
    FAILED = "failed"  #: the task failed for a reason that we do not know


#: Reasons after which the same request may succeed later.
_RETRYABLE = frozenset(
    {
        ErrorCode.PARENT_NOT_READY,
        ErrorCode.NO_ACCOUNT,
        ErrorCode.NO_CHANNEL,
        ErrorCode.QUEUE_FULL,
        ErrorCode.RATE_LIMITED,
        ErrorCode.LIMIT_REACHED,
        ErrorCode.PROVIDER_ERROR,
        ErrorCode.UNAVAILABLE,
        ErrorCode.UNREACHABLE,
        ErrorCode.TIMEOUT,
        ErrorCode.FAILED,
    }
)

_WAITS = "Nothing was accepted; the job waits and is submitted again by itself."

_HINTS: Mapping[ErrorCode, str] = {
    ErrorCode.MODERATED: "Change the prompt or the picture; the same one is refused again.",
    ErrorCode.BAD_PARAMETER: "Check the prompt's options and the pictures against the message.",
    ErrorCode.UNKNOWN_ACTION: "This provider does not forward that button; press another one.",
    ErrorCode.NOT_FOUND: "The provider forgot the parent task, or it belongs to another account.",
    ErrorCode.PARENT_NOT_READY: "A gateway may lag behind its own callback; retry in a minute.",
    ErrorCode.NO_ENDPOINT: "This provider lacks the call, or the account's url is wrong: it is "
    "the address before `/mj` (HOOKLINE_PROVIDER_URL, or `url` in the accounts' file).",
    ErrorCode.UNAUTHORIZED: "Check the account's key and auth (HOOKLINE_PROVIDER_AUTH, or `auth` "
    "in the accounts' file). If they are right, the provider's own key for its upstream may be "
    "wrong: ask the provider.",
    ErrorCode.FORBIDDEN: "The key may lack the right to Midjourney, or this machine's address is "
    "blocked: ask the provider.",
    ErrorCode.QUOTA: "Top up the account, then `hookline retry`.",
    ErrorCode.NO_ACCOUNT: _WAITS,
    ErrorCode.NO_CHANNEL: "The gateway has no channel for Midjourney now. The job is submitted "
    "again by itself every few minutes; ask the provider if this lasts.",
    ErrorCode.QUEUE_FULL: _WAITS,
    ErrorCode.RATE_LIMITED: _WAITS,
    ErrorCode.LIMIT_REACHED: _WAITS + " A lower max_running of the account avoids this.",
    ErrorCode.PROVIDER_ERROR: _WAITS,
    ErrorCode.UNAVAILABLE: _WAITS,
    ErrorCode.UNREACHABLE: "Nothing was sent; the job is submitted again by itself. Check "
    "the account's url and the network if this lasts.",
    ErrorCode.IN_DOUBT: "The job may have been accepted and paid, so it is not sent again blindly; "
    "a callback settles it, or `hookline resolve`.",
    ErrorCode.TIMEOUT: "It may have been paid and may still end well. `hookline retry` pays again.",
    ErrorCode.CANCELLED: "`hookline retry` submits it again.",
    ErrorCode.FAILED: "`hookline retry` submits it again; see the message first.",
}


def job_error(reason: ErrorCode, message: str) -> JobError:
    """The error of a job: our code and hint with the provider's words.

    They are cut at 1000 characters, and a state token that they quote is hidden.
    """
    words = without_tokens(message)[:_MAX_MESSAGE]
    return JobError(reason.value, words, _HINTS[reason], retryable=reason in _RETRYABLE)
