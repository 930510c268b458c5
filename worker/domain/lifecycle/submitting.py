"""PURE. From the queue to the provider's reply."""

from dataclasses import replace
from functools import partial

from worker.domain import retry_policy
from worker.domain.events import Decision, Disposition, Observed, Policy, Posting, Replied, Started
from worker.domain.job import Attempt, AttemptOutcome, Job, Status, Window
from worker.domain.lifecycle.doubting import doubted
from worker.domain.lifecycle.moves import (
    accepted,
    attempt_ended,
    ended,
    followed,
    freed,
    succeeded,
    too_late_to_submit,
    window_open,
    with_others,
    with_task,
)
from worker.domain.lifecycle.observing import observed
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus, Verdict
from worker.domain.result import Result

#: Outcomes after which an attempt is not burnt: its number is used again.
_REFUSED = frozenset({AttemptOutcome.NOT_YET, AttemptOutcome.TRY_LATER})


def started(job: Job, event: Started, now: float, policy: Policy) -> Decision:
    """A worker's claim: of two that read the same ready job, one finds it taken."""
    if not job.ready:
        return Decision(job, Disposition.STALE)
    if job.deadline_at is not None and now >= job.deadline_at:
        return Decision(too_late_to_submit(job, now))
    taken = replace(
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
    """An attempt that was only refused goes on, as does the one that opened a window."""
    where = partial(replace, account=event.account, price=event.price, refundable=event.refundable)
    if job.attempts:
        *former, last = job.attempts
        opened_it = job.window is Window.OPEN and last == followed(job)
        if (opened_it and not last.given_up) or last.outcome in _REFUSED:
            return (*former, where(last, outcome=None))
    # Of a window that is answered again the task is known already.
    return (*job.attempts, where(Attempt(job.attempt + 1, now, task_id=job.task_id)))


def posting(job: Job, event: Posting, now: float, policy: Policy) -> Decision:
    """The last word before money is spent; only who hears ``applied`` may send."""
    if event.attempt != job.attempt:
        return Decision(job, Disposition.STALE)
    if job.status is not Status.SUBMITTING or job.posting:
        return Decision(job, Disposition.STALE)
    request = {**job.request, "custom_id": event.custom_id} if event.custom_id else job.request
    modal_prompt = job.modal_prompt or event.modal_prompt
    *former, last = job.attempts
    return Decision(
        replace(
            job.with_request(request),
            attempts=(*former, replace(last, posted_at=now)),
            posting=True,
            fetched={**job.fetched, **event.fetched},
            modal_prompt=modal_prompt,
            due_at=now + policy.lease_s,
        )
    )


def replied(job: Job, event: Replied, now: float, policy: Policy) -> Decision:
    """The reply to the present attempt's POST, unless something that knows more was faster."""
    verdict = event.verdict
    awaited = event.attempt == followed(job).number if job.attempts else False
    if awaited and job.draining:
        return Decision(_drain(job, verdict, now, policy))
    if not awaited or job.status not in (Status.SUBMITTING, Status.IN_DOUBT):
        return _too_late(job, event, now, policy)
    if verdict.outcome is Outcome.NEEDS_MODAL and job.window is Window.OPEN:
        return Decision(job, Disposition.STALE)  # to the POST that opened it, not to its answer
    undoubted = replace(job, posting=False, held=False, doubt_until=None)
    return _obeyed(undoubted, verdict, now, policy)


def _too_late(job: Job, event: Replied, now: float, policy: Policy) -> Decision:
    """A callback knew more, or the attempt was given up; that it was accepted is news even then."""
    verdict = event.verdict
    given_up = any(a.number == event.attempt and a.given_up for a in job.attempts)
    if not given_up or verdict.outcome not in (Outcome.ACCEPTED, Outcome.EXISTS):
        return Decision(job, Disposition.STALE)
    snapshot = Snapshot(verdict.task_id, TaskStatus.SUBMITTED)
    return observed(job, Observed(snapshot, event.attempt), now, policy)


def _obeyed(job: Job, verdict: Verdict, now: float, policy: Policy) -> Decision:
    match verdict.outcome:
        case Outcome.ACCEPTED | Outcome.EXISTS:
            return Decision(accepted(with_others(job, verdict), verdict.task_id, now, policy))
        case Outcome.NEEDS_MODAL:
            return Decision(window_open(job, verdict, now))
        case Outcome.DONE:
            return succeeded(job, verdict.result or Result(), now)
        case Outcome.NOT_YET | Outcome.TRY_LATER:
            return Decision(_refused(job, verdict, now))
        case Outcome.PERMANENT if verdict.account_trouble and job.spec.anywhere and not job.task_id:
            # The account is at fault, and another may take it.
            return Decision(_refused(job, verdict, now))
        case Outcome.PERMANENT:
            return Decision(ended(job, Status.FAILED, now, verdict.error))
        case Outcome.IN_DOUBT:
            return Decision(doubted(job, verdict.error, now, policy))


def _refused(job: Job, verdict: Verdict, now: float) -> Job:
    """Back to the queue: nothing was accepted, so no attempt is burnt."""
    refusals = job.refusals + 1
    if verdict.outcome is Outcome.NOT_YET:
        if now - job.spec.created_at > retry_policy.NOT_YET_WINDOW_S and refusals > 1:
            return ended(job, Status.FAILED, now, verdict.error)
        delay = retry_policy.NOT_YET_DELAY_S
    else:
        jitter = retry_policy.jitter_of(job.id, refusals)
        delay = retry_policy.backoff(refusals, jitter, slow=verdict.slow)
    return replace(
        attempt_ended(job, AttemptOutcome(verdict.outcome.value)),
        status=Status.QUEUED,
        posting=False,
        refusals=refusals,
        error=verdict.error,
        due_at=now + delay,
    )


def _drain(job: Job, verdict: Verdict, now: float, policy: Policy) -> Job:
    """The reply to the POST of a job that was cancelled meanwhile."""
    if verdict.outcome in (Outcome.ACCEPTED, Outcome.EXISTS):
        return replace(with_task(job, verdict.task_id), due_at=now + policy.first_look_s)
    if verdict.outcome is Outcome.IN_DOUBT:
        return replace(job, doubt_until=now + policy.doubt_window_s)
    return freed(job)
