"""PURE. A job: one submission to the provider, as we record it. Values only, no decisions.

Times are seconds since the epoch. ``worker.domain.lifecycle`` decides every change of a job.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

from worker.domain import films, prompts
from worker.domain.job_spec import JSON, ROOT_KINDS, Flat, JobOptions, JobSpec, Kind
from worker.domain.money import Amount
from worker.domain.result import AssetsStatus, JobError, Keep, Result

__all__ = ["Attempt", "AttemptOutcome", "Job", "Modal", "Status", "Window", "changed"]


class Status(StrEnum):
    """A job's status. Terminal statuses absorb."""

    QUEUED = "queued"  #: recorded; waits for a slot or for the end of a backoff
    SUBMITTING = "submitting"  #: holds a slot; the POST may be under way
    SUBMITTED = "submitted"  #: the provider accepted it
    IN_PROGRESS = "in_progress"  #: the provider is working on it
    AWAITING_MODAL = "awaiting_modal"  #: waits for the caller's answer to the window
    IN_DOUBT = "in_doubt"  #: the POST's outcome is unknown: it may have been accepted and paid
    OVERDUE = "overdue"  #: past its deadline; still watched for a late success
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def terminal(self) -> bool:
        """Whether the job is over; only a retry or a late success changes that."""
        return self in _TERMINAL


_TERMINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT})

#: Statuses in which the job uses one of the account's concurrent slots.
_RUNNING = frozenset(
    {Status.SUBMITTING, Status.SUBMITTED, Status.IN_PROGRESS, Status.IN_DOUBT, Status.OVERDUE}
)

#: Statuses in which the job's task is polled, if it has one: a job in doubt has one if the doubt is
#: about the answer to a window.
_WATCHED = frozenset({Status.SUBMITTED, Status.IN_PROGRESS, Status.OVERDUE, Status.IN_DOUBT})


class Window(StrEnum):
    """The window that some buttons open before their task starts."""

    NONE = "none"
    OPEN = "open"  #: the next POST is its answer
    ANSWERED = "answered"


class AttemptOutcome(StrEnum):
    """How an attempt ended."""

    NOT_YET = (
        "not_yet"  #: refused, as the provider does not know the parent yet; the attempt continues
    )
    TRY_LATER = "try_later"  #: refused, not paid; the attempt continues after a backoff
    PERMANENT = "permanent"  #: refused because of the account; another account continues
    NOT_SENT = "not_sent"  #: its worker died before the POST could leave; the number is not reused
    LOST = "lost"  #: of a choose: the worker that called the function died
    IN_DOUBT = "in_doubt"  #: given up in doubt; may still turn out to be accepted
    NOT_LISTED = "not_listed"  #: not accepted, as the provider's task list proves
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


#: Of an attempt that the account refused, and that continues later.
_REFUSED = frozenset({AttemptOutcome.TRY_LATER, AttemptOutcome.PERMANENT})
_FINAL_OUTCOMES = frozenset(AttemptOutcome(status.value) for status in _TERMINAL)


@dataclass(frozen=True)  # without slots: see `changed`
class Attempt:
    """One try to have the job accepted. The number is part of the state token in its POST."""

    number: int
    started_at: float
    outcome: AttemptOutcome | None = None  #: None: it is under way
    posted_at: float | None = None  #: when its POST was about to leave; None: not sent
    task_id: str | None = None  #: the accepted, and therefore paid, task
    extra: bool = False  #: accepted although another attempt was: a double payment
    account: str = ""  #: that it was submitted to
    price: Amount = 0  #: there, if it is accepted
    refundable: bool = False  #: whether the price is refunded if the task fails
    charged: Amount | None = None  #: by the provider's own ledger; None: not read, the price counts
    refunded: Amount = 0  #: of ``charged``, by the provider's own ledger

    @property
    def given_up(self) -> bool:
        """Whether it was given up, and must still be recognised if it was accepted after all."""
        return self.outcome in (AttemptOutcome.IN_DOUBT, AttemptOutcome.NOT_LISTED)

    @property
    def over(self) -> bool:
        """Whether the job ended with it."""
        return self.outcome in _FINAL_OUTCOMES


@dataclass(frozen=True, slots=True)
class Modal:
    """The answer to a button's window. ``mask`` is a reference to a PNG."""

    prompt: str | None = None
    mask: str | None = None


