"""The job store in Redis or Valkey (6.2 or newer). The only place that knows the job store's keys.

Every change is one script call (``lua/commit.lua``, headed by the map of all keys); the rest are
reads, and moves within the due set that may be lost without harm.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.resources import files
from typing import Any
from urllib.parse import unquote

import redis
from redis.exceptions import RedisError

from worker.charges import charges
from worker.errors import StaleVersion, StoreUnavailable
from worker.habits import Delivery, News
from worker.health import Health
from worker.job import Job
from worker.money import Amount
from worker.redis_urls import parse_sentinel
from worker.store import ABSENCE_S, Filter, Load, NoFreeSlot, Openings, Page, Pipeline, codec
from worker.store.places import ANY, place_of, read_cursor, starts, write_cursor
from worker.terms import Terms

#: The scripts that start jobs, or tell why not.
_SCHEDULING = frozenset({"commit", "next_ready", "why_waiting"})

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
        self._mend_slots = self._script("mend_slots")
        self._learn_health = self._script("learn_health")
        self._why_waiting = self._script("why_waiting")
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
        terms: Terms,
        news: News | None = None,
        now: float = 0.0,
    ) -> Openings:
        argv: list[Any] = [
            self._prefix,
            job.account,
            terms.video_slots,
            terms.image_slots,
            json.dumps(asdict(news)) if news else "",
            terms.as_json() if starts(job) else "",
            repr(now),
        ]
        for written in (job, *children):
            argv += _entry(replace(written, version=written.version + 1), terms)
        answer: list[Any] = self._ask(self._commit, args=argv)
        match answer:
            case [b"ok", int(own), int(anywhere)]:
                return Openings(own, anywhere)
            case [b"full"]:
                raise NoFreeSlot
            case _:
                raise StaleVersion

    def next_ready(self, terms: Terms, now: float) -> Job | None:
        doc = self._ask(self._next_ready, args=[self._prefix, terms.as_json(), repr(now)])
        return codec.load(doc) if doc else None

    def why_waiting(self, job: Job, terms: Terms, now: float) -> str | None:
        reason = self._ask(
            self._why_waiting, args=[self._prefix, terms.as_json(), repr(now), job.id]
        )
        return reason.decode() if reason else None

    def load(self, account: str) -> Load:
        pipe = self._redis.pipeline(transaction=False)
        for pool in ("", ":video"):
            pipe.scard(f"{self._prefix}running:{account}{pool}")
        pipe.hmget(f"{self._prefix}waiting", account, f"{account}:video", ANY, f"{ANY}:video")
        images, films, waiting = self._ask(pipe.execute)
        return Load(images, films, *(int(number or 0) for number in waiting))

    def mend_slots(self, account: str) -> int:
        return int(self._ask(self._mend_slots, args=[self._prefix, account]))

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

    def money(self, scopes: Sequence[str]) -> list[Mapping[str, Amount]]:
        pipe = self._redis.pipeline(transaction=False)
        for scope in scopes:
            pipe.hgetall(f"{self._prefix}money:{scope}")
        return [{k.decode(): int(v) for k, v in sums.items()} for sums in self._ask(pipe.execute)]

    def pause(self, what: str) -> None:
        self._ask(self._redis.sadd, f"{self._prefix}paused", what)

    def resume(self, what: str) -> None:
        self._ask(self._redis.srem, f"{self._prefix}paused", what)

    def paused(self) -> frozenset[str]:
        return frozenset(
            w.decode() for w in self._ask(self._redis.smembers, f"{self._prefix}paused")
        )

    def health(self, account: str) -> Health:
        doc = self._ask(self._redis.hget, f"{self._prefix}account:{account}", "health")
        return codec.load_health(doc) if doc else Health()

    def learn_health(self, account: str, health: Health, known: Health) -> bool:
        args = [self._prefix, account, codec.dump_health(health), codec.dump_health(known)]
        return bool(self._ask(self._learn_health, args=args))

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


def _entry(job: Job, terms: Terms) -> tuple[str | bytes | int, ...]:
    """What ``lua/commit.lua`` needs to know of a job without reading its doc."""
    place = place_of(job)
    money = charges(job, terms.price(place.lane.sort))
    due = "" if job.due_at is None else repr(job.due_at)
    billed = json.dumps(money, separators=(",", ":")) if money else ""
    return job.id, job.version, due, place.as_json, place.guard, billed, codec.dump(job)
