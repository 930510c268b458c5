"""How many callbacks a second the receiver takes, beside the same server with next to nothing in it."""

from statistics import median

from tests.bench.load import Load, Target
from tests.bench.rows import Row
from tests.bench.seeds import IN_PROGRESS, STORY, Seeds
from tests.bench.stage import Stage
from worker.job import Status

_CONNECTIONS = 16
_FLOORS = ("bare", "script")
#: A provider was seen to repeat itself so often about one task.
_REPEATS = 870
#: What a client says to make a connection; not about jobs.
_GREETINGS = ("auth", "client", "hello", "info", "ping", "select")


def throughput(stage: Stage, jobs: int, rounds: int) -> list[Row]:
    """Rounds of the floors and ours in turn, each with the whole story of ``jobs`` jobs."""
    stage.clear()
    seeds = Seeds(stage.services, stage.provider.url)
    loads: dict[str, list[Load]] = {name: [] for name in (*_FLOORS, "web")}
    with stage.running(*loads) as targets:
        for name, target in targets.items():
            _round(stage, seeds, target, jobs // 4, ours=name == "web")
        for _ in range(rounds):
            for name, target in targets.items():
                loads[name].append(_round(stage, seeds, target, jobs, ours=name == "web"))
    return [
        Row(what="callbacks, floor: bare Flask view", **_rates(loads, "bare")),
        Row.at_least(
            0.5, what="callbacks, floor: view with one Redis script", **_rates(loads, "script")
        ),
        Row(what="p99 of a callback, same load and floor", **_latencies(loads)),
    ]


def repeats(stage: Stage) -> Row:
    """What an unchanged callback costs Redis."""
    stage.clear()
    seeds = Seeds(stage.services, stage.provider.url)
    job = seeds.submitted()
    same = seeds.callback(job, IN_PROGRESS, "38%")
    with stage.running("web") as targets:
        stage.drive(targets["web"], [[same] * 50] * _CONNECTIONS)  # every thread has its connection
        before = _calls(stage)
        _check(stage.drive(targets["web"], [[same] * _REPEATS]))
        after = _calls(stage)
    flags = stage.redis.command()
    calls = {name: after[name] - before.get(name, 0) for name in after}
    calls = {name: n for name, n in calls.items() if n}
    writes = sum(n for name, n in calls.items() if "write" in flags[name]["flags"])
    reads = sum(calls.values()) - writes
    return Row(
        what=f"Redis reads per unchanged callback, of {_REPEATS}",
        unit="",
        ours=reads / _REPEATS,
        mark="1 read, no write",
        passed=reads <= 1.01 * _REPEATS and writes == 0,
        note=f"{writes} writes; {', '.join(f'{n} {name}' for name, n in calls.items())}",
    )


def _round(stage: Stage, seeds: Seeds, target: Target, count: int, *, ours: bool) -> Load:
    jobs = [seeds.submitted() for _ in range(count)]
    streams = [
        [seeds.callback(job, *step) for step in STORY for job in jobs[n::_CONNECTIONS]]
        for n in range(_CONNECTIONS)
    ]
    load = stage.drive(target, streams)
    _check(load)
    if ours:
        ends = {job.status for job in stage.services.store.get_many([job.id for job in jobs])}
        if ends != {Status.SUCCEEDED}:
            raise RuntimeError(f"the jobs ended as {ends}")
    return load


def _check(load: Load) -> None:
    if load.refused:
        raise RuntimeError(f"{load.refused} callbacks were refused")


def _rates(loads: dict[str, list[Load]], floor: str) -> dict[str, object]:
    return {
        "unit": "/s",
        "ours": median(load.rate for load in loads["web"]),
        "floor": median(load.rate for load in loads[floor]),
        "ratio": median(
            ours.rate / least.rate for ours, least in zip(loads["web"], loads[floor], strict=True)
        ),
        "note": f"connections per process: {_spreads(loads[floor])} floor, {_spreads(loads['web'])} ours",
    }


def _latencies(loads: dict[str, list[Load]]) -> dict[str, object]:
    ours, floor = ([load.quantile(0.99) * 1000 for load in loads[n]] for n in ("web", "script"))
    ratio = median(a / b for a, b in zip(ours, floor, strict=True))
    return {"unit": "ms", "ours": median(ours), "floor": median(floor), "ratio": ratio}


def _spreads(loads: list[Load]) -> str:
    return ", ".join(sorted({"+".join(map(str, load.spread)) or "unknown" for load in loads}))


def _calls(stage: Stage) -> dict[str, int]:
    """How often each command was called so far, those inside scripts included."""
    stats = stage.redis.info("commandstats")
    named = {name.removeprefix("cmdstat_"): int(each["calls"]) for name, each in stats.items()}
    return {name: n for name, n in named.items() if name.split("|")[0] not in _GREETINGS}
