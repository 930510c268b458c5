"""SHELL. The jobs that the rows of a batch's file ask for, and those that the batch has already."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from worker.adapters.store.store import Store
from worker.domain.batch.rows import BadRow, Row
from worker.domain.errors import InvalidRequest
from worker.domain.job import Job, changed
from worker.domain.job_ids import job_id_of
from worker.services.enqueue import Enqueuer


def id_of(batch_id: str, key: str) -> str:
    """The id of the job of the row with this key."""
    return job_id_of("row", batch_id, key)


def job_of(enqueuer: Enqueuer, row: Row, batch_id: str, *, allow_paths: bool) -> Job:
    """The row's job, with its images stored, but not the job. Raises ``InvalidRequest``."""
    if "job_id" in row.request.spec.request:
        message = "names a job, and a batch starts new ones; `hookline press` follows one up"
        raise InvalidRequest.of("job_id", message)
    job = enqueuer.prepare(row.request, id_of(batch_id, row.key), allow_paths=allow_paths)
    place = replace(job.spec, batch_id=batch_id, row=row.number, row_key=row.key)
    return changed(job, spec=place)


def same(job: Job, known: Job) -> bool:
    """Whether the row requests the same images; other options may have changed."""
    # A button's custom_id is added when the job is submitted.
    learnt = {"custom_id"} - job.request.keys()
    request = {name: value for name, value in known.request.items() if name not in learnt}
    return (job.kind, job.request, job.spec.then) == (known.kind, request, known.spec.then)


def apart(
    store: Store,
    jobs: Sequence[Job],
    rows: Sequence[Row | BadRow],
    batch_id: str,
    made: Callable[[Row], Job],
) -> tuple[list[Job], list[Job]]:
    """Separate the jobs of rows that are in the batch under the key that they had before, when
    their numbers were written otherwise (``5`` for ``5.0``); these get that job's id.

    Without this each of them would be paid for again. ``made`` makes a row's job.
    """
    before = {
        id_of(batch_id, row.key): row.before for row in rows if isinstance(row, Row) and row.before
    }
    former = {job.id: id_of(batch_id, before[job.id].key) for job in jobs if job.id in before}
    ids = [*former, *former.values()]
    stored = {job.id: job for job in store.jobs.get_many(ids)} if ids else {}
    others, known = list[Job](), list[Job]()
    for job in jobs:
        found = stored.get(former.get(job.id, "")) if job.id not in stored else None
        if found is None:
            others.append(job)
        else:
            as_it_is = changed(job, id=found.id)
            known.append(as_it_is if same(as_it_is, found) else made(before[job.id]))
    return others, known
