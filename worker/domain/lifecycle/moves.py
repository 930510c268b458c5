"""PURE. The building blocks of decisions: each returns an updated copy of the job."""

from dataclasses import replace

from worker.domain import buttons, followups, retry_policy
from worker.domain.assets import selection
from worker.domain.error_codes import ErrorCode
from worker.domain.events import Decision, Policy
from worker.domain.job import Attempt, AttemptOutcome, Job, Modal, Status, Window, changed
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import Verdict
from worker.domain.result import AssetsStatus, JobError, Result

#: Not the hint of the error's code: an overdue job cannot be retried.
_OVERDUE_HINT = "A late success is still taken over; `hookline cancel` ends the wait."
_NO_PICTURE = "The result is no picture that was made, so it has no seed."

#: Kinds whose results show the images that were submitted.
_SHOWS_INPUT = frozenset({Kind.DESCRIBE, Kind.UPLOAD})


def accepted(job: Job, task_id: str | None, now: float, policy: Policy) -> Job:
    """Accepted and paid. It is polled soon, unless such tasks are known to call back."""
    return changed(
        with_task(as_submitted(outcome_known(job), now), task_id),
        status=Status.SUBMITTED,
        window=closed(job.window),
        refusals=0,
        error=None,
        heard_at=now,
        due_at=now + policy.first_look_s,
    )


def outcome_known(job: Job) -> Job:
    """Neither posting nor in doubt any more; if it runs, it takes a place again."""
    return changed(job, posting=False, doubt_until=None, held=False, place_freed=False)


def doubted_since(job: Job, policy: Policy) -> float:
    """When the connection of a POST in doubt was over at the latest."""
    return (job.doubt_until or 0.0) - policy.doubt_window_s


def place_until(job: Job, policy: Policy) -> float | None:
    """Until when a job whose POST's outcome is unknown keeps its place; None: not by time."""
    unknown = job.status is Status.IN_DOUBT or (job.draining and job.task_id is None)
    if not unknown or not job.holds_slot or job.doubt_until is None:
        return None
    since = doubted_since(job, policy)
    over_at = (followed(job).posted_at or since) + policy.runs_for_s
    return min(job.doubt_until, max(since, over_at))


def place_given_back(job: Job, now: float, policy: Policy) -> Job:
    """Without its place, once its task would be over if it had been accepted."""
    until = place_until(job, policy)
    return job if until is None or now < until else changed(job, place_freed=True)


def as_submitted(job: Job, now: float) -> Job:
    """Restore the times of the submission, which requeueing cleared."""
    submitted_at = job.submitted_at or now
    deadline_at = job.deadline_at or submitted_at + job.options.deadline_s
    return changed(job, submitted_at=submitted_at, deadline_at=deadline_at)


def next_look(job: Job, now: float, policy: Policy) -> float:
    """When to poll for a running task if it stays silent."""
    started_at = job.submitted_at or now
    wait = retry_policy.look_after(
        now - started_at,
        now - (job.heard_at or started_at),
        callbacks_flow=policy.callbacks_flow,
        lag_s=policy.lag_s,
    )
    if job.missing_since is not None:
        wait = min(wait, policy.lost_after_s / 2)
    look_at = retry_policy.rounded_up(now + wait, wait)
    return min(look_at, place_until(job, policy) or look_at)


def overdue(job: Job, error: JobError | None, since: float) -> Job:
    """Past its deadline, or given up by the provider: still watched for a late success."""
    error = error and replace(error, hint=_OVERDUE_HINT)
    return changed(job, status=Status.OVERDUE, error=error, overdue_since=since)


def with_others(job: Job, verdict: Verdict) -> Job:
    """Record the further tasks that one submit started; only the first is followed."""
    return changed(job, other_task_ids=job.other_task_ids + verdict.other_task_ids)


def window_open(job: Job, verdict: Verdict, now: float) -> Job:
    """Queue the POST that answers the window, or wait for the caller's answer."""
    job = changed(
        with_task(with_others(as_submitted(outcome_known(job), now), verdict), verdict.task_id),
        window=Window.OPEN,
        modal_prompt=verdict.modal_prompt or job.modal_prompt,
        refusals=0,
        error=None,
        overdue_since=None,
    )
    wants_input = buttons.wants_input(str(job.request.get("custom_id", "")))
    if job.modal is None and (wants_input or not job.modal_prompt):
        return changed(job, status=Status.AWAITING_MODAL, due_at=job.deadline_at)
    return answer_queued(job, job.modal or Modal())


def answer_queued(job: Job, modal: Modal) -> Job:
    """Queue the window's answer; its POST needs a slot like any other."""
    modal = replace(modal, prompt=modal.prompt or job.modal_prompt)
    return changed(job, status=Status.QUEUED, modal=modal, due_at=None)


