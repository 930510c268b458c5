"""PURE. Submissions with an unknown outcome, and what resolves them.

A job in doubt is never resent blindly. Evidence that it was accepted (a callback with the attempt's
``state``, a row of the provider's task list) counts at any time. Evidence that it was not accepted
is a task list that must show it and does not (``worker.domain.account.task_list``), or silence
through the whole doubt window, on an account whose callbacks arrive. Without either, the account's
policy or a person decides.

It keeps its place only as long as its task, had it been accepted, would plausibly still run.

An attempt that was given up may turn out to be accepted. It is followed if no other attempt was
accepted so far; otherwise it is recorded as a double payment.
"""

from worker.domain import retry_policy
from worker.domain.account.callback_stats import sort_of
from worker.domain.account.task_list import Doubt
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.events import Decision, Disposition, NotListed, Observed, Policy
from worker.domain.job import Attempt, AttemptOutcome, Job, Status, Window, changed
from worker.domain.lifecycle import moves
from worker.domain.lifecycle.moves import followed, with_attempt
from worker.domain.lifecycle.retries import was_retried
from worker.domain.presence import EVERY_S
from worker.domain.provider_reports import Snapshot, TaskStatus
from worker.domain.result import JobError

_ERROR = job_error(
    ErrorCode.IN_DOUBT,
    "The submission was cut off, so the provider may have accepted it, and been paid.",
    "A callback or the provider's task list settles it, else you: `hookline resolve`.",
)


def doubted(job: Job, error: JobError | None, now: float, policy: Policy) -> Job:
    """Perhaps paid, perhaps not: wait for evidence."""
    until = now + policy.doubt_window_s
    doubtful = changed(
        job, status=Status.IN_DOUBT, posting=False, error=error or _ERROR, doubt_until=until
    )
    return look_again(doubtful, now, policy)


def look_again(job: Job, now: float, policy: Policy) -> Job:
    """Look for evidence again, and give the place back when its time is over."""
    job = moves.place_given_back(job, now, policy)
    until = job.doubt_until or now
    due_at = now + retry_policy.look_for_evidence(now - moves.doubted_since(job, policy))
    times = (until, due_at, moves.place_until(job, policy))
    return changed(job, due_at=min(moment for moment in times if moment is not None))


def still_in_doubt(job: Job, now: float, policy: Policy) -> Job:
    """Decide about a job in doubt for which no evidence of acceptance has come."""
    until = job.doubt_until or now
    if now < until:
        return look_again(job, now, policy)
    sent_at = followed(job).posted_at
    not_accepted = sent_at is not None and policy.silence_tells(sent_at, until)
    if not not_accepted and sent_at is not None and policy.may_tell_soon(sent_at, until, now):
        return changed(moves.place_given_back(job, now, policy), due_at=now + EVERY_S / 2)
    may_resubmit = resubmits(job) < policy.max_resubmits
    if may_resubmit and (not_accepted or policy.in_doubt == "resubmit"):
        return submitted_again(job)
    if policy.in_doubt == "fail":
        return given_up_on(job, now)
    job = changed(job, held=True, place_freed=True)
    return changed(job, due_at=now + retry_policy.look_for_evidence(now - until))


def resubmits(job: Job) -> int:
    """How many attempts were given up without a list that proves that they were not accepted."""
    return sum(attempt.outcome is AttemptOutcome.IN_DOUBT for attempt in job.attempts)


def submitted_again(job: Job, outcome: AttemptOutcome = AttemptOutcome.IN_DOUBT) -> Job:
    """Back to the queue; the next start is a new attempt, so that callbacks tell them apart."""
    job = moves.outcome_known(moves.attempt_ended(job, outcome))
    return changed(job, status=Status.QUEUED, error=None, due_at=None)


