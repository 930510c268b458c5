"""PURE. A job: one submission to the provider, as we record it. Values only, no decisions.

Every value is frozen; a change makes a copy (``dataclasses.replace``). Times are seconds since the
epoch, UTC. What may change a job is in ``worker.domain.lifecycle``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from worker.domain.money import Amount
from worker.domain.result import AssetsStatus, JobError, Keep, Result

JSON = Mapping[str, Any]


class Kind(StrEnum):
    """What is submitted; each kind is one of the provider's submit calls."""

    IMAGINE = "imagine"
    ACTION = "action"
    BLEND = "blend"
    DESCRIBE = "describe"
    MODAL = "modal"
    SHORTEN = "shorten"
    CHANGE = "change"
    EDITS = "edits"
    RETEXTURE = "retexture"
    VIDEO = "video"
    SWAP_FACE = "swap_face"
    UPLOAD = "upload"
    CHOOSE = "choose"  #: of us, not of the provider: a function of the user's chooses buttons


#: Kinds that the provider knows, and callers may hand in.
SUBMITTED_KINDS = tuple(kind for kind in Kind if kind is not Kind.CHOOSE)


class Status(StrEnum):
    """Where a job stands. Terminal statuses absorb."""

    QUEUED = "queued"  #: recorded, waits for a slot (or for the end of a backoff)
    SUBMITTING = "submitting"  #: holds a slot; the POST may be on its way
    SUBMITTED = "submitted"  #: the provider accepted it
    IN_PROGRESS = "in_progress"  #: the provider works on it
    AWAITING_MODAL = "awaiting_modal"  #: the provider wants the window's answer
    IN_DOUBT = "in_doubt"  #: the POST's outcome is unknown: it may have been accepted and paid
    OVERDUE = "overdue"  #: past its deadline, still watched for a late success
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def terminal(self) -> bool:
        """Whether the job is over; nothing but a caller's retry changes that."""
        return self in _TERMINAL


_TERMINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT})

#: Statuses in which the provider may be working for us, using a concurrent place of the account.
_RUNNING = frozenset(
    {Status.SUBMITTING, Status.SUBMITTED, Status.IN_PROGRESS, Status.IN_DOUBT, Status.OVERDUE}
)

#: Statuses in which the provider's task is watched, if there is one: a job in doubt has one when
#: the doubt is about the answer to a window.
_WATCHED = frozenset({Status.SUBMITTED, Status.IN_PROGRESS, Status.OVERDUE, Status.IN_DOUBT})

#: Kinds whose result the provider finds by the prompt's text: two with equal prompts must not run
#: at once on one account, or their pictures are swapped (seen on a running proxy: 3 of 3).
ROOT_KINDS = frozenset({Kind.IMAGINE, Kind.EDITS, Kind.RETEXTURE, Kind.VIDEO, Kind.SHORTEN})


class Window(StrEnum):
    """The window that some buttons open before their task starts."""

    NONE = "none"
    OPEN = "open"  #: the next POST is its answer
    ANSWERED = "answered"


class AttemptOutcome(StrEnum):
    """How an attempt ended."""

    NOT_YET = "not_yet"  #: refused, as the provider did not know the parent yet; it goes on
    TRY_LATER = "try_later"  #: refused before anything was paid; it goes on after a backoff
    PERMANENT = "permanent"  #: refused, as its account is at fault; another account goes on
    NOT_SENT = "not_sent"  #: its worker died before the POST could leave; its number stays used
    LOST = "lost"  #: of a choose: the worker that called the function is gone
    IN_DOUBT = "in_doubt"  #: given up in doubt; it may prove accepted all the same
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


