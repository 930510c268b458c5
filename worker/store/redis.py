"""The job store in Redis or Valkey (6.2 or newer). The only place that knows the job store's keys.

Every change is one script call (``lua/commit.lua``, headed by the map of all keys); the rest are
reads, and moves within the due set that may be lost without harm.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from importlib.resources import files
from typing import Any
from urllib.parse import unquote

import redis
from redis.exceptions import RedisError

from worker.errors import StaleVersion, StoreUnavailable
from worker.habits import Delivery, News
from worker.job import Job
from worker.redis_urls import parse_sentinel
from worker.store import ABSENCE_S, Filter, Load, NoFreeSlot, Page, Pipeline, codec
from worker.store.places import place_of, read_cursor, write_cursor

#: How many index entries one page of a filtered listing may look at before it gives a cursor.
_SCAN = 2000


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


class RedisStore:
    """``worker.store.Store`` over one Redis client, which may be shared by threads."""

    def __init__(self, client: "redis.Redis", prefix: str = "hookline:") -> None:
        self._redis = client
        self._prefix = prefix
        self._commit = self._script("commit")
        self._next_ready = self._script("next_ready")
        self._claim_due = self._script("claim_due")

    def get(self, job_id: str) -> Job | None:
        doc = self._ask(self._redis.hget, self._job(job_id), "doc")
        return codec.load(doc) if doc else None

    def get_many(self, job_ids: Sequence[str]) -> list[Job]:
        pipe = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipe.hget(self._job(job_id), "doc")
        return [codec.load(doc) for doc in self._ask(pipe.execute) if doc]

    def commit(
        self,
        job: Job,
        children: Sequence[Job] = (),
        *,
        max_running: int,
        news: News | None = None,
    ) -> int:
        told = json.dumps(asdict(news)) if news else ""
        argv: list[Any] = [self._prefix, job.account, max_running, told]
        for written in (job, *children):
            successor = replace(written, version=written.version + 1)
            argv += [_index_entry(successor), codec.dump(successor)]
        answer: list[Any] = self._ask(self._commit, args=argv)
        match answer:
            case [b"ok", int(openings)]:
                return openings
            case [b"full"]:
                raise NoFreeSlot
            case _:
                raise StaleVersion

    def next_ready(self, account: str, max_running: int) -> Job | None:
        doc = self._ask(self._next_ready, args=[self._prefix, account, max_running])
        return codec.load(doc) if doc else None

    def startable(self, account: str, max_running: int) -> int:
        load = self.load(account)
        return max(0, min(max_running - load.running, load.ready))

    def load(self, account: str) -> Load:
        pipe = self._redis.pipeline(transaction=False)
        pipe.scard(f"{self._prefix}running:{account}")
        pipe.zcard(f"{self._prefix}ready:{account}")
        return Load(*self._ask(pipe.execute))

    def claim_due(self, now: float, limit: int, lease_s: float) -> list[Job]:
        docs = self._ask(self._claim_due, args=[self._prefix, now, limit, lease_s])
        return [codec.load(doc) for doc in docs if doc]

    def reschedule(self, job_id: str, due_at: float) -> None:
        self._ask(self._redis.zadd, f"{self._prefix}due", {job_id: due_at}, xx=True)

    def find_task(self, account: str, task_id: str) -> str | None:
        job_id = self._ask(self._redis.hget, f"{self._prefix}tasks:{account}", task_id)
        return job_id.decode() if job_id else None

    def pipeline(self, pipeline_id: str) -> Pipeline | None:
        key = f"{self._prefix}pipeline:{pipeline_id}"
        counts = self._ask(self._redis.hgetall, key)
        if not counts:
            return None
        ids = [i.decode() for i in self._ask(self._redis.lrange, f"{key}:jobs", 0, -1)]
        jobs = tuple(self.get_many(ids))
        return Pipeline(pipeline_id, {k.decode(): int(v) for k, v in counts.items()}, jobs)

    def list_jobs(self, wanted: Filter, limit: int, cursor: str | None = None) -> Page:
        index = f"{self._prefix}jobs"
        if wanted.double_payments:
            index = f"{self._prefix}double_payments"
        elif wanted.status:
            index += f":{wanted.status}"
        top, after_id = read_cursor(cursor) if cursor else (float("inf"), None)
        entries = self._ask(
            self._redis.zrevrangebyscore, index, top, "-inf", 0, _SCAN, withscores=True
        )
        found: list[Job] = []
        last: Job | None = None
        for job in self.get_many([i.decode() for i, _ in entries]):
            # Entries of one instant are ordered by id, so the page before ended within them.
            if after_id and job.created_at == top and job.id >= after_id:
                continue
            if len(found) == limit:
                return Page(tuple(found), write_cursor(found[-1]))
            last = job
            if wanted.matches(job):
                found.append(job)
        return Page(tuple(found), write_cursor(last) if last and len(entries) == _SCAN else None)

    def delivery(self, account: str) -> Delivery:
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(f"{self._prefix}account:{account}")
        pipe.get(f"{self._prefix}receiving")
        stats, since = self._ask(pipe.execute)
        return _delivery({name.decode(): value.decode() for name, value in stats.items()}, since)

    def receiving(self, now: float, *, anew: bool = False) -> None:
        key, absence = f"{self._prefix}receiving", int(ABSENCE_S * 1000)
        pipe = self._redis.pipeline(transaction=False)
        # Once the key has gone the receiver was away, and what it missed meanwhile nobody knows.
        pipe.set(key, repr(now), px=absence, nx=not anew)
        pipe.pexpire(key, absence)
        self._ask(pipe.execute)

    def learn_dialect(self, account: str, dialect: str) -> None:
        self._ask(self._redis.hset, f"{self._prefix}account:{account}", "dialect", dialect)

    def once(self, name: str, seconds: float) -> bool:
        key = f"{self._prefix}once:{name}"
        return bool(self._ask(self._redis.set, key, 1, nx=True, px=int(seconds * 1000)))

    def ping(self) -> None:
        self._ask(self._redis.ping)

    def _job(self, job_id: str) -> str:
        return f"{self._prefix}job:{job_id}"

    def _script(self, name: str) -> Callable[..., Any]:
        source = files("worker.store").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
        return self._redis.register_script(source)

    @staticmethod
    def _ask(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The one place where the driver's errors become ours."""
        try:
            return call(*args, **kwargs)
        except RedisError as error:
            raise StoreUnavailable(f"Redis does not answer: {error}") from error


