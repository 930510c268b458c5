"""PURE. The audit trail: who changed what. Submissions are not in it: they have records."""

from dataclasses import dataclass
from enum import StrEnum

#: How many changes are kept, the newest; a few more may be there.
KEPT = 10_000


class AuditAction(StrEnum):
    """What was asked for."""

    CANCEL = "cancel"
    RETRY = "retry"
    FETCH = "fetch"  #: a job's files again
    RESOLVE = "resolve"
    BIND = "bind"  #: a callback to a job
    PAUSE = "pause"
    RESUME = "resume"
    REPLAY = "replay"  #: a delivery
    SHARE = "share"  #: a pipeline, with anybody who has the link
    CREATE = "create"  #: a token
    ROTATE = "rotate"
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True)
class Change:
    """One change, as asked for by ``actor``: a token's name, or ``cli``, ``python``, ``celery``."""

    actor: str
    action: AuditAction
    at: float  #: seconds since the epoch
    tenant: str | None = None  #: the actor's, if it has one
    job: str | None = None
    batch: str | None = None
    account: str | None = None  #: the job's, or the one that was paused or resumed
    subject: str | None = None  #: a kind, a delivery or a token
    detail: str | None = None  #: such as the outcome of a resolve
    id: str = ""  #: given by the store


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes to list; None: any."""

    actor: str | None = None
    job: str | None = None
    account: str | None = None

    def matches(self, change: Change) -> bool:
        """Whether the change passes the filter."""
        wanted = (self.actor, self.job, self.account)
        actual = (change.actor, change.job, change.account)
        return all(w is None or w == a for w, a in zip(wanted, actual, strict=True))
