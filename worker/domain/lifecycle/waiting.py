"""PURE. Jobs that wait for no slot: a blend for its siblings, a choose for its function.

A blend's siblings are looked at whenever one of them ends, and now and then by the sweep; it ends
as soon as one of them cannot give a picture. A choose is called by one worker at a time: who calls
renews its lease, and when that ends another one calls.
"""

from dataclasses import replace
from itertools import takewhile

from worker.domain import followups, retry_policy
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.events import (
    Choosing,
    Chosen,
    Decision,
    Disposition,
    NotChosen,
    Policy,
    Sibling,
    SiblingsSeen,
)
from worker.domain.job import Attempt, AttemptOutcome, Job, Kind, Status
from worker.domain.lifecycle.moves import as_new, attempt_ended, ended
from worker.domain.result import JobError


def siblings_seen(job: Job, event: SiblingsSeen, now: float, policy: Policy) -> Decision:
    """Ready with its siblings' pictures, once each has one."""
    if not job.waiting or job.kind is Kind.CHOOSE:
        return Decision(job, Disposition.STALE)
    seen = {sibling.job_id: sibling for sibling in event.siblings}
    siblings = [seen.get(job_id) for job_id in job.spec.waits_for]
    names = job.request["blend"]
    lacking = [
        f"{name} {problem}"
        for name, sibling in zip(names, siblings, strict=True)
        if (problem := _problem(sibling))
    ]
    if lacking:
        return Decision(ended(job, Status.FAILED, now, _sibling_failed(lacking)))
    pictures = [sibling.picture for sibling in siblings if sibling and sibling.picture]
    if len(pictures) < len(names):
        return Decision(job)
    job = job.with_request({**job.request, "images": pictures})
    return Decision(replace(job, due_at=None))


def _problem(sibling: Sibling | None) -> str | None:
    """Why no picture is to be had of it; None where one is, or may be some day."""
    if sibling is None:
        return "is gone"
    if not sibling.status.terminal:
        return None
    if sibling.status is not Status.SUCCEEDED:
        return f"is {sibling.status.value}"
    return None if sibling.picture else "has no picture"


def _sibling_failed(lacking: list[str]) -> JobError:
    message = f"The pictures to blend are not all there: {', '.join(lacking)}."
    return job_error(ErrorCode.SIBLING_FAILED, message)


def waits_again(job: Job, now: float) -> Job:
    """Retried: what it waits for is looked at anew, as it may have been retried as well."""
    request = {name: value for name, value in job.request.items() if name != "images"}
    return replace(as_new(job).with_request(request), due_at=now)


def choosing(job: Job, event: Choosing, now: float, policy: Policy) -> Decision:
    """A worker's claim: of two that read the same choose, one finds it taken."""
    if not job.waiting or job.kind is not Kind.CHOOSE:
        return Decision(job, Disposition.STALE)
    attempts = (*job.attempts, Attempt(job.attempt + 1, started_at=now))
    due_at = now + retry_policy.CHOOSE_LEASE_S
    return Decision(
        replace(job, status=Status.IN_PROGRESS, attempts=attempts, error=None, due_at=due_at)
    )


def chosen(job: Job, event: Chosen, now: float, policy: Policy) -> Decision:
    """The buttons that the function named are pressed, under the same parent."""
    if not _called(job, event):
        return Decision(job, Disposition.STALE)
    done = replace(ended(job, Status.SUCCEEDED, now, None), progress=100)
    children = followups.chosen(job, event.parent, event.steps, now)
    return Decision(done, children=children)


def not_chosen(job: Job, event: NotChosen, now: float, policy: Policy) -> Decision:
    """Only this step fails; it is not called again by itself."""
    if not _called(job, event):
        return Decision(job, Disposition.STALE)
    return Decision(ended(job, Status.FAILED, now, event.error))


def _called(job: Job, event: Chosen | NotChosen) -> bool:
    """Whether the present call answered; one that was given up has no say any more."""
    if job.kind is not Kind.CHOOSE or job.status is not Status.IN_PROGRESS:
        return False
    return event.attempt == job.attempt


def call_lost(job: Job, now: float) -> Job:
    """The lease is over: called again by another worker, unless it took too many with it."""
    if job.status is not Status.IN_PROGRESS:
        return job
    job = attempt_ended(job, AttemptOutcome.LOST)
    lost = takewhile(lambda attempt: attempt.outcome is AttemptOutcome.LOST, reversed(job.attempts))
    if len(list(lost)) < retry_policy.CHOOSE_CALLS:
        return replace(job, status=Status.QUEUED, due_at=now)
    message = (
        f"The worker went away during each of {retry_policy.CHOOSE_CALLS} calls of the function."
    )
    hint = "The function may take all memory or end the process; `hookline retry` calls it again."
    return ended(job, Status.FAILED, now, job_error(ErrorCode.CHOOSE_FAILED, message, hint))
