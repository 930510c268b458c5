"""A rolling upgrade and a downgrade, as short as they show anything; longer: -m tests.upgrades."""

import subprocess
from pathlib import Path

import pytest

from tests.support.processes import ROOT
from tests.upgrades.side_by_side import BEFORE_INDEXES, trial


def test_an_older_version_runs_beside_this_one(tmp_path: Path) -> None:
    known = subprocess.run(
        ["git", "-C", str(ROOT), "cat-file", "-e", BEFORE_INDEXES], capture_output=True, check=False
    )
    if known.returncode:
        pytest.skip(f"a checkout without the history up to {BEFORE_INDEXES}")
    found = trial(tmp_path, BEFORE_INDEXES, roots=2)
    assert not found.problems, found
