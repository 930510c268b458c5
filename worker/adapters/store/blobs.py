"""Which stored pictures the jobs reference."""

from worker.adapters.store.base import Part


class BlobStore(Part):
    """Reference counts of submitted pictures; the pictures themselves are in the storage.

    Every commit updates the counts. Every method raises ``StoreUnavailable`` when Redis
    does not answer.
    """

    def note(self, ref: str, now: float) -> None:
        """Record that a picture is being submitted; call it before storing the picture.

        So retention does not remove the picture before its job is stored.
        """
        self._ask(self._redis.zadd, f"{self._prefix}inputs:idle", {ref: now})

    def held_by(self, tenant: str, ref: str) -> bool:
        """Whether one of the tenant's jobs references the picture."""
        return bool(self._ask(self._redis.hexists, f"{self._prefix}tenant_inputs:{tenant}", ref))

    def needed(self, ref: str) -> bool:
        """Whether a job references the picture, or it was noted and not taken since."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hexists(f"{self._prefix}inputs", ref)
        pipe.zscore(f"{self._prefix}inputs:idle", ref)
        held, noted = self._ask(pipe.execute)
        return bool(held) or noted is not None

    def take_idle(self, before: float, limit: int) -> list[str]:
        """Take some pictures that no job has referenced since ``before``; each is returned once."""
        found = self._run("take_idle_inputs", repr(before), limit)
        return [ref.decode() for ref in found]
