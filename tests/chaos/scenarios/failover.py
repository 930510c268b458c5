"""F36: the primary of Redis dies while its replicas are behind, and the sentinels promote one.

What the primary acknowledged and no replica has is forgotten then. With HOOKLINE_REDIS_REPLICAS
nothing that counts is acknowledged before a replica has it: nothing may be lost or paid twice.
Without it (F36e) whatever was acknowledged last is gone, as after a power cut without
`appendfsync always`: this is the documented limit of the promise, and is counted and told.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.chaos.load import Load
from tests.chaos.oracle import Rules
from tests.chaos.redis_group import RedisGroup
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.scenarios.power import explained
from tests.chaos.stage import MAX_RUNNING, Setup, Stage
from tests.chaos.trial import Findings, Trouble, trial
from tests.chaos.waiting import NotInTime

#: A commit whose answer was cut off leaves open whether its POST left.
_RULES = Rules(in_doubt_per_fault=MAX_RUNNING, callbacks_lost=True)
#: Seconds from the sentinels' decision until a submit leaves, on a machine of its own.
BACK_S = 5.0
#: Submissions before the next fault, so that it meets work.
_UNDER_WAY = 20
#: What a reader may see that nobody was answered with: a change that is forgotten while the one who
#: made it still waits for the replicas.
_SEEN_TOO_EARLY = (" was over as ", " was at version ")


def replicated(run: Run) -> Row:
    """Every change that counts is on a replica before it is acknowledged."""
    row = _killed(run, replicas=1)
    early = [text for text in row.problems if any(words in text for words in _SEEN_TOO_EARLY)]
    wrong = tuple(text for text in row.problems if text not in early)
    note = f"{row.note}; {len(early)} changes were read that were never acknowledged"
    return replace(row, problems=wrong, note=note if early else row.note)


def unreplicated(run: Run) -> Row:
    """The same, with acknowledgements that no replica backs."""
    row = _killed(run, replicas=0)
    known = [text for text in row.problems if explained(text)]
    wrong = [text for text in row.problems if not explained(text)]
    if not known:
        wrong.append("the fail-overs forgot nothing, so that they show nothing")
    seen = sum(any(words in text for words in _SEEN_TOO_EARLY) for text in known)
    note = (
        f"{row.note}; the limit without replicas: {row.lost} jobs or payments without a record, "
        f"{row.paid_twice} paid twice, {seen} changes that were read and then forgotten"
    )
    return replace(row, problems=tuple(wrong), note=note)


def _killed(run: Run, replicas: int) -> Row:
    most, times = run.pick(1, 10), list[tuple[float, float]]()
    setup = Setup(
        workers=2,
        fsync="always",
        redis=RedisGroup,
        sandbox=("--task-seconds", "1-3"),
        settings={"HOOKLINE_REDIS_REPLICAS": str(replicas)},
    )

    def look(_: Stage, __: object) -> Findings:
        return Findings(figures=_told(times))

    return trial(
        run,
        setup,
        Load(run.pick(60, 700)),
        _killer(run, most, times),
        _RULES,
        look=look,
        seconds=run.pick(120, 1800),
        at_least=most,
    )


def _killer(run: Run, most: int, times: list[tuple[float, float]]) -> Callable[[Trouble], None]:
    def kill(trouble: Trouble) -> None:
        group = trouble.stage.server
        assert isinstance(group, RedisGroup)
        while trouble.faults < most and _under_way(trouble):
            # Longer than a worker waits for the replicas, so that it also sends nothing.
            took_s = group.fail_over(cut_off_s=trouble.rng.uniform(0.3, 1.8))
            trouble.faults += 1
            times.append((took_s, _goes_on(trouble, run.pick(15.0, BACK_S))))
            group.start()  # the former primary becomes a replica

    return kill


def _under_way(trouble: Trouble) -> bool:
    """Wait until much is submitted; False: it is over."""
    stage, enough = trouble.stage, _submissions(trouble.stage) + _UNDER_WAY
    stage.wait_for(
        lambda: _submissions(stage) >= enough or trouble.over.is_set(), "submissions", 60
    )
    return trouble.pause(0.0, 1.0)


def _goes_on(trouble: Trouble, within_s: float) -> float:
    """Wait for the next submission; how many seconds it took."""
    stage, before, began = trouble.stage, _submissions(trouble.stage), time.monotonic()

    def goes_on() -> bool:
        return _submissions(stage) > before or trouble.over.is_set()

    try:
        stage.wait_for(goes_on, "a submission after the fail-over", within_s)
    except NotInTime as error:
        trouble.problems.append(str(error))
    return time.monotonic() - began


def _submissions(stage: Stage) -> int:
    return len(stage.ledger_lines())


def _told(times: Sequence[tuple[float, float]]) -> str:
    if not times:
        return ""
    slowest = max(went_on for _, went_on in times)
    longest = max(took for took, _ in times)
    return (
        f"{len(times)} fail-overs: another primary within {longest:.1f} s of the kill, the next "
        f"submission within {slowest:.1f} s of that"
    )


SCENARIOS = (
    Scenario("F36", "Redis fails over, replicas behind", replicated),
    Scenario(
        "F36e",
        "Redis fails over, nothing waits for replicas",
        unreplicated,
        short=False,
        beyond=True,
    ),
)
