"""PURE. From the queue to the provider's reply."""

from functools import partial

from worker.domain import retry_policy
from worker.domain.error_codes import ErrorCode
from worker.domain.events import Decision, Disposition, Observed, Policy, Posting, Replied, Started
from worker.domain.job import Attempt, AttemptOutcome, Job, Status, Window, changed
from worker.domain.lifecycle import moves
from worker.domain.lifecycle.doubting import doubted, look_again
from worker.domain.lifecycle.moves import followed
from worker.domain.lifecycle.observing import observed
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus, Verdict
from worker.domain.result import Result

#: Errors that say nothing about the job.
_OF_ACCOUNT = frozenset(
    {
        ErrorCode.UNREACHABLE,
        ErrorCode.UNAVAILABLE,
        ErrorCode.PROVIDER_ERROR,
        ErrorCode.NO_ACCOUNT,
        ErrorCode.NO_CHANNEL,
    }
)

#: Outcomes after which the attempt's number is used again.
_REFUSED = frozenset({AttemptOutcome.NOT_YET, AttemptOutcome.TRY_LATER})


def started(job: Job, event: Started, now: float, policy: Policy) -> Decision:
    """A worker claims the job; if two loaded the same ready job, the second finds it taken."""
    if not job.ready:
        return Decision(job, Disposition.STALE)
    if job.deadline_at is not None and now >= job.deadline_at:
        return Decision(moves.too_late_to_submit(job, now))
    taken = changed(
        job,
        account=event.account,
        status=Status.SUBMITTING,
        attempts=_attempts_with_present(job, event, now),
        posting=False,
        deadline_at=job.deadline_at or now + job.options.deadline_s,
        due_at=now + policy.lease_s,
        error=None,
    )
    return Decision(taken)


def _attempts_with_present(job: Job, event: Started, now: float) -> tuple[Attempt, ...]:
    """Continue an attempt that was only refused or opened the window; else start a new one."""
    where = partial(changed, account=event.account, price=event.price, refundable=event.refundable)
    if job.attempts:
        *former, last = job.attempts
        opened_it = job.window is Window.OPEN and last == followed(job)
        if (opened_it and not last.given_up) or last.outcome in _REFUSED:
            return (*former, where(last, outcome=None))
    # If the window is answered a second time, its task is known already.
    return (*job.attempts, where(Attempt(job.attempt + 1, now, task_id=job.task_id)))


def posting(job: Job, event: Posting, now: float, policy: Policy) -> Decision:
    """Record the intent before money is spent; a worker sends only if this was applied."""
    if event.attempt != job.attempt or job.status is not Status.SUBMITTING or job.posting:
        return Decision(job, Disposition.STALE)
    *former, last = job.attempts
    if event.custom_id:
        job = job.with_request({**job.request, "custom_id": event.custom_id})
    return Decision(
        changed(
            job,
            attempts=(*former, changed(last, posted_at=now)),
            posting=True,
            fetched={**job.fetched, **event.fetched},
            modal_prompt=job.modal_prompt or event.modal_prompt,
            due_at=now + policy.lease_s,
        )
    )


def replied(job: Job, event: Replied, now: float, policy: Policy) -> Decision:
    """The POST of the present attempt was answered, unless other evidence was faster."""
    verdict = event.verdict
    if job.attempts and event.started_at not in (None, followed(job).started_at):
        return Decision(job, Disposition.STALE)
    awaited = event.attempt == followed(job).number if job.attempts else False
    if awaited and job.draining:
        return Decision(_drained(job, verdict, now, policy))
    if not awaited or job.status not in (Status.SUBMITTING, Status.IN_DOUBT):
        return _too_late(job, event, now, policy)
    if verdict.outcome is Outcome.NEEDS_MODAL and job.window is Window.OPEN:
        return Decision(job, Disposition.STALE)  # to the POST that opened it, not to its answer
    return _applied(moves.outcome_known(job), event, now, policy)


def _too_late(job: Job, event: Replied, now: float, policy: Policy) -> Decision:
    """A reply after a callback told more changes nothing; one to an attempt that was given up may
    prove that it was accepted.
    """
    verdict = event.verdict
    given_up = any(a.number == event.attempt and a.given_up for a in job.attempts)
    if not given_up or verdict.outcome not in (Outcome.ACCEPTED, Outcome.EXISTS):
        return Decision(job, Disposition.STALE)
    snapshot = Snapshot(verdict.task_id, TaskStatus.SUBMITTED)
    return observed(job, Observed(snapshot, event.attempt), now, policy)


