"""PURE. Time that passed, and what people and programs ask for."""

from dataclasses import replace

from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.errors import Conflict
from worker.domain.events import (
    AssetsSettled,
    Cancelled,
    Decision,
    Disposition,
    LinksRenewed,
    ModalAnswered,
    Policy,
    Resolved,
    Retried,
    SeedSettled,
    TimePassed,
)
from worker.domain.job import AttemptOutcome, Job, Kind, Status
from worker.domain.lifecycle.again import ended_or_again
from worker.domain.lifecycle.doubting import doubted, given_up_on, still_in_doubt, submitted_again
from worker.domain.lifecycle.moves import (
    accepted,
    as_new,
    attempt_ended,
    due_until_settled,
    ended,
    followed,
    freed,
    too_late_to_submit,
    with_attempt,
)
from worker.domain.lifecycle.waiting import call_lost, waits_again
from worker.domain.result import AssetsStatus, JobError


def time_passed(job: Job, event: TimePassed, now: float, policy: Policy) -> Decision:
    """What a job's silence means by now: a dead worker, a missed deadline, the end of a wait."""
    if job.due_at is None or job.due_at > now:
        return Decision(job, Disposition.STALE)
    if job.waiting or job.kind is Kind.CHOOSE:
        return Decision(call_lost(job, now))
    return _silent(job, now, policy)


def _silent(job: Job, now: float, policy: Policy) -> Decision:
    late = job.deadline_at is not None and now >= job.deadline_at
    overdue_since = job.overdue_since or job.deadline_at
    too_late = overdue_since is not None and now >= overdue_since + policy.grace_s
    if job.draining:
        return Decision(_not_awaited(job) if too_late or _unheard(job, now) else job)
    match job.status:
        case Status.QUEUED if late:
            return Decision(too_late_to_submit(job, now))
        case Status.QUEUED:
            return Decision(replace(job, due_at=None))
        case Status.SUBMITTING:
            return Decision(_worker_died(job, now, policy))
        case Status.IN_DOUBT:
            return Decision(still_in_doubt(job, now, policy))
        case Status.SUBMITTED | Status.IN_PROGRESS if late:
            return Decision(_overdue(job, now))
        case Status.OVERDUE if too_late:
            return Decision(ended_or_again(job, Status.TIMED_OUT, now, job.error or _DEADLINE))
        case Status.AWAITING_MODAL:
            return Decision(ended(job, Status.TIMED_OUT, now, _WINDOW_DEADLINE))
        case _:
            return Decision(job)


def _overdue(job: Job, now: float) -> Job:
    return replace(
        job,
        status=Status.OVERDUE,
        error=_DEADLINE,
        overdue_since=job.deadline_at,
        due_at=now,
    )


def _worker_died(job: Job, now: float, policy: Policy) -> Job:
    if job.posting:
        return doubted(job, None, now, policy)
    # Nothing was sent.
    return replace(attempt_ended(job, AttemptOutcome.NOT_SENT), status=Status.QUEUED, due_at=None)


def _unheard(job: Job, now: float) -> bool:
    """Whether nothing more is to be heard of a cancelled job's POST, which was never answered."""
    return job.task_id is None and job.doubt_until is not None and now >= job.doubt_until


def _not_awaited(job: Job) -> Job:
    """A cancelled job is waited for no longer; that it was paid for may still come out."""
    if job.task_id is None:
        job = with_attempt(job, replace(followed(job), outcome=AttemptOutcome.IN_DOUBT))
    return freed(job)


_DEADLINE = job_error(ErrorCode.DEADLINE, "The job did not finish before its deadline.")
_WINDOW_DEADLINE = job_error(
    ErrorCode.WINDOW_DEADLINE, "The window was not answered before the job's deadline."
)


