"""SHELL. Batches: many root jobs from one file, and what people ask of them all together.

A batch is known by its name, and each of its rows by a key, so that a file can be handed in again:
after a crash, or with further rows. What is there already is left as it is.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from tempfile import SpooledTemporaryFile

from worker import followups
from worker.batch.request import BatchRequest
from worker.batch.rows import BadRow, Row, read_rows
from worker.errors import Conflict, FieldError, InvalidRequest, NotFound
from worker.events import Cancelled, Event, Retried
from worker.intake import Intake
from worker.job import JSON, Job, Status
from worker.orchestrator import Orchestrator
from worker.store import Batch, Store

#: Rows that are stored in one exchange.
CHUNK = 250
#: Jobs that one file may ask for, permutations counted.
MAX_ROWS = 1_000_000
#: A file that has to be read twice is kept in memory up to so many bytes.
_IN_MEMORY = 8 * 1024 * 1024
#: Bad rows that are told of at once.
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the taking in of a file has come; one row for each job."""

    batch_id: str
    new: int = 0  #: jobs that were not there before
    known: int = 0  #: jobs that were
    bad: int = 0  #: rows that are no jobs

    @property
    def rows(self) -> int:
        """Read so far."""
        return self.new + self.known + self.bad


def batch_id_of(name: str) -> str:
    """The id of the batch of this name."""
    return followups.job_id_of("batch", name)


