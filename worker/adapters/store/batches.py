"""Batches: their files, root jobs and progress."""

from collections.abc import Sequence
from dataclasses import replace

from worker.adapters.store import Batch, codec
from worker.adapters.store.base import Part
from worker.domain.job import Job
from worker.domain.job_spec import JSON
from worker.domain.notifications import end_of_batch

#: Bad rows stored per batch; all of them are counted.
MOST_BAD = 1000


class BatchStore(Part):
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def open(self, batch: Batch) -> Batch:
        """Get or create the batch; a given budget replaces the stored one."""
        key = f"{self._prefix}batch:{batch.id}"
        pipe = self._redis.pipeline()
        pipe.hsetnx(key, "doc", codec.batches.dump(batch))
        pipe.zadd(f"{self._prefix}batches", {batch.id: batch.created_at}, nx=True)
        if batch.tenant:
            index = f"{self._prefix}tenant_batches:{batch.tenant}"
            pipe.zadd(index, {batch.id: batch.created_at}, nx=True)
        if batch.budget is not None:
            pipe.hset(key, "budget", batch.budget)
        if batch.notify:
            pattern = end_of_batch(batch.id, batch.notify, batch.tenant)
            pipe.hset(key, "notify", codec.notifications.dump(replace(pattern, version=1)))
        pipe.hdel(key, "bad", "whole")
        pipe.delete(f"{key}:bad")
        self._ask(pipe.execute)
        return self.get(batch.id) or batch

    def close(self, batch_id: str, now: float) -> None:
        """Mark the batch's file as read completely, until the batch is opened again.

        From now on the end of the batch is notified; immediately if all its jobs are over.
        """
        self._run("close_batch", batch_id, repr(now))

    def get(self, batch_id: str) -> Batch | None:
        """The batch with its present counts, or None."""
        [found] = self._batches([batch_id])
        return found

    def newest(self, limit: int, *, tenant: str | None = None) -> list[Batch]:
        """The newest batches, newest first; ``tenant``: only this one's."""
        index = "batches" if tenant is None else f"tenant_batches:{tenant}"
        ids = self._ask(self._redis.zrevrange, f"{self._prefix}{index}", 0, limit - 1)
        found = self._batches([batch_id.decode() for batch_id in ids])
        return [batch for batch in found if batch]

    def roots(self, batch_id: str, start: int, count: int) -> list[Job]:
        """``count`` of the batch's root jobs from ``start`` on, in the order of its file."""
        key = f"{self._prefix}batch:{batch_id}:roots"
        ids = self._ask(self._redis.lrange, key, start, start + count - 1)
        docs = self._docs("job", [job_id.decode() for job_id in ids])
        return [codec.load(doc) for doc in docs if doc]

    def report_bad(self, batch_id: str, rows: Sequence[JSON]) -> None:
        """Store invalid rows; ``open`` has removed those of an earlier reading of the file."""
        key = f"{self._prefix}batch:{batch_id}"
        pipe = self._redis.pipeline()
        pipe.hincrby(key, "bad", len(rows))
        pipe.rpush(f"{key}:bad", *map(codec.dump_json, rows))
        pipe.ltrim(f"{key}:bad", 0, MOST_BAD - 1)
        self._ask(pipe.execute)

    def bad_rows(self, batch_id: str, limit: int) -> list[JSON]:
        """The first invalid rows."""
        key = f"{self._prefix}batch:{batch_id}:bad"
        return [codec.load_json(doc) for doc in self._ask(self._redis.lrange, key, 0, limit - 1)]

    def _batches(self, ids: Sequence[str]) -> list[Batch | None]:
        pipe = self._redis.pipeline(transaction=False)
        for key in (f"{self._prefix}batch:{batch_id}" for batch_id in ids):
            pipe.hmget(key, "doc", "budget", "bad")
            pipe.llen(f"{key}:roots")
            pipe.hgetall(f"{key}:counts")
            pipe.hgetall(f"{key}:errors")
        answers = iter(self._ask(pipe.execute))
        found: list[Batch | None] = []
        for (doc, budget, bad), rows, counts, errors in zip(*[answers] * 4, strict=True):
            batch = replace(
                codec.batches.load(doc),
                budget=int(budget) if budget else None,
                bad=int(bad or 0),
                rows=rows,
                counts={k.decode(): int(v) for k, v in counts.items()},
                errors={k.decode(): int(v) for k, v in errors.items()},
            ) if doc else None  # fmt: skip
            found.append(batch)
        return found
