"""PURE. The input of every decision: what can happen to a job, and the account's policy."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

from worker.domain.account.parent_lag import NO_LAG, ParentLag
from worker.domain.job import Job, Modal
from worker.domain.job_spec import JSON
from worker.domain.money import Amount
from worker.domain.presence import GONE_S, Presence
from worker.domain.provider_reports import Snapshot, Verdict
from worker.domain.result import AssetsStatus, JobError, Result, StoredFile

#: Seconds in which an overdue job is asked about once its provider answers again.
LOOK_AGAIN_S = 60.0
#: Seconds after which an overdue job is given up although its provider did not answer.
UNSEEN_S = 86_400.0

#: What to do with a job still in doubt after the doubt window: wait for a person, resubmit, fail.
InDoubt = Literal["hold", "resubmit", "fail"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient we are with one account, and what is known of its callbacks. Seconds."""

    #: Longer than the POST's own deadline: past it the submitting worker is dead, or may not send.
    lease_s: float = 122.0
    #: From a submission until it is polled: some tasks are over at once and never call back.
    first_look_s: float = 2.0
    grace_s: float = 1800.0  #: how long an overdue job is still watched
    lost_after_s: float = 300.0  #: a task unknown to the provider for this long is lost
    stores_first: bool = False  #: the provider stores a task before it answers: unknown is gone
    parent_lag: ParentLag = NO_LAG  #: how long after a task's end presses are refused

    in_doubt: InDoubt = "hold"
    doubt_window_s: float = 1800.0  #: longer than the provider's slowest task and callback
    max_resubmits: int = 1  #: automatic submissions of one job after a doubt, without a list
    #: How long a task of this sort runs at most, plausibly: a doubt keeps its place for so long.
    runs_for_s: float = 180.0

    callbacks_flow: bool | None = None  #: whether callbacks arrive; None: not known yet
    calls_back: bool = False  #: whether callbacks about this sort of job have arrived
    lag_s: float | None = None  #: usual time between callbacks about a running task
    called_back_at: float | None = None  #: time of the account's last callback
    presence: Presence | None = None  #: what proofs show of the way of callbacks to us

    #: Whether the account ever accepted a job, or is tried again after it refused: what it refuses
    #: now is not wrong from the start.
    account_accepts: bool = False
    account_rests_until: float | None = None  #: when a single job tries it; None: it takes jobs
    unanswered: str | None = None  #: why the provider answers no questions about tasks
    blind: bool = False  #: because it refuses us
    answers_since: float | None = None  #: when it last began to answer again

    def too_late(self, overdue_since: float, now: float) -> bool:
        """Whether a job is not watched any more. Nobody saw it while the provider did not answer:
        that time does not count, up to ``UNSEEN_S``.
        """
        over = now >= overdue_since + self.grace_s
        seen = self.unanswered is None and now >= (self.answers_since or 0.0) + LOOK_AGAIN_S
        return over and (seen or now >= overdue_since + UNSEEN_S)

    def silence_tells(self, since: float, until: float) -> bool:
        """Whether silence until ``until`` proves that a submit at ``since`` was not accepted.

        Only if the account called back late in that time, calls back about this sort of job, and
        proofs came back all the while: what cuts off a POST often loses its callbacks as well.
        """
        late = max(since, until - self.doubt_window_s / 10)
        source = self.called_back_at is not None and self.called_back_at > late
        return source and self._would_tell(since, until)

    def may_tell_soon(self, since: float, until: float, now: float) -> bool:
        """Whether only the proof is awaited that was sent after ``until``."""
        if self.presence is None or now >= until + GONE_S:
            return False
        until_now = replace(self.presence, latest={"": until})
        return replace(self, presence=until_now).silence_tells(since, until)

    def unheard(self, since: float) -> bool:
        """Whether callbacks would have told of a task that was submitted at ``since``.

        Weaker than ``silence_tells``: none need have arrived lately.
        """
        return self._would_tell(since, since + self.runs_for_s)

    def _would_tell(self, since: float, until: float) -> bool:
        proven = self.presence is not None and self.presence.covers(since, until)
        return self.callbacks_flow is True and self.calls_back and proven


