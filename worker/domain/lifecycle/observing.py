"""PURE. A task was observed, by callback or by polling."""

from dataclasses import replace

from worker.domain import followups
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.events import Decision, Disposition, Missing, Observed, Policy
from worker.domain.job import Job, Status, Window, changed
from worker.domain.job_spec import Kind
from worker.domain.lifecycle import moves
from worker.domain.lifecycle.doubting import other_attempt, seen_other, taken_over
from worker.domain.lifecycle.moves import followed, next_look, with_task
from worker.domain.lifecycle.retries import ended_or_retried, late_success, was_retried
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus, Verdict

#: Progress by callback is recorded so often at most, in seconds: nobody looks more often, and a
#: commit is most of what a callback costs.
_PROGRESS_EVERY_S = 1.0
#: A gateway knows a task so many seconds after it accepted it, at the latest.
_LATEST_KNOWN_S = 60.0


def observed(job: Job, event: Observed, now: float, policy: Policy) -> Decision:
    """Callbacks come twice, late, out of order and for finished jobs: most change nothing."""
    snapshot = event.snapshot
    if not snapshot.recognised or not job.attempts:
        return Decision(job, Disposition.FOREIGN)
    if (other := late_success(job, event) or other_attempt(job, event)) is not None:
        decision = seen_other(job, other, snapshot)
        return decision or _follow(taken_over(job, other, snapshot), event, now, policy)
    former = snapshot.task_id in job.other_task_ids or moves.between_attempts(job)
    if _is_former(job, event) or former:
        return Decision(job, Disposition.STALE)
    if not _is_ours(job, snapshot):
        return Decision(job, Disposition.FOREIGN)
    if job.draining:
        return Decision(_drained(with_task(job, snapshot.task_id), snapshot))
    if job.status.terminal:
        agrees = (job.status is Status.SUCCEEDED) == (snapshot.status is TaskStatus.SUCCEEDED)
        return Decision(job, Disposition.DUPLICATE if agrees else Disposition.STALE)
    return _follow(job, event, now, policy)


def takes_no_news(job: Job, now: float, policy: Policy) -> bool:
    """Whether no callback can change the job any more: it has been over for a doubt window.

    News of an attempt that was given up would be a payment, so such a job never is.
    """
    if not job.status.terminal or job.draining or job.finished_at is None:
        return False
    paid_unseen = any(a.given_up or was_retried(job, a) for a in job.attempts)
    return not paid_unseen and now >= job.finished_at + policy.doubt_window_s


def _is_former(job: Job, event: Observed) -> bool:
    """Whether ``event`` is about an earlier attempt.

    A window answered a second time is a new attempt at the same task, so the task decides.
    """
    if event.attempt in (None, followed(job).number):
        return False
    known = any(attempt.number == event.attempt for attempt in job.attempts)
    return not known or job.task_id is None or event.snapshot.task_id != job.task_id


def _drained(job: Job, snapshot: Snapshot) -> Job:
    """Free a cancelled job's slot once its task has ended, or waits for an answer for ever."""
    waits = snapshot.status is TaskStatus.MODAL and job.window is Window.NONE
    if snapshot.status.terminal or waits:
        return moves.freed(job)
    return changed(job, missing_since=None, place_freed=False)


