"""F16 and F17: thousands of jobs for several accounts with few places."""

from collections.abc import Sequence
from math import inf

from tests.chaos.batching import BatchLoad
from tests.chaos.oracle import Rules
from tests.chaos.providers import Provider
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.scenarios.soak import PROVIDER_FAULTS, make_trouble
from tests.chaos.sharing import Marks, look_at_places, look_at_slots
from tests.chaos.stage import Setup, Stage
from tests.chaos.trial import Findings, trial
from worker.domain.job import Job

ACCOUNTS = (Provider("small", 3), Provider("middle", 5), Provider("large", 12))
_UPSCALES = tuple({"press": f"U{n}"} for n in range(1, 5))


def many(run: Run) -> Row:
    """Every place is taken while anything waits, and nothing is refused for want of one."""
    marks = run.pick(Marks(used=0.5, gap_s=0.25), Marks(used=0.95, gap_s=0.05))

    def look(stage: Stage, jobs: Sequence[Job]) -> Findings:
        return look_at_places(stage, jobs, ACCOUNTS, marks)

    return trial(
        run,
        Setup(
            workers=2, providers=ACCOUNTS, sandbox=("--task-seconds", run.pick("1-2", "1.7-2.3"))
        ),
        BatchLoad(run.pick(20, 2000), _UPSCALES),
        look=look,
        seconds=run.pick(120, 3600),
    )


def in_trouble(run: Run) -> Row:
    """The same while workers, web and Redis die, callbacks misbehave and replies are cut off."""
    roots = run.pick(8, 2000)
    times = run.pick(
        ("--task-seconds", "0.2-0.6", "--late-seconds", "1-3"), ("--task-seconds", "0.5-2")
    )
    # Each refusal lowers what its account is believed to take, for a minute: that is thirty tasks.
    habits = (*PROVIDER_FAULTS, "--refusals", "0.002", *times)

    def look(stage: Stage, jobs: Sequence[Job]) -> Findings:
        return look_at_slots(stage, jobs, ACCOUNTS)

    return trial(
        run,
        Setup(workers=2, providers=ACCOUNTS, sandbox=habits),
        BatchLoad(roots, _UPSCALES, deadline_s=3600),
        make_trouble(*run.pick((1.0, 2.0, 4), (5.0, 20.0, inf))),
        Rules(
            in_doubt=roots // 2,
            in_doubt_per_fault=sum(account.places for account in ACCOUNTS),
            callbacks_lost=True,
        ),
        look=look,
        seconds=run.pick(180, 4 * 3600),
        at_least=roots,
    )


SCENARIOS = (
    Scenario("F16", "many accounts, few places", many, alone=True),
    Scenario("F17", "many accounts, all troubles at once", in_trouble),
)
