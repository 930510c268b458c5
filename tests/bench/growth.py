"""Whether anything takes longer the more is stored, and what a stored job costs.

Stores of several sizes are in databases of one Redis, each with a web process of its own, and are
measured by turns: so noise hits all of them.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from statistics import median
from typing import Any

import redis

from config.loading import load_settings
from tests.bench import procfs
from tests.bench.filling import BATCH, METADATA, TENANT, fill
from tests.bench.load import Target
from tests.bench.rows import Row
from tests.bench.seeds import STORY, Seeds
from tests.bench.stage import Stage
from worker.bootstrap import build
from worker.domain.events import Started
from worker.domain.job import Status
from worker.services.retention import Retention

SIZES = (1_000, 100_000, 1_000_000)
#: Listings by their query.
_FILTERS = {
    "no filter": "",
    "status": "status=succeeded",
    "kind": "kind=imagine",
    "account": "account=default",
    "batch": f"batch={BATCH}",
    "tenant": f"tenant={TENANT}",
    "metadata": f"metadata={'='.join(METADATA)}",
    "kind and batch": f"kind=imagine&batch={BATCH}",
    "nothing found": "kind=video",
    "text that no prompt has": "prompt=xyzzy",
}
_SEARCH = "GET of 50 jobs, text that no prompt has"
_ROUNDS, _REQUESTS, _EXPIRED, _CONNECTIONS, _JOBS = 5, 10, 20, 4, 16
#: Of what it is with the smallest store; the rest is noise, which neighbours in time share.
_FLAT = 0.8
#: Seconds to wait for Redis: it may be filling its memory on a machine with other things to do.
_PATIENCE_S = 60
#: Callbacks after which memory is looked at first.
_WARM_UP = 2_000
_LOOKS, _LOOK_EVERY_S = 8, 0.25


@dataclass(frozen=True, slots=True)
class _Filled:
    """One size: a stage over its own database, and its web process."""

    stage: Stage
    web: Target
    seeds: Seeds
    one: str  #: the id of a job

    def timed(self) -> Iterator[tuple[str, str, float]]:
        """What was measured, its unit, and the figure."""
        yield "callbacks", "/s", self._callbacks()
        yield "take of the next job", "ms", self._take()
        yield "sweep", "ms", median(_ms(self.stage.services.sweep.run) for _ in range(_REQUESTS))
        yield "GET of one job", "ms", self._get(f"jobs/{self.one}")
        for name, query in _FILTERS.items():
            yield f"GET of 50 jobs, {name}", "ms", self._get(f"jobs?{query}")
        yield "GET of a batch", "ms", self._get(f"batches/{BATCH}")
        yield "retention of a pipeline", "ms", self._retention()

    def _callbacks(self) -> float:
        jobs = [self.seeds.submitted() for _ in range(_JOBS)]
        streams = [
            [self.seeds.callback(job, *step) for step in STORY for job in jobs[n::_CONNECTIONS]]
            for n in range(_CONNECTIONS)
        ]
        return self.stage.drive(self.web, streams).rate

    def _take(self) -> float:
        self.seeds.queued()
        orchestrator, now = self.stage.services.orchestrator, time.time()

        def take() -> None:
            capacity = orchestrator.dispatch.capacity("default", now, fresh=True)
            [job] = orchestrator.store.queue.next_ready(capacity, now, 1)
            orchestrator.record(job, Started("default"))

        return _ms(take)

    def _get(self, path: str) -> float:
        connection = HTTPConnection("127.0.0.1", self.web.port, timeout=20)
        secret = self.stage.env["HOOKLINE_API_TOKEN"]

        def get() -> None:
            connection.request("GET", f"/v1/{path}", headers={"Authorization": f"Bearer {secret}"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{path} is answered with {answer.status}")

        figure = median(_ms(get) for _ in range(_REQUESTS))
        connection.close()
        return figure

    def _retention(self) -> float:
        """The oldest are made to have ended long ago."""
        services, long_ago = self.stage.services, time.time() - 2e9
        key = f"hookline:finished:{Status.SUCCEEDED}"
        oldest: Any = self.stage.redis.zrange(key, 0, _EXPIRED - 1)
        self.stage.redis.zadd(key, dict.fromkeys(oldest, long_ago))
        keep = {Status.SUCCEEDED: 1e9}
        tidy = Retention(services.store, services.storage, keep).tidy
        return _ms(tidy) / _EXPIRED


def growth(stage: Stage, sizes: tuple[int, ...]) -> list[Row]:
    """The figures of each size beside those of the smallest, and the bytes of a job."""
    stage = replace(stage, redis=redis.Redis.from_url(stage.redis_url, socket_timeout=_PATIENCE_S))
    stage.clear()
    stage.redis.config_set("appendonly", "no")  # gigabytes of no use
    found: list[dict[str, dict[str, list[float]]]] = [{} for _ in sizes]
    units: dict[str, str] = {}
    with _filled(stage, sizes) as stores:
        for _ in range(_ROUNDS):
            for figures, store in zip(found, stores, strict=True):
                for what, unit, figure in store.timed():
                    figures.setdefault(what, {}).setdefault(unit, []).append(figure)
                    units[what] = unit
    medians = [
        {what: median(each[unit]) for what, unit in units.items() for each in [f[what]]}
        for f in found
    ]
    rows = list(_compared(sizes, medians, units))
    rows += [_against_one(size, each) for size, each in zip(sizes, medians, strict=True)]
    rows += _bytes_per_job(stage)
    stage.clear()
    return rows


@contextmanager
def _filled(stage: Stage, sizes: tuple[int, ...]) -> Iterator[list[_Filled]]:
    with ExitStack() as last:
        stores = []
        for number, size in enumerate(sizes):
            # The database after it is the broker's.
            at = _at_database(stage, 4 + 2 * number)
            fill(at, size)
            web = last.enter_context(at.running("web"))["web"]
            seeds = Seeds(at.services, stage.provider.url)
            stores.append(_Filled(at, web, seeds, seeds.finished().id))
        yield stores


def _at_database(stage: Stage, number: int) -> Stage:
    url = stage.redis_url.removesuffix("0") + str(number)
    env = {**stage.env, "HOOKLINE_REDIS_URL": url, "HOOKLINE_MAX_RUNNING": "10000"}
    services = build(load_settings(env, dotenv=None))
    client = redis.Redis.from_url(url, socket_timeout=_PATIENCE_S)
    return replace(stage, redis=client, redis_url=url, env=env, services=services)


def _compared(
    sizes: tuple[int, ...], medians: list[dict[str, float]], units: dict[str, str]
) -> Iterator[Row]:
    least = medians[0]
    for what, unit in units.items():
        for size, each in zip(sizes[1:], medians[1:], strict=True):
            faster = each[what] / least[what] if unit == "/s" else least[what] / each[what]
            row = Row(f"{what}: {size:,} stored, not {sizes[0]:,}", unit, each[what], least[what])
            row = replace(row, ratio=faster)
            # It looks at 2,000 jobs, and the smallest store has fewer.
            yield row if what == _SEARCH else row.at_least(_FLAT)


def _against_one(size: int, medians: dict[str, float]) -> Row:
    fifty, one = medians["GET of 50 jobs, no filter"], medians["GET of one job"]
    row = Row(f"GET of 50 jobs, not one: {size:,} stored", "ms", fifty, one, fifty / one)
    return row.below_ratio(8)


def _bytes_per_job(stage: Stage, count: int = 1000) -> Iterator[Row]:
    def used() -> int:
        return int(stage.redis.info("memory")["used_memory"])

    stage.clear()
    seeds = Seeds(stage.services, stage.provider.url)
    makers: dict[str, Callable[[], object]] = {
        "waiting": seeds.queued,
        "running": seeds.submitted,
        "finished": seeds.finished,
    }
    for name, make in makers.items():
        before = used()
        for _ in range(count):
            make()
        yield Row(f"Redis memory of a {name} job", "bytes", (used() - before) / count)


def memory_after(stage: Stage, callbacks: int) -> Iterator[Row]:
    """What web and worker need after so many callbacks, beside what they need after a few."""
    if not procfs.AVAILABLE:
        return
    stage.clear()
    stage.redis.config_set("appendonly", "no")  # gigabytes of no use
    seeds = Seeds(stage.services, stage.provider.url)
    with stage.running("web", "worker") as targets:
        _drive(stage, seeds, targets["web"], _WARM_UP)
        before = {name: _rss(target) for name, target in targets.items()}
        _drive(stage, seeds, targets["web"], callbacks)
        for name, target in targets.items():
            row = Row(
                f"RSS of {name} after {callbacks:,} callbacks", "MiB", _rss(target), before[name]
            )
            yield replace(row, ratio=row.ours / before[name]).below_ratio(1.25)


def _drive(stage: Stage, seeds: Seeds, web: Target, callbacks: int) -> None:
    per_job = 10 * len(STORY)  # each is told ten times over
    for _ in range(max(1, callbacks // (per_job * _CONNECTIONS))):
        jobs = [seeds.submitted() for _ in range(_CONNECTIONS)]
        streams = [
            [seeds.callback(job, *step) for step in STORY for _ in range(10)] for job in jobs
        ]
        stage.drive(web, streams)


def _rss(target: Target) -> float:
    """MiB, the least of some looks: the process that decodes a picture comes and goes."""
    looks = []
    for _ in range(_LOOKS):
        looks.append(procfs.memory(procfs.session(target.pid)).rss)
        time.sleep(_LOOK_EVERY_S)
    return min(looks)


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
