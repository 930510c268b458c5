"""The benchmark with its comparison table. Exit code 1 where a mark is missed."""

import argparse
import json
import logging
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Mapping
from types import FrameType

import structlog
from rich.console import Console

from tests.bench.connecting import connections
from tests.bench.following import delay
from tests.bench.growth import SIZES, growth, memory_after
from tests.bench.intake import ROWS, intake
from tests.bench.keeping import memory_of_jobs
from tests.bench.peers.rows import peers, peers_far_away, peers_in_trouble
from tests.bench.receiving import repeats, throughput
from tests.bench.recording import recording
from tests.bench.rows import Row, table
from tests.bench.scaling import more_processes
from tests.bench.stage import Stage, stage
from tests.bench.starting import starting
from tests.bench.trips import trips
from tests.bench.viewing import first_page, viewers

#: Each part by its name: what it measures at a stage, quickly or not.
_PARTS: Mapping[str, Callable[[Stage, bool], list[Row]]] = {
    "start": lambda at, quick: starting(at, 3 if quick else 5),
    "receiver": lambda at, quick: throughput(at, *((120, 3) if quick else (240, 5))),
    "repeats": lambda at, _: [repeats(at)],
    "delay": lambda at, quick: delay(at, _samples(quick)),
    "redis": lambda at, _: [memory_of_jobs(at, 1000)],
    "trips": lambda at, quick: trips(at, _samples(quick)),
    "intake": lambda at, quick: intake(at, ROWS // 10 if quick else ROWS),
    "recording": lambda at, quick: [recording(at, 60, 60 if quick else 100)],
    "connections": lambda at, quick: connections(at.folder / "tls", 100 if quick else 200),
    "peers": lambda at, quick: peers(at.folder / "peers", 1 if quick else 5, quick=quick),
    "peers-far": lambda at, quick: peers_far_away(at.folder / "peers-far", 1 if quick else 5),
    "peers-faults": lambda at, _: peers_in_trouble(at.folder / "peers-faults"),
    "viewers": lambda at, quick: [
        *viewers(at, 8 if quick else 20, 3 if quick else 5),
        *first_page(at, 100_000),
    ],
    "processes": lambda at, quick: more_processes(at.folder / "processes", quick=quick),
    "growth": lambda at, quick: growth(at, SIZES[:2] if quick else SIZES),
    "leaks": lambda at, quick: [*memory_after(at, 20_000 if quick else 1_000_000)],
}


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, _stop)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    began = time.monotonic()
    notes = Console(stderr=True)
    rows: list[Row] = []
    try:
        with stage() as at, notes.status("") as status:
            for name in options.only or _PARTS:
                status.update(f"{name} ...")
                rows += _PARTS[name](at, options.quick)
            machine = _machine(at)
    except KeyboardInterrupt:
        notes.print("stopped")
        return 130
    missed = any(row.passed is False for row in rows)
    if options.json:
        figures = {"machine": machine, "rows": [row.as_json() for row in rows]}
        print(json.dumps(figures, indent=2))
    else:
        seconds = time.monotonic() - began
        wide = None if sys.stdout.isatty() else 110
        Console(width=wide).print(table(rows, f"{machine}; {seconds:.0f} s"))
    return int(missed)


def _samples(quick: bool) -> int:
    return 60 if quick else 200


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.add_argument("--quick", action="store_true", help="fewer samples, noisier figures")
    parser.add_argument("--only", action="append", choices=tuple(_PARTS), help="a part; repeatable")
    return parser.parse_args()


def _machine(at: Stage) -> str:
    server = at.redis.info("server")
    name = server.get("server_name", "redis")
    version = server.get(f"{name}_version")
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores,"
        f" Python {platform.python_version()}, {name.title()} {version}"
    )


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
