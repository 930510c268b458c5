"""``python -m tests.scale``: how much one Redis carries, and what so many tasks a second need.

The parts: what waiting for replicas adds to a commit; Redis at the limit of its core; the CPU of
web process and worker for a task; and, from the last two, sizes.
"""

import argparse
import json
import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from rich.console import Console

from tests.scale.processes import Spent, spent
from tests.scale.replicas import Waited, waiting
from tests.scale.saturation import Load, saturation
from tests.scale.sizing import NOT_IN_BURST, RATES, Assumed, Costs, Size, per_task, size
from tests.scale.tables import (
    callbacks_table,
    kinds_table,
    loads_table,
    sizes_table,
    waits_table,
)

_PARTS = ("replicas", "redis", "processes")


def main() -> int:
    options = _options()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    parts = options.only or _PARTS
    with TemporaryDirectory(prefix="scale-") as name:
        folder = Path(name)
        waits = waiting(folder / "replicas", options.commits) if "replicas" in parts else []
        loads = saturation(folder / "redis") if "redis" in parts else []
        used = spent(folder / "processes") if "processes" in parts else None
    costs = costs_of(loads[-2], used) if loads and used else None
    sizes = [size(rate, costs, Assumed()) for rate in RATES] if costs else []
    if options.json:
        print(json.dumps(_as_json(waits, loads, used, costs, sizes), indent=2))
    else:
        _print(waits, loads, used, costs, sizes)
    return 0


def costs_of(load: Load, used: Spent) -> Costs:
    """A task's costs. ``load``: Redis at its limit, as it is recommended to run.

    A burst has what the recording lacks (the broker, the sweep, the API), but its progress comes
    too fast to be written, and its files are not stored.
    """
    redis_us = {name: kind.cpu_us for name, kind in load.kinds.items()}
    progress_ms = next(each.ms for each in used.callbacks if each.kind == "progress")
    return Costs(
        redis_ms=used.redis_ms + per_task(redis_us, NOT_IN_BURST) / 1000,
        web_ms=used.web_ms + NOT_IN_BURST["progress"] * progress_ms,
        worker_ms=used.worker_ms,
        **load.memory,
    )


def _as_json(
    waits: list[Waited],
    loads: list[Load],
    used: Spent | None,
    costs: Costs | None,
    sizes: list[Size],
) -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "replicas": [asdict(each) for each in waits],
        "redis": [_load(each) for each in loads],
        "processes": asdict(used) if used else None,
        "task": asdict(costs) if costs else None,
        "assumed": asdict(Assumed()),
        "sizes": [asdict(each) for each in sizes],
    }


def _load(load: Load) -> dict[str, Any]:
    figures = {
        "commits_per_s": load.commits_per_s, "tasks_per_s": load.tasks_per_s, "busy": load.busy,
        "limit": load.limit,
    }  # fmt: skip
    kinds = {
        name: {"rate": kind.rate, "cpu_us": kind.cpu_us, "scripts_us": kind.scripts_us}
        for name, kind in load.kinds.items()
    }
    return {
        "processes": load.processes,
        "fsync": load.fsync,
        **figures,
        "kinds": kinds,
        "bytes_per_job": load.memory,
    }


def _print(
    waits: list[Waited],
    loads: list[Load],
    used: Spent | None,
    costs: Costs | None,
    sizes: list[Size],
) -> None:
    console = Console(width=None if sys.stdout.isatty() else 110)
    if waits:
        console.print(waits_table(waits))
    if loads:
        console.print(loads_table(loads))
        console.print(kinds_table(loads[-2]))
    if used:
        console.print(callbacks_table(used))
    if costs:
        console.print(sizes_table(costs, sizes, Assumed()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.add_argument("--only", action="append", choices=_PARTS, help="a part; repeatable")
    parser.add_argument("--commits", type=int, default=400, help="for each number of replicas")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
