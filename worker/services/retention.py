"""SHELL. Removes old records from the store; stored results are not touched.

A pipeline is removed as a whole, so that no child loses its parent, and a batch with the last of
its pipelines. Sums of money and counts of jobs stay.
"""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from time import time

from config.logger import get_logger
from worker.adapters.storage.storage import Storage
from worker.adapters.store.store import Store
from worker.domain.errors import PictureError
from worker.domain.job import Status

log = get_logger(__name__)

#: Pipelines, notifications and images per round, and rounds per run.
BATCH = 200
ROUNDS = 10
#: Seconds that a submitted image outlives the last job that needed it: a request that is being
#: enqueued may refer to it.
IDLE_INPUT_S = 86_400.0

#: Seconds to keep pipelines, by the status of their root; None: for ever.
Keep = Mapping[Status, float | None]


class Retention:
    """Removes what is older than ``keep``. Safe at any time, in any number of processes.

    ``clock`` returns seconds since the epoch.
    """

    def __init__(
        self, store: Store, storage: Storage, keep: Keep, clock: Callable[[], float] = time
    ) -> None:
        self._store = store
        self._storage = storage
        self._keep = keep
        self._clock = clock

    def tidy(self) -> int:
        """Remove what is old, at most ``ROUNDS`` rounds; return the count."""
        removed = 0
        for _ in range(ROUNDS):
            now = self._clock()
            found = self._pipelines(now) + self._messages(now) + self._inputs(now)
            if not found:
                break
            removed += found
        if removed:
            log.info("retention.removed", count=removed)
        return removed

    def _pipelines(self, now: float) -> int:
        removed = 0
        for status, seconds in self._keep.items():
            if seconds is None:
                continue
            before = now - seconds
            for pipeline_id in self._store.jobs.finished(status, before, BATCH):
                pipeline = self._store.jobs.pipeline(pipeline_id)
                if pipeline:
                    removed += self._store.jobs.forget(pipeline.jobs, before, now)
        return removed

    def _messages(self, now: float) -> int:
        """Notifications, which may be replayed, and refusals are kept as long as any pipeline."""
        times = [seconds for seconds in self._keep.values() if seconds is not None]
        if len(times) < len(self._keep):
            return 0
        before = now - max(times)
        outbox, refusals = self._store.outbox, self._store.refusals
        return outbox.forget(before, BATCH) + refusals.forget(before, BATCH)

    def _inputs(self, now: float) -> int:
        taken = self._store.blobs.take_idle(now - IDLE_INPUT_S, BATCH)
        for ref in taken:
            self._remove_input(ref)
        return len(taken)

    def _remove_input(self, ref: str) -> None:
        try:
            picture = self._storage.read_input(ref)
        except PictureError:  # gone or damaged
            self._storage.remove_input(ref)
            return
        self._storage.remove_input(ref)
        # Submitted again meanwhile, and not written because it still existed.
        if self._store.blobs.needed(ref):
            self._storage.put_input(picture, PurePosixPath(ref).suffix)
