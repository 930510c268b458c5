"""Where it is measured: a folder, a Redis and ports of its own, and the programs that run there."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from signal import SIG_IGN, SIGINT, signal
from tempfile import TemporaryDirectory

import redis

from config.loading import load_settings
from tests.bench import procfs
from tests.bench.load import Connection, Load, Target, drive
from tests.bench.provider import Provider
from tests.support.ports import free_port
from worker.adapters.local.private_redis import start_private_redis
from worker.adapters.local.supervisor import Program, Supervisor
from worker.bootstrap import Services, build

_CHECKOUT = Path(__file__).parent.parent.parent
#: The default of HOOKLINE_WEB_PROCESSES.
WEB_PROCESSES = 2
_OURS = ("web", "worker")
_START_S = 60.0


@dataclass(frozen=True, slots=True)
class Stage:
    """All that a measurement needs. ``services`` are our own, for seeding and looking."""

    folder: Path
    redis: "redis.Redis"
    redis_url: str
    provider: Provider
    services: Services
    env: dict[str, str]
    client: ProcessPoolExecutor

    @contextmanager
    def running(self, *names: str) -> Iterator[dict[str, Target]]:
        """Run programs; those that listen have answered when this begins."""
        ports = {name: free_port() for name in names}
        programs = [self._program(name, ports[name]) for name in names]
        with Supervisor(programs, self.folder / "logs", on_line=lambda *_: None) as supervisor:
            supervisor.start()
            targets = {
                name: Target(ports[name], pid, WEB_PROCESSES)
                for name, pid in supervisor.pids.items()
            }
            for name, target in targets.items():
                if not name.endswith("worker"):
                    self._wait(name, target.port)
            yield targets

    def drive(self, target: Target, streams: list[list[bytes]]) -> Load:
        """Send the streams from another process. Raises where a callback is refused."""
        load = self.client.submit(drive, target, streams).result()
        if load.refused:
            raise RuntimeError(f"{load.refused} callbacks were refused")
        return load

    def cpu_s(self, target: Target) -> float:
        """Seconds of CPU that a server and Redis have used so far."""
        used = self.redis.info("cpu")
        mine = procfs.cpu_s(procfs.session(target.pid)) if procfs.AVAILABLE else 0.0
        return mine + float(used["used_cpu_sys"]) + float(used["used_cpu_user"])

    def environment(self) -> dict[str, str]:
        """Of a program that runs here."""
        return {**os.environ, **self.env}

    def clear(self) -> None:
        """Forget all jobs and messages."""
        self.redis.flushall()

    def _program(self, name: str, port: int) -> Program:
        args: tuple[str, ...]
        if name in _OURS:
            args = ("hookline.start", name, "--supervised")
        else:
            other_database = self.redis_url.removesuffix("0") + "2"
            args = ("tests.bench.floors", name, str(port), other_database, self.provider.url)
        env = self.environment() | {"HOOKLINE_PORT": str(port)}
        return Program(name, ("-m", *args), env, self.folder)

    def _wait(self, name: str, port: int) -> None:
        deadline = time.monotonic() + _START_S
        while True:
            try:
                Connection(port).close()
                return
            except ConnectionError:
                if time.monotonic() > deadline:
                    log = (self.folder / "logs" / f"{name}.log").read_text()
                    raise RuntimeError(f"{name} does not start:\n{log}") from None
                time.sleep(0.05)


@contextmanager
def stage() -> Iterator[Stage]:
    """Set up, and take everything down again however it ends."""
    with ExitStack() as last:
        folder = Path(last.enter_context(TemporaryDirectory(prefix="bench-")))
        server = last.enter_context(start_private_redis(folder / "state"))
        provider = last.enter_context(Provider())
        env = {
            "PYTHONPATH": str(_CHECKOUT),
            "HOOKLINE_REDIS_URL": server.url,
            "HOOKLINE_PROVIDER_URL": provider.url,
            "HOOKLINE_PROVIDER_KEY": "benchmark",
            "HOOKLINE_PROVIDER_DIALECT": "trueai",
            "HOOKLINE_MAX_RUNNING": "10000",
            "HOOKLINE_PUBLIC_URL": "http://127.0.0.1:1",  # only ever read back from a submit
            "HOOKLINE_SECRET": "benchmark-benchmark-benchmark",
            "HOOKLINE_API_TOKEN": "benchmark-benchmark",
            "HOOKLINE_STORAGE_URL": f"file://{folder}/output",
            "HOOKLINE_STATE_DIR": str(folder / "state"),
            "HOOKLINE_LOG_FORMAT": "json",
        }
        client = last.enter_context(
            ProcessPoolExecutor(1, get_context("spawn"), signal, (SIGINT, SIG_IGN))
        )
        connection = last.enter_context(redis.Redis.from_url(server.url))
        services = build(load_settings(env, dotenv=None))
        yield Stage(folder, connection, server.url, provider, services, env, client)
