"""Which stored pictures the jobs need."""

import redis

from worker.adapters.store.base import Part


class BlobStore(Part):
    """References to pictures that were handed in; the pictures themselves are in the storage.

    Every commit counts the jobs that hold one. Every method raises ``StoreUnavailable`` when Redis
    does not answer.
    """

    def __init__(self, client: "redis.Redis", prefix: str) -> None:
        super().__init__(client, prefix)
        self._take_idle = self._script("take_idle_inputs")

    def note(self, ref: str, now: float) -> None:
        """A picture is handed in; to be called before it is stored.

        So it is not taken for one that no job needs before its job is there.
        """
        self._ask(self._redis.zadd, f"{self._prefix}inputs:idle", {ref: now})

    def needed(self, ref: str) -> bool:
        """Whether a job holds the picture, or it was handed in and not given out since."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hexists(f"{self._prefix}inputs", ref)
        pipe.zscore(f"{self._prefix}inputs:idle", ref)
        held, noted = self._ask(pipe.execute)
        return bool(held) or noted is not None

    def take_idle(self, before: float, limit: int) -> list[str]:
        """Some pictures that no job has needed since ``before``; they are given out only once."""
        args = [self._prefix, repr(before), limit]
        return [ref.decode() for ref in self._ask(self._take_idle, args=args)]
