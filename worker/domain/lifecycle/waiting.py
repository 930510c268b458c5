"""PURE. Jobs that wait for something other than a slot: a blend for its siblings, a choose for its
function.

A blend re-checks its siblings whenever one of them ends, and every so often by the sweep; it fails
as soon as one of them cannot give an image. A choose's function is called by one worker at a time,
which renews its lease; when the lease expires, another worker calls it.
"""

from itertools import takewhile

from worker.domain import events, followups, retry_policy
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.events import Decision, Disposition, Policy
from worker.domain.job import Attempt, AttemptOutcome, Job, Status, changed
from worker.domain.job_spec import Kind
from worker.domain.lifecycle.moves import attempt_ended, ended, requeued

#: Outcome of a call whose worker died.
_LOST = "lost"


def siblings_seen(job: Job, event: events.SiblingsSeen, now: float, policy: Policy) -> Decision:
    """Ready with its siblings' images, once each has one."""
    if not job.waiting or job.kind is Kind.CHOOSE:
        return Decision(job, Disposition.STALE)
    seen = {sibling.id: sibling for sibling in event.siblings}
    siblings = [seen.get(job_id) for job_id in job.spec.waits_for]
    names = job.request["blend"]
    lacking = [
        f"{name} {problem}"
        for name, sibling in zip(names, siblings, strict=True)
        if (problem := _problem(sibling))
    ]
    if lacking:
        message = f"The pictures to blend are not all there: {', '.join(lacking)}."
        error = job_error(ErrorCode.SIBLING_FAILED, message)
        return Decision(ended(job, Status.FAILED, now, error))
    pictures = [picture for sibling in siblings if sibling and (picture := _picture(sibling))]
    if len(pictures) < len(names):
        return Decision(job)
    return Decision(changed(job.with_request({**job.request, "images": pictures}), due_at=None))


def _picture(job: Job) -> str | None:
    return next(filter(None, (job.result.image_url, *job.result.image_urls)), None)


def _problem(sibling: Job | None) -> str | None:
    """Why the sibling will never give an image; None if it has one, or still may."""
    if sibling is None:
        return "is gone"
    if not sibling.status.terminal:
        return None
    if sibling.status is not Status.SUCCEEDED:
        return f"is {sibling.status.value}"
    return None if _picture(sibling) else "has no picture"


def waits_again(job: Job, now: float) -> Job:
    """Retried: re-check the dependencies, which may have been retried as well."""
    request = {name: value for name, value in job.request.items() if name != "images"}
    return changed(requeued(job).with_request(request), due_at=now)


def choosing(job: Job, event: events.Choosing, now: float, policy: Policy) -> Decision:
    """A worker claims the call; if two loaded the same job, the second finds it taken."""
    if not job.waiting or job.kind is not Kind.CHOOSE:
        return Decision(job, Disposition.STALE)
    attempts = (*job.attempts, Attempt(job.attempt + 1, started_at=now))
    job = changed(job, status=Status.IN_PROGRESS, attempts=attempts, error=None)
    return Decision(changed(job, due_at=now + retry_policy.CHOOSE_LEASE_S))


def chosen(job: Job, event: events.Chosen, now: float, policy: Policy) -> Decision:
    """Succeeded; its children press the chosen buttons of the parent."""
    if not _is_present_call(job, event):
        return Decision(job, Disposition.STALE)
    done = changed(ended(job, Status.SUCCEEDED, now, None), progress=100)
    return Decision(done, children=followups.chosen(job, event.parent, event.steps, now))


def not_chosen(job: Job, event: events.NotChosen, now: float, policy: Policy) -> Decision:
    """Failed; the function is not called again automatically."""
    if not _is_present_call(job, event):
        return Decision(job, Disposition.STALE)
    return Decision(ended(job, Status.FAILED, now, event.error))


def _is_present_call(job: Job, event: events.Chosen | events.NotChosen) -> bool:
    """Whether ``event`` is of the present call, and not of one whose lease expired."""
    running = job.kind is Kind.CHOOSE and job.status is Status.IN_PROGRESS
    return running and event.attempt == job.attempt


def call_lost(job: Job, now: float) -> Job:
    """The lease expired: call the function again, unless it ended too many workers in a row."""
    if job.status is not Status.IN_PROGRESS:
        return job
    job = attempt_ended(job, AttemptOutcome.LOST)
    lost = takewhile(lambda attempt: attempt.outcome is AttemptOutcome.LOST, reversed(job.attempts))
    if len(list(lost)) < retry_policy.CHOOSE_CALLS:
        return changed(job, status=Status.QUEUED, due_at=now)
    message = (
        f"The worker went away during each of {retry_policy.CHOOSE_CALLS} calls of the function."
    )
    hint = "The function may take all memory or end the process; `hookline retry` calls it again."
    return ended(job, Status.FAILED, now, job_error(ErrorCode.CHOOSE_FAILED, message, hint))
