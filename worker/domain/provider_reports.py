"""PURE. A provider's replies, normalised: the verdict on a submission, the snapshot of a task.

``worker.adapters.provider`` makes them from the provider's JSON.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from worker.domain.result import JobError, Result


class Outcome(StrEnum):
    """The outcome of one submission."""

    ACCEPTED = "accepted"  #: and paid; the task id is known
    NEEDS_MODAL = "needs_modal"  #: the task waits for the answer to its window
    EXISTS = "exists"  #: the provider has this task already: follow it
    DONE = "done"  #: the result came at once, without a task (upload)
    NOT_YET = "not_yet"  #: the gateway lags behind its own callback: retry in seconds
    TRY_LATER = "try_later"  #: refused, not paid: retry after a backoff
    PERMANENT = "permanent"  #: refused for good
    IN_DOUBT = "in_doubt"  #: unknown: never resend blindly


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as it came, for the job's history. Secrets may be in it."""

    status: int  #: HTTP's
    code: int | None  #: the provider's
    body: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The classified reply to one submit."""

    outcome: Outcome
    task_id: str | None = None
    other_task_ids: tuple[str, ...] = ()  #: the further ids of a comma-separated result
    result: Result | None = None  #: with DONE and EXISTS, as far as it is known
    modal_prompt: str | None = None  #: with NEEDS_MODAL: the provider's default prompt
    error: JobError | None = None  #: with every refusal and IN_DOUBT
    slow: bool = False  #: with TRY_LATER: the problem will last (no channel for the model)
    account_trouble: bool = False  #: the key, quota or account is at fault, not the job
    lacks_call: bool = False  #: the provider was shown to have no such call
    reply: Reply | None = field(default=None, compare=False)  #: None: there was none


@dataclass(frozen=True, slots=True)
class SeedReply:
    """The reply to a request for an image's seed."""

    seed: str | None = None
    error: str | None = None  #: why there is no seed
    lasting: bool = False  #: with an error: asking again does not help


class TaskStatus(StrEnum):
    """A task's normalised status."""

    PENDING = "pending"  #: not started, or the provider's status is empty or unknown
    SUBMITTED = "submitted"
    IN_PROGRESS = "in_progress"
    MODAL = "modal"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether the task has ended."""
        return self in {TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.CANCELLED}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A task as the provider described it, by callback or when polled."""

    task_id: str | None
    status: TaskStatus
    progress: int | None = None  #: 0-100
    state: str | None = None  #: our ``state``, if the provider returned it
    result: Result = Result()
    error: JobError | None = None  #: with FAILED and CANCELLED
    recognised: bool = True  #: False: not a task of this protocol (another product's callback)
    #: When the task ended, by the provider's clock, in seconds since the epoch.
    ended_at: float | None = field(default=None, compare=False)