def cancelled(job: Job, event: Cancelled, now: float, policy: Policy) -> Decision:
    """Over for the caller at once; for the account only when the provider has nothing to run."""
    if job.status.terminal:
        raise Conflict(f"The job is {job.status} already.")
    error = JobError(ErrorCode.CANCELLED, "Cancelled on request.")
    gone = ended(job, Status.CANCELLED, now, error)
    if job.held:
        return Decision(_not_awaited(gone))
    if not job.holds_slot or (job.status is Status.SUBMITTING and not job.posting):
        return Decision(gone)
    # What the provider already runs cannot be stopped: it keeps its place until it ends.
    until = job.doubt_until or now + policy.lease_s + policy.doubt_window_s
    return Decision(replace(gone, draining=True, doubt_until=until, due_at=job.due_at or now))


def retried(job: Job, event: Retried, now: float, policy: Policy) -> Decision:
    """Back to the queue as if new, but for the attempts and tasks it had."""
    if job.status not in (Status.FAILED, Status.CANCELLED, Status.TIMED_OUT):
        raise Conflict(
            f"Only a failed, cancelled or timed out job can be retried; this one is {job.status}."
        )
    if job.draining:
        raise Conflict("The provider still runs the cancelled attempt; retry when it has ended.")
    if job.spec.waits_for:
        return Decision(waits_again(job, now))
    if job.status is Status.FAILED and not job.attempts:
        reason = job.error.message if job.error else "it was wrong from the start"
        raise Conflict(f"The job could never be submitted, and a retry would not help: {reason}")
    return Decision(as_new(job))


def resolved(job: Job, event: Resolved, now: float, policy: Policy) -> Decision:
    """A person knows, or takes the risk, where no evidence is to be had."""
    if job.status is not Status.IN_DOUBT:
        raise Conflict(f"The job is not in doubt; it is {job.status}.")
    if event.outcome == "accepted":
        return Decision(replace(accepted(job, event.task_id, now, policy), due_at=now))
    if event.outcome == "failed":
        return Decision(given_up_on(job, now))
    return Decision(submitted_again(job))


def modal_answered(job: Job, event: ModalAnswered, now: float, policy: Policy) -> Decision:
    """To the queue again: the answer is a POST like any other, and needs a slot."""
    if job.status is not Status.AWAITING_MODAL:
        raise Conflict(f"The job does not wait for a modal; it is {job.status}.")
    modal = replace(event.modal, prompt=event.modal.prompt or job.modal_prompt)
    return Decision(replace(job, status=Status.QUEUED, modal=modal, due_at=None))


def assets_settled(job: Job, event: AssetsSettled, now: float, policy: Policy) -> Decision:
    """Told twice, the first time counts."""
    if job.result.assets_status is not AssetsStatus.PENDING:
        return Decision(job, Disposition.STALE)
    result = replace(
        job.result,
        assets=event.paths,
        assets_status=event.status,
        assets_error=event.error,
        files=event.files,
    )
    return Decision(due_until_settled(replace(job, result=result), now))


def seed_settled(job: Job, event: SeedSettled, now: float, policy: Policy) -> Decision:
    """Told twice, the first time counts: two workers may have asked."""
    if not job.seed_pending:
        return Decision(job, Disposition.STALE)
    result = replace(job.result, seed=event.seed, seed_error=event.error)
    return Decision(due_until_settled(replace(job, result=result), now))


def links_renewed(job: Job, event: LinksRenewed, now: float, policy: Policy) -> Decision:
    """The same files at other addresses; where none are told, the old ones stay."""
    told = event.result
    if job.result.assets_status is not AssetsStatus.PENDING:
        return Decision(job, Disposition.STALE)
    result = replace(
        job.result,
        image_url=told.image_url or job.result.image_url,
        image_urls=told.image_urls or job.result.image_urls,
        video_urls=told.video_urls or job.result.video_urls,
    )
    if result == job.result:
        return Decision(job, Disposition.DUPLICATE)
    return Decision(replace(job, result=result))
