"""PURE. What can happen to a job, and how patient we are: the input of every decision."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from worker.domain.job import JSON, Job, Modal, Status
from worker.domain.money import Amount
from worker.domain.provider_reports import Snapshot, Verdict
from worker.domain.result import AssetsStatus, JobError, Result, StoredFile

#: What to do with a job whose doubt no evidence ended: wait for a person, submit it again, give up.
InDoubt = Literal["hold", "resubmit", "fail"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient we are with one account, and what is known of its callbacks. Seconds."""

    #: Longer than the POST's own deadline: past it the submitting worker is gone, or must not send.
    lease_s: float = 122.0
    first_look_s: float = 2.0  #: some tasks are finished at once and never call back
    grace_s: float = 1800.0  #: how long an overdue job is still watched
    lost_after_s: float = 300.0  #: a task that the provider does not know for so long is lost

    in_doubt: InDoubt = "hold"
    doubt_window_s: float = 1800.0  #: longer than the provider's slowest task and callback
    max_resubmits: int = 1  #: submissions of one job that may follow a doubt by themselves

    callbacks_flow: bool | None = None  #: None: not known yet
    calls_back: bool = False  #: whether this sort of job was called back about before
    lag_s: float | None = None  #: within which news of a running task usually comes
    called_back_at: float | None = None  #: when the account's last callback came
    receiving_since: float | None = None  #: since when our receiver missed no callback

    def silence_tells(self, since: float, until: float) -> bool:
        """Whether a submission at ``since``, had it been accepted, would be heard of by ``until``.

        Only if callbacks still came from this account late in that time, this sort of job is
        called back about, and our receiver was never away: a power cut that cuts a POST off also
        loses the callbacks that would tell of it.
        """
        late = max(since, until - self.doubt_window_s / 10)
        source = self.called_back_at is not None and self.called_back_at > late
        there = self.receiving_since is not None and self.receiving_since <= since
        return self.callbacks_flow is True and self.calls_back and source and there


class Disposition(StrEnum):
    """What became of an event."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"  #: told us nothing new
    STALE = "stale"  #: of an earlier attempt, or behind what we know
    FOREIGN = "foreign"  #: about another task, or no task at all


@dataclass(frozen=True, slots=True)
class Decision:
    """The job as it shall be. Only an applied event changes it."""

    job: Job
    disposition: Disposition = Disposition.APPLIED
    children: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True)
class Started:
    """A worker took the job for ``account`` and prepares its POST (reads pictures, finds the
    button).

    ``price``: of the submission, should it be accepted.
    """

    account: str
    price: Amount = 0
    refundable: bool = False


@dataclass(frozen=True, slots=True)
class Posting:
    """The prepared POST of ``attempt`` leaves next; ``custom_id`` is the button found meanwhile.

    Naming the attempt keeps a worker that was taken for dead from sending in its successor's place.
    ``fetched``: the copies that were made of pictures given as URLs, as ``Job.fetched``.
    """

    attempt: int
    custom_id: str | None = None
    modal_prompt: str | None = None
    fetched: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replied:
    """The submit of ``attempt`` was answered, refused locally, or cut off."""

    attempt: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Observed:
    """The task was seen: by callback, whose token names ``attempt``, or because we asked."""

    snapshot: Snapshot
    attempt: int | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """The provider says that it does not know the task."""


@dataclass(frozen=True, slots=True)
class TimePassed:
    """The job's ``due_at`` is over."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller gave it up."""


@dataclass(frozen=True, slots=True)
class Retried:
    """The caller wants a further attempt."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A person ended a job's doubt: ``resubmit``, ``failed`` or ``accepted`` with its task id."""

    outcome: Literal["resubmit", "failed", "accepted"]
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class ModalAnswered:
    """The caller answered the window."""

    modal: Modal


@dataclass(frozen=True, slots=True)
class AssetsSettled:
    """The result's files are stored below ``paths``, or cannot be had because of ``error``.

    ``files``: all that was written, tiles and thumbnails too.
    """

    paths: tuple[str, ...]
    status: AssetsStatus
    files: tuple[StoredFile, ...] = ()
    error: JobError | None = None


@dataclass(frozen=True, slots=True)
class LinksRenewed:
    """The provider was asked for the finished task anew: where its files are now."""

    result: Result


@dataclass(frozen=True, slots=True)
class SeedSettled:
    """The picture's seed is known, or cannot be had for the reason ``error``."""

    seed: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Sibling:
    """How a job that is waited for stands. ``picture``: where its result's picture is, if any."""

    job_id: str
    status: Status
    picture: str | None = None

    @classmethod
    def of(cls, job: Job) -> "Sibling":
        """The job as the one that waits for it sees it."""
        urls = (job.result.image_url, *job.result.image_urls)
        return cls(job.id, job.status, next(filter(None, urls), None))


@dataclass(frozen=True, slots=True)
class SiblingsSeen:
    """The jobs that this one waits for were looked at; one that is gone is left out."""

    siblings: tuple[Sibling, ...]


@dataclass(frozen=True, slots=True)
class Choosing:
    """A worker is about to call the function of a choose."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The function, called as ``attempt``, answered ``steps`` for the finished ``parent``."""

    attempt: int
    parent: Job
    steps: tuple[JSON, ...]


@dataclass(frozen=True, slots=True)
class NotChosen:
    """The function of ``attempt`` failed, or there is none."""

    attempt: int
    error: JobError


Event = (
    Started | Posting | Replied | Observed | Missing | TimePassed
    | Cancelled | Retried | Resolved | ModalAnswered | AssetsSettled
    | LinksRenewed | SeedSettled | SiblingsSeen | Choosing | Chosen | NotChosen
)  # fmt: skip
