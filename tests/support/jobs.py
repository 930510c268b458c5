"""Jobs for tests, with only what a test cares about said."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

from worker.events import Decision, Event, Policy
from worker.evidence import Snapshot, TaskStatus
from worker.job import Button, Job, Kind, Result
from worker.transition import transition

NOW = 1_800_000_000.0

GRID = (
    *(Button(f"MJ::JOB::upsample::{i}::4f2c", f"U{i}") for i in range(1, 5)),
    *(Button(f"MJ::JOB::variation::{i}::4f2c", f"V{i}") for i in range(1, 5)),
    Button("MJ::JOB::reroll::0::4f2c::SOLO", "", "🔄"),
)


def a_job(**fields: Any) -> Job:
    """A queued imagine of its own pipeline, with a prompt that no other job has."""
    job_id = fields.pop("id", uuid4().hex)
    defaults: dict[str, Any] = {
        "kind": Kind.IMAGINE,
        "account": "default",
        "pipeline_id": job_id,
        "created_at": NOW,
        "request": {"prompt": f"a cat {job_id}"},
    }
    return Job(id=job_id, **{**defaults, **fields})


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
