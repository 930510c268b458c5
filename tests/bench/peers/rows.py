"""The rows of the comparison table: rounds of all programs by turns, and only ratios count."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median
from time import monotonic, sleep
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.bench.far import far_away, passing_on, trusted
from tests.bench.load import Load
from tests.bench.peers.contenders import (
    DRAMATIQ,
    FOLLOW_UPS,
    HANDWRITTEN,
    HOOKLINE,
    Contender,
)
from tests.bench.peers.runs import TASKS, Figures, Ring, burst, paced, received, ring
from tests.bench.rows import Row

Found = TypeVar("Found", Figures, Load)

#: Pipelines handed in at once, and seconds of four each second.
_BURST, _PACED_S = 200, 10.0
#: The same at a provider far away, where what is slow happens once in a while.
_FAR_S = 30.0
#: Of the faults: pipelines, the seconds that they are spread over, and when workers are killed.
_WISHED, _OVER_S, _KILLED_AT = 100, 10.0, (3.0, 7.0)


def peers(folder: Path, rounds: int, *, quick: bool) -> list[Row]:
    """A burst and a steady pace, each program by turns. ``quick``: a fourth of the pipelines."""
    pipelines, seconds = (_BURST // 4, _PACED_S / 2) if quick else (_BURST, _PACED_S)
    durable = "hookline, every write synced"
    alone: dict[str, list[Figures]] = {}
    bursts: dict[str, list[Figures]] = {}
    steady: dict[str, list[Figures]] = {}
    loads: dict[str, list[Load]] = {}
    turns = ((HANDWRITTEN, False), (HOOKLINE, False), (DRAMATIQ, False), (HOOKLINE, True))
    with ring(folder) as at:
        # Each round is between two of the handwritten program: a machine's speed drifts.
        for contender in (*(HANDWRITTEN, HOOKLINE) * (2 * rounds), HANDWRITTEN):
            with at.running(contender):
                alone.setdefault(contender.name, []).append(burst(at, contender, pipelines))
        for contender, synced in (*turns * rounds, turns[0]):
            name = durable if synced else contender.name
            with at.running(contender, durable=synced):
                bursts.setdefault(name, []).append(burst(at, contender, pipelines))
                if not synced:
                    steady.setdefault(name, []).append(paced(at, contender, seconds))
                if not synced and contender is not DRAMATIQ:  # its view is the handwritten one
                    loads.setdefault(name, []).append(received(at, contender, pipelines))
    return [
        *_burst_rows(alone),
        *_other_burst_rows(bursts, durable),
        *_steady_rows(steady),
        *_received_rows(loads),
    ]


def _burst_rows(found: dict[str, list[Figures]]) -> Iterator[Row]:
    yield _row(found, "burst: tasks", "/s", lambda f: f.rate).at_least(1.0)
    yield _row(found, "burst: CPU per task", "ms", lambda f: f.cpu.all).below_ratio(1.2)
    yield _row(found, "burst: CPU per task, web", "ms", lambda f: f.cpu.web)
    yield _row(found, "burst: CPU per task, worker", "ms", lambda f: f.cpu.worker)
    yield _row(found, "burst: CPU per task, store", "ms", lambda f: f.cpu.store)
    yield _row(found, "memory of web and worker", "MiB", lambda f: f.memory).below_ratio(1.2)


def _other_burst_rows(found: dict[str, list[Figures]], durable: str) -> Iterator[Row]:
    synced = _row(found, "burst: tasks, every write synced", "/s", lambda f: f.rate, ours=durable)
    yield synced.at_least(0.8)
    yield _row(found, "burst: tasks", "/s", lambda f: f.rate, floor=DRAMATIQ.name)


def _steady_rows(found: dict[str, list[Figures]]) -> Iterator[Row]:
    delay = "paced: a task's end to its follow-up's acceptance"
    yield _row(found, f"{delay}, median", "ms", lambda f: f.delay).below_ratio(1.0)
    yield _row(found, f"{delay}, p99", "ms", lambda f: f.slowest).below_ratio(1.5)
    yield _row(found, f"{delay}, median", "ms", lambda f: f.delay, floor=DRAMATIQ.name)
    yield _row(found, "paced: CPU per task", "ms", lambda f: f.cpu.all).below_ratio(1.2)


def _received_rows(found: dict[str, list[Load]]) -> Iterator[Row]:
    what = "callbacks, of ten eight of progress, an end and its repetition"
    yield _row(found, what, "/s", lambda load: load.rate).at_least(1.0)
    yield _row(found, "p99.9 of these", "ms", lambda load: load.quantile(0.999) * 1000)


def _row(
    found: dict[str, list[Found]],
    what: str,
    unit: str,
    figure: Callable[[Found], float],
    *,
    ours: str = HOOKLINE.name,
    floor: str = HANDWRITTEN.name,
) -> Row:
    """Medians over the rounds; each ratio is to the floor's runs before and after in time."""
    mine, theirs = [figure(f) for f in found[ours]], [figure(f) for f in found[floor]]
    ratios = [one / fmean(theirs[n : n + 2]) for n, one in enumerate(mine)]
    note = f"floor: {floor}; ratios {min(ratios):.2f} to {max(ratios):.2f}"
    return Row(what, unit, median(mine), median(theirs), median(ratios), note)


