"""One program at work: a burst of pipelines, or a few each second, and what both cost."""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from statistics import median, quantiles
from typing import Any

import redis

from config.loading import load_settings
from tests.bench import procfs
from tests.bench.load import Connection, Load, Target, drive
from tests.bench.peers.contenders import FOLLOW_UPS, HOOKLINE, Contender, Place
from tests.bench.seeds import Seeds
from tests.chaos.redis_server import RedisServer
from tests.support.ports import free_port
from worker.adapters.local.supervisor import Program, Supervisor
from worker.bootstrap import build
from worker.sandbox.models import IN_PROGRESS, SUCCESS

_CHECKOUT = Path(__file__).parents[3]
#: Tasks of one pipeline.
TASKS = 1 + len(FOLLOW_UPS)
#: Pipelines before a measurement: connections, caches and imports are warm then.
_WARM_UP = 10
#: Connections that hand in.
_CALLERS = 8
#: What is said of a job whose callbacks alone are measured, over so many connections.
_NEWS = (*((IN_PROGRESS, f"{n}%") for n in range(11, 99, 11)), *[(SUCCESS, "100%")] * 2)
_CONNECTIONS = 16
_START_S, _LIMIT_S = 30.0, 120.0
#: A task list counts as evidence 45 s after a submission.
_QUIET_S, _SETTLED_S = 60.0, 240.0


@dataclass(frozen=True, slots=True)
class Used:
    """Seconds of CPU so far, by what used them."""

    web: float
    worker: float
    store: float

    @property
    def all(self) -> float:
        return self.web + self.worker + self.store


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run showed. CPU in milliseconds per task, delays in milliseconds, memory in MiB."""

    rate: float
    cpu: Used
    delays: tuple[float, ...]
    memory: float

    @property
    def delay(self) -> float:
        return median(self.delays)

    @property
    def slowest(self) -> float:
        """p99."""
        return quantiles(self.delays, n=100)[98]


@dataclass(slots=True)
class Ring:
    """A Redis and a provider, and one program at a time."""

    folder: Path
    server: RedisServer
    provider: Connection
    provider_url: str
    supervisor: Supervisor | None = None
    port: int = 0
    pids: dict[str, int] = field(default_factory=dict)

    def place(self) -> Place:
        """Where a program runs, with its files in the folder."""
        env = {**os.environ, "PYTHONPATH": str(_CHECKOUT)} | {
            "HOOKLINE_STATE_DIR": str(self.folder / "state"),
            "HOOKLINE_STORAGE_URL": f"file://{self.folder}/output",
        }
        return Place(self.port, self.provider_url, self.redis_url, env)

    @property
    def redis_url(self) -> str:
        return self.server.url().removesuffix("/0")

    @contextmanager
    def running(
        self, contender: Contender, *, durable: bool = False, warm: bool = True
    ) -> Iterator[None]:
        """The program runs, with an empty Redis; ``durable``: which syncs every write."""
        with redis.Redis.from_url(self.server.url()) as store:
            store.config_set("appendonly", "yes" if durable else "no")
            store.flushall()
        self.port = free_port()
        programs = contender.programs(self.place())
        logs = self.folder / "logs" / contender.name
        with Supervisor(programs, logs, lambda *_: None, longest_pause_s=0.5) as supervisor:
            supervisor.start()
            self.supervisor, self.pids = supervisor, supervisor.pids
            _connected(self.port).close()
            self.ask("/reset")
            if warm:
                self.hand_in(contender, range(1_000_000, 1_000_000 + _WARM_UP))
                self.wait_for_ends(_WARM_UP * TASKS)
            yield
            self.supervisor = None

    def hand_in(self, contender: Contender, numbers: Sequence[int]) -> None:
        """Hand in so many pipelines at once."""
        with ThreadPoolExecutor(_CALLERS) as pool:
            list(
                pool.map(lambda n: self._hand_in(contender, numbers[n::_CALLERS]), range(_CALLERS))
            )

    def _hand_in(self, contender: Contender, numbers: Sequence[int]) -> None:
        if not numbers:
            return
        connection = Connection(self.port)
        for number in numbers:
            answer = connection.ask(contender.request(number))
            if not answer.startswith(b"HTTP/1.1 202"):
                raise RuntimeError(f"{contender.name} refused a pipeline: {answer[:500]!r}")
        connection.close()

    def ask(self, path: str) -> Any:
        """What the provider answers."""
        answer = self.provider.ask(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    def wait_for_ends(self, count: int, limit_s: float = _LIMIT_S) -> list[dict[str, Any]]:
        """The ledger, when the program took the news of so many ends."""
        deadline = time.monotonic() + limit_s
        while True:
            ledger: list[dict[str, Any]] = self.ask("/ledger")
            if sum(each["taken_at"] is not None for each in ledger) >= count:
                return ledger
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(ledger)} tasks of {count} after {limit_s:g} s")
            time.sleep(0.1)
            self.look()

    def kill_worker(self) -> None:
        """As a crash does; it starts again after half a second."""
        if self.supervisor:
            os.killpg(self.supervisor.pids["worker"], SIGKILL)

    def look(self) -> None:
        """Start what has died."""
        if self.supervisor:
            self.supervisor.look()

    def settle(self, contender: Contender) -> None:
        """Wait until nothing has changed for long."""
        deadline = time.monotonic() + _SETTLED_S
        last, since = (0, 0), time.monotonic()
        while time.monotonic() < min(deadline, since + _QUIET_S):
            time.sleep(0.2)
            self.look()
            now = len(self.ask("/ledger")), contender.known(self.redis_url)
            if now != last:
                last, since = now, time.monotonic()

    def used(self) -> Used:
        """CPU of the program's processes and Redis."""
        with redis.Redis.from_url(self.server.url()) as store:
            cpu = store.info("cpu")
        seconds = {name: procfs.cpu_s(procfs.session(pid)) for name, pid in self.pids.items()}
        store_s = float(cpu["used_cpu_sys"]) + float(cpu["used_cpu_user"])
        return Used(seconds.pop("web"), sum(seconds.values()), store_s)


