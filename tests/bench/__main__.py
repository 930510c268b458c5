"""The benchmark with its comparison table. Exit code 1 where a mark is missed."""

import argparse
import json
import logging
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

import structlog
from rich.console import Console

from tests.bench.following import delay
from tests.bench.growth import SIZES, growth
from tests.bench.intake import ROWS, intake
from tests.bench.keeping import memory_of_jobs
from tests.bench.peers.rows import peers, peers_in_trouble
from tests.bench.receiving import repeats, throughput
from tests.bench.rows import Row, table
from tests.bench.stage import Stage, stage

_PARTS = ("receiver", "repeats", "delay", "redis", "intake", "peers", "peers-faults", "growth")


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, _stop)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    began = time.monotonic()
    notes = Console(stderr=True)
    rows: list[Row] = []
    try:
        with stage() as at, notes.status("") as status:
            for name, measure in _measures(at, options):
                status.update(f"{name} ...")
                rows += measure()
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


def _measures(
    at: Stage, options: argparse.Namespace
) -> Iterator[tuple[str, Callable[[], list[Row]]]]:
    quick, only = options.quick, options.only or _PARTS
    rounds, jobs = (3, 120) if quick else (5, 240)
    samples = 60 if quick else 200
    if "receiver" in only:
        yield "receiver", lambda: throughput(at, jobs, rounds)
    if "repeats" in only:
        yield "repeats", lambda: [repeats(at)]
    if "delay" in only:
        yield "delay", lambda: delay(at, samples)
    if "redis" in only:
        yield "redis", lambda: [memory_of_jobs(at, 1000)]
    if "intake" in only:
        yield "intake", lambda: intake(at, ROWS // 10 if quick else ROWS)
    if "peers" in only:
        yield "peers", lambda: peers(at.folder / "peers", 1 if quick else 5, quick=quick)
    if "peers-faults" in only:
        yield "peers-faults", lambda: peers_in_trouble(at.folder / "peers-faults")
    if "growth" in only:
        yield "growth", lambda: growth(at, SIZES[:2] if quick else SIZES)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.add_argument("--quick", action="store_true", help="fewer samples, noisier figures")
    parser.add_argument("--only", action="append", choices=_PARTS, help="one part; repeatable")
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