def peers_far_away(folder: Path, rounds: int) -> list[Row]:
    """A burst and a steady pace at a provider far away, over TLS."""
    bursts: dict[str, list[Figures]] = {}
    steady: dict[str, list[Figures]] = {}
    with ring(folder) as at, trusted(folder / "tls") as tls:
        near = urlsplit(at.provider_url).port or 0
        with far_away(passing_on(near), tls) as way:
            at.provider_url = f"https://localhost:{way}"
            for contender in (*(HANDWRITTEN, HOOKLINE) * rounds, HANDWRITTEN):
                with at.running(contender):
                    bursts.setdefault(contender.name, []).append(burst(at, contender, _BURST))
                    steady.setdefault(contender.name, []).append(paced(at, contender, _FAR_S))
    delay = "a task's end to its follow-up's acceptance"
    return [
        _row(bursts, "far, burst: tasks", "/s", lambda f: f.rate),
        _row(bursts, f"far, burst: {delay}, median", "ms", lambda f: f.delay),
        _row(steady, f"far, paced: {delay}, median", "ms", lambda f: f.delay),
        _row(steady, f"far, paced: {delay}, p99", "ms", lambda f: f.slowest),
        _row(steady, "far, paced: CPU per task", "ms", lambda f: f.cpu.all),
    ]


def peers_in_trouble(folder: Path) -> list[Row]:
    """The same programs through the same faults; what became of what was wished."""
    with ring(folder, "--faults") as at:
        found = {one.name: _survived(at, one) for one in (HANDWRITTEN, DRAMATIQ, HOOKLINE)}
    ours = found[HOOKLINE.name]
    return [
        replace(
            Row(f"faults: {what}, of {_WISHED * TASKS} tasks", "", ours[what]),
            note=", ".join(f"{name} {counts[what]}" for name, counts in found.items()),
            mark="0",
            passed=ours[what] == 0,
        )
        for what in ours
    ]


def _survived(at: Ring, contender: Contender) -> dict[str, int]:
    with at.running(contender, warm=False):
        began, killed = monotonic(), 0
        for number in range(_WISHED):
            at.hand_in(contender, [number])
            sleep(max(0.0, began + (number + 1) * _OVER_S / _WISHED - monotonic()))
            at.look()
            if killed < len(_KILLED_AT) and monotonic() - began > _KILLED_AT[killed]:
                killed += 1
                at.kill_worker()
        at.settle(contender)
        return _judged(at.ask("/ledger"), contender.known(at.redis_url))


def _judged(ledger: list[dict[str, Any]], known: int) -> dict[str, int]:
    """``known``: how many successes the program knows."""
    roots = Counter(each["prompt"] for each in ledger if not each["parent"])
    pressed = Counter((each["parent"], each["custom_id"]) for each in ledger if each["parent"])
    roots_ids = {each["id"] for each in ledger if not each["parent"]}
    wished = _WISHED * (1 + len(FOLLOW_UPS))
    done = len(roots) + sum(1 for (parent, _) in pressed if parent in roots_ids)
    return {
        "never submitted": max(0, wished - done),
        "imagines paid twice": sum(count - 1 for count in roots.values()),
        "follow-ups paid twice": sum(count - 1 for count in pressed.values()),
        "results never learnt": max(0, len(ledger) - known),
    }