def _connected(port: int) -> Connection:
    """A connection to a program that may only be starting."""
    deadline = time.monotonic() + _START_S
    while True:
        try:
            return Connection(port)
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def burst(ring: Ring, contender: Contender, pipelines: int) -> Figures:
    """All at once."""
    return _run(ring, contender, pipelines, lambda: ring.hand_in(contender, range(pipelines)))


def paced(ring: Ring, contender: Contender, seconds: float, per_second: int = 4) -> Figures:
    """So many a second."""
    count = int(seconds * per_second)

    def hand_in() -> None:
        began = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, began + number / per_second - time.monotonic()))
            ring.hand_in(contender, [number])

    return _run(ring, contender, count, hand_in)


def received(ring: Ring, contender: Contender, jobs: int) -> Load:
    """Callbacks alone: of ten, eight are progress, one is the end, and one repeats it."""
    [web, _] = HOOKLINE.programs(ring.place())
    seeds = Seeds(build(load_settings(web.env, dotenv=None)), ring.provider_url)
    told = [
        contender.callbacks(seeds, ring.redis_url, seeds.submitted(), _NEWS) for _ in range(jobs)
    ]
    streams = [
        [callbacks[step] for step in range(len(_NEWS)) for callbacks in told[n::_CONNECTIONS]]
        for n in range(_CONNECTIONS)
    ]
    load = drive(Target(ring.port, ring.pids["web"], contender.web_processes), streams)
    if load.refused or contender.known(ring.redis_url) < jobs:
        raise RuntimeError(f"{contender.name} did not take all callbacks: {load.refused} refused")
    return load


def _run(ring: Ring, contender: Contender, pipelines: int, hand_in: Any) -> Figures:
    ring.ask("/reset")
    tasks = pipelines * TASKS
    before, began = ring.used(), time.time()
    hand_in()
    ledger = ring.wait_for_ends(tasks)
    after = ring.used()
    ended = max(each["taken_at"] for each in ledger)
    parents = {each["id"]: each["ended_at"] for each in ledger}
    delays = [
        (each["accepted_at"] - parents[each["parent"]]) * 1000 for each in ledger if each["parent"]
    ]
    if len(ledger) != tasks:
        raise RuntimeError(f"{contender.name} submitted {len(ledger)} tasks instead of {tasks}")
    spent = Used(
        *(
            (getattr(after, name) - getattr(before, name)) * 1000 / tasks
            for name in ("web", "worker", "store")
        )
    )
    pids = [pid for leader in ring.pids.values() for pid in procfs.session(leader)]
    return Figures(tasks / (ended - began), spent, tuple(delays), procfs.memory(pids).pss)


@contextmanager
def ring(folder: Path, *provider: str) -> Iterator[Ring]:
    """Set up the Redis and the provider with these options, and take everything down again."""
    port = free_port()
    server = RedisServer(folder / "redis", free_port(), "benchmark", "always")
    arguments = ("-m", "tests.bench.peers.provider", str(port), *provider)
    program = Program("provider", arguments, os.environ, _CHECKOUT, executable=sys.executable)
    with ExitStack() as last:
        server.start()
        last.callback(server.terminate)
        supervisor = Supervisor([program], folder / "logs", lambda *_: None)
        last.enter_context(supervisor)
        supervisor.start()
        asked = _connected(port)
        last.callback(asked.close)
        yield Ring(folder, server, asked, f"http://127.0.0.1:{port}")
