"""PURE. Time that passed, what callers ask for, and what becomes of a result's files and seed."""

from dataclasses import replace

from worker.domain import events
from worker.domain.error_codes import TASK_CODES, ErrorCode, job_error
from worker.domain.errors import Conflict
from worker.domain.events import Decision, Disposition, Policy
from worker.domain.job import AttemptOutcome, Job, Status, changed
from worker.domain.job_spec import Kind
from worker.domain.lifecycle import moves
from worker.domain.lifecycle.doubting import (
    doubted,
    given_up_on,
    look_again,
    still_in_doubt,
    submitted_again,
)
from worker.domain.lifecycle.moves import ended
from worker.domain.lifecycle.retries import ended_or_retried
from worker.domain.lifecycle.waiting import call_lost, waits_again
from worker.domain.result import AssetsRetry, AssetsStatus, JobError, Result

_DEADLINE = job_error(ErrorCode.DEADLINE, "The job did not finish before its deadline.")
_WINDOW_DEADLINE = job_error(
    ErrorCode.WINDOW_DEADLINE, "The window was not answered before the job's deadline."
)


def time_passed(job: Job, event: events.TimePassed, now: float, policy: Policy) -> Decision:
    """The job is due: a worker died, a deadline passed, or a wait is over."""
    if job.look_at is None or job.look_at > now:
        return Decision(job, Disposition.STALE)
    if job.waiting or job.kind is Kind.CHOOSE:
        return Decision(call_lost(job, now))
    return Decision(_silent(job, now, policy))


def trouble_over(job: Job, event: events.TroubleOver, now: float, policy: Policy) -> Decision:
    """Ready at once, instead of at the end of its backoff."""
    if not job.held_back:
        return Decision(job, Disposition.STALE)
    return Decision(changed(job, due_at=None))


def _silent(job: Job, now: float, policy: Policy) -> Job:
    late = job.deadline_at is not None and now >= job.deadline_at
    overdue_since = job.overdue_since or job.deadline_at
    too_late = overdue_since is not None and policy.too_late(overdue_since, now)
    if job.draining:
        unanswered = job.task_id is None and job.doubt_until is not None and now >= job.doubt_until
        if too_late or unanswered:
            return _not_awaited(job)
        return look_again(job, now, policy) if job.unidentified else job
    match job.status:
        case Status.QUEUED:
            return moves.too_late_to_submit(job, now) if late else changed(job, due_at=None)
        case Status.SUBMITTING if job.posting:
            return doubted(job, None, now, policy)
        case Status.SUBMITTING:  # nothing was sent
            return changed(
                moves.attempt_ended(job, AttemptOutcome.NOT_SENT), status=Status.QUEUED, due_at=None
            )
        case Status.IN_DOUBT:
            return still_in_doubt(job, now, policy)
        case Status.SUBMITTED | Status.IN_PROGRESS if late:
            return changed(moves.overdue(job, _DEADLINE, job.deadline_at or now), due_at=now)
        case Status.OVERDUE if too_late:
            error = job.error or _DEADLINE
            error = replace(error, hint=TASK_CODES[error.code].hint)
            return ended_or_retried(job, Status.TIMED_OUT, now, error)
        case Status.AWAITING_MODAL:
            return ended(job, Status.TIMED_OUT, now, _WINDOW_DEADLINE)
        case _:
            return job


def _not_awaited(job: Job) -> Job:
    """Stop waiting for a cancelled job's POST; later evidence may still show that it was paid."""
    if job.task_id is None:
        job = moves.with_attempt(job, changed(moves.followed(job), outcome=AttemptOutcome.IN_DOUBT))
    return moves.freed(job)


def cancelled(job: Job, event: events.Cancelled, now: float, policy: Policy) -> Decision:
    """Over for the caller at once; the task is watched while the provider may be running it."""
    if job.status.terminal:
        raise Conflict(f"The job is {job.status} already.")
    error = JobError(ErrorCode.CANCELLED, "Cancelled on request.")
    gone = ended(job, Status.CANCELLED, now, error)
    if job.held:
        return Decision(_not_awaited(gone))
    nothing_sent = job.status is Status.SUBMITTING and not job.posting
    over_there = job.status is Status.OVERDUE and job.place_freed
    if nothing_sent or over_there or not (job.holds_slot or job.place_freed):
        return Decision(gone)
    until = job.doubt_until or now + policy.lease_s + policy.doubt_window_s
    gone = changed(gone, draining=True, place_freed=job.place_freed)
    return Decision(changed(gone, doubt_until=until, due_at=job.due_at or now))


