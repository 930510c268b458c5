"""Every event in every status, on one page."""

from dataclasses import replace

import pytest

from tests.support.jobs import (
    ACCEPTED,
    CUT_OFF,
    NOW,
    REFUSED,
    TIMEOUT,
    TURNED_DOWN,
    WINDOW,
    after,
    callback,
    changed,
    in_status,
)
from worker.domain.errors import Conflict
from worker.domain.events import (
    AssetsSettled,
    Cancelled,
    Disposition,
    Event,
    LinksRenewed,
    Missing,
    ModalAnswered,
    Policy,
    Posting,
    Resolved,
    Retried,
    SeedSettled,
    Started,
    TimePassed,
)
from worker.domain.job import Job, Modal, Status
from worker.domain.provider_reports import TaskStatus
from worker.domain.result import AssetsStatus, JobError, Result

EVENTS: dict[str, Event] = {
    "started": Started("default"),
    "posting": Posting(1),
    "accepted": ACCEPTED,
    "refused": REFUSED,
    "turned down": TURNED_DOWN,
    "cut off": CUT_OFF,
    "wants window": WINDOW,
    "seen pending": callback(TaskStatus.PENDING),
    "seen running": callback(TaskStatus.IN_PROGRESS, progress=60),
    "seen done": callback(TaskStatus.SUCCEEDED),
    "seen failed": callback(TaskStatus.FAILED, error=JobError("failed", "no")),
    "seen timeout": TIMEOUT,
    "seen cancel": callback(TaskStatus.CANCELLED),
    "seen window": callback(TaskStatus.MODAL),
    "lost": Missing(),
    "deadline": TimePassed(),
    "grace over": TimePassed(),
    "cancel": Cancelled(),
    "retry": Retried(),
    "resubmit": Resolved("resubmit"),
    "give up": Resolved("failed"),
    "was taken": Resolved("accepted", "t1"),
    "answer": ModalAnswered(Modal("a cat --zoom 2")),
    "files": AssetsSettled(("a.png",), AssetsStatus.STORED),
    "seed": SeedSettled("42"),
    "new links": LinksRenewed(Result(image_url="https://cdn.example/new.png")),
}

#: The status that the event leads to, or: . stale, = duplicate, ? foreign, ! refused as a conflict.
TABLE = """
             queued     submitting     submitted      in_progress    awaiting_modal in_doubt       overdue        succeeded failed cancelled timed_out
started      submitting .              .              .              .              .              .              .         .      .         .
posting      .          .              .              .              .              .              .              .         .      .         .
accepted     .          submitted      .              .              .              submitted      .              .         .      .         .
refused      .          queued         .              .              .              queued         .              .         .      .         .
turned down  .          failed         .              .              .              failed         .              .         .      .         .
cut off      .          in_doubt       .              .              .              in_doubt       .              .         .      .         .
wants window .          queued         .              .              .              queued         .              .         .      .         .
seen pending ?          submitted      =              =              =              submitted      =              .         =      =         =
seen running ?          in_progress    in_progress    in_progress    =              in_progress    overdue        .         =      =         =
seen done    ?          succeeded      succeeded      succeeded      succeeded      succeeded      succeeded      =         .      .         .
seen failed  ?          failed         failed         failed         failed         failed         failed         .         =      =         =
seen timeout ?          overdue        overdue        overdue        overdue        overdue        =              .         =      =         =
seen cancel  ?          cancelled      cancelled      cancelled      cancelled      cancelled      cancelled      .         =      =         =
seen window  ?          awaiting_modal awaiting_modal awaiting_modal =              awaiting_modal awaiting_modal .         =      =         =
lost         .          .              failed         failed         .              .              failed         .         .      .         .
deadline     .          in_doubt       overdue        overdue        timed_out      in_doubt       =              =         .      .         .
grace over   .          in_doubt       overdue        overdue        timed_out      in_doubt       timed_out      =         .      .         .
cancel       cancelled  cancelled      cancelled      cancelled      cancelled      cancelled      cancelled      !         !      !         !
retry        !          !              !              !              !              !              !              !         queued queued    queued
resubmit     !          !              !              !              !              queued         !              !         !      !         !
give up      !          !              !              !              !              failed         !              !         !      !         !
was taken    !          !              !              !              !              submitted      !              !         !      !         !
answer       !          !              !              !              queued         !              !              !         !      !         !
files        .          .              .              .              .              .              .              succeeded .      .         .
seed         .          .              .              .              .              .              .              succeeded .      .         .
new links    .          .              .              .              .              .              .              succeeded .      .         .
"""  # noqa: E501 - a table

_SIGNS = {Disposition.STALE: ".", Disposition.DUPLICATE: "=", Disposition.FOREIGN: "?"}


def _cells() -> list[tuple[str, Status, str]]:
    head, *rows = TABLE.strip("\n").splitlines()
    statuses = [Status(name) for name in head.split()]
    return [
        (row[:13].strip(), status, cell)
        for row in rows
        for status, cell in zip(statuses, row[13:].split(), strict=True)
    ]


def _outcome(job: Job, name: str) -> str:
    deadline = job.overdue_since or job.deadline_at or NOW + job.options.deadline_s
    times = {"deadline": deadline, "grace over": deadline + Policy().grace_s}
    now = times.get(name, NOW + Policy().lost_after_s)
    if name in times and job.due_at is not None:
        job = replace(job, due_at=min(job.due_at, now))
    if name == "lost":  # it was said before, long ago
        job = replace(job, missing_since=NOW)
    try:
        decision = after(job, EVENTS[name], now=now)
    except Conflict:
        return "!"
    if decision.disposition is not Disposition.APPLIED:
        assert decision.job == job, "only an applied event changes the job"
        assert decision.children == ()
    return _SIGNS.get(decision.disposition, decision.job.status.value)


@pytest.mark.parametrize("status", Status)
def test_every_event_in_every_status(status: Status) -> None:
    job = changed(in_status(status), seed=True)
    assert job.status is status
    row = {name: cell for name, of, cell in _cells() if of is status}
    assert {name: _outcome(job, name) for name in EVENTS} == row