def _applied(job: Job, event: Replied, now: float, policy: Policy) -> Decision:
    verdict = event.verdict
    match verdict.outcome:
        case Outcome.ACCEPTED | Outcome.EXISTS:
            job = moves.with_others(job, verdict)
            return Decision(moves.accepted(job, verdict.task_id, now, policy))
        case Outcome.NEEDS_MODAL:
            return Decision(moves.window_open(job, verdict, now))
        case Outcome.DONE:
            return moves.succeeded(job, verdict.result or Result(), now)
        case Outcome.NOT_YET:
            return Decision(_parent_unknown(job, event, now, policy))
        case Outcome.TRY_LATER:
            return Decision(_refused(job, verdict, now, policy))
        case Outcome.PERMANENT if verdict.account_trouble and _may_go_on(job, policy):
            return Decision(_refused(job, verdict, now, policy))
        case Outcome.PERMANENT:
            return Decision(moves.ended(job, Status.FAILED, now, verdict.error))
        case Outcome.IN_DOUBT:
            return Decision(doubted(job, verdict.error, now, policy))


def _parent_unknown(job: Job, event: Replied, now: float, policy: Policy) -> Job:
    """Press again once the provider probably knows the parent's end, unless it forgot the parent.

    A parent that it does not know is gone if the provider stores tasks before it answers, or if it
    ended long ago; one that it does not show as finished yet may only be late.
    """
    verdict, lag, ended_at = event.verdict, policy.parent_lag, event.parent_ended_at
    forgotten = verdict.error is not None and verdict.error.code == ErrorCode.NOT_FOUND
    long_gone = forgotten and ended_at is not None and now - ended_at > lag.window_s
    tried_long = job.refusals > 0 and now - job.spec.created_at > lag.window_s
    if (forgotten and policy.stores_first) or long_gone or tried_long:
        return moves.ended(job, Status.FAILED, now, verdict.error)
    age_s = now - max(ended_at or 0.0, job.spec.created_at)
    return _queued_again(job, verdict, now + lag.again_after(age_s))


def _may_go_on(job: Job, policy: Policy) -> bool:
    """Whether a job may still be accepted although we are refused: by another account, or later by
    this one.
    """
    return policy.account_accepts or _may_move(job)


def _may_move(job: Job) -> bool:
    """Whether another account may take the job."""
    return job.spec.anywhere and job.task_id is None


def _refused(job: Job, verdict: Verdict, now: float, policy: Policy) -> Job:
    """Back to the queue: nothing was accepted."""
    refusals = job.refusals + 1
    if _lacks_picture(verdict) and refusals >= retry_policy.PICTURE_TRIES:
        return moves.ended(job, Status.FAILED, now, verdict.error)
    jitter = retry_policy.jitter_of(job.id, refusals)
    in_trouble = verdict.account_trouble or _in_trouble(verdict)
    delay = retry_policy.backoff(refusals, jitter, slow=verdict.slow, in_trouble=in_trouble)
    rests_until = policy.account_rests_until
    if in_trouble and rests_until is not None and not _may_move(job):
        # If the job itself is the reason, another one shows that the account works.
        delay = max(delay, rests_until - now + retry_policy.BEHIND_OTHERS_S)
    return _queued_again(job, verdict, now + delay)


def _queued_again(job: Job, verdict: Verdict, due_at: float) -> Job:
    """Back to the queue under the same attempt."""
    outcome = AttemptOutcome(verdict.outcome.value)
    if outcome is AttemptOutcome.PERMANENT and not _may_move(job):
        outcome = AttemptOutcome.TRY_LATER
    return changed(
        moves.attempt_ended(job, outcome),
        status=Status.QUEUED,
        refusals=job.refusals + 1,
        error=verdict.error,
        due_at=due_at,
    )


def _in_trouble(verdict: Verdict) -> bool:
    """Whether other jobs of the account would have been refused as well, as far as that shows."""
    return verdict.error is not None and verdict.error.code in _OF_ACCOUNT


def _lacks_picture(verdict: Verdict) -> bool:
    """Whether a picture could not be fetched. Only this comes before an attempt's first POST."""
    return verdict.error is not None and verdict.error.code == ErrorCode.BAD_PICTURE


def _drained(job: Job, verdict: Verdict, now: float, policy: Policy) -> Job:
    """The job was cancelled before the reply came."""
    if verdict.outcome in (Outcome.ACCEPTED, Outcome.EXISTS):
        job = changed(moves.with_task(job, verdict.task_id), place_freed=False)
        return changed(job, due_at=now + policy.first_look_s)
    if verdict.outcome is Outcome.IN_DOUBT:
        return look_again(changed(job, doubt_until=now + policy.doubt_window_s), now, policy)
    return moves.freed(job)
