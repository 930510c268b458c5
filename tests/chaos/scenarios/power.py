"""F6: the machine of Redis loses its power, again and again, while jobs run.

With `appendfsync always` nothing may be lost and nothing paid twice. With `everysec` the last
second is lost each time, and with it the knowledge of what was handed in and paid for in it: this
is the documented limit of the promise. It is counted and told; what goes beyond it is wrong.
"""

from collections.abc import Callable
from dataclasses import replace

from tests.chaos.load import Load
from tests.chaos.oracle import Rules
from tests.chaos.power import PowerCuts
from tests.chaos.redis_server import Fsync, RedisServer
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import MAX_RUNNING, Setup
from tests.chaos.trial import Trouble, trial

#: A commit whose answer was cut off leaves open whether its POST left.
_RULES = Rules(in_doubt_per_fault=MAX_RUNNING, callbacks_lost=True)

#: What the loss of a second can explain. That every record comes to its end, that follow-ups are
#: not missing and that no index keeps what is over is not among it.
_OF_A_LOST_SECOND = (
    "lost:",
    "paid for, but no record knows of it:",
    "paid twice",
    "an extra payment that only one side knows:",
    "spend that only one side knows:",
    "follow-ups doubled:",
)


def synced_always(run: Run) -> Row:
    """All that was answered is on the disk; at worst the last write is torn."""
    row, _ = _cut(run, "always")
    return row


def synced_each_second(run: Run) -> Row:
    """The same without the last second of writes."""
    row, lost_bytes = _cut(run, "everysec")
    known = [text for text in row.problems if explained(text)]
    wrong = [text for text in row.problems if not explained(text)]
    if not lost_bytes:
        wrong.append("the cuts lost nothing, so that they show nothing")
    note = (
        f"{row.note}; the limit of everysec: {lost_bytes} bytes of writes gone, "
        f"{row.lost} jobs or payments without a record, {row.paid_twice} paid twice"
    )
    told = "; ".join([note, *known])
    return replace(row, problems=tuple(wrong), note=told)


def explained(problem: str) -> bool:
    """Whether the loss of the last writes explains it."""
    forgotten = " was over as " in problem or " was at version " in problem
    return forgotten or problem.startswith(_OF_A_LOST_SECOND)


def _cut(run: Run, fsync: Fsync) -> tuple[Row, int]:
    """The row, and how many bytes all cuts together lost."""
    cuts = run.pick(3, 20)
    lost: list[int] = []
    setup = Setup(workers=2, fsync=fsync, sandbox=("--task-seconds", run.pick("0.3-0.8", "1-3")))
    row = trial(
        run,
        setup,
        Load(run.pick(60, 400)),
        _cutter(fsync, cuts, run.pick((0.8, 1.6), (3.0, 5.0)), lost),
        _RULES,
        seconds=run.pick(90, 900),
        at_least=cuts,
    )
    return row, sum(lost)


def _cutter(
    fsync: Fsync, cuts: int, every_s: tuple[float, float], lost: list[int]
) -> Callable[[Trouble], None]:
    def cut(trouble: Trouble) -> None:
        server = trouble.stage.server
        assert isinstance(server, RedisServer)
        with PowerCuts(server, fsync) as power:
            while trouble.faults < cuts and trouble.pause(*every_s):
                lost.append(power.cut())
                trouble.faults += 1
                server.start()

    return cut


SCENARIOS = (
    Scenario("F6", "power cuts, synced always", synced_always),
    Scenario(
        "F6e",
        "power cuts, the last second not synced",
        synced_each_second,
        short=False,
        beyond=True,
    ),
)
