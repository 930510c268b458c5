"""The workers that run: each says so every few seconds."""

from worker.adapters.store import codec
from worker.adapters.store.base import Part
from worker.domain.roster import Worker

#: Seconds after which a worker that says nothing counts as gone.
ABSENT_S = 20.0
#: Seconds that the answers to a round trip are kept.
ANSWER_KEPT_S = 60.0


class WorkerStore(Part):
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def appear(self, worker_id: str, worker: Worker) -> None:
        """Record that the worker runs at its ``seen_at``; call it every few seconds."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hset(self._key, worker_id, codec.workers.dump(worker))
        pipe.pexpire(self._key, int(ABSENT_S * 1000))
        self._ask(pipe.execute)

    def leave(self, worker_id: str) -> None:
        """The worker stops."""
        self._ask(self._redis.hdel, self._key, worker_id)

    def present(self, now: float) -> list[Worker]:
        """The workers that were seen lately; those that were killed are removed."""
        found = {
            worker_id: codec.workers.load(doc)
            for worker_id, doc in self._ask(self._redis.hgetall, self._key).items()
        }
        gone = [each for each, worker in found.items() if now - worker.seen_at > ABSENT_S]
        if gone:
            self._ask(self._redis.hdel, self._key, *gone)
        return [worker for worker_id, worker in found.items() if worker_id not in gone]

    def answer(self, trip: str, queue: str, version: str) -> None:
        """Record that a worker of this version took the trip's message from the queue."""
        key = self._trip(trip)
        pipe = self._redis.pipeline(transaction=False)
        pipe.hset(key, queue, version)
        pipe.pexpire(key, int(ANSWER_KEPT_S * 1000))
        self._ask(pipe.execute)

    def answers(self, trip: str) -> dict[str, str]:
        """By queue: the version of the worker that took the trip's message."""
        found = self._ask(self._redis.hgetall, self._trip(trip))
        return {queue.decode(): version.decode() for queue, version in found.items()}

    def _trip(self, trip: str) -> str:
        return f"{self._prefix}trip:{trip}"

    @property
    def _key(self) -> str:
        return f"{self._prefix}workers"
