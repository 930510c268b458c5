"""Runs the tests with other people's servers; ``--write`` puts what they saw into the docs."""

import argparse
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.neighbours import rows

FOLDER = Path(__file__).parent


class _Collected:
    """A pytest plugin that keeps the rows of passed tests."""

    def __init__(self) -> None:
        self.rows: list[rows.Row] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" and report.passed:
            found = (value for name, value in report.user_properties if name == rows.PROPERTY)
            self.rows += [rows.Row(*value) for value in found]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.neighbours", description=__doc__,
        epilog="Needs Debian's redis-server, redis-sentinel, rabbitmq-server and faketime.",
    )  # fmt: skip
    parser.add_argument("--write", action="store_true", help=f"write the table of {rows.PAGE.name}")
    options = parser.parse_args()
    collected = _Collected()
    code = pytest.main(["-p", "no:xdist", str(FOLDER)], plugins=[collected])
    if options.write and code == pytest.ExitCode.OK:
        rows.write(collected.rows)
    else:
        print(rows.table(collected.rows))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
