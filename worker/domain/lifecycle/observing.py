"""PURE. A task seen, by callback or by asking."""

from dataclasses import replace

from worker.domain import followups
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.events import Decision, Disposition, Missing, Observed, Policy
from worker.domain.job import Job, Status, Window
from worker.domain.lifecycle.again import ended_or_again, late_success
from worker.domain.lifecycle.doubting import other_attempt, seen_other, taken_over
from worker.domain.lifecycle.moves import (
    accepted,
    as_submitted,
    between_attempts,
    closed,
    ended,
    followed,
    freed,
    next_look,
    succeeded,
    window_open,
    with_task,
)
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus, Verdict


def observed(job: Job, event: Observed, now: float, policy: Policy) -> Decision:
    """Callbacks come twice, late, out of order and for what is over: most change nothing."""
    snapshot = event.snapshot
    if not snapshot.recognised or not job.attempts:
        return Decision(job, Disposition.FOREIGN)
    if (other := late_success(job, event) or other_attempt(job, event)) is not None:
        decision = seen_other(job, other, snapshot)
        return decision or _follow(taken_over(job, other, snapshot), event, now, policy)
    if _is_former(job, event):
        return Decision(job, Disposition.STALE)
    if snapshot.task_id in job.other_task_ids or between_attempts(job):
        return Decision(job, Disposition.STALE)
    if not _is_ours(job, snapshot):
        return Decision(job, Disposition.FOREIGN)
    if job.draining:
        return Decision(_drained(with_task(job, snapshot.task_id), snapshot))
    if job.status.terminal:
        return Decision(job, Disposition.DUPLICATE if _agrees(job, snapshot) else Disposition.STALE)
    return _follow(job, event, now, policy)


def _is_former(job: Job, event: Observed) -> bool:
    """Whether it is of an attempt that another one followed; the task may be the same all the same.

    A window's answer that is given again is another attempt at the same task.
    """
    if event.attempt in (None, followed(job).number):
        return False
    known = any(attempt.number == event.attempt for attempt in job.attempts)
    return not known or job.task_id is None or event.snapshot.task_id != job.task_id


def _drained(job: Job, snapshot: Snapshot) -> Job:
    """A cancelled job gives its slot back when its task ends, or waits for an answer for ever."""
    waits = snapshot.status is TaskStatus.MODAL and job.window is Window.NONE
    if snapshot.status.terminal or waits:
        return freed(job)
    return job


def _is_ours(job: Job, snapshot: Snapshot) -> bool:
    """A body may add nothing that its token does not own: another task's id is not taken over.

    Except while the answer to a window is on its way: it may open a new task, whose callback can
    overtake the reply that names it.
    """
    if None in (job.task_id, snapshot.task_id) or job.task_id == snapshot.task_id:
        return True
    return job.window is Window.OPEN and job.status in (Status.SUBMITTING, Status.IN_DOUBT)


def _follow(job: Job, event: Observed, now: float, policy: Policy) -> Decision:
    snapshot = event.snapshot
    if snapshot.status is TaskStatus.MODAL:
        return _seen_window(job, snapshot, now)
    if job.window is Window.OPEN and not _shows_answer_taken(job, snapshot):
        return Decision(job, Disposition.DUPLICATE)  # the task that waits for our answer
    if snapshot.status is TaskStatus.SUCCEEDED:
        if not event.asked and followups.incomplete(job, snapshot.result):
            return Decision(_ask_again(job, snapshot, now))
        return succeeded(with_task(job, snapshot.task_id), snapshot.result, now)
    if snapshot.status is TaskStatus.CANCELLED:
        return Decision(ended(job, Status.CANCELLED, now, snapshot.error))
    if snapshot.status is TaskStatus.FAILED:
        return Decision(_task_failed(with_task(job, snapshot.task_id), snapshot, now, policy))
    return Decision(_progressed(job, snapshot, now, policy))


