"""What the metrics need: the counters, and figures of the indexes that are cheap to read."""

from collections.abc import Mapping
from dataclasses import dataclass

from worker.adapters.store.base import Part
from worker.domain.job import Status
from worker.domain.notifications import DeliveryState


@dataclass(frozen=True, slots=True)
class Figures:
    """Counters and indexes at one moment. Times are seconds since the epoch; None: no such."""

    counters: Mapping[str, int]  #: by field, see ``worker.domain.metrics.counting``
    jobs: Mapping[str, int]  #: by status
    due_since: float | None  #: when the job became due that has been longest
    untold_since: float | None  #: of the oldest notification that is still to be delivered
    dead: int  #: notifications that were given up


class MetricStore(Part):
    """Commits add to the counters (``lua/commit.lua``); this is for what no commit is about.

    Every method raises ``StoreUnavailable`` when Redis does not answer.
    """

    def counters(self) -> Mapping[str, int]:
        """All of them by field, see ``worker.domain.metrics.counting``."""
        return _counters(self._ask(self._redis.hgetall, f"{self._prefix}metrics"))

    def add(self, counts: Mapping[str, int]) -> None:
        """Add to the counters."""
        pipe = self._redis.pipeline(transaction=False)
        for field, by in counts.items():
            pipe.hincrby(f"{self._prefix}metrics", field, by)
        self._ask(pipe.execute)

    def figures(self) -> Figures:
        """The figures as they are now."""
        # One transaction: a job that ends between two reads would be in one figure only.
        pipe = self._redis.pipeline(transaction=True)
        pipe.hgetall(f"{self._prefix}metrics")
        pipe.zrange(f"{self._prefix}due", 0, 0, withscores=True)
        waiting = f"{self._prefix}notifications:{DeliveryState.WAITING}"
        pipe.zrange(waiting, 0, 0, withscores=True)
        pipe.zcard(f"{self._prefix}notifications:{DeliveryState.DEAD}")
        for status in Status:
            pipe.zcard(f"{self._prefix}jobs:{status}")
        counters, due, untold, dead, *jobs = self._ask(pipe.execute)
        return Figures(
            counters=_counters(counters),
            jobs=dict(zip((status.value for status in Status), jobs, strict=True)),
            due_since=due[0][1] if due else None,
            untold_since=untold[0][1] if untold else None,
            dead=dead,
        )

    def oldest(self, status: Status, limit: int) -> list[str]:
        """Ids of the oldest jobs with this status, oldest first."""
        ids = self._ask(self._redis.zrange, f"{self._prefix}jobs:{status}", 0, limit - 1)
        return [job_id.decode() for job_id in ids]


def _counters(stored: Mapping[bytes, bytes]) -> Mapping[str, int]:
    return {field.decode(): int(value) for field, value in stored.items()}