_FINAL_OUTCOMES = frozenset(AttemptOutcome(status.value) for status in _TERMINAL)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to have the job accepted; its number is part of the state token of its POST."""

    number: int
    started_at: float
    outcome: AttemptOutcome | None = None  #: None: it is under way
    posted_at: float | None = None  #: when its POST was about to leave; None: nothing was sent
    task_id: str | None = None  #: what the provider accepted it as: it is paid for
    extra: bool = False  #: accepted although another attempt was: the job was paid for twice
    account: str = ""  #: where it was submitted
    price: Amount = 0  #: what it costs there, should it be accepted
    refundable: bool = False  #: whether that comes back should the task fail

    @property
    def given_up(self) -> bool:
        """Whether it was given up in doubt."""
        return self.outcome is AttemptOutcome.IN_DOUBT

    @property
    def over(self) -> bool:
        """Whether nothing more can be learnt of it: the job ended with it."""
        return self.outcome in _FINAL_OUTCOMES


@dataclass(frozen=True, slots=True)
class Modal:
    """The answer to the window that some buttons open. ``mask`` is a reference to a PNG."""

    prompt: str | None = None
    mask: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """The further attempts that a caller asked for in advance, should the provider's task fail."""

    attempts: int = 3  #: submissions that may be accepted, and paid, in all: 1-10
    backoff_s: int = 10  #: before the second one, twice that before the third, ...: 1-3600
    #: Codes of the errors to try again after; None: all after which that can help.
    on: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Notify:
    """Whom to tell, and of what: a webhook's ``url``, or a ``celery_task`` on a ``queue``."""

    topics: tuple[str, ...]  #: see ``worker.domain.notifications.Topic``
    url: str | None = None
    celery_task: str | None = None
    queue: str | None = None  #: None: Celery's default


