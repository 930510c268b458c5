"""What every part of the store in Redis stands on: client, scripts, one place for errors."""

from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any
from urllib.parse import unquote

import redis
from redis.exceptions import RedisError

from config.redis_urls import parse_sentinel
from worker.adapters.store import codec
from worker.adapters.store.places import read_cursor
from worker.domain.errors import StoreUnavailable
from worker.domain.job import Job

#: How many index entries one page of a filtered listing may look at before it gives a cursor.
SCAN = 2000
#: What a script shares with others, by its name.
_SHARED = {
    "commit": ("scheduling", "outbox", "inputs"),
    "next_ready": ("scheduling",),
    "why_waiting": ("scheduling",),
    "close_batch": ("outbox",),
    "forget": ("inputs",),
    "settle_notification": ("outbox",),
}


def connect(url: str) -> "redis.Redis":
    """A client for one of the forms in ``config.redis_urls``; connects when it is first used.

    Every wait has an end: without one a lost connection would hold its caller for ever.
    """
    options: dict[str, Any] = {"socket_timeout": 3.0}
    if not url.startswith("unix:"):
        options |= {"socket_connect_timeout": 3.0, "socket_keepalive": True}
    if not url.startswith("sentinel:"):
        return redis.Redis.from_url(url, **options)
    found = parse_sentinel(url)
    sentinel = redis.Sentinel(list(found.hosts), socket_timeout=3.0)  # type: ignore[no-untyped-call]
    client: redis.Redis = sentinel.master_for(  # type: ignore[no-untyped-call]
        found.master,
        db=found.db,
        username=found.username,
        password=unquote(found.password) if found.password else None,
        **options,
    )
    return client


class RedisBase:
    """A client and the prefix of all keys."""

    def __init__(self, client: "redis.Redis", prefix: str) -> None:
        self._redis = client
        self._prefix = prefix
        self._claim = self._script("claim")

    def get(self, job_id: str) -> Job | None:
        doc = self._ask(self._redis.hget, self._job(job_id), "doc")
        return codec.load(doc) if doc else None

    def get_many(self, job_ids: Sequence[str]) -> list[Job]:
        pipe = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipe.hget(self._job(job_id), "doc")
        return [codec.load(doc) for doc in self._ask(pipe.execute) if doc]

    def _claimed(
        self, index: str, what: str, now: float, limit: int, lease_s: float
    ) -> list[bytes]:
        """The docs of ``what`` that is due by its ``index``, put off by ``lease_s``."""
        keys = f"{self._prefix}{index}", f"{self._prefix}{what}:"
        return [doc for doc in self._ask(self._claim, args=[*keys, now, limit, lease_s]) if doc]

    def _listed(self, index: str, cursor: str | None) -> tuple[list[str], bool]:
        """The newest ids of an index of times, from the cursor on, and whether more follow."""
        top, after_id = read_cursor(cursor) if cursor else (float("inf"), "")
        entries = self._ask(
            self._redis.zrevrangebyscore, index, top, "-inf", 0, SCAN, withscores=True
        )
        # Entries of one instant are ordered by id, so the page before ended within them.
        found = [each.decode() for each, at in entries if at < top or each.decode() < after_id]
        return found, len(entries) == SCAN

    def _job(self, job_id: str) -> str:
        return f"{self._prefix}job:{job_id}"

    def _script(self, name: str) -> Callable[..., Any]:
        folder = files("worker.adapters.store").joinpath("lua")
        names = (*_SHARED.get(name, ()), name)
        source = "\n".join(folder.joinpath(f"{n}.lua").read_text(encoding="utf-8") for n in names)
        return self._redis.register_script(source)

    @staticmethod
    def _ask(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The one place where the driver's errors become ours."""
        try:
            return call(*args, **kwargs)
        except RedisError as error:
            raise StoreUnavailable(f"Redis does not answer: {error}") from error
