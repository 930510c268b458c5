"""The batches: their files, their root jobs, and how they stand."""

from collections.abc import Sequence
from dataclasses import replace

import redis

from worker.adapters.store import Batch, codec
from worker.adapters.store.base import Part
from worker.domain.job import JSON, Job
from worker.domain.notifications import end_of_batch

#: Bad rows that are kept of one batch; all of them are counted.
MOST_BAD = 1000


class BatchStore(Part):
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def __init__(self, client: "redis.Redis", prefix: str) -> None:
        super().__init__(client, prefix)
        self._close = self._script("close_batch")

    def open(self, batch: Batch) -> Batch:
        """The batch of this id, made unless it is there; a given budget replaces the one before."""
        key = f"{self._prefix}batch:{batch.id}"
        pipe = self._redis.pipeline()
        pipe.hsetnx(key, "doc", codec.dump_batch(batch))
        pipe.zadd(f"{self._prefix}batches", {batch.id: batch.created_at}, nx=True)
        if batch.budget is not None:
            pipe.hset(key, "budget", batch.budget)
        if batch.notify:
            pattern = end_of_batch(batch.id, batch.notify)
            pipe.hset(key, "notify", codec.dump_notification(replace(pattern, version=1)))
        pipe.hdel(key, "bad", "whole")
        pipe.delete(f"{key}:bad")
        self._ask(pipe.execute)
        return self.get(batch.id) or batch

    def close(self, batch_id: str, now: float) -> None:
        """The batch's file is taken in whole, until it is opened again.

        Its end is told from now on, and at once if it has come.
        """
        self._ask(self._close, args=[self._prefix, batch_id, repr(now)])

    def get(self, batch_id: str) -> Batch | None:
        """How the batch stands; None where there is none."""
        [found] = self._batches([batch_id])
        return found

    def newest(self, limit: int) -> list[Batch]:
        """The newest batches, newest first."""
        ids = self._ask(self._redis.zrevrange, f"{self._prefix}batches", 0, limit - 1)
        found = self._batches([batch_id.decode() for batch_id in ids])
        return [batch for batch in found if batch]

    def roots(self, batch_id: str, start: int, count: int) -> list[Job]:
        """Some of the batch's root jobs, in the order of its file."""
        key = f"{self._prefix}batch:{batch_id}:roots"
        ids = self._ask(self._redis.lrange, key, start, start + count - 1)
        docs = self._docs("job", [job_id.decode() for job_id in ids])
        return [codec.load(doc) for doc in docs if doc]

    def report_bad(self, batch_id: str, rows: Sequence[JSON]) -> None:
        """Keep rows that are no jobs; those of a file that was opened before are gone."""
        key = f"{self._prefix}batch:{batch_id}"
        pipe = self._redis.pipeline()
        pipe.hincrby(key, "bad", len(rows))
        pipe.rpush(f"{key}:bad", *map(codec.dump_json, rows))
        pipe.ltrim(f"{key}:bad", 0, MOST_BAD - 1)
        self._ask(pipe.execute)

    def bad_rows(self, batch_id: str, limit: int) -> list[JSON]:
        """The first of them."""
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
                codec.load_batch(doc),
                budget=int(budget) if budget else None,
                bad=int(bad or 0),
                rows=rows,
                counts={k.decode(): int(v) for k, v in counts.items()},
                errors={k.decode(): int(v) for k, v in errors.items()},
            ) if doc else None  # fmt: skip
            found.append(batch)
        return found
