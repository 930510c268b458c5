"""SHELL. Downloads a finished job's images and videos into our own storage.

The provider's links expire, some before we get to them: if a download fails, the task is fetched
again for current links.
"""

from collections.abc import Mapping, Sequence
from threading import Event
from typing import NamedTuple

from config.logger import get_logger
from config.proxies import DIRECT, Proxies
from worker.adapters.decoding.decoder import DECODER, Decoder
from worker.adapters.limiter import Limiter
from worker.adapters.provider.client import ProviderClient
from worker.adapters.storage.filing import Allowance, Filing
from worker.adapters.storage.storage import Storage
from worker.domain.assets import selection, sidecar
from worker.domain.assets.limits import ResultLimits
from worker.domain.assets.naming import DEFAULT, Names
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.errors import (
    DecoderUnavailable,
    HooklineError,
    NotFound,
    PictureError,
    ProviderRefused,
    ProviderUnavailable,
    ProxyUnavailable,
    ServiceUnavailable,
)
from worker.domain.events import AssetsDelayed, AssetsSettled, LinksRenewed
from worker.domain.job import Job
from worker.domain.provider_reports import TaskStatus
from worker.domain.result import AssetsStatus, JobError, StoredFile
from worker.services.orchestrator import Orchestrator

log = get_logger(__name__)

#: Failed downloads are retried for this many seconds after the job's end, or after its files were
#: asked for again.
GIVE_UP_AFTER_S = 3600.0
#: The same while our own storage, disk or Redis is away.
AWAY_GIVE_UP_AFTER_S = 86_400.0
#: Jobs whose files one process downloads at a time: each has one file on its disk.
PLACES = 8
#: Seconds before another worker may take over a job; renewed for each file.
LEASE_S = 15.0
#: What a file is that was not drawn from another.
_DOWNLOADED = frozenset({"picture", "video"})


class _Stored(NamedTuple):
    """What became of a job's files."""

    files: tuple[StoredFile, ...]
    colours: tuple[str, ...]  #: of those that were downloaded, see ``Result``
    missing: str | None = None  #: why some are not among them


