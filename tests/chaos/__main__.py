"""Trouble made on purpose, with real processes. Exit code 1 where anything was lost or doubled."""

import argparse
import logging
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random, SystemRandom
from tempfile import TemporaryDirectory
from types import FrameType

import structlog
from rich.console import Console

from tests.chaos import report
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.scenarios import SCENARIOS, protections
from tests.chaos.waiting import Stopped, stop

#: Short scenarios mostly wait, so that some of them fit on one machine at the same time.
_AT_ONCE = 3
_notes = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, _stop)
    # Some scenarios use our services in this process, which tell of every job.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    seed = SystemRandom().randrange(10_000) if options.seed is None else options.seed
    size = "full size" if options.full else "short"
    _notes.print(f"seed {seed}, {size}")
    if options.protections:
        return _prove(seed, write=options.write)
    results, stopped = _play(_chosen(options), seed, options)
    out = Console(width=None if sys.stdout.isatty() else 140)
    out.print(report.table(results))
    for scenario, row in results:
        if not row.passed:  # once more: those who read only the end of a long log look here
            _tell(scenario, row, again=_again(scenario, seed, full=options.full))
    out.print(report.sums(results))
    if stopped:
        _notes.print("stopped; everything that was started has ended")
        return 130
    return int(any(not row.passed for _, row in results))


def _prove(seed: int, *, write: bool) -> int:
    """Take each protection away; every time a scenario must notice."""
    proofs: list[protections.Proof] = []
    with TemporaryDirectory(prefix="chaos-protections-") as folder, _notes.status("") as status:
        run = Run(seed, False, Path(folder), Random(seed), status.update)
        try:
            for proof in protections.prove(run):
                proofs.append(proof)
                found = "noticed" if proof.noticed else "[red]NOT NOTICED[/red]"
                _notes.print(f"without {proof.protection.name}: {found}")
        except KeyboardInterrupt:
            stop()
            return 130
    Console(width=None if sys.stdout.isatty() else 140).print(protections.table(proofs))
    if write:
        report.write_protections(proofs, seed)
    return int(not all(proof.noticed for proof in proofs))


def _play(
    chosen: Sequence[Scenario], seed: int, options: argparse.Namespace
) -> tuple[list[report.Result], bool]:
    """All of them, and whether Ctrl-C came; then those that run are taken down first."""
    full, at_once = options.full, options.at_once or (1 if options.full else _AT_ONCE)
    results: list[report.Result] = []
    with _notes.status("") as status, ThreadPoolExecutor(at_once) as pool:

        def play(scenario: Scenario) -> None:
            row = _run(scenario, seed, full=full, tell=status.update)
            _tell(scenario, row, again=_again(scenario, seed, full=full))
            if options.write:
                report.write(scenario, row, seed)
            results.append((scenario, row))

        together = [scenario for scenario in chosen if not scenario.alone]
        try:
            # The last in the table take the longest, so they begin.
            for played in [pool.submit(play, scenario) for scenario in reversed(together)]:
                played.result()
            for scenario in (each for each in chosen if each.alone):
                pool.submit(play, scenario).result()
        except KeyboardInterrupt:
            stop()
            pool.shutdown(cancel_futures=True)
            return results, True
    return sorted(results, key=lambda result: SCENARIOS.index(result[0])), False


def _run(scenario: Scenario, seed: int, *, full: bool, tell: Callable[[str], None]) -> Row:
    """Play it in a folder of its own, which is kept where something was wrong."""
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{scenario.name}-"))
    began = time.monotonic()
    run = Run(
        seed,
        full,
        folder,
        Random(f"{scenario.name}-{seed}"),
        lambda how_far: tell(f"{scenario.name} {scenario.title}: {how_far}"),
    )
    try:
        row = scenario.run(run)
    except Stopped:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except Exception as error:  # noqa: BLE001 - the others shall run all the same
        (folder / "broken.txt").write_text(traceback.format_exc())
        problem = f"it broke down: {type(error).__name__}: {error}"
        row = Row(seconds=time.monotonic() - began, problems=(problem,))
    if row.passed:
        shutil.rmtree(folder, ignore_errors=True)
        return row
    return replace(row, problems=(*row.problems, f"kept in {folder}"))


def _tell(scenario: Scenario, row: Row, *, again: str) -> None:
    result = "passed" if row.passed else "[red]FAILED[/red]"
    _notes.print(
        f"{scenario.name} {scenario.title}: {result}, {row.jobs} jobs, {row.seconds:.0f} s"
    )
    for words in filter(None, (row.note, row.figures)):
        _notes.print(f"    {words}")
    for problem in row.problems:
        _notes.print(f"    {problem}", style="red", markup=False)
    if not row.passed:
        _notes.print(f"    again: {again}", markup=False)


def _again(scenario: Scenario, seed: int, *, full: bool) -> str:
    flags = " --full" if full else ""
    return f"{sys.executable} -m tests.chaos --only {scenario.name} --seed {seed}{flags}"


def _chosen(options: argparse.Namespace) -> Sequence[Scenario]:
    if options.only:
        return [scenario for scenario in SCENARIOS if scenario.name in options.only]
    return [scenario for scenario in SCENARIOS if scenario.short or options.full]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the real numbers; takes hours")
    parser.add_argument("--only", type=_names, help="the names of some scenarios, as F2,F4")
    parser.add_argument("--seed", type=int, help="repeats the choices of an earlier run")
    parser.add_argument("--at-once", type=int, help="so many scenarios at the same time")
    parser.add_argument(
        "--protections", action="store_true", help="switch each protection off, and see it noticed"
    )
    parser.add_argument(
        "--write", action="store_true", help=f"the results of a full run go into {report.PAGE}"
    )
    options = parser.parse_args()
    if options.write and not (options.full or options.protections):
        parser.error("--write is for the real numbers: add --full")
    return options


def _names(text: str) -> frozenset[str]:
    names = frozenset(text.split(","))
    known = [scenario.name for scenario in SCENARIOS]
    if unknown := names - set(known):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there are {', '.join(known)}")
    return names


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
