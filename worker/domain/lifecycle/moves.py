"""PURE. The moves that decisions are made of: a job as it is after one of them."""

from dataclasses import replace

from worker.domain import buttons, followups, retry_policy
from worker.domain.assets import selection
from worker.domain.error_codes import ErrorCode
from worker.domain.events import Decision, Policy
from worker.domain.job import (
    Attempt,
    AttemptOutcome,
    Job,
    Kind,
    Modal,
    Status,
    Window,
)
from worker.domain.provider_reports import Verdict
from worker.domain.result import AssetsStatus, JobError, Result

_NO_PICTURE = "The result is no picture that was made, so it has no seed."

#: The pictures of their results are those that were handed in.
_SHOWS_INPUT = frozenset({Kind.DESCRIBE, Kind.UPLOAD})


def accepted(job: Job, task_id: str | None, now: float, policy: Policy) -> Job:
    """Paid, and looked at soon: some tasks are finished at once and never call back."""
    answered = job.window is Window.OPEN
    return replace(
        with_task(as_submitted(job, now), task_id),
        status=Status.SUBMITTED,
        window=Window.ANSWERED if answered else job.window,
        posting=False,
        doubt_until=None,
        held=False,
        refusals=0,
        error=None,
        heard_at=now,
        due_at=now + policy.first_look_s,
    )


def as_submitted(job: Job, now: float) -> Job:
    """With the times of a submission: they are gone where it was queued again meanwhile."""
    submitted_at = job.submitted_at or now
    deadline_at = job.deadline_at or submitted_at + job.options.deadline_s
    return replace(job, submitted_at=submitted_at, deadline_at=deadline_at)


def next_look(job: Job, now: float, policy: Policy) -> float:
    """When a running task that stays silent is to be asked about."""
    started_at = job.submitted_at or now
    wait = retry_policy.look_after(
        now - started_at,
        now - (job.heard_at or started_at),
        callbacks_flow=policy.callbacks_flow,
        lag_s=policy.lag_s,
    )
    return retry_policy.rounded_up(now + wait, wait)


def with_others(job: Job, verdict: Verdict) -> Job:
    """Remembers the further tasks that one submit started; only the first is followed."""
    return replace(job, other_task_ids=job.other_task_ids + verdict.other_task_ids)


def window_open(job: Job, verdict: Verdict, now: float) -> Job:
    """To the queue for the answer's POST, where there is one; else it waits for the caller."""
    job = replace(
        with_task(with_others(as_submitted(job, now), verdict), verdict.task_id),
        window=Window.OPEN,
        posting=False,
        doubt_until=None,
        held=False,
        modal_prompt=verdict.modal_prompt or job.modal_prompt,
        refusals=0,
        error=None,
        overdue_since=None,
    )
    wants_input = buttons.wants_input(str(job.request.get("custom_id", "")))
    if job.modal is None and (wants_input or not job.modal_prompt):
        return replace(job, status=Status.AWAITING_MODAL, due_at=job.deadline_at)
    modal = job.modal or Modal()
    return replace(
        job,
        status=Status.QUEUED,
        modal=replace(modal, prompt=modal.prompt or job.modal_prompt),
        due_at=None,
    )


def succeeded(job: Job, result: Result, now: float) -> Decision:
    """The only decision that makes children: they come into being with their parent's success."""
    if job.kind not in _SHOWS_INPUT and selection.sources(result, job.keep):
        result = replace(result, assets_status=AssetsStatus.PENDING)
    if job.options.seed and not _has_seed(job, result):
        result = replace(result, seed_error=_NO_PICTURE)
    job = replace(
        ended(job, Status.SUCCEEDED, now, None),
        progress=100,
        result=result,
        submitted_at=job.submitted_at or now,
    )
    job = due_until_settled(job, now)
    children = followups.children(job, now)
    awaited_by = job.awaited_by + followups.awaited_by(job, children)
    return Decision(replace(job, awaited_by=awaited_by), children=children)


def due_until_settled(job: Job, now: float) -> Job:
    """A succeeded job is not over for the sweep until its files are ours and its seed is known."""
    return replace(job, due_at=None if job.settled else now)


def _has_seed(job: Job, result: Result) -> bool:
    """Whether the provider made a picture, and a task is there to be asked about."""
    pictured = bool(result.image_url or result.image_urls) and not result.video_urls
    return pictured and job.kind not in _SHOWS_INPUT and job.task_id is not None


def as_new(job: Job) -> Job:
    """In the queue as if new, but for its account, attempts, tasks and window's answer."""
    return Job(
        job.id,
        job.spec,
        version=job.version,
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
    """Better over than paid for and then given up at once."""
    reason = job.error.message if job.error else None
    message = "The provider did not take the job before its deadline."
    error = JobError(ErrorCode.DEADLINE, message, reason, retryable=True)
    return ended(job, Status.TIMED_OUT, now, error)


def ended(job: Job, status: Status, now: float, error: JobError | None) -> Job:
    """Terminal, with nothing more to look at."""
    return replace(
        job if between_attempts(job) else attempt_ended(job, AttemptOutcome(status.value)),
        status=status,
        posting=False,
        doubt_until=None,
        held=False,
        window=closed(job.window),
        error=error,
        finished_at=now,
        due_at=None,
    )


def between_attempts(job: Job) -> bool:
    """Whether its last attempt is over, and it waits in the queue for the next."""
    waits = job.status is Status.QUEUED and bool(job.attempts)
    return waits and followed(job).over


def followed(job: Job) -> Attempt:
    """The attempt whose task is the job's; before there is a task, the last one."""
    mine = (a for a in reversed(job.attempts) if a.task_id and a.task_id == job.task_id)
    return next(mine, job.attempts[-1])


def with_attempt(job: Job, attempt: Attempt) -> Job:
    """Writes ``attempt`` over the one of its number."""
    attempts = (attempt if a.number == attempt.number else a for a in job.attempts)
    return replace(job, attempts=tuple(attempts))


def attempt_ended(job: Job, outcome: AttemptOutcome) -> Job:
    """Writes down what became of the present attempt, if there was one."""
    if not job.attempts:
        return job
    attempt = followed(job)
    if attempt.given_up:  # more than this is not known of it
        return job
    return with_attempt(job, replace(attempt, outcome=outcome))


def with_task(job: Job, task_id: str | None, number: int | None = None) -> Job:
    """Follows ``task_id`` from now on, as that of attempt ``number`` or the present one.

    The task before it is remembered.
    """
    if task_id is None or task_id == job.task_id:
        return job
    attempt = next((a for a in job.attempts if a.number == number), None)
    if attempt or job.attempts:
        attempt = replace(attempt or followed(job), task_id=task_id)
        # A job that any account may take belongs to that of the attempt that was accepted.
        job = replace(with_attempt(job, attempt), account=attempt.account or job.account)
    others = tuple(each for each in all_task_ids(job) if each != task_id)
    return replace(job, task_id=task_id, other_task_ids=others)


def all_task_ids(job: Job) -> tuple[str, ...]:
    """Every task that this job ever had, the present one last."""
    return (*job.other_task_ids, job.task_id) if job.task_id else job.other_task_ids


def freed(job: Job) -> Job:
    """A cancelled job whose slot is wanted no longer: nothing runs for it at the provider."""
    return replace(job, draining=False, doubt_until=None, due_at=None)


def closed(window: Window) -> Window:
    """An open window is taken as answered once its task is seen to go on, or the job is over."""
    return Window.ANSWERED if window is Window.OPEN else window
