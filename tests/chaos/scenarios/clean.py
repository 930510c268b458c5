"""F1: no trouble at all."""

from tests.chaos.load import Load
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup
from tests.chaos.trial import trial


def clean(run: Run) -> Row:
    """Every job once, every follow-up once, nothing in doubt."""
    return trial(run, Setup(), Load(run.pick(24, 1000)), seconds=run.pick(120, 1800))


SCENARIOS = (Scenario("F1", "no trouble", clean),)
