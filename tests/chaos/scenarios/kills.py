"""F2 and F3: processes that die in the middle of things."""

from tests.chaos.load import Load
from tests.chaos.oracle import Rules
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import MAX_RUNNING, Setup
from tests.chaos.trial import Trouble, trial

#: A worker dies with at most so many POSTs under way.
_RULES = Rules(in_doubt_per_fault=MAX_RUNNING)


def workers(run: Run) -> Row:
    """A worker is killed every few seconds, and the supervisor starts it again."""
    most = run.pick(4, 60)

    def kill(trouble: Trouble) -> None:
        while trouble.faults < most and trouble.pause(*run.pick((0.5, 1.5), (2.0, 5.0))):
            trouble.faults += trouble.stage.kill(trouble.rng.choice(trouble.stage.workers))

    return trial(
        run,
        Setup(workers=2, sandbox=("--task-seconds", run.pick("0.2-0.6", "0.5-2"))),
        Load(run.pick(24, 1000)),
        kill,
        _RULES,
        seconds=run.pick(120, 3600),
        at_least=run.pick(4, 30),
    )


def web(run: Run) -> Row:
    """The processes that take callbacks are killed; now and then all of them at once."""
    most = run.pick(10, 200)

    def kill(trouble: Trouble) -> None:
        while trouble.faults < most and trouble.pause(*run.pick((0.2, 0.8), (0.3, 1.2))):
            whole = trouble.rng.random() < 0.1
            stage, choose = trouble.stage, trouble.rng.choice
            trouble.faults += stage.kill("web") if whole else stage.kill_web_child(choose)

    return trial(
        run,
        Setup(sandbox=("--task-seconds", run.pick("0.2-0.6", "0.5-2"))),
        Load(run.pick(24, 1600), deadline_s=1800),  # nobody answers while all are away
        kill,
        Rules(callbacks_lost=True),
        seconds=run.pick(120, 3600),
        at_least=most,
    )


SCENARIOS = (
    Scenario("F2", "workers killed", workers),
    Scenario("F3", "web processes killed", web, short=False),
)
