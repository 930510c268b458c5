"""A long file becomes a batch: how fast, in how much memory, and what a waiting job costs Redis.

    python -m tests.bench.intake ROWS    is what is measured, in a process of its own

It is told where by the environment, as any of our programs; the figures come out as JSON.
"""

import json
import logging
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import structlog

from config.loading import load_settings
from tests.bench.rows import Row
from tests.bench.stage import Stage
from worker.bootstrap import build
from worker.domain.batch.request import parse_batch
from worker.services.batches import Batches

ROWS = 100_000
_SECONDS, _MB, _BYTES = 60, 200, 2000
_LIMIT_S = 600
_UPSCALES = [{"press": f"U{number}"} for number in range(1, 5)]


def intake(stage: Stage, rows: int) -> list[Row]:
    """Take in ``rows`` imagines with four follow-ups each, and nobody there who starts them."""
    stage.clear()
    before = _used_by_redis(stage)
    command = [sys.executable, "-m", "tests.bench.intake", str(rows)]
    told = subprocess.run(
        command, env=stage.environment(), stdout=subprocess.PIPE, check=True, timeout=_LIMIT_S
    ).stdout
    figures = json.loads(told)
    if figures["jobs"] != rows:
        raise RuntimeError(f"{figures['jobs']} jobs came of {rows} rows")
    job = (_used_by_redis(stage) - before) / rows
    stage.clear()
    seconds = figures["seconds"]
    note = f"{rows / seconds:,.0f} rows a second; {figures['cpu_s']:.1f} s of CPU"
    return [
        Row(f"{rows:,} rows taken into a batch", "s", seconds, note=note).below(_SECONDS),
        Row("memory of who takes them in, at most", "MB", figures["megabytes"]).below(_MB),
        Row("Redis memory of a waiting job", "bytes", job).below(_BYTES),
    ]


def _used_by_redis(stage: Stage) -> int:
    # Untyped, since it may be awaited with the asynchronous client.
    memory: Any = stage.redis.info("memory")
    return int(memory["used_memory"])


def measure(batches: Batches, rows: int) -> dict[str, float]:
    """Take them in; what it took. Must be all that its process ever does."""
    asked = parse_batch({"name": "long", "form": "lines", "defaults": {"then": _UPSCALES}})
    began, cpu, jobs = time.perf_counter(), time.process_time(), 0
    for progress in batches.submit(asked, _lines(rows)):
        jobs = progress.new
    return {
        "jobs": jobs,
        "seconds": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu,
        "megabytes": _peak_mb(),
    }


def _lines(rows: int) -> Iterator[bytes]:
    for number in range(rows):
        yield f"a painting of item {number}, watercolor, soft light --ar 3:2\n".encode()


def _peak_mb() -> float:
    """The most memory that this process ever had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB, but bytes on macOS
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(json.dumps(measure(build(load_settings(dotenv=None)).batches, int(sys.argv[1]))))