def _delivery(stats: dict[str, str], since: bytes | None) -> Delivery:
    """The account's counts as ``lua/commit.lua`` keeps them."""
    sorts = {name.removeprefix("sort:"): int(n) for name, n in stats.items() if "sort:" in name}
    without, with_state, told, asked, silent = (
        int(stats.get(name, 0))
        for name in ("callback", "callback_with_state", "told", "asked", "silent")
    )
    lag, called_back_at = stats.get("lag"), stats.get("called_back_at")
    return Delivery(
        callbacks=without + with_state,
        with_state=with_state,
        told=told,
        asked=asked,
        silent=silent,
        by_sort=sorts,
        lag_s=float(lag) if lag else None,
        lag_deviation_s=float(stats.get("deviation", 0)),
        called_back_at=float(called_back_at) if called_back_at else None,
        receiving_since=float(since) if since else None,
        dialect=stats.get("dialect"),
    )


def _index_entry(job: Job) -> str:
    """What the script needs to know of a job without reading its doc."""
    place = place_of(job)
    return json.dumps(
        {
            "id": job.id,
            "version": job.version,
            "status": job.status,
            "pipeline": job.pipeline_id,
            "created_at": repr(job.created_at),
            "task": job.task_id or "",
            "due": "" if place.due_at is None else repr(place.due_at),
            "ready": place.ready,
            "score": str(place.score),
            "starts": place.starts,
            "holds_slot": place.holds_slot,
            "over": place.over,
            "guard": place.guard,
            "double": place.double_payments,
        }
    )
