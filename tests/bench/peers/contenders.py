"""The programs that are compared: how each is started, handed work, and asked what it knows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.bench.load import post
from tests.bench.seeds import Seeds
from worker.adapters.local.supervisor import Program
from worker.domain.job import Job, Status

_HERE = Path(__file__).parent
#: More than all tasks that ever run at once.
_RUNNING = 100
FOLLOW_UPS = ("U1", "U2", "U3", "U4")
_TOKEN = "benchmark-benchmark"
#: The databases of the handwritten programs: broker and store.
_STORE = 5
#: A status and a progress, as a provider reports them.
Step = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program runs: its port, the provider, Redis, and what a process inherits."""

    port: int
    provider: str
    redis: str  #: its URL without a database
    env: Mapping[str, str]


class Contender:
    """A program that people write. ``worker``: the arguments of Python for its worker."""

    web_processes = 2

    def __init__(self, name: str, folder: str, worker: tuple[str, ...]) -> None:
        self.name = name
        self._folder = _HERE / folder
        self._worker = worker

    def programs(self, at: Place) -> list[Program]:
        """Its web and worker process."""
        env = {
            **at.env,
            "PROVIDER": at.provider,
            "PUBLIC": f"http://127.0.0.1:{at.port}",
            "REDIS": at.redis,
        }
        listen = ("-b", f"127.0.0.1:{at.port}", "--log-level", "warning")
        web = (
            "gunicorn",
            "-k",
            "gthread",
            "-w",
            str(self.web_processes),
            "--threads",
            "8",
            *listen,
            "app:app",
        )
        return [
            Program("web", ("-m", *web), env, self._folder),
            Program("worker", ("-m", *self._worker), env, self._folder),
        ]

    def request(self, number: int) -> bytes:
        """What hands in a pipeline: an imagine and its four upscales."""
        return post("/jobs", json.dumps({"prompt": f"a lighthouse, number {number}"}).encode())

    def callbacks(self, seeds: Seeds, url: str, job: Job, steps: Sequence[Step]) -> list[bytes]:
        """What the provider says of ``job``, after it was stored here."""
        with redis.Redis.from_url(f"{url}/{_STORE}") as store:
            store.hset(f"job:{job.id}", mapping={"kind": "upscale", "status": "QUEUED"})
        told = [seeds.task(job, *step) | {"state": job.id} for step in steps]
        return [post("/callback", json.dumps(each).encode()) for each in told]

    def known(self, url: str) -> int:
        """How many tasks it knows to have succeeded."""
        with redis.Redis.from_url(f"{url}/{_STORE}") as store:
            statuses = [store.hget(key, "status") for key in store.scan_iter("job:*", count=1000)]
        return statuses.count(b"SUCCESS")


class Hookline(Contender):
    """Ourselves, as `hookline up` runs us, or with more processes and jobs at once."""

    def __init__(
        self, name: str, *, web_processes: int = 2, workers: int = 1, running: int = _RUNNING
    ) -> None:
        super().__init__(name, "../../..", ())
        self.web_processes = web_processes
        self._workers = [f"worker-{number}" for number in range(2, workers + 1)]
        self._running = running

    def programs(self, at: Place) -> list[Program]:
        """Its web and worker process."""
        env = {
            **at.env,
            "HOOKLINE_PORT": str(at.port),
            "HOOKLINE_PUBLIC_URL": f"http://127.0.0.1:{at.port}",
            "HOOKLINE_REDIS_URL": f"{at.redis}/0",
            "HOOKLINE_PROVIDER_URL": at.provider,
            "HOOKLINE_PROVIDER_KEY": "benchmark",
            "HOOKLINE_PROVIDER_DIALECT": "trueai",
            "HOOKLINE_MAX_RUNNING": str(self._running),
            "HOOKLINE_WEB_PROCESSES": str(self.web_processes),
            "HOOKLINE_SECRET": "benchmark-benchmark-benchmark",
            "HOOKLINE_API_TOKEN": _TOKEN,
            "HOOKLINE_LOG_FORMAT": "json",
        }
        return [
            Program(
                name,
                ("-m", "hookline.start", name.split("-")[0], "--supervised"),
                env,
                self._folder,
            )
            for name in ("web", "worker", *self._workers)
        ]

    def request(self, number: int) -> bytes:
        """What hands in a pipeline."""
        job = {
            "kind": "imagine",
            "prompt": f"a lighthouse, number {number}",
            "then": [{"press": name} for name in FOLLOW_UPS],
            "assets": "off",
        }
        return post("/v1/jobs", json.dumps(job).encode(), f"Authorization: Bearer {_TOKEN}\r\n")

    def callbacks(self, seeds: Seeds, url: str, job: Job, steps: Sequence[Step]) -> list[bytes]:
        """What the provider says of ``job``, which is stored here already."""
        return [seeds.callback(job, *step) for step in steps]

    def known(self, url: str) -> int:
        """How many tasks it knows to have succeeded."""
        with redis.Redis.from_url(f"{url}/0") as store:
            return int(store.zcard(f"hookline:jobs:{Status.SUCCEEDED}"))


HANDWRITTEN = Contender(
    "handwritten",
    "handwritten",
    ("celery", "-A", "tasks", "worker", *["-P", "threads", "-c", "16", "-l", "warning"]),
)
DRAMATIQ = Contender(
    "dramatiq", "with_dramatiq", ("dramatiq", "tasks", *["--processes", "2", "--threads", "8"])
)
HOOKLINE = Hookline("hookline")