def _is_ours(job: Job, snapshot: Snapshot) -> bool:
    """A callback's body must not switch the job to a task that its token does not own.

    The answer to a window may: it can open a new task, whose callback may overtake the reply that
    names it.
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
            return Decision(_poll_again(job, snapshot, now))
        decision = moves.succeeded(with_task(job, snapshot.task_id), snapshot.result, now)
        return decision if event.asked else _paced(decision, now, policy)
    if snapshot.status is TaskStatus.CANCELLED:
        return Decision(moves.ended(job, Status.CANCELLED, now, snapshot.error))
    if snapshot.status is TaskStatus.FAILED:
        return Decision(_task_failed(with_task(job, snapshot.task_id), snapshot, now, policy))
    return Decision(_progressed(job, snapshot, now, policy, asked=event.asked))


def _paced(decision: Decision, now: float, policy: Policy) -> Decision:
    """After a callback, presses wait until the provider itself probably knows of the end."""
    wait = policy.parent_lag.first_try_s
    if not wait:
        return decision
    children = (
        changed(child, due_at=now + wait) if child.kind is Kind.ACTION and child.ready else child
        for child in decision.children
    )
    return replace(decision, children=tuple(children))


def _shows_answer_taken(job: Job, snapshot: Snapshot) -> bool:
    if snapshot.status.terminal:
        return True
    sent = job.status in (Status.SUBMITTING, Status.IN_DOUBT)
    sent = sent or job.attempts[-1].given_up
    return sent and snapshot.status in (TaskStatus.SUBMITTED, TaskStatus.IN_PROGRESS)


def _progressed(job: Job, snapshot: Snapshot, now: float, policy: Policy, *, asked: bool) -> Job:
    status = job.status
    if status in (Status.QUEUED, Status.SUBMITTING, Status.IN_DOUBT):
        # It runs, so it was accepted, whatever the reply says.
        job = moves.accepted(job, snapshot.task_id, now, policy)
        status = Status.SUBMITTED
    if status is Status.SUBMITTED and snapshot.status is TaskStatus.IN_PROGRESS:
        status = Status.IN_PROGRESS
    progress = job.progress
    if snapshot.progress is not None:
        progress = max(job.progress or 0, snapshot.progress)
    job = with_task(job, snapshot.task_id)
    # Callbacks may come out of order, after that of the end.
    place_freed = job.place_freed and not asked
    just_heard = not asked and now - (job.heard_at or 0.0) < _PROGRESS_EVERY_S
    if status is job.status and (progress == job.progress or just_heard):
        known = job.missing_since is None and place_freed == job.place_freed
        return job if known else changed(job, missing_since=None, place_freed=place_freed)
    job = changed(
        job,
        status=status,
        progress=progress,
        heard_at=now,
        missing_since=None,
        place_freed=place_freed,
    )
    if status is Status.SUBMITTED and now < (job.submitted_at or now) + policy.first_look_s:
        return job  # just accepted: the first poll is still to come
    return changed(job, due_at=next_look(job, now, policy))


def _seen_window(job: Job, snapshot: Snapshot, now: float) -> Decision:
    """A gateway's reply may hide that a window is open; the task's own status shows it."""
    if job.window is not Window.NONE:
        return Decision(job, Disposition.DUPLICATE)  # being answered, or answered
    prompt = snapshot.result.prompt
    verdict = Verdict(Outcome.NEEDS_MODAL, task_id=snapshot.task_id, modal_prompt=prompt)
    return Decision(moves.window_open(job, verdict, now))


def _poll_again(job: Job, snapshot: Snapshot, now: float) -> Job:
    """The callback said "succeeded" without all that is needed: fetch the task."""
    if job.progress == 100 and job.due_at is not None and job.due_at <= now:
        return job  # being polled already
    return changed(
        with_task(moves.as_submitted(job, now), snapshot.task_id),
        status=Status.IN_PROGRESS,
        progress=100,
        window=moves.closed(job.window),
        doubt_until=None,
        held=False,
        place_freed=False,
        overdue_since=None,
        due_at=now,
    )


def _task_failed(job: Job, snapshot: Snapshot, now: float, policy: Policy) -> Job:
    if not snapshot.error or snapshot.error.code != ErrorCode.TIMEOUT:
        return ended_or_retried(job, Status.FAILED, now, snapshot.error)
    if job.status is Status.OVERDUE:
        return changed(job, place_freed=True)
    # Proxies give up on images that still come later, and the task may have been paid. They run
    # nothing for it any more.
    job = moves.as_submitted(moves.outcome_known(job), now)
    job = moves.overdue(job, snapshot.error, min(job.deadline_at or now, now))
    return changed(job, place_freed=True, heard_at=now, due_at=next_look(job, now, policy))


def missing(job: Job, event: Missing, now: float, policy: Policy) -> Decision:
    """Gateways learn of a task late, so there a task is lost only if it stays unknown for long."""
    running = job.status in (Status.SUBMITTED, Status.IN_PROGRESS, Status.OVERDUE)
    if not running and not job.draining:
        return Decision(job, Disposition.STALE)
    job = _without_place_if_unknown(job, now)
    if job.missing_since is None:
        job = changed(job, missing_since=now)
        return Decision(changed(job, due_at=next_look(job, now, policy)))
    if now - job.missing_since < policy.lost_after_s:
        return Decision(job)
    if job.draining:
        return Decision(moves.freed(job))
    error = job_error(ErrorCode.LOST, "The provider does not know the task any more.")
    return Decision(ended_or_retried(job, Status.FAILED, now, error))


def _without_place_if_unknown(job: Job, now: float) -> Job:
    """Free the place of a job that only waits for its end, once its task should be known."""
    waits = job.status is Status.OVERDUE or job.draining
    young = now < (job.submitted_at or 0.0) + _LATEST_KNOWN_S
    return changed(job, place_freed=job.place_freed or (waits and not young))