def _shows_answer_taken(job: Job, snapshot: Snapshot) -> bool:
    if snapshot.status.terminal:
        return True
    sent = job.status in (Status.SUBMITTING, Status.IN_DOUBT)
    sent = sent or job.attempts[-1].given_up
    return sent and snapshot.status in (TaskStatus.SUBMITTED, TaskStatus.IN_PROGRESS)


def _progressed(job: Job, snapshot: Snapshot, now: float, policy: Policy) -> Job:
    status = job.status
    if status in (Status.QUEUED, Status.SUBMITTING, Status.IN_DOUBT):
        # It runs, so it was accepted, whatever became of the reply.
        job = accepted(job, snapshot.task_id, now, policy)
        status = Status.SUBMITTED
    if status is Status.SUBMITTED and snapshot.status is TaskStatus.IN_PROGRESS:
        status = Status.IN_PROGRESS
    progress = job.progress
    if snapshot.progress is not None:
        progress = max(job.progress or 0, snapshot.progress)
    job = replace(with_task(job, snapshot.task_id), missing_since=None)
    if (status, progress) == (job.status, job.progress):
        return job
    due_at = job.due_at  # just accepted, the first look is still to come
    job = replace(job, status=status, progress=progress, heard_at=now)
    if status is not Status.SUBMITTED or now >= (job.submitted_at or now) + policy.first_look_s:
        due_at = next_look(job, now, policy)
    return replace(job, due_at=due_at)


def _seen_window(job: Job, snapshot: Snapshot, now: float) -> Decision:
    """A gateway may hide that a window is open; the task's own status tells."""
    if job.window is not Window.NONE:
        return Decision(job, Disposition.DUPLICATE)  # being answered, or answered
    verdict = Verdict(
        Outcome.NEEDS_MODAL, task_id=snapshot.task_id, modal_prompt=snapshot.result.prompt
    )
    return Decision(window_open(job, verdict, now))


def _ask_again(job: Job, snapshot: Snapshot, now: float) -> Job:
    if job.progress == 100 and job.due_at is not None and job.due_at <= now:
        return job  # being asked already
    job = with_task(as_submitted(job, now), snapshot.task_id)
    return replace(
        job,
        status=Status.IN_PROGRESS,
        progress=100,
        window=closed(job.window),
        doubt_until=None,
        held=False,
        overdue_since=None,
        due_at=now,
    )


def _task_failed(job: Job, snapshot: Snapshot, now: float, policy: Policy) -> Job:
    if snapshot.error and snapshot.error.code == ErrorCode.TIMEOUT:
        if job.status is Status.OVERDUE:
            return job
        # Proxies give up on pictures that come later all the same; the task may have been paid.
        job = as_submitted(job, now)
        return replace(
            job,
            status=Status.OVERDUE,
            error=snapshot.error,
            doubt_until=None,
            held=False,
            overdue_since=min(job.deadline_at or now, now),
            heard_at=now,
            due_at=next_look(job, now, policy),
        )
    return ended_or_again(job, Status.FAILED, now, snapshot.error)


def _agrees(job: Job, snapshot: Snapshot) -> bool:
    return (job.status is Status.SUCCEEDED) == (snapshot.status is TaskStatus.SUCCEEDED)


def missing(job: Job, event: Missing, now: float, policy: Policy) -> Decision:
    """Gateways learn of a task late, so only a task unknown for long is lost."""
    running = job.status in (Status.SUBMITTED, Status.IN_PROGRESS, Status.OVERDUE)
    if not running and not job.draining:
        return Decision(job, Disposition.STALE)
    if job.missing_since is None:
        return Decision(replace(job, missing_since=now, due_at=next_look(job, now, policy)))
    if now - job.missing_since < policy.lost_after_s:
        return Decision(job, Disposition.DUPLICATE)
    if job.draining:
        return Decision(freed(job))
    error = job_error(ErrorCode.LOST, "The provider does not know the task any more.")
    return Decision(ended_or_again(job, Status.FAILED, now, error))
