"""PURE. What a provider told us, in our words: the verdict on a submission, the snapshot of a task.

``worker.adapters.provider`` makes these from whatever JSON came; ``lifecycle`` decides by them.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from worker.domain.result import JobError, Result


class Outcome(StrEnum):
    """What became of one submission."""

    ACCEPTED = "accepted"  #: paid; a task id is known
    NEEDS_MODAL = "needs_modal"  #: a task waits for the window's answer
    EXISTS = "exists"  #: the provider already has such a task: adopt it
    DONE = "done"  #: answered at once, without a task (upload)
    NOT_YET = "not_yet"  #: the gateway lags behind its own callback: again in seconds
    TRY_LATER = "try_later"  #: refused before anything was paid: again after a backoff
    PERMANENT = "permanent"  #: refused for good
    IN_DOUBT = "in_doubt"  #: nobody knows: never POST again blindly


@dataclass(frozen=True, slots=True)
class Verdict:
    """The reply to one submit, classified."""

    outcome: Outcome
    task_id: str | None = None
    other_task_ids: tuple[str, ...] = ()  #: further ids of a comma-joined result
    result: Result | None = None  #: with DONE and EXISTS: what is already known of the result
    modal_prompt: str | None = None  #: with NEEDS_MODAL: the provider's default prompt
    error: JobError | None = None  #: with every refusal and with IN_DOUBT: the reason
    slow: bool = False  #: with TRY_LATER: the trouble will last (no channel for the model)
    account_trouble: bool = False  #: the key, quota or account is at fault, not the job


@dataclass(frozen=True, slots=True)
class SeedReply:
    """What a provider answered when it was asked for a picture's seed."""

    seed: str | None = None
    error: str | None = None  #: without a seed: the reason
    lasting: bool = False  #: without a seed: asking again would not help


class TaskStatus(StrEnum):
    """A task's status in our words."""

    PENDING = "pending"  #: not started, empty or unknown words
    SUBMITTED = "submitted"
    IN_PROGRESS = "in_progress"
    MODAL = "modal"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether the provider is done with the task."""
        return self in {TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.CANCELLED}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A task as the provider described it, by callback or by fetch."""

    task_id: str | None
    status: TaskStatus
    progress: int | None = None  #: 0-100
    state: str | None = None  #: what we sent as ``state``, when it came back
    result: Result = field(default_factory=Result)
    error: JobError | None = None  #: with FAILED and CANCELLED
    recognised: bool = (
        True  #: False when it is no task of this protocol (another product's callback)
    )
