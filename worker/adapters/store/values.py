"""PURE. What the store takes and returns apart from jobs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_lowercase, ascii_uppercase
from typing import Literal, NamedTuple

from worker.domain.account.capacity import Capacity
from worker.domain.audit import Change
from worker.domain.errors import HooklineError, StaleVersion, StoreUnavailable
from worker.domain.inbox import Callback
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind, Notify
from worker.domain.money import Amount
from worker.domain.notifications import Notification
from worker.domain.refusals import Refusal


class NoFreeSlot(HooklineError):
    """The account cannot start the job now: no slot, no money, its pace, or an equal prompt."""

    retryable = True


class NotReplicated(StoreUnavailable):
    """Too few replicas of Redis have what was written: a fail-over may forget it.

    ``outcomes``: what became of each change, as ``JobStore.commit_all`` would have returned it.
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        outcomes: Sequence["Openings | NoFreeSlot | StaleVersion"] = (),
    ) -> None:
        self.outcomes = outcomes
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Page:
    """Some jobs, newest first; ``cursor`` continues the listing, None: it is complete."""

    jobs: tuple[Job, ...]
    cursor: str | None = None


_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs to list; None = any."""

    status: Status | None = None
    kind: Kind | None = None
    account: str | None = None
    batch_id: str | None = None
    tenant: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()  #: names and values that it has; numbers as text
    text: str | None = None  #: what its prompt has in it; A-Z are the same as a-z
    roots: bool = False  #: only those that no other job started
    double_payments: bool = False  #: only jobs that were paid for twice

    def says(self, job: Job) -> bool:
        """Whether the job's prompt has the text."""
        if self.text is None:
            return True
        return self.text.translate(_LOWER) in str(job.request.get("prompt", "")).translate(_LOWER)


@dataclass(frozen=True, slots=True)
class Load:
    """An account's running and ready jobs; films are counted apart."""

    images: int = 0  #: jobs that hold one of its slots
    films: int = 0
    ready: int = 0  #: its own jobs that wait for a slot only
    ready_films: int = 0
    anywhere: int = 0  #: jobs that any account could start
    anywhere_films: int = 0

    @property
    def running(self) -> int:
        """Jobs that hold a slot."""
        return self.images + self.films

    def free(self, capacity: Capacity) -> int:
        """How many more jobs may run; a trial has a place of its own."""
        if capacity.trial is not None:
            return min(1, capacity.all_slots)
        images = max(0, capacity.image_slots - self.images)
        return images + max(0, capacity.video_slots - self.films)

    def startable(self, capacity: Capacity) -> int:
        """How many jobs the free slots allow to start now."""
        if capacity.trial is not None:
            images = min(capacity.image_slots, self.ready + self.anywhere)
            return min(
                1, images + min(capacity.video_slots, self.ready_films + self.anywhere_films)
            )
        images = min(max(0, capacity.image_slots - self.images), self.ready + self.anywhere)
        films = max(0, capacity.video_slots - self.films)
        return images + min(films, self.ready_films + self.anywhere_films)


class Openings(NamedTuple):
    """What became startable with a commit."""

    own: int = 0  #: jobs that the job's own account can start now
    anywhere: int = 0  #: jobs that became ready for any account
    calls: bool = False  #: whether to wake a worker for the former; else a wake-up is on its way


PipelineStatus = Literal["open", "succeeded", "failed", "partly_failed"]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A root job and its descendants, parents before children."""

    id: str
    jobs: tuple[Job, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """Jobs per status, only those above zero."""
        return Counter(job.status.value for job in self.jobs)

    @property
    def status(self) -> PipelineStatus:
        """``failed`` if the root did not succeed, ``partly_failed`` if only other jobs did not."""
        statuses = {job.status for job in self.jobs}
        if not all(status.terminal for status in statuses):
            return "open"
        if statuses == {Status.SUCCEEDED}:
            return "succeeded"
        root = next((job for job in self.jobs if job.id == self.id), None)
        return "partly_failed" if root and root.status is Status.SUCCEEDED else "failed"


@dataclass(frozen=True, slots=True)
class Batch:
    """Many root jobs submitted together."""

    id: str
    name: str
    created_at: float
    budget: Amount | None = None  #: what all its jobs may cost; None: no limit
    planned: int = 1  #: jobs per row, follow-ups included, as far as known
    notify: Notify | None = None  #: where its end is notified
    tenant: str = ""  #: whose token submitted it; empty: the operator's own
    rows: int = 0  #: root jobs
    bad: int = 0  #: invalid rows of the file
    counts: Mapping[str, int] = field(default_factory=dict)  #: its jobs per status
    errors: Mapping[str, int] = field(default_factory=dict)  #: its failed jobs per error code


@dataclass(frozen=True, slots=True)
class NotificationPage:
    """Some notifications, newest first; ``cursor`` continues the listing, None: it is complete."""

    notifications: tuple[Notification, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class RefusalPage:
    """Some refusals, newest first; ``cursor`` continues the listing, None: it is complete."""

    refusals: tuple[Refusal, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Some of the audit trail, newest first; ``cursor`` continues it, None: it is complete."""

    changes: tuple[Change, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class CallbackPage:
    """Some of the inbox, newest first; ``cursor`` continues it, None: it is complete."""

    callbacks: tuple[Callback, ...]
    cursor: str | None = None
