"""PURE. What kind of trouble each error of a job is, and what is done about it.

One table for the decision whether a job may be tried again, for the words of a refusal, and for the
documentation. Codes are those of ``JobError``: the provider's reasons and our own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
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


@dataclass(frozen=True, slots=True)
class Handling:
    """What is done about one code."""

    trouble: Trouble
    by_itself: str  #: what happens without anybody asking for it
    #: Why a task that ended so cannot be tried again with the same request; None where it can.
    why_not: str | None = None


_ENDS = "the job fails"
_MOVES_ON = (
    "the account takes no more; a root that any account may take moves on, else the job fails"
)
_WAITS = "nothing was paid: submitted again with backoff, under the same attempt"
_IF_ACCEPTED = f"{_WAITS}; fails if the task had been accepted"
_REFUSED_AGAIN = "the same request is refused again: correct it and hand it in anew"
_NEVER_PAID = "such a submit was not accepted, so it is submitted again without being asked to"
_FIX_ACCOUNT = "no further attempt mends the account: see its hint, then `hookline retry`"
_NO_TIME = "nothing is submitted after the deadline: set a longer `deadline_s`"

#: What is done about each code that a submitted job may end with.
HANDLING: Mapping[str, Handling] = {
    "moderated": Handling(
        Trouble.MODERATION,
        "the job fails; its prompt is never sent again, to no account",
        "a moderated prompt is refused again as it is: change it and hand it in anew",
    ),
    "bad_parameter": Handling(Trouble.BAD_PARAMETER, _ENDS, _REFUSED_AGAIN),
    "unknown_action": Handling(
        Trouble.BAD_PARAMETER, _ENDS, "the provider does not forward that button: press another"
    ),
    "queue_full": Handling(Trouble.BUSY, _IF_ACCEPTED),
    "rate_limited": Handling(Trouble.BUSY, _WAITS, _NEVER_PAID),
    "limit_reached": Handling(Trouble.BUSY, _WAITS, _NEVER_PAID),
    "unavailable": Handling(Trouble.BUSY, _WAITS, _NEVER_PAID),
    "unreachable": Handling(Trouble.BUSY, _WAITS, _NEVER_PAID),
    "parent_not_ready": Handling(
        Trouble.BUSY,
        "submitted again every few seconds for a minute, then the job fails",
        _NEVER_PAID,
    ),
    "no_account": Handling(Trouble.NO_ACCOUNT, _IF_ACCEPTED),
    "no_channel": Handling(Trouble.NO_ACCOUNT, f"{_WAITS}, minutes apart", _NEVER_PAID),
    "quota": Handling(Trouble.QUOTA, _MOVES_ON, _FIX_ACCOUNT),
    "unauthorized": Handling(Trouble.AUTH, _MOVES_ON, _FIX_ACCOUNT),
    "forbidden": Handling(Trouble.AUTH, _MOVES_ON, _FIX_ACCOUNT),
    "no_endpoint": Handling(Trouble.AUTH, _ENDS, _FIX_ACCOUNT),
    "timeout": Handling(
        Trouble.TIMEOUT,
        "the provider gave up: watched for a late success for half an hour, then timed out",
    ),
    "deadline": Handling(
        Trouble.TIMEOUT,
        "our own deadline: watched for a late success for half an hour, then timed out",
        _NO_TIME,
    ),
    "window_deadline": Handling(Trouble.TIMEOUT, "timed out: nobody answered the window", _NO_TIME),
    "lost": Handling(
        Trouble.LOST, "asked about until the provider knew nothing of it for five minutes; fails"
    ),
    "not_found": Handling(
        Trouble.LOST,
        "the parent's task is not known: asked for a minute, then the job fails",
        "the parent's task is gone, so its buttons are: run the parent again",
    ),
    "failed": Handling(Trouble.PROVIDER_BUG, "the job fails, with the provider's words"),
    "provider_error": Handling(Trouble.PROVIDER_BUG, _WAITS, _NEVER_PAID),
    "cancelled": Handling(
        Trouble.CANCELLED, "the job is cancelled", "what somebody cancelled stays cancelled"
    ),
    "in_doubt": Handling(
        Trouble.DOUBT,
        "waits for evidence whether it was accepted",
        "the submission may have been paid: see `hookline resolve`",
    ),
}

#: Codes of an accepted task's end after which the same request may succeed: a caller may ask for
#: further attempts on these.
CURABLE = tuple(code for code, handling in HANDLING.items() if handling.why_not is None)