class Disposition(StrEnum):
    """What became of an event."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"  #: nothing new
    STALE = "stale"  #: about an earlier attempt, or older than what is known
    FOREIGN = "foreign"  #: about another task, or no task at all


@dataclass(frozen=True, slots=True)
class Decision:
    """The new state of the job, and its new children. Unless applied, nothing changes."""

    job: Job
    disposition: Disposition = Disposition.APPLIED
    children: tuple[Job, ...] = ()
    event: "Event | None" = None  #: what was decided about


@dataclass(frozen=True, slots=True)
class Started:
    """A worker took the job for ``account`` and prepares its POST."""

    account: str
    price: Amount = 0  #: of the submission, if it is accepted
    refundable: bool = False


@dataclass(frozen=True, slots=True)
class Posting:
    """The POST of ``attempt`` is about to leave.

    The attempt keeps a worker that was presumed dead from sending in place of its successor.
    """

    attempt: int
    custom_id: str | None = None  #: the button, if it was looked up
    modal_prompt: str | None = None
    fetched: JSON = field(default_factory=dict)  #: new entries of ``Job.fetched``


@dataclass(frozen=True, slots=True)
class Replied:
    """The POST of ``attempt`` was answered, refused locally, or cut off."""

    attempt: int
    verdict: Verdict
    parent_ended_at: float | None = None  #: when the task that it presses on ended, if known
    #: When the attempt began, if a fail-over may have given its number to another one.
    started_at: float | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """A task was observed: by callback, whose token names ``attempt``, or by polling."""

    snapshot: Snapshot
    attempt: int | None = None
    asked: bool = False  #: by polling
    body: Any = None  #: of the callback, for the job's history


@dataclass(frozen=True, slots=True)
class Missing:
    """The provider says that it does not know the task."""


@dataclass(frozen=True, slots=True)
class NotListed:
    """The provider's task list proves that ``attempt`` was not accepted (see ``task_list``)."""

    attempt: int


@dataclass(frozen=True, slots=True)
class TimePassed:
    """The job is due."""


@dataclass(frozen=True, slots=True)
class TroubleOver:
    """What the account refused the job for is over, or a person says so."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller cancels the job."""


@dataclass(frozen=True, slots=True)
class Retried:
    """The caller asks for another attempt."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A person ends a job's doubt; ``accepted`` needs the task id."""

    outcome: Literal["resubmit", "failed", "accepted"]
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class ModalAnswered:
    """The caller answered the window."""

    modal: Modal


@dataclass(frozen=True, slots=True)
class AssetsSettled:
    """The result's files are stored, or some or all were given up because of ``error``."""

    paths: tuple[str, ...]
    status: AssetsStatus
    files: tuple[StoredFile, ...] = ()  #: including tiles and thumbnails
    error: JobError | None = None
    colours: tuple[str, ...] = ()  #: see ``Result``


@dataclass(frozen=True, slots=True)
class AssetsDelayed:
    """The result's files could not be stored because of ``error``; tried again at ``next_at``."""

    error: JobError
    next_at: float  #: seconds since the epoch
    ends_at: float  #: likewise: when they are given up


@dataclass(frozen=True, slots=True)
class AssetsWanted:
    """The caller asks for the finished job's files again."""


@dataclass(frozen=True, slots=True)
class LinksRenewed:
    """The finished task was fetched again for fresh URLs of its files."""

    result: Result


@dataclass(frozen=True, slots=True)
class SeedSettled:
    """The image's seed is known, or unavailable because of ``error``."""

    seed: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Charged:
    """The provider's own ledger says what ``task_id`` costs."""

    task_id: str
    kept: Amount  #: what the provider keeps of the charge: all of it, or 0 after a refund
    charged: Amount | None = None  #: before a refund; None: the ledger has only what was kept


@dataclass(frozen=True, slots=True)
class SiblingsSeen:
    """The jobs that this one waits for, as they are now; missing ones are left out."""

    siblings: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Choosing:
    """A worker is about to call the function of a choose."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The function, called as ``attempt``, returned ``steps`` for the finished ``parent``."""

    attempt: int
    parent: Job
    steps: tuple[JSON, ...]


@dataclass(frozen=True, slots=True)
class NotChosen:
    """The function, called as ``attempt``, failed or does not exist."""

    attempt: int
    error: JobError


Event = (
    Started | Posting | Replied | Observed | Missing | NotListed | TimePassed
    | TroubleOver | Cancelled | Retried | Resolved | ModalAnswered | AssetsSettled
    | AssetsDelayed | AssetsWanted | LinksRenewed | SeedSettled | Charged | SiblingsSeen
    | Choosing | Chosen | NotChosen
)  # fmt: skip
