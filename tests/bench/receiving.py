"""How many callbacks the receiver takes, beside the same server with next to nothing in it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

from tests.bench.load import Load, Target
from tests.bench.rows import Row
from tests.bench.seeds import STORY, Seeds
from tests.bench.stage import Stage
from worker.domain.job import Status
from worker.sandbox.models import IN_PROGRESS

_CONNECTIONS = 16
#: A provider was seen to repeat itself so often about one task.
_REPEATS = 870
#: What a client says to make a connection; not about jobs.
_GREETINGS = ("auth", "client", "hello", "info", "ping", "select")
#: Ends what is watched.
_END = "benchmark: the end"


@dataclass(frozen=True, slots=True)
class _Round:
    load: Load
    cpu_ms: float  #: of the server and Redis, per callback


def throughput(stage: Stage, jobs: int, rounds: int) -> list[Row]:
    """Rounds of the floors and ours in turn, each with the whole story of ``jobs`` jobs."""
    stage.clear()
    seeds = Seeds(stage.services, stage.provider.url)
    with stage.running("bare", "script", "web") as targets:
        for target in targets.values():
            _round(stage, seeds, target, jobs // 4)
        done = [
            {name: _round(stage, seeds, target, jobs) for name, target in targets.items()}
            for _ in range(rounds)
        ]
        count = stage.redis.zcard(f"hookline:jobs:{Status.SUCCEEDED}")
    if count != rounds * jobs + jobs // 4:
        raise RuntimeError(f"only {count} jobs have succeeded")
    spread = ", ".join(
        f"{name} {each}"
        for name in targets
        for each in sorted({"+".join(map(str, one[name].load.spread)) for one in done})
    )
    return [
        _compared(done, "bare", "callbacks; floor: bare Flask view", "/s", _rate),
        replace(
            _compared(done, "script", "callbacks; floor: view with a Redis script", "/s", _rate),
            note=f"connections per process: {spread}",
        ).at_least(0.8),
        _compared(done, "script", "p99 of these callbacks, same floor", "ms", _slow(0.99)),
        _compared(
            done, "script", "p99.9 of these callbacks, same floor", "ms", _slow(0.999)
        ).below_ratio(3.0),
        _compared(done, "script", "CPU of server and Redis per callback", "ms", _cpu),
    ]


def cpu_per_callback(stage: Stage, seeds: Seeds, target: Target, jobs: int) -> float:
    """Milliseconds of the server and Redis for each callback of the whole story of new jobs."""
    return _round(stage, seeds, target, jobs).cpu_ms


def repeats(stage: Stage) -> Row:
    """What an unchanged callback costs Redis."""
    stage.clear()
    seeds = Seeds(stage.services, stage.provider.url)
    same = seeds.callback(seeds.submitted(), IN_PROGRESS, "38%")
    with stage.running("web") as targets:
        stage.drive(targets["web"], [[same] * 50] * _CONNECTIONS)  # every thread has its connection
        calls = _calls(stage, lambda: stage.drive(targets["web"], [[same] * _REPEATS]))
    known = stage.redis.command()
    writes = sum(n for name, n in calls.items() if "write" in known[name]["flags"])
    reads = sum(calls.values()) - writes
    return Row(
        what=f"Redis reads per unchanged callback, of {_REPEATS}",
        unit="",
        ours=reads / _REPEATS,
        mark="1, and no write",
        passed=reads <= 1.01 * _REPEATS and writes == 0,
        note=f"{writes} writes; {', '.join(f'{n} {name}' for name, n in calls.items())}",
    )


def _round(stage: Stage, seeds: Seeds, target: Target, count: int) -> _Round:
    """The whole story of new jobs. The floors get the same bytes, and make nothing of them."""
    jobs = [seeds.submitted() for _ in range(count)]
    streams = [
        [seeds.callback(job, *step) for step in STORY for job in jobs[n::_CONNECTIONS]]
        for n in range(_CONNECTIONS)
    ]
    before = stage.cpu_s(target)
    load = stage.drive(target, streams)
    return _Round(load, (stage.cpu_s(target) - before) * 1000 / len(load.latencies))


def _compared(
    done: list[dict[str, _Round]],
    floor: str,
    what: str,
    unit: str,
    figure: Callable[[_Round], float],
) -> Row:
    """Medians over the rounds; the ratio is that of neighbours in time, so noise hits both."""
    ours, least = ([figure(one[name]) for one in done] for name in ("web", floor))
    ratio = median(mine / other for mine, other in zip(ours, least, strict=True))
    return Row(what, unit, median(ours), median(least), ratio)


def _rate(one: _Round) -> float:
    return one.load.rate


def _slow(share: float) -> Callable[[_Round], float]:
    return lambda one: one.load.quantile(share) * 1000


def _cpu(one: _Round) -> float:
    return one.cpu_ms


def _calls(stage: Stage, work: Callable[[], object]) -> Counter[str]:
    """Redis' commands while ``work`` is done, but for those of the proofs that callbacks arrive."""
    calls: Counter[str] = Counter()
    with stage.redis.monitor() as monitor:  # type: ignore[no-untyped-call]
        work()
        stage.redis.echo(_END)
        for seen in monitor.listen():
            name, _, rest = seen["command"].lower().partition(" ")
            if _END in rest:
                return calls
            if name not in _GREETINGS and "receiving:" not in rest:
                calls[name] += 1
    raise RuntimeError("Redis no longer says what it does")