@dataclass(frozen=True, slots=True)
class JobOptions:
    """What every kind of job takes, and what its follow-ups inherit."""

    priority: int = 5
    tenant: str = ""  #: for whom: tenants of one priority share the slots fairly
    mode: str | None = None
    deadline_s: int = 3600
    retry: Retry | None = None  #: what is tried again by itself; None: nothing that was accepted
    seed: bool = False  #: whether its picture's seed is asked for when it has succeeded
    keep: Keep | None = None  #: what of its result is stored; None: all of it
    notify: Notify | None = None  #: who is told of it; None: whom its account names, if any

    def following(self, parent: "JobOptions") -> "JobOptions":
        """For a follow-up by hand: the parent's tenant, files and caller, where none is named."""
        return replace(
            self,
            tenant=self.tenant or parent.tenant,
            keep=self.keep or parent.keep,
            notify=self.notify or parent.notify,
        )


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What was asked for, by whom or what."""

    kind: Kind
    request: JSON = field(default_factory=dict)  #: the kind's own fields, pictures as references
    then: tuple[JSON, ...] = ()  #: steps still in their request form
    options: JobOptions = JobOptions()
    metadata: JSON = field(default_factory=dict)
    fingerprint: str | None = None  #: hash of the request, to tell a repeat from another request
    anywhere: bool = False  #: any account may take it, until its task belongs to one
    created_at: float = 0.0
    pipeline_id: str = ""  #: the root's id
    parent_id: str | None = None
    batch_id: str | None = None
    row: int | None = None  #: the line of its batch's file
    row_key: str | None = None  #: what its batch knows the row by
    waits_for: tuple[str, ...] = ()  #: ids of the jobs whose results this one needs


@dataclass(frozen=True, slots=True)
class Job:
    """The record of one submission: what was asked for, and what became of it."""

    id: str
    spec: JobSpec
    version: int = 0  #: counts commits; 0 = never stored
    account: str = ""  #: where it is submitted; empty while it is ``anywhere`` and has not started
    fetched: JSON = field(default_factory=dict)  #: a picture's URL -> our copy of what it held
    awaited_by: tuple[str, ...] = ()  #: ids of the jobs that need this one's result
    status: Status = Status.QUEUED
    progress: int | None = None
    task_id: str | None = None
    other_task_ids: tuple[
        str, ...
    ] = ()  #: this job's too, but not followed: before a modal, a list's rest
    attempts: tuple[Attempt, ...] = ()
    refusals: int = 0  #: times told "try later" in a row; sets the backoff
    posting: bool = False  #: the present POST may have left this machine
    doubt_until: float | None = None  #: in doubt, until when silence tells nothing yet
    held: bool = False  #: in doubt for good: waits for a person or late evidence, without a slot
    window: Window = Window.NONE
    modal: Modal | None = None  #: the answer for the window, if one was given
    modal_prompt: str | None = None  #: the default prompt for the window
    draining: bool = False  #: ended for us while the provider still runs it: the slot is kept
    result: Result = Result()
    error: JobError | None = None
    submitted_at: float | None = None
    finished_at: float | None = None
    deadline_at: float | None = None
    overdue_since: float | None = None  #: its deadline, or when the provider said "timeout"
    heard_at: float | None = None  #: when the provider last told us something new about it
    told_at: float | None = None  #: when its progress was last told to the caller
    missing_since: float | None = None  #: when the provider first said that it has no such task
    #: When someone must look at the job again; None where nobody must: it is ready to start (the
    #: ready queue is looked at all the time) or over.
    due_at: float | None = None

    @property
    def kind(self) -> Kind:
        """What is submitted."""
        return self.spec.kind

    @property
    def request(self) -> JSON:
        """The kind's own fields."""
        return self.spec.request

    @property
    def metadata(self) -> JSON:
        """The caller's own notes."""
        return self.spec.metadata

    @property
    def options(self) -> JobOptions:
        """What its follow-ups inherit."""
        return self.spec.options

    @property
    def keep(self) -> Keep:
        """What of its result is stored."""
        return self.options.keep or Keep()

    def with_request(self, request: JSON) -> "Job":
        """The same job with another ``request``: what its submission needs was learnt."""
        return replace(self, spec=replace(self.spec, request=request))

    @property
    def attempt(self) -> int:
        """The number of the present attempt; 0 before the first."""
        return self.attempts[-1].number if self.attempts else 0

    @property
    def settled(self) -> bool:
        """Whether it is over, its files stored and its seed known, or these given up.

        Nothing more comes of it.
        """
        pending = self.result.assets_status is AssetsStatus.PENDING or self.seed_pending
        return self.status.terminal and not pending

    @property
    def holds_slot(self) -> bool:
        """Whether it uses one of its account's concurrent places."""
        if self.kind is Kind.CHOOSE:
            return False
        return (self.status in _RUNNING and not self.held) or self.draining

    @property
    def askable(self) -> bool:
        """Whether the provider can tell something new about it."""
        return self.task_id is not None and (self.status in _WATCHED or self.draining)

    @property
    def unidentified(self) -> bool:
        """Whether it may have been accepted under a task id that nobody told us."""
        return self.status is Status.IN_DOUBT and self.task_id is None

    @property
    def double_payments(self) -> tuple[Attempt, ...]:
        """The attempts that were accepted beside the one that is followed."""
        return tuple(attempt for attempt in self.attempts if attempt.extra)

    @property
    def seed_pending(self) -> bool:
        """Whether its seed is still to be asked for."""
        open_ = self.result.seed is None and self.result.seed_error is None
        return self.options.seed and self.status is Status.SUCCEEDED and open_

    @property
    def waiting(self) -> bool:
        """Whether it waits for another job's result or for our own function, not for a slot."""
        lacking = bool(self.spec.waits_for) and "images" not in self.request
        return self.status is Status.QUEUED and (lacking or self.kind is Kind.CHOOSE)

    @property
    def ready(self) -> bool:
        """Whether it may start as soon as there is a slot."""
        return self.status is Status.QUEUED and self.due_at is None and not self.waiting

    @property
    def bound(self) -> bool:
        """Whether only its account can go on with it."""
        return (
            not self.spec.anywhere or self.task_id is not None or self.status is not Status.QUEUED
        )

    @property
    def exclusive_prompt(self) -> str | None:
        """The prompt that no other running job of the account may share, if any."""
        if self.kind not in ROOT_KINDS:
            return None
        prompt = self.request.get("prompt")
        return " ".join(str(prompt).split()).lower() if prompt else None
