"""F7 and F8: callbacks that come twice, out of order, late, or not at all."""

from tests.chaos.load import Load
from tests.chaos.oracle import Rules
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup
from tests.chaos.trial import trial


def unruly(run: Run) -> Row:
    """Each comes twice, many out of order, some long after the end, and all of it repeatedly."""
    late = run.pick(2.0, 60.0)
    habits = (
        "--task-seconds", run.pick("0.2-0.6", "1-4"), "--callback-every-ms", "150",
        "--callbacks-doubled", "1", "--callbacks-shuffled", "0.5",
        "--callbacks-late", "0.3", "--late-seconds", f"0.2-{late:g}",
    )  # fmt: skip
    return trial(
        run,
        Setup(sandbox=habits),
        Load(run.pick(20, 300)),
        seconds=run.pick(120, 3600),
        linger_s=late,
        at_least=run.pick(300, 3000),
    )


def some_lost(run: Run) -> Row:
    """A fifth is lost; nobody's all, or hardly."""
    return trial(
        run,
        Setup(sandbox=("--task-seconds", "0.2-0.6", "--callbacks-lost", "0.2")),
        Load(run.pick(20, 1000)),
        seconds=run.pick(120, 3600),
        at_least=run.pick(40, 1000),
    )


def all_lost(run: Run) -> Row:
    """None comes: every end has to be asked for."""
    return trial(
        run,
        Setup(sandbox=("--task-seconds", "0.2-0.6", "--callbacks-lost", "1")),
        Load(run.pick(6, 200)),
        rules=Rules(callbacks_lost=True),
        seconds=run.pick(120, 3600),
        at_least=run.pick(40, 1000),
    )


SCENARIOS = (
    Scenario("F7", "callbacks doubled, shuffled, late", unruly),
    Scenario("F8", "a fifth of the callbacks lost", some_lost),
    Scenario("F8b", "all callbacks lost", all_lost),
)