def succeeded(job: Job, result: Result, now: float) -> Decision:
    """The job has succeeded; its children are created in the same decision."""
    if files_of(job, result):
        result = changed(result, assets_status=AssetsStatus.PENDING)
    if job.options.seed and not _has_seed(job, result):
        result = changed(result, seed_error=_NO_PICTURE)
    over, submitted_at = ended(job, Status.SUCCEEDED, now, None), job.submitted_at or now
    job = changed(over, progress=100, result=result, submitted_at=submitted_at)
    job = due_until_settled(job, now)
    children = followups.children(job, now)
    awaited_by = job.awaited_by + followups.awaited_by(job, children)
    return Decision(changed(job, awaited_by=awaited_by), children=children)


def files_of(job: Job, result: Result) -> tuple[selection.Source, ...]:
    """The files of the job's ``result`` that are to be stored."""
    return () if job.kind in _SHOWS_INPUT else selection.sources(result, job.keep)


def due_until_settled(job: Job, now: float) -> Job:
    """Keep a succeeded job due until its files are stored and its seed is known."""
    return changed(job, due_at=None if job.settled else now)


def _has_seed(job: Job, result: Result) -> bool:
    """Whether the provider made an image, and there is a task to ask about."""
    pictured = bool(result.image_url or result.image_urls) and not result.video_urls
    return (
        pictured and not job.makes_film and job.kind not in _SHOWS_INPUT and job.task_id is not None
    )


def requeued(job: Job) -> Job:
    """Back to the queue as new, but with its account, attempts, tasks and window's answer."""
    return Job(
        job.id,
        job.spec,
        version=job.version,
        mark=job.mark,
        account=job.account,
        fetched=job.fetched,
        awaited_by=job.awaited_by,
        attempts=job.attempts,
        other_task_ids=all_task_ids(job),
        modal=job.modal,
        modal_prompt=job.modal_prompt,
        told_at=job.told_at,
    )


def too_late_to_submit(job: Job, now: float) -> Job:
    """Time out a queued job, rather than pay for a result that nobody would wait for."""
    reason = job.error.message if job.error else None
    message = "The provider did not take the job before its deadline."
    error = JobError(ErrorCode.DEADLINE, message, reason, retryable=True)
    return ended(job, Status.TIMED_OUT, now, error)


def ended(job: Job, status: Status, now: float, error: JobError | None) -> Job:
    """Terminal, and not due again."""
    if not between_attempts(job):
        job = attempt_ended(job, AttemptOutcome(status.value))
    return changed(
        outcome_known(job),
        status=status,
        window=closed(job.window),
        error=error,
        finished_at=now,
        due_at=None,
    )


def between_attempts(job: Job) -> bool:
    """Whether the last attempt is over and the job is queued for the next."""
    waits = job.status is Status.QUEUED and bool(job.attempts)
    return waits and followed(job).over


def followed(job: Job) -> Attempt:
    """The attempt that the job's task belongs to; the last attempt while there is no task."""
    mine = (a for a in reversed(job.attempts) if a.task_id and a.task_id == job.task_id)
    return next(mine, job.attempts[-1])


def with_attempt(job: Job, attempt: Attempt) -> Job:
    """Replace the attempt of the same number."""
    attempts = (attempt if a.number == attempt.number else a for a in job.attempts)
    return changed(job, attempts=tuple(attempts))


def attempt_ended(job: Job, outcome: AttemptOutcome) -> Job:
    """Record the outcome of the followed attempt, if any; one given up stays given up."""
    if not job.attempts or (attempt := followed(job)).given_up:
        return job
    return with_attempt(job, changed(attempt, outcome=outcome))


def with_task(job: Job, task_id: str | None, number: int | None = None) -> Job:
    """Follow ``task_id``, accepted as attempt ``number`` (None: the one followed so far).

    The previous task id is kept in ``other_task_ids``.
    """
    if task_id is None or task_id == job.task_id:
        return job
    attempt = next((a for a in job.attempts if a.number == number), None)
    if attempt or job.attempts:
        attempt = changed(attempt or followed(job), task_id=task_id)
        # A job that any account may take belongs to the account that accepted it.
        job = changed(with_attempt(job, attempt), account=attempt.account or job.account)
    others = tuple(each for each in all_task_ids(job) if each != task_id)
    return changed(job, task_id=task_id, other_task_ids=others)


def all_task_ids(job: Job) -> tuple[str, ...]:
    """All tasks that the job ever had, the present one last."""
    return (*job.other_task_ids, job.task_id) if job.task_id else job.other_task_ids


def freed(job: Job) -> Job:
    """Release a cancelled job's slot: the provider runs nothing for it any more."""
    return changed(job, draining=False, doubt_until=None, place_freed=False, due_at=None)


def closed(window: Window) -> Window:
    """An open window counts as answered once its task goes on or the job is over."""
    return Window.ANSWERED if window is Window.OPEN else window