@dataclass(frozen=True)  # without slots: see `changed`
class Job:
    """One submission: what was asked for, and what became of it."""

    id: str
    spec: Annotated[JobSpec, Flat]
    account: str  #: empty while it is ``anywhere`` and has not started
    version: int = 0  #: counts commits; 0 = never stored
    #: Of the commit that wrote it, where replicas count: after a fail-over the same version may be
    #: another commit's.
    mark: str = field(default="", compare=False)
    fetched: JSON = field(default_factory=dict)  #: image URL -> our copy
    awaited_by: tuple[str, ...] = ()  #: ids of the jobs that need this one's result
    status: Status = Status.QUEUED
    progress: int | None = None
    task_id: str | None = None
    #: Its tasks that are not followed: earlier ones, and the rest of a list.
    other_task_ids: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    refusals: int = 0  #: "try later" replies in a row; sets the backoff
    posting: bool = False  #: the present POST may have left
    doubt_until: float | None = None  #: end of the doubt window; earlier silence proves nothing
    held: bool = False  #: in doubt past the window: waits for a person or evidence, without a slot
    #: In doubt, overdue or draining: still watched, but its slot and prompt are free for others.
    place_freed: bool = False
    window: Window = Window.NONE
    modal: Modal | None = None  #: the caller's answer to the window
    modal_prompt: str | None = None  #: the window's default prompt
    draining: bool = False  #: cancelled while the provider may be running it
    result: Result = Result()
    error: JobError | None = None
    submitted_at: float | None = None
    finished_at: float | None = None
    deadline_at: float | None = None
    overdue_since: float | None = None  #: its deadline, or when the provider reported a timeout
    heard_at: float | None = None  #: when the provider last reported a change
    told_at: float | None = None  #: when its progress was last notified
    missing_since: float | None = None  #: when the provider first reported the task as unknown
    due_at: float | None = None  #: when the sweep must look at it; None: it is ready or over

    @property
    def kind(self) -> Kind:
        """Its kind, as in its spec."""
        return self.spec.kind

    @property
    def request(self) -> JSON:
        """The kind's own fields, as in its spec."""
        return self.spec.request

    @property
    def metadata(self) -> JSON:
        """The caller's metadata, as in its spec."""
        return self.spec.metadata

    @property
    def options(self) -> JobOptions:
        """Its options, as in its spec."""
        return self.spec.options

    @property
    def keep(self) -> Keep:
        """Which of its files are stored."""
        return self.options.keep or Keep()

    @property
    def makes_film(self) -> bool:
        """Whether its result is a film, whether by its kind or by the button that it presses."""
        return films.makes_film(self.kind, self.request)

    def with_request(self, request: JSON) -> "Job":
        """A copy with another ``request``, once more is known of what its submission needs."""
        return changed(self, spec=changed(self.spec, request=request))

    @property
    def attempt(self) -> int:
        """Number of the present attempt; 0 before the first."""
        return self.attempts[-1].number if self.attempts else 0

    @property
    def settled(self) -> bool:
        """Whether it is over, and its files and seed are stored or given up."""
        pending = self.result.assets_status is AssetsStatus.PENDING or self.seed_pending
        return self.status.terminal and not pending

    @property
    def files_since(self) -> float | None:
        """Since when its files are being fetched: its end, or when they were asked for again."""
        return self.result.assets_wanted_at or self.finished_at

    @property
    def holds_slot(self) -> bool:
        """Whether it uses one of its account's concurrent slots."""
        if self.kind is Kind.CHOOSE:
            return False
        running = (self.status in _RUNNING and not self.held) or self.draining
        return running and not self.place_freed

    @property
    def askable(self) -> bool:
        """Whether the provider can be polled for it."""
        return self.task_id is not None and (self.status in _WATCHED or self.draining)

    @property
    def unidentified(self) -> bool:
        """Whether it may have been accepted under an unknown task id."""
        doubtful = self.status is Status.IN_DOUBT or self.draining
        return doubtful and self.task_id is None

    @property
    def double_payments(self) -> tuple[Attempt, ...]:
        """Attempts that were accepted in addition to the one that is followed."""
        return tuple(attempt for attempt in self.attempts if attempt.extra)

    @property
    def seed_pending(self) -> bool:
        """Whether the provider still has to be asked for its seed."""
        open_ = self.result.seed is None and self.result.seed_error is None
        return self.options.seed and self.status is Status.SUCCEEDED and open_

    @property
    def waiting(self) -> bool:
        """Whether it waits for another job's result or for a choose function, not for a slot."""
        lacking = bool(self.spec.waits_for) and "images" not in self.request
        return self.status is Status.QUEUED and (lacking or self.kind is Kind.CHOOSE)

    @property
    def ready(self) -> bool:
        """Whether it can start as soon as there is a slot."""
        return self.status is Status.QUEUED and self.due_at is None and not self.waiting

    @property
    def look_at(self) -> float | None:
        """When the sweep must look at it: a ready job, which an account may refuse to take for
        long, at its deadline.
        """
        return self.deadline_at if self.ready else self.due_at

    @property
    def held_back(self) -> bool:
        """Whether it waits for another try because an account refused it."""
        waits = self.status is Status.QUEUED and self.due_at is not None and not self.waiting
        return waits and bool(self.attempts) and self.attempts[-1].outcome in _REFUSED

    @property
    def bound(self) -> bool:
        """Whether it belongs to its account for good."""
        free = self.spec.anywhere and self.task_id is None and self.status is Status.QUEUED
        return not free

    @property
    def exclusive_prompt(self) -> str | None:
        """The prompt that no other running job of the account may have."""
        if self.kind not in ROOT_KINDS:
            return None
        return prompts.as_sent(str(self.request.get("prompt") or "")).lower() or None


Record = TypeVar("Record", Job, JobSpec, Result, Attempt)

if TYPE_CHECKING:  # which knows the types of the fields for this one only
    from dataclasses import replace as changed
else:

    def changed(record: Record, /, **fields: object) -> Record:
        """A copy of a job, its spec, its result or an attempt with these fields:
        ``dataclasses.replace``, for a tenth of its cost.

        Every change of a job makes ten copies or so. Raises ``TypeError`` for an unknown field.
        """
        kind = type(record)
        if unknown := fields.keys() - kind.__dataclass_fields__.keys():
            raise TypeError(f"{kind.__name__} has no field {min(unknown)!r}.")
        copy = object.__new__(kind)
        copy.__dict__.update(record.__dict__, **fields)  # a frozen one may be written no other way
        return copy
