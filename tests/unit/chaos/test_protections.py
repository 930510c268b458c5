"""That a protection is missed is told by what went wrong, not by whatever goes wrong."""

import subprocess
import sys

import pytest

from tests.chaos.scenarios.protections import PROTECTIONS, Proof, Protection
from tests.support.processes import ROOT


@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda each: each.name)
def test_a_scenario_that_breaks_down_has_noticed_nothing(protection: Protection) -> None:
    for found in ((), ("it broke down: NotInTime: the first submission",)):
        assert not Proof(protection, found).noticed
    proof = Proof(protection, ("only 2 faults", f"{protection.sign}: 3 (a, b)"))
    assert proof.noticed
    assert proof.signs == (f"{protection.sign}: 3 (a, b)",)


def test_every_protection_can_be_removed() -> None:
    """In a process of its own: what is removed there stays removed."""
    remove = "from tests.chaos.mutations import MUTATIONS\nfor one in MUTATIONS.values(): one()"
    done = subprocess.run(
        [sys.executable, "-c", remove], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