def doubt_of(job: Job, policy: Policy) -> Doubt | None:
    """The job's doubt that a task list may end; None if it has none, or had too many."""
    ended = sum(attempt.outcome is AttemptOutcome.NOT_LISTED for attempt in job.attempts)
    if (
        not job.unidentified
        or job.doubt_until is None
        or ended >= retry_policy.NOT_LISTED_RESUBMITS
    ):
        return None
    attempt = followed(job)
    if attempt.posted_at is None:
        return None
    return Doubt(
        attempt.number,
        sort_of(job),
        attempt.posted_at,
        moves.doubted_since(job, policy),
        unheard=policy.unheard(attempt.posted_at),
    )


def not_listed(job: Job, event: NotListed, now: float, policy: Policy) -> Decision:
    """The attempt was not accepted: submit the job again, unless it was cancelled."""
    doubt = doubt_of(job, policy)
    if doubt is None or doubt.attempt != event.attempt:
        return Decision(job, Disposition.STALE)
    if job.draining:
        ended = changed(followed(job), outcome=AttemptOutcome.NOT_LISTED)
        return Decision(moves.freed(moves.with_attempt(job, ended)))
    return Decision(submitted_again(job, AttemptOutcome.NOT_LISTED))


def given_up_on(job: Job, now: float) -> Job:
    """Failed; whether it was paid for stays unknown."""
    return moves.attempt_ended(
        moves.ended(job, Status.FAILED, now, job.error), AttemptOutcome.IN_DOUBT
    )


def other_attempt(job: Job, event: Observed) -> Attempt | None:
    """The attempt that ``event`` is about, if it was given up and is not the one followed."""
    present, task_id = followed(job), event.snapshot.task_id
    if event.attempt in (None, present.number) and not present.given_up:
        return None
    if task_id is not None and task_id == job.task_id:
        return None
    if task_id in {a.task_id for a in job.attempts if a.over} - {None}:
        return None  # about a task that is over, whatever attempt is named
    number = present.number if event.attempt is None else event.attempt
    return next((a for a in job.attempts if a.number == number and a.given_up), None)


def seen_other(job: Job, attempt: Attempt, snapshot: Snapshot) -> Decision | None:
    """Record that ``attempt``, which is not followed, was accepted.

    None: follow it from now on (``taken_over``), and decide by its snapshot.
    """
    if snapshot.task_id is None or snapshot.status is TaskStatus.MODAL:
        return Decision(job, Disposition.STALE)
    unanswered = job.task_id is None or job.window is Window.OPEN
    if not job.status.terminal and (unanswered or snapshot.status is TaskStatus.SUCCEEDED):
        return None
    if snapshot.status is TaskStatus.PENDING:
        return Decision(job, Disposition.STALE)  # reported again when it runs
    others = (other for other in job.attempts if other.number != attempt.number)
    # Beside flagged ones only, this is the first that was seen, and it may be told of again.
    paid_before = (other for other in others if other.task_id and not other.extra)
    extra = any(not was_retried(job, other) for other in paid_before)
    outcome = AttemptOutcome.SUCCEEDED if attempt.over else attempt.outcome
    paid = changed(attempt, outcome=outcome, task_id=snapshot.task_id, extra=extra)
    return Decision(with_attempt(job, paid))


def taken_over(job: Job, attempt: Attempt, snapshot: Snapshot) -> Job:
    """Follow ``attempt`` instead of the present one, which may have been sent as well."""
    present = followed(job)
    if present.number != attempt.number and not present.over:
        # The task of an open window is not paid for until the window is answered.
        paid = present.task_id is not None and job.window is not Window.OPEN
        doubtful = job.status is Status.IN_DOUBT or present.given_up
        outcome = (
            AttemptOutcome.IN_DOUBT if paid or job.posting or doubtful else AttemptOutcome.NOT_SENT
        )
        outcome = present.outcome if present.given_up and present.outcome else outcome
        job = with_attempt(job, changed(present, outcome=outcome, extra=paid))
    job = with_attempt(job, changed(attempt, outcome=None, extra=False))
    job = changed(job, posting=False, held=False, place_freed=False, error=None)
    job = changed(job, window=moves.closed(job.window))
    return moves.with_task(job, snapshot.task_id, attempt.number)
