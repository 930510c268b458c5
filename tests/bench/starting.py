"""The CPU that a command takes from start to end, beside what its parts take to be imported."""

import resource
import subprocess
import sys
from collections.abc import Sequence
from statistics import median

from tests.bench.rows import Row
from tests.bench.stage import Stage

_FLOOR = "import celery, flask, redis, requests"
_COMMANDS = (
    ("jobs",),
    ("show", "last"),
    ("imagine", "a fox", "--dry-run"),
    ("imagine", "a fox"),
    ("--help",),
)
#: Half of what they were before imports were lazy.
_MARKS = {"jobs": 1.47, "show": 1.37, "imagine": 1.75, "--help": 0.5}


def starting(stage: Stage, rounds: int) -> list[Row]:
    """Run each command ``rounds`` times, by turns with the imports that it is compared with."""
    stage.clear()
    run = "from hookline.start import main; main()"
    programs = {words: ("-c", run, *words) for words in _COMMANDS}
    took: dict[tuple[str, ...], list[float]] = {words: [] for words in ((), *_COMMANDS)}
    job, _ = stage.services.enqueuer.submit({"kind": "imagine", "prompt": "a fox"})
    stage.services.enqueuer.cancel(job.id)  # over, as nearly all that is looked at
    for _ in range(rounds):
        took[()].append(_cpu_ms(stage, ("-c", _FLOOR)))
        for words, program in programs.items():
            took[words].append(_cpu_ms(stage, program))
    floor = median(took.pop(()))
    return [_row(words, median(found), floor) for words, found in took.items()]


def _row(words: Sequence[str], ours: float, floor: float) -> Row:
    what = f"start: hookline {' '.join(words)}"
    row = Row(what, "ms", ours, floor, ours / floor, note=f"CPU; floor: {_FLOOR}")
    mark = _MARKS.get(words[0])
    return row.below_ratio(mark) if mark else row


def _cpu_ms(stage: Stage, program: Sequence[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, *program]
    # Compiled once, as where it is installed.
    env = stage.environment() | {"PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run(command, env=env, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
