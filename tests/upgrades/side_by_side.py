"""Two versions of Hookline over one Redis: the way up, and down again, under load.

The older one is a commit of this repository, unpacked into a folder and run with the packages of
this checkout. Whatever was running before a step goes on with the jobs of the other version.
"""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from typing import Self

from config.loading import load_settings
from tests.chaos import oracle
from tests.chaos.indexes import PREFIX, counts
from tests.chaos.redis_server import RedisServer
from tests.support.indexes import Snapshot
from tests.support.ports import free_port
from tests.support.processes import ROOT, clean_env, wait_for
from tests.upgrades.door import Door, open_door
from worker.adapters.local.supervisor import Program, Supervisor
from worker.adapters.store.connection import connect
from worker.adapters.store.places import lane_of
from worker.bootstrap import Services, build
from worker.domain.job import Job
from worker.entrypoints.cli.http import answers, call

#: The last commit before listings had indexes, jobs a history, and the store its counters.
BEFORE_INDEXES = "8d30964"
#: The last release.
PREVIOUS = "6ca9d39"

_TOKEN = "a-token-of-this-run-alone"
_THEN = [{"press": "U1"}, {"press": "V2"}]
_THREADS = 4
_REPEATING = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the trial found: nothing, if all was well."""

    problems: tuple[str, ...]
    figures: str


def unpacked(commit: str, folder: Path) -> Path:
    """The files of a commit. Raises ``CalledProcessError`` where the history lacks it."""
    folder.mkdir()
    files = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit, "hookline", "config", "worker", "webhooks"],
        capture_output=True,
        check=True,
    ).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=files, check=True)
    return folder


class _Site:
    """A Redis, a sandbox, a door, and programs of two versions behind it."""

    def __init__(self, folder: Path, older: Path, door: Door, resources: ExitStack) -> None:
        self.door, self.folder, self._older = door, folder, older
        self.redis = RedisServer(folder / "redis", free_port(), "secret-of-this-run", "always")
        resources.callback(self.redis.kill)
        self.redis.start()
        self._sandbox_port = free_port()
        self.ledger = folder / "ledger.jsonl"
        env = self.env(ROOT, 0)
        resources.enter_context(self._running("sandbox", env, self._sandbox_args()))
        self.client = connect(self.redis.url())
        resources.callback(self.client.close)
        settings = load_settings({**env, "HOOKLINE_REDIS_URL": self.redis.url()}, dotenv=None)
        self.services: Services = build(settings)

    def env(self, tree: Path, port: int) -> dict[str, str]:
        own = {
            "PYTHONPATH": str(tree),
            "HOOKLINE_REDIS_URL": self.redis.url(),
            "HOOKLINE_PUBLIC_URL": f"http://127.0.0.1:{self.door.port}",
            "HOOKLINE_WEB_HOSTS": "127.0.0.1",
            "HOOKLINE_PORT": str(port or free_port()),
            "HOOKLINE_PROVIDER_URL": f"http://127.0.0.1:{self._sandbox_port}",
            "HOOKLINE_PROVIDER_KEY": "key-of-this-run",
            "HOOKLINE_PROVIDER_DIALECT": "trueai",
            "HOOKLINE_PROVIDER_AUTH": "mj-api-secret",
            "HOOKLINE_SECRET": "signing-secret-of-this-run",
            "HOOKLINE_API_TOKEN": _TOKEN,
            "HOOKLINE_STORAGE_URL": f"file://{self.folder}/output",
            "HOOKLINE_STATE_DIR": str(self.folder / "state"),
            "HOOKLINE_ALLOWED_HOSTS": "127.0.0.1",
            "HOOKLINE_LOG_FORMAT": "json",
            "HOOKLINE_MAX_RUNNING": "20",
        }
        env = clean_env(**own)
        if tree == ROOT:
            return env
        # The coverage of another version counts for nothing.
        return {name: value for name, value in env.items() if not name.startswith("COVERAGE_")}

    def _sandbox_args(self) -> tuple[str, ...]:
        return (
            "-m", "tests.chaos.small_pictures", "sandbox", "--supervised", "--port",
            str(self._sandbox_port), "--key", "key-of-this-run", "--ledger-path", str(self.ledger),
            "--task-seconds", "0.3-0.8", "--seed", "1",
        )  # fmt: skip

    @contextmanager
    def _running(self, name: str, env: dict[str, str], args: tuple[str, ...]) -> Iterator[None]:
        program, logs = Program(name, args, env, self.folder), self.folder / "logs"
        with Supervisor([program], logs, on_line=lambda *_: None) as supervisor:
            supervisor.start()
            yield

    @contextmanager
    def version(self, *, older: bool) -> Iterator[None]:
        """A web process and a worker of this version, behind the door until they stop."""
        tree, port = self._older if older else ROOT, free_port()
        start = str(tree / "hookline/start.py")
        env, name = self.env(tree, port), "older" if older else "newer"
        with self._running(f"{name}-web", env, (start, "web", "--supervised")):
            wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"), f"the {name} web", 150)
            with self._running(f"{name}-worker", env, (start, "worker", "--supervised")):
                self.door.ports = (*self.door.ports, port)
                yield
        self.door.ports = tuple(each for each in self.door.ports if each != port)


class _Load:
    """Hands in roots, one after another, as long as the trial runs."""

    def __init__(self, door: Door) -> None:
        self._door, self._over, self._enough = door, Event(), 0
        self.ids: list[str] = []
        self.refused: list[str] = []
        self._threads = [Thread(target=self._run, args=(n,)) for n in range(_THREADS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def more(self, number: int) -> None:
        """Wait until so many more were taken."""
        self._enough = enough = len(self.ids) + number
        wait_for(lambda: len(self.ids) >= enough or self.refused, "jobs", 180)

    def _run(self, own: int) -> None:
        number = 0
        # Much at each step, and a little on the way to the next one.
        while not self._over.wait(0.1 if len(self.ids) < self._enough else 2.0):
            number += 1
            body = {"kind": "imagine", "prompt": f"a lighthouse {own} {number}", "then": _THEN}
            url = f"http://127.0.0.1:{self._door.port}/v1/jobs"
            status, answer = call("POST", url, body, token=_TOKEN, timeout_s=30)
            if status == 202:
                self.ids.append(answer["id"])
            else:
                self.refused.append(f"{status} {answer}")


class _Repeats:
    """Callbacks that were taken come again, as providers do, until ``rate`` a second are reached.

    ``sent``: how many did. ``slowest_s``: the longest that one of them took.
    """

    def __init__(self, door: Door, rate: float) -> None:
        self._door, self._rate, self._over = door, rate, Event()
        self.sent, self.slowest_s = 0, 0.0
        self._began, self._before = time.monotonic(), door.callbacks
        self._threads = [Thread(target=self._run) for _ in range(_REPEATING if rate else 0)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.01):
            due = self._rate * (time.monotonic() - self._began) + self._before
            if self._door.callbacks < due and self._door.recent:
                path, body = random.choice(list(self._door.recent))
                self._send(path, body)

    def _send(self, path: str, body: bytes) -> None:
        connection, began = (
            HTTPConnection("127.0.0.1", self._door.port, timeout=30),
            time.monotonic(),
        )
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            connection.getresponse().read()
        finally:
            connection.close()
        self.sent += 1
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)


def trial(folder: Path, commit: str, roots: int, rate: float = 0.0) -> Outcome:
    """Older alone, both, newer alone, both, older alone, newer alone: ``roots`` at each step.

    ``rate``: so many callbacks a second, if the machine can; the provider's own come as they do.
    """
    older = unpacked(commit, folder / "older")
    with ExitStack() as resources:
        door = resources.enter_context(open_door())
        site, began = _Site(folder, older, door, resources), time.monotonic()
        versions = {name: ExitStack() for name in ("older", "newer")}
        for stack in versions.values():
            resources.enter_context(stack)

        def start(name: str) -> None:
            versions[name].enter_context(site.version(older=name == "older"))

        start("older")
        with _Load(door) as load, _Repeats(door, rate) as repeats:
            busy, first = time.monotonic(), door.callbacks
            load.more(roots)
            start("newer")
            load.more(roots)
            versions["older"].close()  # upgraded
            load.more(roots)
            start("older")
            load.more(roots)
            versions["newer"].close()  # downgraded
            load.more(roots)
            start("newer")
            load.more(roots)
            versions["older"].close()
            under_load = (door.callbacks - first) / (time.monotonic() - busy)
        _settle(site)
        took = time.monotonic() - began
        mended = _migrate(site)
        return Outcome(
            tuple(_problems(site, load)),
            f"{len(load.ids)} pipelines in {took:.0f} s, {len(door.answers)} answers, among them "
            f"{door.callbacks} to callbacks ({under_load:.0f} a second under load; {repeats.sent} "
            f"were repeated ones, the slowest took {repeats.slowest_s:.1f} s), {door.retried} "
            f"retried by the proxy; {mended} records brought up",
        )


def _settle(site: _Site) -> None:
    """Wait until every job is over."""
    try:
        wait_for(lambda: counts(site.client).at_rest, "the end of all jobs", 180)
    except AssertionError as error:
        raise AssertionError(f"{error}: {counts(site.client)}") from None


def _migrate(site: _Site) -> int:
    """As `hookline migrate` does it."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "hookline/start.py"), "migrate", "--json"],
        env=site.env(ROOT, 0),
        cwd=site.folder,
        capture_output=True,
        check=True,
    )
    return int(json.loads(done.stdout)["brought_up"])


def _problems(site: _Site, load: _Load) -> Iterator[str]:
    yield from load.refused
    if site.door.failures:
        yield f"answered with an error: {Counter(site.door.failures)}"
    stored = Snapshot.read(site.client, PREFIX)
    lines = site.ledger.read_text(encoding="utf-8").splitlines()
    evidence = oracle.Evidence(
        load.ids,
        list(stored.jobs.values()),
        oracle.read_ledger(lines, site.services.tokens),
        stored.leftovers(),
    )
    yield from oracle.compare(evidence, oracle.Rules()).problems
    capacity, now = site.services.orchestrator.dispatch.capacity, time.time()

    def price(job: Job) -> int:
        return capacity(job.account, now).price(lane_of(job).sort)

    # Versions before had no history, so a job's may begin in its middle.
    for wrong in stored.disagreements(price):
        if "history" not in wrong:
            yield wrong