def retried(job: Job, event: events.Retried, now: float, policy: Policy) -> Decision:
    """Back to the queue, with the attempts and tasks it had."""
    if job.status not in (Status.FAILED, Status.CANCELLED, Status.TIMED_OUT):
        raise Conflict(
            f"Only a failed, cancelled or timed out job can be retried; this one is {job.status}."
        )
    if job.draining:
        raise Conflict("The provider may still run the cancelled attempt; retry when it has ended.")
    if job.spec.waits_for:
        return Decision(waits_again(job, now))
    if job.status is Status.FAILED and not job.attempts:
        reason = job.error.message if job.error else "it was wrong from the start"
        raise Conflict(f"The job could never be submitted, and a retry would not help: {reason}")
    return Decision(moves.requeued(job))


def resolved(job: Job, event: events.Resolved, now: float, policy: Policy) -> Decision:
    """A person ends the doubt."""
    if job.status is not Status.IN_DOUBT:
        raise Conflict(f"The job is not in doubt; it is {job.status}.")
    if event.outcome == "accepted":
        return Decision(changed(moves.accepted(job, event.task_id, now, policy), due_at=now))
    return Decision(given_up_on(job, now) if event.outcome == "failed" else submitted_again(job))


def modal_answered(job: Job, event: events.ModalAnswered, now: float, policy: Policy) -> Decision:
    """Back to the queue, for the POST of the answer."""
    if job.status is not Status.AWAITING_MODAL:
        raise Conflict(f"The job does not wait for a modal; it is {job.status}.")
    return Decision(moves.answer_queued(job, event.modal))


def assets_settled(job: Job, event: events.AssetsSettled, now: float, policy: Policy) -> Decision:
    """Record the stored files; only the first such event counts.

    Given up, some may be stored: those within the limits. If none is, the record keeps those of
    before: they may still be there.
    """
    if job.result.assets_status is not AssetsStatus.PENDING:
        return Decision(job, Disposition.STALE)
    stored = event.status is AssetsStatus.STORED or bool(event.files)
    result = changed(
        job.result,
        assets=event.paths if stored else job.result.assets,
        assets_status=event.status,
        assets_error=event.error,
        assets_retry=None,
        files=event.files if stored else job.result.files,
        colours=event.colours if stored else job.result.colours,
    )
    return _with_result(job, result, now)


def assets_delayed(job: Job, event: events.AssetsDelayed, now: float, policy: Policy) -> Decision:
    """Record why the files are not there yet, and when they are tried again."""
    if job.result.assets_status is not AssetsStatus.PENDING:
        return Decision(job, Disposition.STALE)
    tries = job.result.assets_retry.tries if job.result.assets_retry else 0
    retry = AssetsRetry(event.error, tries + 1, event.next_at, event.ends_at)
    result = changed(job.result, assets_retry=retry)
    return Decision(changed(job, result=result, due_at=event.next_at))


def assets_wanted(job: Job, event: events.AssetsWanted, now: float, policy: Policy) -> Decision:
    """Fetch the files again; those that wait for another try get it now, and as long as new ones.

    A first try that is under way goes on: asking twice changes nothing.
    """
    if job.status is not Status.SUCCEEDED:
        raise Conflict(f"Only a succeeded job has files; this one is {job.status}.")
    if not moves.files_of(job, job.result):
        raise Conflict(_why_no_files(job))
    result = job.result
    if result.assets_status is AssetsStatus.PENDING and result.assets_retry is None:
        return Decision(job, Disposition.DUPLICATE)
    result = changed(
        result, assets_status=AssetsStatus.PENDING, assets_error=None, assets_wanted_at=now
    )
    return Decision(changed(job, result=result, due_at=now))


def _why_no_files(job: Job) -> str:
    if job.keep.files == "off":
        return (
            "Its request keeps no files (`assets` is off); `image_url` of its result is the link."
        )
    return f"This {job.kind} has no files: its result is not an image or video that was made."


def seed_settled(job: Job, event: events.SeedSettled, now: float, policy: Policy) -> Decision:
    """Record the seed; only the first such event counts, as two workers may have asked."""
    if not job.seed_pending:
        return Decision(job, Disposition.STALE)
    return _with_result(job, changed(job.result, seed=event.seed, seed_error=event.error), now)


def _with_result(job: Job, result: Result, now: float) -> Decision:
    return Decision(moves.due_until_settled(changed(job, result=result), now))


def links_renewed(job: Job, event: events.LinksRenewed, now: float, policy: Policy) -> Decision:
    """Replace the files' URLs; where the provider gave none, the old ones stay."""
    if job.result.assets_status is not AssetsStatus.PENDING:
        return Decision(job, Disposition.STALE)
    result = changed(
        job.result,
        image_url=event.result.image_url or job.result.image_url,
        image_urls=event.result.image_urls or job.result.image_urls,
        video_urls=event.result.video_urls or job.result.video_urls,
    )
    return Decision(changed(job, result=result))
