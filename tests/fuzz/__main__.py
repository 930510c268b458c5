"""Hostile words for everything that reads words: ``python -m tests.fuzz --count 1000000``.

Prints each call that used more than 100 ms of CPU per megabyte, or raised an error that is none of
Hookline's, then the slowest call of each function. Ends with 1 if there was any.
"""

import sys
import time
from argparse import ArgumentParser

from tests.fuzz.run import Fault, Fuzz
from tests.fuzz.targets import NAMED, TARGETS

_STEP = 2_000  #: inputs between two looks at the clock
_EVERY_S = 10.0  #: between two lines of progress
_FAULTS = 20  #: after so many there is enough to do


def main() -> int:
    """Run, print, judge."""
    parser = ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="how many inputs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--number", type=int, help="only this input of the seed")
    parser.add_argument("--only", choices=sorted(NAMED), action="append", help="only this function")
    asked = parser.parse_args()
    targets = tuple(NAMED[name] for name in asked.only) if asked.only else TARGETS
    fuzz, faults = Fuzz(asked.seed, targets), list[Fault]()
    first, last = (0, asked.count) if asked.number is None else (asked.number, asked.number + 1)
    said = started = time.monotonic()
    for start in range(first, last, _STEP):
        found = list(fuzz.run(range(start, min(start + _STEP, last))))
        for fault in found:
            print(f"{fault.target}: {fault.problem}\n  --number {fault.number}: {fault.beginning}")
        faults += found
        if len(faults) >= _FAULTS:
            break
        if time.monotonic() - said > _EVERY_S:
            said = time.monotonic()
            print(f"{start:,} of {last - first:,}, {said - started:.0f} s", file=sys.stderr)
    _table(fuzz)
    print(f"{sum(c.calls for c in fuzz.costs.values()):,} calls, {len(faults)} faults")
    return 1 if faults else 0


def _table(fuzz: Fuzz) -> None:
    print(f"\n{'function':<22}{'calls':>9}{'MB':>7}{'s/MB':>8}{'slowest':>10}  of its input")
    for name, costs in sorted(fuzz.costs.items(), key=lambda each: -each[1].share):
        if costs.calls:
            seconds, size, number = costs.slowest
            each = costs.seconds / max(costs.bytes, 1) * 1e6
            print(
                f"{name:<22}{costs.calls:>9,}{costs.bytes / 1e6:>7.0f}{each:>8.3f}"
                f"{seconds * 1000:>7.1f} ms  {costs.share:.0%} of the budget, "
                f"{size:,} bytes, --number {number}"
            )


if __name__ == "__main__":
    sys.exit(main())
