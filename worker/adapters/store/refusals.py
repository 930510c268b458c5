"""Requests refused at the Celery door."""

from worker.adapters.store import RefusalPage, codec
from worker.adapters.store.base import Part
from worker.adapters.store.jobs import note_of
from worker.adapters.store.places import write_cursor
from worker.domain.notifications import Notification
from worker.domain.refusals import KEPT, Refusal


class RefusalStore(Part):
    """The newest ``KEPT``. Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def keep(self, one: Refusal, note: Notification | None) -> bool:
        """Keep it and send ``note``, unless one with its id is kept; whether it is new."""
        told = codec.dump_json(note_of(note)) if note else ""
        doc, at = codec.refusals.dump(one), repr(one.created_at)
        return bool(self._run("keep_refusal", one.id, at, doc, KEPT, told))

    def get(self, refusal_id: str) -> Refusal | None:
        """The refusal, or None."""
        doc = self._ask(self._redis.hget, self._docs_key, refusal_id)
        return codec.refusals.load(doc) if doc else None

    def page(self, limit: int, cursor: str | None = None) -> RefusalPage:
        """Newest first. Raises ``InvalidRequest`` for an invalid cursor."""
        ids, _ = self._listed("refused", cursor)
        docs = self._ask(self._redis.hmget, self._docs_key, ids[: limit + 1]) if ids else []
        found = tuple(codec.refusals.load(doc) for doc in docs if doc)
        more = len(found) > limit
        return RefusalPage(found[:limit], write_cursor(found[limit - 1]) if more else None)

    def count(self, since: float) -> int:
        """How many were refused since then."""
        return int(self._ask(self._redis.zcount, f"{self._prefix}refused", since, "+inf"))

    def forget(self, before: float, limit: int) -> int:
        """Remove up to ``limit`` that are older than ``before``; how many."""
        index = f"{self._prefix}refused"
        ids = self._ask(self._redis.zrangebyscore, index, "-inf", before, 0, limit)
        if ids:
            pipe = self._redis.pipeline()
            pipe.zrem(index, *ids)
            pipe.hdel(self._docs_key, *ids)
            self._ask(pipe.execute)
        return len(ids)

    @property
    def _docs_key(self) -> str:
        return f"{self._prefix}refused:docs"
