"""``python -m tests.hosts``: a site of fourteen hosts on one machine, and faults between them.

The hosts are network namespaces, so it needs root; see --list for the faults. Exit code 1 where
anything was lost, doubled or did not work again; 2 where this machine does not permit it.
"""

import argparse
import json
import logging
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from random import Random, SystemRandom
from types import FrameType

import structlog
from rich.console import Console
from rich.table import Table

from tests.chaos.scenario import Row, Run
from tests.chaos.waiting import stop
from tests.hosts.faults import FAULTS
from tests.hosts.network import refused
from tests.hosts.servers import missing
from tests.hosts.trial import Fault, Size, trial

_EXAMPLES = """\
examples:
  python -m tests.hosts --list
  python -m tests.hosts                               every fault, 20 pipelines each
  python -m tests.hosts --only cut-off,slow --pipelines 2000
  python -m tests.hosts --only clock --seed 17 --json
"""
_notes = Console(stderr=True, highlight=False, soft_wrap=True)

Result = tuple[Fault, Row]


def main() -> int:
    options = _options()
    if options.list:
        widest = max(len(fault.name) for fault in FAULTS)
        for fault in FAULTS:
            print(f"{fault.name:{widest}}  {fault.title}")
        return 0
    if reason := missing() or refused():
        _notes.print(reason, style="red", markup=False)
        return 2
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    seed = SystemRandom().randrange(10_000) if options.seed is None else options.seed
    results: list[Result] = []
    try:
        for fault in options.only or FAULTS:
            results += [(fault, _play(fault, seed, options))]
    except KeyboardInterrupt:
        _notes.print("stopped; everything that was started has ended")
        return 130
    if options.json:
        print(json.dumps([_as_json(*each, seed) for each in results], indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else 140).print(_table(results))
    return int(any(not row.passed for _, row in results))


def _play(fault: Fault, seed: int, options: argparse.Namespace) -> Row:
    """Play it in a folder of its own, which is kept where something was wrong."""
    folder = Path(tempfile.mkdtemp(prefix=f"hosts-{fault.name}-"))
    began = time.monotonic()
    with _notes.status("") as status:
        rng = Random(f"{fault.name}-{seed}")
        run = Run(seed, False, folder, rng, lambda told: status.update(f"{fault.name}: {told}"))
        try:
            row = trial(run, fault, Size(options.pipelines, options.hold))
        except KeyboardInterrupt:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        except Exception as error:  # noqa: BLE001 - the others run all the same
            (folder / "broken.txt").write_text(traceback.format_exc())
            problem = f"it broke down: {type(error).__name__}: {error}"
            row = Row(seconds=time.monotonic() - began, problems=(problem,))
    if row.passed and not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        row = replace(row, note=f"{row.note} kept in {folder}".strip())
    _tell(fault, row, seed, options)
    return row


def _tell(fault: Fault, row: Row, seed: int, options: argparse.Namespace) -> None:
    result = "passed" if row.passed else "[red]FAILED[/red]"
    _notes.print(f"{fault.name}, {fault.title}: {result}, {row.jobs} jobs, {row.seconds:.0f} s")
    for words in filter(None, (row.figures, row.note)):
        _notes.print(f"    {words}", markup=False)
    for problem in row.problems:
        _notes.print(f"    {problem}", style="red", markup=False)
    if not row.passed:
        again = f"--only {fault.name} --seed {seed} --pipelines {options.pipelines}"
        _notes.print(f"    again: {sys.executable} -m tests.hosts {again}", markup=False)


def _table(results: Sequence[Result]) -> Table:
    shown = Table(
        "fault", "jobs", "strikes", "lost", "paid twice", "of them unlisted", "follow-ups missing",
        "doubled", "in doubt", "seconds", "result",
    )  # fmt: skip
    for fault, row in results:
        numbers = (
            row.jobs, row.faults, row.lost, row.paid_twice, row.unlisted, row.follow_ups_missing,
            row.follow_ups_doubled, row.in_doubt, round(row.seconds),
        )  # fmt: skip
        result = "passed" if row.passed else "FAILED"
        shown.add_row(fault.name, *(f"{number:,}" for number in numbers), result)
    return shown


def _as_json(fault: Fault, row: Row, seed: int) -> dict[str, object]:
    return {"fault": fault.name, "seed": seed, "passed": row.passed, **asdict(row)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.hosts",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--list", action="store_true", help="the names of all faults")
    parser.add_argument("--only", type=_faults, help="some of them, as cut-off,slow")
    parser.add_argument(
        "--pipelines", type=int, default=20, help="of each fault: a root and two steps (20)"
    )
    parser.add_argument(
        "--hold", type=float, default=12.0, help="seconds that a fault lasts, at least (12)"
    )
    parser.add_argument("--seed", type=int, help="repeats the choices of an earlier run")
    parser.add_argument("--json", action="store_true", help="the results as JSON")
    parser.add_argument("--keep", action="store_true", help="keep logs and data of what passed too")
    return parser.parse_args()


def _faults(text: str) -> list[Fault]:
    known = {fault.name: fault for fault in FAULTS}
    if unknown := set(text.split(",")) - set(known):
        raise argparse.ArgumentTypeError(
            f"{', '.join(sorted(unknown))}: there are {', '.join(known)}"
        )
    return [known[name] for name in text.split(",")]


def _stop(number: int, frame: FrameType | None) -> None:
    """The first one ends all waits, and then everything; no further one disturbs that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stop()
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