class Batches:
    """Takes batches in, and does to all jobs of one what can be done to a job."""

    def __init__(self, orchestrator: Orchestrator, intake: Intake) -> None:
        self._orchestrator = orchestrator
        self._store: Store = orchestrator.store
        self._intake = intake

    def submit(
        self, asked: BatchRequest, source: Iterable[bytes], *, allow_paths: bool = False
    ) -> Iterator[Progress]:
        """Take a file in, cut anywhere; how far it has come after each chunk, the last one whole.

        Bad rows are kept with the batch (``Store.bad_rows``), and the good ones go on. Raises
        ``InvalidRequest`` where the file cannot be read as what it is said to be, and with
        ``strict`` for bad rows: nothing is stored then.
        """
        if asked.strict:
            source = self._checked(asked, source)
        rows = read_rows(source, asked.form, asked.defaults, permute=asked.permute)
        chunk = list(islice(rows, CHUNK))
        _check_start(chunk)
        batch_id = batch_id_of(asked.name)
        batch = Batch(batch_id, asked.name, self._orchestrator.clock(), budget=asked.budget)
        self._store.open_batch(batch)
        progress = Progress(batch_id)
        while chunk:
            progress = self._take(chunk, progress, allow_paths=allow_paths)
            self._orchestrator.dispatch.wake_all(self._orchestrator.clock())
            yield progress
            if progress.rows > MAX_ROWS:
                raise InvalidRequest.of("rows", f"are more than {MAX_ROWS:,}: make several batches")
            chunk = list(islice(rows, CHUNK))

    def find(self, name_or_id: str) -> Batch:
        """The batch of this id or name. Raises ``NotFound``."""
        found = self._store.batch(name_or_id) or self._store.batch(batch_id_of(name_or_id))
        if found is None:
            raise NotFound(f"There is no batch {name_or_id!r}.")
        return found

    def jobs(self, batch: Batch) -> Iterator[tuple[Job, tuple[Job, ...]]]:
        """Each root with all jobs of its pipeline, in the order of the file."""
        for start in range(0, batch.rows, CHUNK):
            for root in self._store.roots(batch.id, start, CHUNK):
                pipeline = self._store.pipeline(root.id)
                yield root, pipeline.jobs if pipeline else (root,)

    def cancel(self, batch: Batch) -> Iterator[Job]:
        """Give up every job that is not over; each as it is then."""
        return self._offer(batch, Cancelled(), lambda job: not job.status.terminal)

    def retry_failed(self, batch: Batch) -> Iterator[Job]:
        """A further attempt of every job that failed or timed out; each as it is then."""
        failed = (Status.FAILED, Status.TIMED_OUT)
        return self._offer(batch, Retried(), lambda job: job.status in failed)

    def _offer(self, batch: Batch, event: Event, wanted: Callable[[Job], bool]) -> Iterator[Job]:
        for _, jobs in self.jobs(batch):
            for job in filter(wanted, jobs):
                try:
                    yield self._orchestrator.record(job, event).job
                except Conflict:  # it went on meanwhile
                    continue

    def _take(self, chunk: list[Row | BadRow], so_far: Progress, *, allow_paths: bool) -> Progress:
        jobs, bad = list[Job](), list[BadRow]()
        for row in chunk:
            if isinstance(row, BadRow):
                bad.append(row)
                continue
            try:
                jobs.append(self._job(row, so_far.batch_id, allow_paths=allow_paths))
            except InvalidRequest as problem:
                bad.append(BadRow(row.number, problem.errors))
        now = self._orchestrator.clock()
        new = self._store.add(jobs, terms=self._orchestrator.dispatch.terms("", now), now=now)
        known = [job for job, is_new in zip(jobs, new, strict=True) if not is_new]
        changed = self._changed(known)
        bad += changed
        if bad:
            self._store.report_bad(so_far.batch_id, [bad_row_json(row) for row in bad])
        return replace(
            so_far,
            new=so_far.new + sum(new),
            known=so_far.known + len(known) - len(changed),
            bad=so_far.bad + len(bad),
        )

    def _job(self, row: Row, batch_id: str, *, allow_paths: bool) -> Job:
        if "job_id" in row.request.request:
            message = "names a job, and a batch starts new ones; `hookline press` follows one up"
            raise InvalidRequest.of("job_id", message)
        job_id = followups.job_id_of("row", batch_id, row.key)
        job = self._intake.prepare(row.request, job_id, allow_paths=allow_paths)
        return replace(job, batch_id=batch_id, row=row.number, row_key=row.key)

    def _changed(self, jobs: list[Job]) -> list[BadRow]:
        """Rows that were handed in before under the same key as something else."""
        stored = self._store.get_many([job.id for job in jobs])
        message = "is the key of another request in this batch; give the changed row another one"
        return [
            BadRow(job.row or 0, (FieldError("key", message),))
            for job, known in zip(jobs, stored, strict=True)
            if not _same(job, known)
        ]

    def _checked(self, asked: BatchRequest, source: Iterable[bytes]) -> Iterable[bytes]:
        """The same file again, if no row of it is bad."""
        # Closed by itself when nobody reads it any more.
        kept = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115

        def keeping() -> Iterator[bytes]:
            for piece in source:
                kept.write(piece)
                yield piece

        rows = read_rows(keeping(), asked.form, asked.defaults, permute=asked.permute)
        bad = [row for row in rows if isinstance(row, BadRow)]
        if bad:
            raise InvalidRequest(
                FieldError(f"row {row.number}, {error.field}", error.message)
                for row in bad[:_SHOWN]
                for error in row.errors
            )
        kept.seek(0)
        return iter(lambda: kept.read(65536), b"")


def _check_start(chunk: list[Row | BadRow]) -> None:
    """Refuse what has no row at all, or cannot be read from its first row on."""
    if not chunk:
        raise InvalidRequest.of("file", "has no rows")
    if isinstance(chunk[0], BadRow) and chunk[0].is_last:
        raise InvalidRequest(chunk[0].errors)


def _same(job: Job, known: Job) -> bool:
    """Whether the row still asks for the same pictures; how soon and where it may be changed."""
    request = {name: known.request.get(name) for name in job.request}
    return (job.kind, job.request, job.then) == (known.kind, request, known.then)


def bad_row_json(row: BadRow) -> JSON:
    """A bad row as it is kept and shown."""
    return {"row": row.number, "errors": [asdict(error) for error in row.errors]}
