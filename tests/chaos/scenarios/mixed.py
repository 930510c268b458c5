"""F23: a provider that refuses, breaks and is silent, with few places."""

from tests.chaos.load import Load
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup
from tests.chaos.trial import trial

#: What goes wrong at the provider, all of it at once.
MIX = (
    "--refusals", "0.15", "--errors-before", "0.05", "--errors-after", "0.05",
    "--cut-replies", "0.04", "--callbacks-lost", "0.2",
)  # fmt: skip


def mixed(run: Run) -> Row:
    """Doubts give their places back, and the provider's list ends them."""
    return trial(
        run,
        Setup(
            sandbox=("--task-seconds", run.pick("0.5", "3"), "--max-running", "3", *MIX),
            settings={"HOOKLINE_MAX_RUNNING": "3", "HOOKLINE_DOUBT_WINDOW_S": "1800"},
        ),
        Load(25),
        seconds=240,
    )


SCENARIOS = (Scenario("F23", "the provider's troubles at once, few places", mixed, short=False),)
