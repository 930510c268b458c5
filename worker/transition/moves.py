"""PURE. The moves that decisions are made of: a job as it is after one of them."""

from dataclasses import replace

from worker import buttons, followups, retries
from worker.events import Decision, Policy
from worker.evidence import Verdict
from worker.job import (
    AssetsStatus,
    Attempt,
    Job,
    JobError,
    Kind,
    Modal,
    Result,
    Status,
    Window,
)

#: An attempt whose worker died before its POST could leave. Its number is not used again, so that
#: this worker, should it only have been slow, has no say in the next attempt.
NOT_SENT = "not_sent"
#: An attempt in doubt that was not waited for any longer; it may prove accepted all the same.
GIVEN_UP = Status.IN_DOUBT.value

#: The pictures of their results are those that were handed in.
_SHOWS_INPUT = frozenset({Kind.DESCRIBE, Kind.UPLOAD})


def accepted(job: Job, task_id: str | None, now: float, policy: Policy) -> Job:
    """Paid, and looked at soon: some tasks are finished at once and never call back."""
    answered = job.window is Window.OPEN
    return replace(
        with_task(job, task_id),
        status=Status.SUBMITTED,
        window=Window.ANSWERED if answered else job.window,
        posting=False,
        doubt_until=None,
        held=False,
        refusals=0,
        error=None,
        submitted_at=job.submitted_at or now,
        heard_at=now,
        due_at=now + policy.first_look_s,
    )


def next_look(job: Job, now: float, policy: Policy) -> float:
    """When a running task that stays silent is to be asked about."""
    started_at = job.submitted_at or now
    wait = retries.look_after(
        now - started_at,
        now - (job.heard_at or started_at),
        callbacks_flow=policy.callbacks_flow,
        lag_s=policy.lag_s,
    )
    return retries.rounded_up(now + wait, wait)


def with_others(job: Job, verdict: Verdict) -> Job:
    """Remembers the further tasks that one submit started; only the first is followed."""
    return replace(job, other_task_ids=job.other_task_ids + verdict.other_task_ids)


def window_open(job: Job, verdict: Verdict, now: float) -> Job:
    """To the queue for the answer's POST, where there is one; else it waits for the caller."""
    job = replace(
        with_task(with_others(job, verdict), verdict.task_id),
        window=Window.OPEN,
        posting=False,
        doubt_until=None,
        held=False,
        modal_prompt=verdict.modal_prompt or job.modal_prompt,
        submitted_at=job.submitted_at or now,
        refusals=0,
        error=None,
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
    has_files = bool(result.image_url or result.image_urls or result.video_urls)
    if has_files and job.kind not in _SHOWS_INPUT:
        result = replace(result, assets_status=AssetsStatus.PENDING)
    job = replace(
        ended(job, Status.SUCCEEDED, now, None),
        progress=100,
        result=result,
        submitted_at=job.submitted_at or now,
        # Not over for the sweep until the files are ours.
        due_at=now if result.assets_status is AssetsStatus.PENDING else None,
    )
    return Decision(job, children=followups.children(job, now))


def too_late_to_submit(job: Job, now: float) -> Job:
    """Better over than paid for and then given up at once."""
    reason = job.error.message if job.error else None
    message = "The provider did not take the job before its deadline."
    return ended(job, Status.TIMED_OUT, now, JobError("deadline", message, reason, retryable=True))


def ended(job: Job, status: Status, now: float, error: JobError | None) -> Job:
    """Terminal, with nothing more to look at."""
    return replace(
        attempt_ended(job, status.value),
        status=status,
        posting=False,
        doubt_until=None,
        held=False,
        window=closed(job.window),
        error=error,
        finished_at=now,
        due_at=None,
    )


def followed(job: Job) -> Attempt:
    """The attempt whose task is the job's; before there is a task, the last one."""
    mine = (a for a in reversed(job.attempts) if a.task_id and a.task_id == job.task_id)
    return next(mine, job.attempts[-1])


def with_attempt(job: Job, attempt: Attempt) -> Job:
    """Writes ``attempt`` over the one of its number."""
    attempts = (attempt if a.number == attempt.number else a for a in job.attempts)
    return replace(job, attempts=tuple(attempts))


def attempt_ended(job: Job, outcome: str) -> Job:
    """Writes down what became of the present attempt, if there was one."""
    if not job.attempts:
        return job
    attempt = followed(job)
    if attempt.outcome == GIVEN_UP:  # more than this is not known of it
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
        job = with_attempt(job, replace(attempt or followed(job), task_id=task_id))
    return replace(job, task_id=task_id, other_task_ids=all_task_ids(job))


def all_task_ids(job: Job) -> tuple[str, ...]:
    """Every task that this job ever had, the present one last."""
    return (*job.other_task_ids, job.task_id) if job.task_id else job.other_task_ids


def freed(job: Job) -> Job:
    """A cancelled job whose slot is wanted no longer: nothing runs for it at the provider."""
    return replace(job, draining=False, doubt_until=None, due_at=None)


def closed(window: Window) -> Window:
    """An open window is taken as answered once its task is seen to go on, or the job is over."""
    return Window.ANSWERED if window is Window.OPEN else window
