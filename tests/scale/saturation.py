"""Redis at the limit of its core: commits a second, CPU for each kind, and the memory of jobs."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import redis

from config.loading import load_settings
from tests.chaos.redis_server import RedisServer
from tests.scale.lives import TASKS, Lives
from tests.scale.recording import Recorder, Step, play
from tests.support.ports import free_port
from worker.bootstrap import build

#: Processes that send the recording at the same time, each in a database of its own.
PROCESSES = (1, 4, 16)
#: Of one process; sixteen have 10,000 tasks.
_PIPELINES = 125
_WARM_UP = 4
_PASSWORD = "of-this-run"
#: A callback that says nothing new is a read.
_READS = ("nothing new",)


@dataclass(slots=True)
class Kind:
    """Events of one kind: CPU of Redis's main thread (INFO cpu), and how long scripts ran."""

    events: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0
    scripts_s: float = 0.0

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / self.events * 1e6

    @property
    def scripts_us(self) -> float:
        return self.scripts_s / self.events * 1e6


@dataclass(slots=True)
class Load:
    """One run: so many processes, and whether every write was synced (``appendfsync``)."""

    processes: int
    fsync: str
    kinds: dict[str, Kind] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)  #: bytes of a job by its stage

    @property
    def commits_per_s(self) -> float:
        return self._commits / self._seconds

    @property
    def tasks_per_s(self) -> float:
        return self.processes * _PIPELINES * TASKS / self._seconds

    @property
    def busy(self) -> float:
        """The share of its core that Redis used."""
        return sum(kind.cpu_s for kind in self.kinds.values()) / self._seconds

    @property
    def limit(self) -> float:
        """Commits a second with the whole core: the machine has other things to do, and disks."""
        return self.commits_per_s / self.busy

    @property
    def _seconds(self) -> float:
        return sum(kind.seconds for kind in self.kinds.values())

    @property
    def _commits(self) -> int:
        return sum(kind.events for name, kind in self.kinds.items() if name not in _READS)


def saturation(folder: Path, processes: Sequence[int] = PROCESSES) -> list[Load]:
    """More and more processes with every write synced, and the most of them with a sync a second.

    The last but one is what is recommended, at its limit.
    """
    server = RedisServer(folder / "redis", free_port(), _PASSWORD, "always")
    with ExitStack() as last:
        server.start()
        last.callback(server.terminate)
        client = last.enter_context(redis.Redis.from_url(server.url()))
        steps = _recorded(client, server.url(), folder)
        runs = [*((n, "always") for n in processes), (processes[-1], "everysec")]
        return [_run(client, server.url(), steps, *each) for each in runs]


def _recorded(client: "redis.Redis", url: str, folder: Path) -> list[Step]:
    env = {
        "HOOKLINE_REDIS_URL": url,
        "HOOKLINE_PROVIDER_URL": "http://127.0.0.1:1",
        "HOOKLINE_PROVIDER_KEY": "scale",
        "HOOKLINE_PROVIDER_DIALECT": "trueai",
        "HOOKLINE_MAX_RUNNING": "10000",
        "HOOKLINE_PUBLIC_URL": "http://127.0.0.1:1",
        "HOOKLINE_SECRET": "of-this-run-of-this-run-of-this-run",
        "HOOKLINE_STORAGE_URL": f"file://{folder}/output",
        "HOOKLINE_STATE_DIR": str(folder / "state"),
    }
    services = build(load_settings(env, dotenv=None))
    Lives(services, Recorder()).live(_WARM_UP)  # connections, and scripts in Redis
    client.flushall()
    recorder = Recorder()
    Lives(services, recorder).live(_PIPELINES)
    return recorder.steps


def _run(client: Any, url: str, steps: list[Step], processes: int, fsync: str) -> Load:
    client.flushall()
    client.config_set("appendfsync", fsync)
    load = Load(processes, fsync)
    with _players(url, steps, processes) as players:
        used = [_used_memory(client)]
        for number, step in enumerate(steps):
            before = _spent(client)
            began = time.monotonic()
            for player in players:
                player.send(number)
            for player in players:
                player.recv()
            kind = load.kinds.setdefault(step.kind, Kind())
            kind.seconds += time.monotonic() - began
            cpu_s, scripts_s = _spent(client)
            kind.cpu_s += cpu_s - before[0]
            kind.scripts_s += scripts_s - before[1]
            kind.events += step.events * processes
            used.append(_used_memory(client))
    load.memory = _per_job(steps, used, processes * _PIPELINES)
    return load


def _per_job(steps: Sequence[Step], used: Sequence[int], pipelines: int) -> dict[str, float]:
    """``used``: before the first step, and after each. Roots wait and run; all jobs end."""
    after = {step.kind: used[n] - used[0] for n, step in reversed([*enumerate(steps, 1)])}
    kinds = [step.kind for step in steps]
    running = used[kinds.index("end, four follow-ups made")] - used[0]
    ended = used[-2] - used[0]  # before they were removed
    return {
        "waiting": after["new job"] / pipelines,
        "running": running / pipelines,
        "finished": ended / (pipelines * TASKS),
    }


@contextmanager
def _players(url: str, steps: list[Step], count: int) -> Iterator[list[Pipe]]:
    """Processes that are connected and wait for the number of a step."""
    context = get_context("spawn")
    players, running = [], []
    for number in range(count):
        ours, theirs = context.Pipe()
        to = f"{url.removesuffix('0')}{number}"
        process = context.Process(target=play, args=(to, steps, theirs), daemon=True)
        process.start()
        theirs.close()
        players.append(ours)
        running.append(process)
    try:
        for player in players:
            player.recv()
        yield players
        for player in players:
            player.send(None)
    finally:
        for player, process in zip(players, running, strict=True):
            player.close()
            process.join(10)
            process.kill()


def _spent(client: Any) -> tuple[float, float]:
    """Seconds of CPU so far of the thread that runs commands, and those that scripts took."""
    cpu: Mapping[str, float] = client.info("cpu")
    commands: Mapping[str, Mapping[str, float]] = client.info("commandstats")
    scripts = commands.get("cmdstat_evalsha", {}).get("usec", 0)
    main = sum(cpu[f"used_cpu_{part}_main_thread"] for part in ("user", "sys"))
    return main, scripts / 1e6


def _used_memory(client: Any) -> int:
    return int(client.info("memory")["used_memory"])
