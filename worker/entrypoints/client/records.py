"""Jobs and pipelines: reading, waiting, pressing, cancelling, retrying, fetching."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from worker.domain.job import Job
from worker.domain.requests.base import validate
from worker.domain.requests.queries import JobsQuery
from worker.entrypoints.client.given import (
    JobOrId,
    Key,
    ModalAnswer,
    Then,
    id_of,
    key_of,
    plain,
    press_of,
)
from worker.entrypoints.connection import desk, services

if TYPE_CHECKING:
    from worker.adapters.store import Page, Pipeline
    from worker.domain.dry_run import Quote
    from worker.domain.history import History
    from worker.services.reports.answers.waiting import Waiting

#: Seconds between two reads of a job that is waited for.
_LOOK_EVERY_S = 0.25


def get(job: JobOrId) -> Job:
    """The current state of the job."""
    return desk().visible.job(id_of(job))


def jobs(**query: Any) -> "Page":
    """A page of jobs, newest first; ``query``: fields of ``JobsQuery``, as ``status="failed"``."""
    from worker.services.reports.listing import list_jobs  # noqa: PLC0415  # as above

    return list_jobs(desk().visible, validate(JobsQuery, query))


def pipeline(job: JobOrId) -> "Pipeline":
    """The whole pipeline that the job belongs to."""
    pipeline_id = job.spec.pipeline_id if isinstance(job, Job) else get(job).spec.pipeline_id
    return desk().visible.pipeline(pipeline_id)


def why_waiting(job: Job) -> "Waiting | None":
    """What holds the job up, and what to do about it; None if nothing does."""
    from worker.services.reports.waits import waiting  # noqa: PLC0415  # as above

    return waiting(services().orchestrator, job, services().roster)


def history(job: JobOrId) -> "History":
    """What happened to the job, oldest first."""
    from worker.services.reports.history import histories  # noqa: PLC0415  # as above

    found = get(job)
    return histories(desk().visible, [found])[found.id]


def family(job: JobOrId) -> list[Job]:
    """The job and its descendants, parents before children."""
    found: dict[str, Job] = {}
    for member in pipeline(job).jobs:
        if member.id == id_of(job) or member.spec.parent_id in found:
            found[member.id] = member
    return list(found.values())


def is_over(job: Job) -> bool:
    """Whether the job ended, and its files and seed are settled."""
    return job.settled


def follow(job: JobOrId, *, alone: bool = False) -> Iterator[list[Job]]:
    """Yield the job and its descendants repeatedly until all of them are over.

    ``alone``: without the descendants.
    """
    while True:
        members = [get(job)] if alone else family(job)
        yield members
        if all(is_over(member) for member in members):
            return
        time.sleep(_LOOK_EVERY_S)


def wait(job: JobOrId, *, timeout_s: float | None = None) -> Job:
    """Return the job once it and its descendants are over.

    Raises ``TimeoutError``; the job continues.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    for members in follow(job):
        if deadline and time.monotonic() > deadline and not all(map(is_over, members)):
            held = filter(None, map(why_waiting, members))
            said = "".join(f" It waits: {waiting.message}." for waiting in islice(held, 1))
            raise TimeoutError(f"The job {id_of(job)} is not over within {timeout_s} s.{said}")
    return get(job)


def press(
    job: JobOrId,
    button: str,
    *,
    modal: ModalAnswer | None = None,
    then: Then = (),
    key: Key | None = None,
) -> tuple[Job, ...]:
    """Press a button of a succeeded job; return the children, several for a glob like ``U*``."""
    asked = press_of(button, modal, then)
    return desk().enqueuer.press(id_of(job), asked, key=key_of(key), allow_paths=True)


def quote_press(
    job: JobOrId,
    button: str,
    *,
    modal: ModalAnswer | None = None,
    then: Then = (),
    key: Key | None = None,
) -> "Quote":
    """Dry run of ``press``: the jobs and their price; nothing is stored."""
    asked = press_of(button, modal, then)
    return desk().enqueuer.quote_press(id_of(job), asked, key=key_of(key), allow_paths=True)


def cancel(job: JobOrId) -> Job:
    """Cancel the job."""
    return desk().cancel(id_of(job))


def retry(job: JobOrId) -> Job:
    """Retry a job that failed, was cancelled or timed out."""
    return desk().retry(id_of(job))


def fetch(job: JobOrId) -> Job:
    """Store the files of a succeeded job again, with the provider's present links.

    For files that could not be stored or were deleted, or a storage that is new. Raises
    ``Conflict`` for a job that has no files; ``wait`` returns it with the new ones.
    """
    return desk().fetch_assets(id_of(job))


def resolve(
    job: JobOrId,
    outcome: Literal["resubmit", "failed", "accepted"],
    *,
    task_id: str | int | None = None,
) -> Job:
    """Resolve a job in doubt: say whether the provider accepted it."""
    asked = plain({"outcome": outcome, "task_id": task_id})
    return desk().resolve(id_of(job), asked)
