"""docs/security.md names tests and fault rows that exist."""

import re

import pytest

from tests.chaos.scenarios import SCENARIOS
from tests.support.processes import ROOT

PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`((?:unit|integration|neighbours|fuzz)\b[\w/.]*)`", PAGE)))
ROWS = sorted(set(re.findall(r"\bF[0-9]+[a-z]?\b", PAGE)))


@pytest.mark.parametrize("path", TESTS)
def test_a_test_that_is_named_exists(path: str) -> None:
    assert (ROOT / "tests" / path).exists()


@pytest.mark.parametrize("row", ROWS)
def test_a_row_that_is_named_is_run(row: str) -> None:
    assert row in {scenario.name for scenario in SCENARIOS}
