"""That a protection is missed is told by what went wrong, not by whatever goes wrong."""

import pytest

from tests.chaos.scenarios.protections import PROTECTIONS, Proof, Protection


@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda each: each.name)
def test_a_scenario_that_breaks_down_has_noticed_nothing(protection: Protection) -> None:
    for found in ((), ("it broke down: NotInTime: the first submission",)):
        assert not Proof(protection, found).noticed
    proof = Proof(protection, ("only 2 faults", f"{protection.sign}: 3 (a, b)"))
    assert proof.noticed
    assert proof.signs == (f"{protection.sign}: 3 (a, b)",)
