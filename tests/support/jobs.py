"""Jobs for tests, with only what a test cares about said."""

from dataclasses import fields as dataclass_fields
from dataclasses import replace
from typing import Any
from uuid import uuid4

from worker.domain.account.callback_stats import Sample, Source
from worker.domain.account.capacity import Capacity
from worker.domain.events import (
    Cancelled,
    Decision,
    Event,
    Observed,
    Policy,
    Posting,
    Replied,
    Started,
    TimePassed,
)
from worker.domain.job import Job, Status
from worker.domain.job_spec import JobOptions, JobSpec, Kind
from worker.domain.lifecycle import transition
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus, Verdict
from worker.domain.result import Button, JobError, Result

NOW = 1_800_000_000.0

GRID = (
    *(Button(f"MJ::JOB::upsample::{i}::4f2c", f"U{i}") for i in range(1, 5)),
    *(Button(f"MJ::JOB::variation::{i}::4f2c", f"V{i}") for i in range(1, 5)),
    Button("MJ::JOB::reroll::0::4f2c::SOLO", "", "🔄"),
)


def sample(how: Source, **more: Any) -> Sample:
    """What a commit teaches about its account, of an imagine unless said otherwise."""
    return Sample(how, more.pop("at", NOW), more.pop("sort", "imagine"), **more)


def capacity(slots: int = 3, account: str = "default", **more: Any) -> Capacity:
    """An account with so many slots, none for films, and no other limit unless it is given."""
    return Capacity(account, image_slots=slots, **more)


def a_job(**fields: Any) -> Job:
    """A queued imagine of its own pipeline, with a prompt that no other job has."""
    job_id = fields.pop("id", uuid4().hex)
    spec = JobSpec(Kind.IMAGINE, {"prompt": f"a cat {job_id}"}, created_at=NOW, pipeline_id=job_id)
    return changed(Job(job_id, spec, account="default"), **fields)


def changed(job: Job, **fields: Any) -> Job:
    """The job with other fields, wherever in it they are."""

    def taken(cls: type) -> dict[str, Any]:
        return {
            each.name: fields.pop(each.name)
            for each in dataclass_fields(cls)
            if each.name in fields
        }

    options = replace(job.options, **taken(JobOptions))
    spec = replace(job.spec, options=options, **taken(JobSpec))
    return replace(job, spec=spec, **fields)


def after(job: Job, *events: Event, now: float = NOW, policy: Policy | None = None) -> Decision:
    """The decision on the last of ``events``, each applied to what the one before left."""
    decision = Decision(job)
    for event in events:
        decision = transition(decision.job, event, now, policy or Policy())
    return decision


def a_snapshot(status: TaskStatus = TaskStatus.SUCCEEDED, **fields: Any) -> Snapshot:
    """A task as seen; a success has a picture and the buttons of a grid."""
    result = fields.pop("result", None)
    if result is None and status is TaskStatus.SUCCEEDED:
        result = Result(image_url="https://cdn.example/grid.png", buttons=GRID)
    snapshot = Snapshot(task_id=fields.pop("task_id", "t1"), status=status, **fields)
    return replace(snapshot, result=result or Result())


ACCEPTED = Replied(1, Verdict(Outcome.ACCEPTED, task_id="t1"))
REFUSED = Replied(1, Verdict(Outcome.TRY_LATER, error=JobError("queue_full", "The queue is full.")))
CUT_OFF = Replied(1, Verdict(Outcome.IN_DOUBT))
TURNED_DOWN = Replied(1, Verdict(Outcome.PERMANENT, error=JobError("moderated", "Banned word.")))
WINDOW = Replied(1, Verdict(Outcome.NEEDS_MODAL, task_id="t1", modal_prompt="a cat"))
GAVE_UP = JobError("timeout", "Task timeout")


def callback(status: TaskStatus, attempt: int | None = 1, **fields: Any) -> Observed:
    """What a callback tells; as it may come with any attempt's token, and with any task id."""
    return Observed(a_snapshot(status, **fields), attempt=attempt)


TIMEOUT = callback(TaskStatus.FAILED, error=GAVE_UP)

_WAY: dict[Status, tuple[Event, ...]] = {
    Status.QUEUED: (),
    Status.SUBMITTING: (Started("default"), Posting(1)),
    Status.SUBMITTED: (Started("default"), Posting(1), ACCEPTED),
    Status.IN_PROGRESS: (
        Started("default"), Posting(1), ACCEPTED, callback(TaskStatus.IN_PROGRESS, progress=40)
    ),
    Status.AWAITING_MODAL: (Started("default"), Posting(1), WINDOW),
    Status.IN_DOUBT: (Started("default"), Posting(1), CUT_OFF),
    Status.OVERDUE: (Started("default"), Posting(1), ACCEPTED, TIMEOUT),
    Status.SUCCEEDED: (Started("default"), Posting(1), ACCEPTED, callback(TaskStatus.SUCCEEDED)),
    Status.FAILED: (Started("default"), Posting(1), TURNED_DOWN),
    Status.CANCELLED: (Started("default"), Cancelled()),
}  # fmt: skip


def in_status(status: Status, **fields: Any) -> Job:
    """A job that came to ``status`` by the events that usually lead there."""
    if status is Status.AWAITING_MODAL:
        request = {"task_id": "t0", "custom_id": "MJ::CustomZoom::4f2c"}
        fields |= {"kind": Kind.ACTION, "request": request}
    if status is Status.TIMED_OUT:
        grace_over = NOW + Policy().grace_s
        return after(in_status(Status.OVERDUE, **fields), TimePassed(), now=grace_over).job
    return after(a_job(**fields), *_WAY[status]).job
