"""SHELL. Fetches a finished job's pictures and videos into our own storage.

The provider's links die in hours.
"""

from pathlib import PurePosixPath
from urllib.parse import urlsplit

import structlog

from worker import fetching, pictures
from worker.errors import HooklineError
from worker.events import AssetsSettled
from worker.job import AssetsStatus, Job
from worker.orchestrator import Orchestrator
from worker.storage import Storage

log = structlog.get_logger(__name__)

#: One file: at most this large, fetched within this time.
MAX_BYTES = 100 * 1024 * 1024
DEADLINE_S = 120.0
#: A file that cannot be had is tried again for so long after the job's end, in seconds.
GIVE_UP_AFTER_S = 3600.0


class Assets:
    """Stores results below ``{pipeline}/{job}-{n}.{ext}``."""

    def __init__(self, orchestrator: Orchestrator, storage: Storage) -> None:
        self._orchestrator = orchestrator
        self._storage = storage

    def store(self, job_id: str) -> None:
        """Fetch and store what is pending; a second call for the same job changes nothing."""
        job = self._orchestrator.job(job_id)
        if job.result.assets_status is not AssetsStatus.PENDING:
            return
        try:
            paths = tuple(self._stored(job, n, url) for n, url in enumerate(_urls(job)))
        except HooklineError as error:
            self._failed(job, error)
            return
        self._orchestrator.record(job, AssetsSettled(paths, AssetsStatus.STORED))

    def _stored(self, job: Job, n: int, url: str) -> str:
        # What is paid for is fetched also where the account was taken out of the settings.
        account = self._orchestrator.accounts.get(job.account)
        hosts = account.allowed_hosts if account else frozenset()
        data = fetching.fetch(url, allowed_hosts=hosts, max_bytes=MAX_BYTES, deadline_s=DEADLINE_S)
        suffix = _video_suffix(url) if url in job.result.video_urls else _picture_suffix(data)
        return self._storage.put_result(f"{job.pipeline_id}/{job.id}-{n}{suffix}", data)

    def _failed(self, job: Job, error: HooklineError) -> None:
        now = self._orchestrator.clock()
        age = now - (job.finished_at or now)
        log.warning("a result cannot be stored", job_id=job.id, error=str(error))
        if not error.retryable or age > GIVE_UP_AFTER_S:
            self._orchestrator.record(job, AssetsSettled((), AssetsStatus.FAILED))
        else:
            self._orchestrator.store.reschedule(job.id, now + max(2.0, min(age, 300.0)))


def _urls(job: Job) -> list[str]:
    """Each file once: a list of single pictures is worth more than the one that stands for them."""
    pictures_ = job.result.image_urls or ((job.result.image_url,) if job.result.image_url else ())
    return list(dict.fromkeys((*pictures_, *job.result.video_urls)))


def _picture_suffix(data: bytes) -> str:
    return pictures.inspect(data, max_bytes=MAX_BYTES).suffix


def _video_suffix(url: str) -> str:
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower()
    if suffix not in (".mp4", ".webm", ".mov"):
        return ".mp4"
    return suffix
