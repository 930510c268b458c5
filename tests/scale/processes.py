"""The CPU of web process and worker for a provider task."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.loading import load_settings
from tests.bench.load import Target, drive
from tests.bench.peers.contenders import HOOKLINE
from tests.bench.peers.runs import Ring, burst, ring
from tests.bench.seeds import Seeds
from worker.bootstrap import build
from worker.sandbox.models import IN_PROGRESS, SUCCESS

#: Pipelines of five tasks each, and jobs whose callbacks are measured alone.
_PIPELINES, _JOBS = 100, 1000
_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Callbacks of one kind through a web process. CPU is that of the web processes."""

    kind: str
    rate: float
    ms: float

    @property
    def per_core(self) -> float:
        """How many a second one core takes."""
        return 1000 / self.ms


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds of CPU for a task of a burst: request, submit, and five callbacks, of which one
    or two are written, each over a connection of its own.
    """

    web_ms: float
    worker_ms: float
    redis_ms: float  #: the broker's part included
    callbacks: tuple[Callbacks, ...]


def spent(folder: Path) -> Spent:
    """A burst through web process, worker, Redis that syncs every write, and a provider."""
    with ring(folder) as at, at.running(HOOKLINE, durable=True):
        cpu = burst(at, HOOKLINE, _PIPELINES).cpu
        return Spent(cpu.web, cpu.worker, cpu.store, tuple(_callbacks(at)))


def _callbacks(at: Ring) -> list[Callbacks]:
    [web, _] = HOOKLINE.programs(at.place())
    seeds = Seeds(build(load_settings(web.env, dotenv=None)), at.provider_url)
    jobs = [seeds.submitted() for _ in range(_JOBS)]

    def sent(kind: str, status: str, progress: str) -> Callbacks:
        told = [seeds.callback(job, status, progress) for job in jobs]
        return _sent(at, kind, told)

    return [
        sent("progress", IN_PROGRESS, "15%"),
        sent("nothing new", IN_PROGRESS, "15%"),
        sent("end", SUCCESS, "100%"),
    ]


def _sent(at: Ring, kind: str, told: Sequence[bytes]) -> Callbacks:
    streams = [list(told[n::_CONNECTIONS]) for n in range(_CONNECTIONS)]
    before = at.used().web
    load = drive(Target(at.port, at.pids["web"], HOOKLINE.web_processes), streams)
    if load.refused:
        raise RuntimeError(f"{load.refused} callbacks were refused")
    return Callbacks(kind, load.rate, (at.used().web - before) / len(told) * 1000)
