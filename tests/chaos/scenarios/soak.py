"""F15: all troubles at once, for long."""

from math import inf

from tests.chaos.load import Load
from tests.chaos.oracle import Rules
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import MAX_RUNNING, Setup
from tests.chaos.trial import SUBMIT_TIMEOUT_S, MakeTrouble, Trouble, trial

#: A provider that misbehaves in every way, and whose replies come after a POST was given up.
PROVIDER_FAULTS = (
    "--callbacks-lost", "0.2", "--callbacks-doubled", "0.5",
    "--callbacks-shuffled", "0.3", "--callbacks-late", "0.1", "--late-seconds", "1-30",
    "--errors-before", "0.02", "--refusals", "0.05", "--cut-replies", "0.02",
    "--slow-replies", "0.02",
    "--slow-seconds", f"{SUBMIT_TIMEOUT_S + 0.5:g}-{SUBMIT_TIMEOUT_S + 1.5:g}",
)  # fmt: skip


def soak(run: Run) -> Row:
    """Workers, web and Redis die, callbacks misbehave, and the provider is faulty."""
    roots = run.pick(60, 10_000)
    return trial(
        run,
        Setup(workers=2, sandbox=("--task-seconds", "0.2-2", *PROVIDER_FAULTS)),
        Load(roots, deadline_s=3600, every=5),
        make_trouble(5.0, 20.0),
        Rules(in_doubt=roots // 10, in_doubt_per_fault=MAX_RUNNING, callbacks_lost=True),
        seconds=run.pick(180, 4 * 3600),
        linger_s=30,
        at_least=roots,
    )


def make_trouble(low: float, high: float, most: float = inf) -> MakeTrouble:
    """A worker, a web process or Redis dies every ``low`` to ``high`` seconds."""

    def make(trouble: Trouble) -> None:
        while trouble.faults < most and trouble.pause(low, high):
            _kill_something(trouble)

    return make


def _kill_something(trouble: Trouble) -> None:
    stage, rng = trouble.stage, trouble.rng
    match rng.choice(("worker", "worker", "web", "redis")):
        case "worker":
            trouble.faults += stage.kill(rng.choice(stage.workers))
        case "web":
            trouble.faults += stage.kill_web_child(rng.choice)
        case _:
            stage.server.kill()
            trouble.faults += 1
            trouble.pause(0.1, 1.0)
            stage.server.start()


SCENARIOS = (Scenario("F15", "all of it, for long", soak, short=False),)
