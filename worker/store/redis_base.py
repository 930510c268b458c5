"""What every part of the store in Redis stands on: client, scripts, one place for errors."""

from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any
from urllib.parse import unquote

import redis
from redis.exceptions import RedisError

from worker.errors import StoreUnavailable
from worker.job import Job
from worker.redis_urls import parse_sentinel
from worker.store import codec

#: The scripts that start jobs, or tell why not.
_SCHEDULING = frozenset({"commit", "next_ready", "why_waiting"})


def connect(url: str) -> "redis.Redis":
    """A client for one of the forms in ``worker.redis_urls``; connects when it is first used.

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

    def get(self, job_id: str) -> Job | None:
        doc = self._ask(self._redis.hget, self._job(job_id), "doc")
        return codec.load(doc) if doc else None

    def get_many(self, job_ids: Sequence[str]) -> list[Job]:
        pipe = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipe.hget(self._job(job_id), "doc")
        return [codec.load(doc) for doc in self._ask(pipe.execute) if doc]

    def _job(self, job_id: str) -> str:
        return f"{self._prefix}job:{job_id}"

    def _script(self, name: str) -> Callable[..., Any]:
        folder = files("worker.store").joinpath("lua")
        names = ("scheduling", name) if name in _SCHEDULING else (name,)
        source = "\n".join(folder.joinpath(f"{n}.lua").read_text(encoding="utf-8") for n in names)
        return self._redis.register_script(source)

    @staticmethod
    def _ask(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The one place where the driver's errors become ours."""
        try:
            return call(*args, **kwargs)
        except RedisError as error:
            raise StoreUnavailable(f"Redis does not answer: {error}") from error
