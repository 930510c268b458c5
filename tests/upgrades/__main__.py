"""``python -m tests.upgrades``: two versions beside one another, up and down again, under load."""

import argparse
import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from tests.upgrades.side_by_side import PREVIOUS, trial


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.upgrades", description=__doc__)
    parser.add_argument("--older", default=PREVIOUS, help="a commit of the older version")
    parser.add_argument("--roots", type=int, default=100, help="pipelines at each of six steps")
    parser.add_argument("--rate", type=float, default=0.0, help="callbacks a second, at least")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with TemporaryDirectory(prefix="upgrade-") as folder:
        found = trial(Path(folder), options.older, options.roots, options.rate)
    print(f"from {options.older}: {found.figures}")
    for problem in found.problems:
        print(f"    {problem}")
    return int(bool(found.problems))


if __name__ == "__main__":
    sys.exit(main())
