"""PURE. Submissions whose outcome is unknown, and what ends the doubt.

A job in doubt is never sent again blindly. Evidence that it was accepted (a callback with the
attempt's ``state``, a row of the provider's task list) is taken at any time. Evidence that it was
not is the silence of an account whose callbacks flow, through a whole window. Without either the
account's policy decides, or a person.

An attempt that was given up may prove accepted all the same. It is taken over where no other one
was accepted yet, and else kept as a double payment.
"""

from dataclasses import replace

from worker.domain import retry_policy
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.events import Decision, Disposition, Observed, Policy
from worker.domain.job import Attempt, AttemptOutcome, Job, Status, Window
from worker.domain.lifecycle.again import tried_again
from worker.domain.lifecycle.moves import (
    attempt_ended,
    closed,
    ended,
    followed,
    with_attempt,
    with_task,
)
from worker.domain.provider_reports import Snapshot, TaskStatus
from worker.domain.result import JobError

_ERROR = job_error(
    ErrorCode.IN_DOUBT,
    "The submission was cut off, so the provider may have accepted it, and been paid.",
    "A callback or the provider's task list settles it, else you: `hookline resolve`.",
)


def doubted(job: Job, error: JobError | None, now: float, policy: Policy) -> Job:
    """Perhaps paid, perhaps not: it waits for evidence and is never sent again blindly."""
    until = now + policy.doubt_window_s
    return replace(
        job,
        status=Status.IN_DOUBT,
        posting=False,
        error=error or _ERROR,
        doubt_until=until,
        due_at=min(until, now + retry_policy.look_for_evidence(0.0)),
    )


def still_in_doubt(job: Job, now: float, policy: Policy) -> Job:
    """What becomes of a doubt that no evidence of acceptance has ended so far."""
    if job.doubt_until is not None and now < job.doubt_until:
        age = now - (job.doubt_until - policy.doubt_window_s)
        return replace(job, due_at=min(job.doubt_until, now + retry_policy.look_for_evidence(age)))
    given_up = sum(attempt.given_up for attempt in job.attempts)
    sent_at, until = followed(job).posted_at, job.doubt_until or now
    not_accepted = sent_at is not None and policy.silence_tells(sent_at, until)
    if given_up < policy.max_resubmits and (not_accepted or policy.in_doubt == "resubmit"):
        return submitted_again(job)
    if policy.in_doubt == "fail":
        return given_up_on(job, now)
    age = now - (job.doubt_until or now)
    return replace(job, held=True, due_at=now + retry_policy.look_for_evidence(age))


def submitted_again(job: Job) -> Job:
    """To the queue; the next start is an attempt of its own, so that callbacks tell them apart."""
    job = attempt_ended(job, AttemptOutcome.IN_DOUBT)
    return replace(job, status=Status.QUEUED, held=False, doubt_until=None, error=None, due_at=None)


def given_up_on(job: Job, now: float) -> Job:
    """Failed, without our knowing whether it was paid for."""
    return attempt_ended(ended(job, Status.FAILED, now, job.error), AttemptOutcome.IN_DOUBT)


def other_attempt(job: Job, event: Observed) -> Attempt | None:
    """The attempt that ``event`` is about, if it was given up and is not the one followed."""
    present = followed(job)
    if event.attempt in (None, present.number) and not present.given_up:
        return None
    if event.snapshot.task_id is not None and event.snapshot.task_id == job.task_id:
        return None
    number = present.number if event.attempt is None else event.attempt
    if event.snapshot.task_id in {a.task_id for a in job.attempts if a.over} - {None}:
        return None  # about a task that is over, whatever attempt is named
    return next(
        (a for a in job.attempts if a.number == number and a.given_up),
        None,
    )


def seen_other(job: Job, attempt: Attempt, snapshot: Snapshot) -> Decision | None:
    """An attempt that was given up is heard of: taken over, or kept as a payment.

    None: it is the one to follow now; the job is to be decided by its snapshot (``taken_over``).
    """
    if snapshot.task_id is None or snapshot.status is TaskStatus.MODAL:
        return Decision(job, Disposition.STALE)
    unanswered = job.task_id is None or job.window is Window.OPEN
    if not job.status.terminal and (unanswered or snapshot.status is TaskStatus.SUCCEEDED):
        return None
    if snapshot.status is TaskStatus.PENDING:
        return Decision(job, Disposition.STALE)  # told of again when it runs
    others = (other for other in job.attempts if other.number != attempt.number)
    beside = any(other.task_id and not tried_again(job, other) for other in others)
    outcome = AttemptOutcome.SUCCEEDED if attempt.over else attempt.outcome
    paid = replace(attempt, outcome=outcome, task_id=snapshot.task_id, extra=beside)
    return Decision(with_attempt(job, paid))


def taken_over(job: Job, attempt: Attempt, snapshot: Snapshot) -> Job:
    """Follows ``attempt`` instead of the present one, which may have been sent as well."""
    present = followed(job)
    if present.number != attempt.number and not present.over:
        # A task that waits for a window's answer is not one that this attempt was accepted as.
        paid = present.task_id is not None and job.window is not Window.OPEN
        doubtful = job.status is Status.IN_DOUBT or present.given_up
        sent = paid or job.posting or doubtful
        outcome = AttemptOutcome.IN_DOUBT if sent else AttemptOutcome.NOT_SENT
        job = with_attempt(job, replace(present, outcome=outcome, extra=paid))
    job = with_attempt(job, replace(attempt, outcome=None, extra=False))
    job = replace(job, posting=False, held=False, error=None, window=closed(job.window))
    return with_task(job, snapshot.task_id, attempt.number)
