"""The inbox: callbacks as they were received."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from worker.adapters.store import CallbackPage, codec
from worker.adapters.store.base import Part
from worker.adapters.store.places import read_cursor, write_position
from worker.domain.inbox import KEPT, KEPT_BYTES, KEPT_S, Bound, Callback, CallbackVerdict


class InboxStore(Part):
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def keep(self, callbacks: Iterable[Callback], now: float) -> None:
        """Keep them, in one call, and forget what is too old or too much.

        One with the id of a kept one replaces it, and is counted with it.
        """
        found = list(callbacks)
        asked = {
            "callbacks": [
                {"id": one.id, "verdict": one.verdict, "at": one.at, "count": one.count}
                for one in found
            ],
            "kept": KEPT,
            "bytes": KEPT_BYTES,
            "before": now - KEPT_S,
        }
        docs = (
            codec.callbacks.dump(one if one.count == 1 else replace(one, count=1)) for one in found
        )
        self._run("keep_callbacks", codec.dump_json(asked), *docs)

    def bind(self, callback_id: str, bound: Bound) -> None:
        """Note which job it was bound to."""
        doc = codec.bindings.dump(bound)
        self._ask(self._redis.hset, self._key("bound"), callback_id, doc)

    def get(self, callback_id: str) -> Callback | None:
        """The callback, or None."""
        return next(iter(self._load([callback_id])), None)

    def page(
        self, verdict: CallbackVerdict | None, limit: int, cursor: str | None = None
    ) -> CallbackPage:
        """Newest first. Raises ``InvalidRequest`` for an invalid cursor."""
        at, after = read_cursor(cursor) if cursor else (float("inf"), "")
        pipe = self._redis.pipeline(transaction=False)
        for each in [verdict] if verdict else CallbackVerdict:
            # Of those with the cursor's time, some were on the page before.
            pipe.zrevrangebyscore(self._key(each), at, at, withscores=True)
            pipe.zrevrangebyscore(
                self._key(each), f"({at!r}", "-inf", 0, limit + 1, withscores=True
            )
        found = [(score, each.decode()) for some in self._ask(pipe.execute) for each, score in some]
        newest = sorted((one for one in found if one < (at, after)), reverse=True)
        shown = newest[:limit]
        more = write_position(*shown[-1]) if len(newest) > limit else None
        return CallbackPage(tuple(self._load([each for _, each in shown])), more)

    def _load(self, ids: Sequence[str]) -> list[Callback]:
        if not ids:
            return []
        pipe = self._redis.pipeline(transaction=False)
        for name in ("docs", "counts", "bound"):
            pipe.hmget(self._key(name), ids)
        rows = zip(*self._ask(pipe.execute), strict=True)
        return [
            replace(
                codec.callbacks.load(doc),
                count=1 + int(count or 0),
                bound=codec.bindings.load(bound) if bound else None,
            )
            for doc, count, bound in rows
            if doc
        ]

    def _key(self, name: str) -> str:
        return f"{self._prefix}inbox:{name}"
