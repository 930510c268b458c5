"""SHELL. Batches: many root jobs from one file.

A batch is identified by its name and each row by a key, so a file can be submitted again after a
crash or with more rows. Rows that were stored before are left unchanged.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import cast

from worker.adapters.store import Batch
from worker.adapters.store.store import Store
from worker.domain import dry_run
from worker.domain.access import Caller
from worker.domain.account.callback_stats import sort_of
from worker.domain.batch.progress import MOST_SHOWN, BadRows, Progress, bad_row_json
from worker.domain.batch.records import Form
from worker.domain.batch.request import BatchRequest
from worker.domain.batch.rows import BadRow, Row, read_rows
from worker.domain.errors import Conflict, FieldError, InvalidRequest
from worker.domain.events import Cancelled
from worker.domain.job import Job, Status
from worker.services import batch_rows
from worker.services.enqueue import Enqueuer
from worker.services.orchestrator import Orchestrator
from worker.services.visible import Visible, batch_id_of

#: Rows stored per round trip.
CHUNK = 250
#: Jobs per file, permutations included.
MAX_ROWS = 1_000_000
#: Bytes of a file kept in memory when it has to be read twice.
_IN_MEMORY = 8 * 1024 * 1024


class Batches:
    """Submits batches, and cancels, retries, pauses or resumes all jobs of one."""

    def __init__(self, orchestrator: Orchestrator, enqueuer: Enqueuer) -> None:
        self._orchestrator = orchestrator
        self._store: Store = orchestrator.store
        self._enqueuer = enqueuer
        self._caller = enqueuer.caller
        self._visible = Visible(self._store, self._caller)

    def acting_for(self, caller: Caller) -> "Batches":
        """The same for this caller, who has batches of its own."""
        return Batches(self._orchestrator, self._enqueuer.acting_for(caller))

    def submit(
        self, asked: BatchRequest, source: Iterable[bytes], *, allow_paths: bool = False
    ) -> Iterator[Progress]:
        """Submit the rows of a file that comes in pieces of any size; yield progress by chunk.

        Bad rows are recorded with the batch, and the good ones are submitted. Raises
        ``InvalidRequest`` for a file that cannot be parsed, and with ``strict`` for any bad row:
        nothing is stored then.
        """
        self._enqueuer.check_destination(asked.target)
        if asked.strict:
            source = self._checked(asked, source, allow_paths=allow_paths)
        progress = Progress(batch_id_of(asked.name, self._caller))
        make = _maker(self._enqueuer, progress.batch_id, allow_paths=allow_paths)
        for chunk in _chunks(asked, source):
            rows = [_with_notify(row, asked) for row in chunk]
            jobs, bad = _made(make, rows)
            jobs, before = batch_rows.apart(self._store, jobs, rows, progress.batch_id, make)
            self._enqueuer.afford(jobs)
            now = self._orchestrator.clock()
            if not progress.rows:
                self._store.batches.open(self._batch(asked, progress.batch_id, jobs, now))
            new = self._store.jobs.add(
                jobs, capacity=self._orchestrator.dispatch.capacity("", now), now=now
            )
            known = [job for job, is_new in zip(jobs, new, strict=True) if not is_new] + before
            bad += (changed := self._changed(known))
            if bad:
                self._store.batches.report_bad(
                    progress.batch_id, [bad_row_json(row) for row in bad]
                )
            added = [job for job, is_new in zip(jobs, new, strict=True) if is_new]
            progress = self._after(progress, added, len(known) - len(changed), bad)
            self._orchestrator.dispatch.wake_all(now)
            yield progress
        # Only now: while rows may follow, a batch whose jobs are all over is not finished.
        self._store.batches.close(progress.batch_id, self._orchestrator.clock())

    def _batch(self, asked: BatchRequest, batch_id: str, jobs: Sequence[Job], now: float) -> Batch:
        return Batch(
            batch_id,
            asked.name,
            now,
            asked.limit,
            self._planned_per_row(jobs),
            asked.of_its_end,
            tenant=self._caller.tenant or "",
        )

    def check(
        self, asked: BatchRequest, source: Iterable[bytes], *, allow_paths: bool = False
    ) -> Iterator[Progress]:
        """Dry run of ``submit``: nothing is stored. Raises as ``submit`` does."""
        self._enqueuer.check_destination(asked.target)
        progress = Progress(batch_id_of(asked.name, self._caller))
        make = _maker(self._enqueuer.dry(), progress.batch_id, allow_paths=allow_paths)
        for chunk in _chunks(asked, source):
            jobs, bad = _made(make, chunk)
            jobs, before = batch_rows.apart(self._store, jobs, chunk, progress.batch_id, make)
            stored = {job.id for job in self._store.jobs.get_many([job.id for job in jobs])}
            known = [job for job in jobs if job.id in stored] + before
            bad += (changed := self._changed(known))
            new = [job for job in jobs if job.id not in stored]
            progress = self._after(progress, new, len(known) - len(changed), bad)
            yield progress
        if asked.strict and progress.bad:
            raise BadRows(progress)

    def find(self, name_or_id: str) -> Batch:
        """The batch with this name or id. Raises ``NotFound``."""
        return self._visible.batch_named(name_or_id)

    def jobs(self, batch: Batch) -> Iterator[tuple[Job, tuple[Job, ...]]]:
        """Each root job with all jobs of its pipeline, in the order of the file."""
        for start in range(0, batch.rows, CHUNK):
            for root in self._store.batches.roots(batch.id, start, CHUNK):
                yield root, self._pipeline(root)

    def cancel(self, batch: Batch) -> Iterator[Job]:
        """Cancel every job that is not over; yield each after that.

        The batch is paused meanwhile, so that no job starts, and is paid, just before its turn.
        """
        what = f"batch:{batch.id}"
        was_paused = what in self._store.queue.paused()
        self._store.queue.pause(what)
        yield from self._offer(batch, self._cancel, lambda job: not job.status.terminal)
        if not was_paused:
            self._store.queue.resume(what)

    def pause(self, batch: Batch) -> None:
        """Start no job of the batch; submitted ones go on."""
        self._store.queue.pause(f"batch:{batch.id}")

    def resume(self, batch: Batch) -> None:
        """Start its jobs again."""
        self._store.queue.resume(f"batch:{batch.id}")
        self._orchestrator.dispatch.wake_all(self._orchestrator.clock())

    def retry_failed(self, batch: Batch) -> Iterator[Job]:
        """Retry every job that failed or timed out; yield each after that."""
        failed = (Status.FAILED, Status.TIMED_OUT)
        return self._offer(batch, self._enqueuer.retry_job, lambda job: job.status in failed)

    def _cancel(self, job: Job) -> Job:
        return self._orchestrator.record(job, Cancelled()).job

    def _pipeline(self, root: Job) -> tuple[Job, ...]:
        pipeline = self._store.jobs.pipeline(root.id)
        return self._caller.seen(pipeline.jobs) if pipeline else (root,)

    def _offer(
        self, batch: Batch, change: Callable[[Job], Job], wanted: Callable[[Job], bool]
    ) -> Iterator[Job]:
        for root, members in self.jobs(batch):
            jobs, tried = members, set[str]()
            while asked := [job for job in jobs if job.id not in tried and wanted(job)]:
                tried |= {job.id for job in asked}
                done = list(_offered(asked, change))
                yield from done
                # A job that moved on meanwhile may have children by now.
                jobs = self._pipeline(root) if len(done) < len(asked) else ()

    def _changed(self, jobs: list[Job]) -> list[BadRow]:
        """Rows whose key was used for a different request before."""
        stored = self._store.jobs.get_many([job.id for job in jobs])
        message = "is the key of another request in this batch; give the changed row another one"
        return [
            BadRow(job.spec.row or 0, (FieldError("key", message),))
            for job, known in zip(jobs, stored, strict=True)
            if not batch_rows.same(job, known)
        ]

    def _after(
        self, so_far: Progress, new: Sequence[Job], known: int, bad: Sequence[BadRow]
    ) -> Progress:
        quotes = self._quotes(new)
        after = replace(
            so_far,
            new=so_far.new + len(new),
            known=so_far.known + known,
            bad=so_far.bad + len(bad),
            planned=so_far.planned + sum(quote.tree.jobs for quote in quotes),
            price=so_far.price + sum(quote.total for quote in quotes),
            exact=so_far.exact and all(quote.tree.exact for quote in quotes),
            bad_rows=(*so_far.bad_rows, *map(bad_row_json, bad))[:MOST_SHOWN],
        )
        if after.rows > MAX_ROWS:
            message = f"are more than {MAX_ROWS:,}; make several batches of the rest"
            raise InvalidRequest.of("rows", message)
        return after

    def _quotes(self, jobs: Sequence[Job]) -> list[dry_run.Quote]:
        """What each job grows into and costs, computed once for rows that are alike."""
        known: dict[tuple[str | None, ...], dry_run.Quote] = {}

        def quote(job: Job) -> dry_run.Quote:
            then = json.dumps(job.spec.then)
            alike = (job.kind, sort_of(job), job.account, job.options.mode, then)
            if alike not in known:
                known[alike] = self._enqueuer.quote_of([job])
            return known[alike]

        return list(map(quote, jobs))

    def _planned_per_row(self, jobs: Sequence[Job]) -> int:
        """Estimated from the first rows: all mostly share their ``then``."""
        planned = sum(quote.tree.jobs for quote in self._quotes(jobs))
        return max(1, round(planned / max(1, len(jobs))))

    def _checked(
        self, asked: BatchRequest, source: Iterable[bytes], *, allow_paths: bool
    ) -> Iterator[bytes]:
        """The file again, once every row was checked."""
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as kept:

            def keeping() -> Iterator[bytes]:
                for piece in source:
                    kept.write(piece)
                    yield piece

            for _ in self.check(asked, keeping(), allow_paths=allow_paths):
                pass
            kept.seek(0)
            yield from iter(lambda: kept.read(65536), b"")


def _offered(jobs: Sequence[Job], change: Callable[[Job], Job]) -> Iterator[Job]:
    for job in jobs:
        try:
            yield change(job)
        except Conflict:
            continue


def _chunks(asked: BatchRequest, source: Iterable[bytes]) -> Iterator[list[Row | BadRow]]:
    """The rows in chunks. Raises ``InvalidRequest`` for a file that cannot be parsed."""
    form = cast("Form", asked.form)  # required, see its rules
    rows = read_rows(source, form, asked.defaults, permute=asked.permute)
    chunk = list(islice(rows, CHUNK))
    if not chunk:
        raise InvalidRequest.of("file", "has no rows")
    if isinstance(chunk[0], BadRow) and chunk[0].is_last:
        raise InvalidRequest(chunk[0].errors)
    while chunk:
        yield chunk
        chunk = list(islice(rows, CHUNK))


def _with_notify(row: Row | BadRow, asked: BatchRequest) -> Row | BadRow:
    """The row with the batch's ``notify``, unless it has its own."""
    target = asked.of_its_rows
    if target is None or isinstance(row, BadRow) or row.request.spec.options.notify:
        return row
    spec = row.request.spec
    spec = replace(spec, options=replace(spec.options, notify=target))
    return replace(row, request=replace(row.request, spec=spec))


def _maker(enqueuer: Enqueuer, batch_id: str, *, allow_paths: bool) -> Callable[[Row], Job]:
    return lambda row: batch_rows.job_of(enqueuer, row, batch_id, allow_paths=allow_paths)


def _made(
    make: Callable[[Row], Job], chunk: Sequence[Row | BadRow]
) -> tuple[list[Job], list[BadRow]]:
    """The jobs that the rows request, and the bad rows."""
    jobs, bad = list[Job](), list[BadRow]()
    for row in chunk:
        if isinstance(row, BadRow):
            bad.append(row)
            continue
        try:
            jobs.append(make(row))
        except InvalidRequest as problem:
            bad.append(BadRow(row.number, problem.errors))
    return jobs, bad
