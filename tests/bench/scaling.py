"""What more processes bring, and what two thousand jobs that run at once cost."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.bench.peers.contenders import HOOKLINE, Hookline
from tests.bench.peers.runs import Ring, burst, received, ring
from tests.bench.rows import Row

_PROCESSES = (1, 2, 4)
#: Jobs whose callbacks are sent, and their shares of what one process takes that more must take.
_TOLD = 100
#: A provider that answers each submission late, so that workers wait for it and do little else.
_ANSWERS_AFTER_S = 6.0
#: Enough for all threads of four workers, and at least so many times what one worker submits.
_PIPELINES, _WORKERS_BRING = 256, {2: 1.7, 4: 3.0}
#: Pipelines whose follow-ups, of which each runs for so long, all run at once.
_AT_ONCE, _TAKES_S, _RUNNING = 500, 60.0, 2000


def more_processes(folder: Path, *, quick: bool) -> list[Row]:
    """Web processes, workers, and jobs running at once. ``quick``: two processes at most."""
    counts = _PROCESSES[:2] if quick else _PROCESSES
    with ring(folder / "web") as at:
        taken = {count: _callbacks(at, count) for count in counts}
    with ring(folder / "workers", "--answers-after", str(_ANSWERS_AFTER_S)) as at:
        submitted = {count: _submissions(at, count) for count in counts}
    rows = [
        *_rows("callbacks", "web", taken),
        *(
            row.at_least(_WORKERS_BRING[count]) if count in _WORKERS_BRING else row
            for count, row in zip(
                counts, _rows("tasks, each answered late", "worker", submitted), strict=True
            )
        ),
    ]
    return rows if quick else [*rows, *_running(folder)]


def _callbacks(at: Ring, count: int) -> float:
    contender = Hookline(HOOKLINE.name, web_processes=count)
    with at.running(contender):
        return received(at, contender, _TOLD).rate


def _submissions(at: Ring, count: int) -> float:
    contender = Hookline(HOOKLINE.name, workers=count, running=_RUNNING)
    with at.running(contender, warm=False):
        return burst(at, contender, _PIPELINES).rate


def _rows(what: str, process: str, rates: Mapping[int, float]) -> list[Row]:
    one = rates[1]
    return [
        Row(f"{what}: {count} {process} processes", "/s", rate, one, rate / one)
        for count, rate in rates.items()
    ]


def _running(folder: Path) -> list[Row]:
    """The CPU of a task where thousands run at once, by that of one where a hundred do."""
    few, many = Hookline(HOOKLINE.name), Hookline(HOOKLINE.name, running=_AT_ONCE * 5)
    with ring(folder / "few") as at, at.running(few):
        usual = burst(at, few, _AT_ONCE).cpu.all
    with ring(folder / "many", "--takes", str(_TAKES_S)) as at, at.running(many, warm=False):
        cpu = burst(at, many, _AT_ONCE).cpu.all
        most = _most_at_once(at.ask("/ledger"))
    row = Row("CPU per task, thousands at once", "ms", cpu, usual, cpu / usual)
    return [
        replace(row, note="floor: at most 100 at once").below_ratio(1.2),
        Row("tasks that ran at once", "", most, _RUNNING, most / _RUNNING).at_least(1.0),
    ]


def _most_at_once(ledger: list[dict[str, Any]]) -> int:
    changes = sorted(
        change for task in ledger for change in ((task["accepted_at"], 1), (task["ended_at"], -1))
    )
    running = most = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return most