class Assets:
    """Stores results. ``template``: their names, see ``worker.domain.assets.naming``."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        storage: Storage,
        clients: Mapping[str, ProviderClient],
        template: str = DEFAULT,
        *,
        proxies: Proxies = DIRECT,
        decoder: Decoder = DECODER,
        limits: ResultLimits = ResultLimits(),
    ) -> None:
        self._orchestrator = orchestrator
        self._storage = storage
        self._clients = clients
        self._template = template
        self._limiter = Limiter(self._store, per_key=1, total=PLACES)
        self._filing = Filing(storage, proxies, decoder)
        self._limits = limits
        self._stopped = Event()

    def store(self, job_id: str) -> None:
        """Store the job's pending files; idempotent.

        With all places taken, a thread that has one does it next: a slow host must not take the
        threads that start jobs.
        """
        self._limiter.run(job_id, job_id)

    def stop(self) -> None:
        """Begin no further job; the sweep finds those that wait in this process."""
        self._stopped.set()
        self._limiter.clear()

    def _store(self, job_id: str) -> None:
        if self._stopped.is_set():
            return
        try:
            job = self._orchestrator.job(job_id)
            if job.result.assets_status is AssetsStatus.PENDING:
                self._settle(job)
        except NotFound:  # deleted meanwhile
            return

    def _settle(self, job: Job) -> None:
        try:
            if job.result.assets_wanted_at is not None:
                job = self._with_present_links(job)
            try:
                stored = self._stored(job)
            except PictureError as error:
                if not error.dead_link:
                    raise
                job = self._with_fresh_links(job, error)
                stored = self._stored(job)
        except HooklineError as error:
            self._failed(job, error)
            return
        self._orchestrator.record(job, self._settled(job, stored))

    def _settled(self, job: Job, stored: _Stored) -> AssetsSettled:
        paths = tuple(file.path for file in stored.files if file.of in _DOWNLOADED)
        if stored.missing is None:
            return AssetsSettled(paths, AssetsStatus.STORED, stored.files, colours=stored.colours)
        log.warning("assets.not_all_stored", job_id=job.id, error=stored.missing)
        hint = (
            "Raise the limit that was met, or name the host in HOOKLINE_ALLOWED_HOSTS; then "
            f"`hookline fetch`. {self._limits.in_words}"
        )
        error = job_error(ErrorCode.NOT_TAKEN, stored.missing, hint)
        return AssetsSettled(paths, AssetsStatus.FAILED, stored.files, error, stored.colours)

    def _stored(self, job: Job) -> _Stored:
        """Store the job's files that are within the limits, then the sidecar that describes them.

        Raises the first ``PictureError`` that another try or another link may mend, or if no file
        is within the limits.
        """
        # Paid results are stored even if the account was removed from the settings.
        account = self._orchestrator.accounts.get(job.account)
        hosts = account.allowed_hosts if account else frozenset()
        lineage, batch = self._lineage(job), self._batch(job)
        names = Names(self._template, job, lineage[0], batch)
        tiles = job.keep.tiles and selection.is_grid(job)
        sources = selection.sources(job.result, job.keep)
        allowance = Allowance(self._limits.bytes)
        files, colours = list[StoredFile](), list[str]()
        refused: list[PictureError] = []
        for n, source in enumerate(sources[: self._limits.files]):
            if allowance.left <= 0:
                break
            lease_end = self._orchestrator.clock() + LEASE_S
            self._orchestrator.store.jobs.reschedule(job.id, lease_end)
            try:
                filed = self._filing.filed(
                    source, n, names, allowance, allowed_hosts=hosts, tiles=tiles
                )
                files += filed.files
                colours.append(filed.colour or "")
            except PictureError as error:
                if error.retryable or error.dead_link:
                    raise
                refused.append(error)
        if refused and not files:
            raise refused[0]
        self._storage.put_result(names.sidecar, sidecar.sidecar(lineage, batch, files))
        stored = sum(file.of in _DOWNLOADED for file in files)
        missing = self._missing(len(sources), stored, allowance, refused)
        return _Stored(tuple(files), tuple(colours), missing)

    def _missing(
        self, number: int, stored: int, allowance: Allowance, refused: Sequence[PictureError]
    ) -> str | None:
        """Why not all of the job's ``number`` files are stored; None if they are."""
        if stored == number:
            return None
        if refused:
            why = str(refused[0])
        elif allowance.left <= 0:
            why = f"they have more than {self._limits.bytes / 1024**2:.3g} MiB altogether"
        else:
            why = f"a job has at most {self._limits.files}"
        return f"{number - stored} of its {number} files are not stored: {why}"

    def describe(self, job: Job) -> None:
        """Rewrite the sidecar of the job's stored files, if any. Raises ``ServiceUnavailable``."""
        if job.result.files and job.result.assets_status is not AssetsStatus.PENDING:
            lineage, batch = self._lineage(job), self._batch(job)
            name = Names(self._template, job, lineage[0], batch).sidecar
            self._storage.put_result(name, sidecar.sidecar(lineage, batch, job.result.files))

    def _lineage(self, job: Job) -> Sequence[Job]:
        """The path from the pipeline's root to the job."""
        found = [job]
        while parent_id := found[0].spec.parent_id:
            parent = self._orchestrator.store.jobs.get(parent_id)
            if parent is None:
                break
            found.insert(0, parent)
        return found

    def _batch(self, job: Job) -> str | None:
        batch_id = job.spec.batch_id
        batch = self._orchestrator.store.batches.get(batch_id) if batch_id else None
        return batch.name if batch else None

    def _with_fresh_links(self, job: Job, error: PictureError) -> Job:
        """The job with its files' current links, as far as the provider has new ones."""
        log.info("assets.link_expired", job_id=job.id, error=str(error))
        try:
            return self._asked_for_links(job)
        except HooklineError as trouble:
            problem = f"{error}; the provider cannot be asked for a new link: {trouble}"
            raise PictureError(problem, retryable=True, dead_link=True) from None

    def _with_present_links(self, job: Job) -> Job:
        """The same, of a job that ended long ago: its links have probably expired."""
        try:
            return self._asked_for_links(job)
        except (ProviderRefused, ProviderUnavailable) as trouble:
            log.info("assets.links_not_renewed", job_id=job.id, error=str(trouble))
            return job

    def _asked_for_links(self, job: Job) -> Job:
        client = self._clients.get(job.account)
        if client is None or job.task_id is None:
            return job
        seen = client.fetch(job.task_id)
        if seen is None or seen.status is not TaskStatus.SUCCEEDED:
            return job
        return self._orchestrator.record(job, LinksRenewed(seen.result)).job

    def _failed(self, job: Job, error: HooklineError) -> None:
        now, reason = self._orchestrator.clock(), _reason(job, error)
        since = job.files_since or now
        log.warning("assets.not_stored", job_id=job.id, error=str(error))
        away = isinstance(error, ServiceUnavailable)  # paid results are not given up for that
        ends_at = since + (AWAY_GIVE_UP_AFTER_S if away else GIVE_UP_AFTER_S)
        if now >= ends_at or not (error.retryable or _is_dead(error)):
            self._orchestrator.record(job, AssetsSettled((), AssetsStatus.FAILED, error=reason))
            return
        next_at = min(ends_at, now + max(2.0, min(now - since, 300.0)))
        self._orchestrator.record(job, AssetsDelayed(reason, next_at, ends_at))


def _is_dead(error: HooklineError) -> bool:
    return isinstance(error, PictureError) and error.dead_link


def _reason(job: Job, error: HooklineError) -> JobError:
    """Why the files could not be stored, and what a person can do."""
    if _is_dead(error):
        hint = (
            f"The provider gave no working links of task {job.task_id}. `hookline fetch` asks it "
            "again; if this lasts, make the picture again: `hookline press` a button of the parent."
        )
        return job_error(ErrorCode.LINK_DEAD, str(error), hint)
    if isinstance(error, ProxyUnavailable):
        hint = "See HOOKLINE_PROXY; `hookline doctor` says which proxy is used."
        return job_error(ErrorCode.NOT_REACHED, str(error), hint)
    if isinstance(error, DecoderUnavailable):
        hint = (
            "The worker's machine has too much to do, or too little memory; then `hookline fetch`."
        )
        return job_error(ErrorCode.NOT_REACHED, str(error), hint)
    if isinstance(error, ServiceUnavailable):
        hint = (
            "Make room, or see that the storage can be written to: `hookline doctor`. Then "
            "`hookline fetch`."
        )
        return job_error(ErrorCode.NOT_REACHED, str(error), hint)
    if error.retryable:
        return job_error(ErrorCode.NOT_REACHED, str(error))
    return job_error(ErrorCode.NOT_TAKEN, str(error))
