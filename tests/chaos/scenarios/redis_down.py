"""F4 and F5: Redis goes away and comes back, with all it was told."""

from tests.chaos.load import Load
from tests.chaos.oracle import Rules
from tests.chaos.redis_server import RedisServer
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import MAX_RUNNING, Setup, Stage
from tests.chaos.trial import Trouble, trial
from tests.chaos.waiting import NotInTime

#: A commit whose answer was cut off leaves open whether its POST left.
_RULES = Rules(in_doubt_per_fault=MAX_RUNNING, callbacks_lost=True)
#: A worker that has something to do does it within so many seconds of Redis' return.
_BACK_S = 15.0


def killed(run: Run) -> Row:
    """Redis is killed, and is back after a moment."""
    most = run.pick(2, 10)

    def kill(trouble: Trouble) -> None:
        while trouble.faults < most and trouble.pause(run.pick(2.0, 10.0)):
            trouble.stage.server.kill()
            trouble.faults += 1
            trouble.pause(0.1, 1.0)
            trouble.stage.server.start()

    return trial(
        run,
        Setup(workers=2, sandbox=("--task-seconds", run.pick("0.2-0.6", "0.5-2"))),
        Load(run.pick(24, 1000)),
        kill,
        _RULES,
        seconds=run.pick(120, 3600),
        at_least=most,
    )


def restarted(run: Run) -> Row:
    """Redis is restarted in good order; the worker must go on soon after."""
    most = run.pick(3, 10)

    def restart(trouble: Trouble) -> None:
        stage = trouble.stage
        server = stage.server
        assert isinstance(server, RedisServer)
        while trouble.faults < most and trouble.pause(*run.pick((1.0, 2.0), (8.0, 12.0))):
            server.terminate()
            trouble.faults += 1
            trouble.pause(0.1, 1.0)
            server.start()
            _must_go_on(trouble)

    return trial(
        run,
        Setup(fsync="always", sandbox=("--task-seconds", run.pick("0.5-1", "1-4"))),
        Load(run.pick(60, 400)),
        restart,
        _RULES,
        seconds=run.pick(120, 3600),
        at_least=most,
    )


def _must_go_on(trouble: Trouble) -> None:
    stage, before = trouble.stage, _submissions(trouble.stage)

    def goes_on() -> bool:
        return _submissions(stage) > before or trouble.over.is_set()

    try:
        stage.wait_for(goes_on, "a submission after Redis' return", _BACK_S)
    except NotInTime as error:
        trouble.problems.append(str(error))


def _submissions(stage: Stage) -> int:
    return len(stage.ledger_lines())


SCENARIOS = (
    Scenario("F4", "Redis killed", killed),
    Scenario("F5", "Redis restarted", restarted, short=False),
)
