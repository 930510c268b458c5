"""F11: a process dies at each named point, and what becomes of its job stands in a table.

Everything else that runs meanwhile has to keep the general rules.
"""

import signal
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from random import Random

from tests.chaos.oracle import Rules
from tests.chaos.ordered import LEASE_S, Ordered, conduct
from tests.chaos.points import Passing, Point
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import MAX_RUNNING, Setup
from tests.chaos.waiting import NotInTime
from worker.domain.job import Job, Status

_SETTLE_S = 60.0
#: Crashes meet each other's jobs, the more the busier the machine is; those rounds are played
#: again, so often at most.
_AGAIN = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What may become of a job whose process died. It always succeeds, and is paid for once.

    ``attempts``: how each of its attempts ended; None: this is not what the point is about.
    ``doubted``: whether it was ever in doubt; None: either.
    """

    attempts: tuple[str, ...] | None = ("succeeded",)
    doubted: bool | None = False


#: In the order in which they are tried: the job that waits for the end of its dead worker's lease
#: comes first, the one that the next worker takes at once last, so that no crash meets it again.
SUBMITTING: Mapping[Point, Outcome] = {
    Point.AFTER_STARTED: Outcome(("not_sent", "succeeded")),
    Point.BEFORE_INTENT: Outcome(("not_sent", "succeeded")),
    # Never sent, but that cannot be known: silence while all other callbacks come tells it.
    Point.AFTER_INTENT: Outcome(("in_doubt", "succeeded"), doubted=True),
    # Accepted: its callback may be there before or after the lease's end; never sent again.
    Point.AFTER_POST: Outcome(doubted=None),
    Point.BEFORE_REPLY: Outcome(doubted=None),
    Point.AFTER_REPLY: Outcome(),
    Point.BEFORE_STARTED: Outcome(),
}
#: The same where no callback ever comes: the provider's list of tasks ends the doubt.
UNHEARD: Mapping[Point, Outcome] = {
    Point.AFTER_POST: Outcome(doubted=True),
    Point.BEFORE_REPLY: Outcome(doubted=True),
}
FINISHING: Mapping[Point, Outcome] = {
    Point.BEFORE_CALLBACK: Outcome(),
    Point.AFTER_CALLBACK: Outcome(),
    Point.BEFORE_SUCCESS: Outcome(),
    Point.AFTER_SUCCESS: Outcome(),
    Point.AFTER_ASKING: Outcome(),
    Point.AFTER_STORING: Outcome(),
    # Any job that was due, unless another crash had left it in doubt.
    Point.AFTER_CLAIMING: Outcome(attempts=None, doubted=None),
}


def crashes(run: Run) -> Row:
    """Both halves of a job's life at the same time, each on a stage of its own."""
    plays = (submitting, unheard, finishing)
    runs = [
        replace(run, folder=run.folder / play.__name__, rng=Random(run.rng.random()))
        for play in plays
    ]
    with ThreadPoolExecutor(len(plays)) as pool:
        rows = list(pool.map(lambda play, own: play(own), plays, runs))
    return _sum(rows)


def submitting(run: Run) -> Row:
    """No callback is lost here, so that every doubt ends by evidence."""
    # On a busy machine callbacks overtake all replies, and nobody passes the points behind those.
    late = ("--callbacks-late", "1", "--late-seconds", "0.3-0.6")
    sandbox = ("--task-seconds", "0.2-0.6", *late)
    setup = Setup(workers=len(SUBMITTING) + 1, sandbox=sandbox)
    rounds = run.pick(1, 20)
    return conduct(
        run,
        setup,
        lambda o: _rounds(o, SUBMITTING, rounds, LEASE_S),
        Rules(),
        every_s=run.pick(0.7, 0.4),
        seconds=60,
    )


def unheard(run: Run) -> Row:
    """Nothing but the provider's own list tells that a job was accepted."""
    setup = Setup(workers=3, sandbox=("--task-seconds", "0.2-0.6", "--callbacks-lost", "1"))
    rounds = run.pick(1, 20)
    return conduct(
        run,
        setup,
        lambda o: _rounds(o, UNHEARD, rounds, LEASE_S),
        Rules(in_doubt_per_fault=MAX_RUNNING, callbacks_lost=True),
        every_s=1.0,
        seconds=90,
    )


def finishing(run: Run) -> Row:
    """Callbacks get lost, so that tasks have to be asked about."""
    lossy = ("--task-seconds", "0.2-1", "--callbacks-lost", "0.3")
    rounds = run.pick(1, 20)
    # A worker that dies may have been in the middle of other jobs' POSTs.
    rules = Rules(in_doubt_per_fault=MAX_RUNNING, callbacks_lost=True)
    return conduct(
        run,
        Setup(workers=3, sandbox=lossy),
        lambda o: _rounds(o, FINISHING, rounds, inf),
        rules,
        every_s=run.pick(0.7, 0.4),
        follow_ups=True,
        seconds=90,
    )


def _rounds(ordered: Ordered, table: Mapping[Point, Outcome], rounds: int, within_s: float) -> str:
    """Crash at each point, one after the other, until each was met fairly in so many rounds."""
    judged = Counter[Point]()
    for number in range(1, rounds * (1 + _AGAIN) + _AGAIN + 1):
        points = [point for point in table if judged[point] < rounds]
        if not points:
            break
        ordered.run.tell(f"round {number} of {rounds}")
        met: list[Passing] = []
        for point in points:
            # Another job each time: the provider repeats the callback that found nobody.
            spare = [passing.job_id for passing in met]
            met.append(ordered.order(point, signal.SIGKILL, spare))
        _settle(ordered, [passing.job_id for passing in met])
        jobs = ordered.jobs([passing.job_id for passing in met])
        doubted = ordered.first_doubts()
        fair = [
            each
            for each in _fair(met, within_s)
            if _unhurt(each, jobs.get(each.job_id), doubted.get(each.job_id, inf))
        ]
        ordered.problems += _judged(ordered, table, fair)
        judged.update(Point(passing.point) for passing in fair)
    few = [point for point in table if judged[point] < rounds]
    ordered.problems += [f"{point} was met fairly only {judged[point]} times" for point in few]
    return f"{sum(judged.values())} crashes at {len(judged)} points judged by the table"


def _fair(met: Sequence[Passing], within_s: float) -> Iterator[Passing]:
    """Those whose job no later crash of the round can have met: they wait for so long at least."""
    crashes_of = Counter(passing.job_id for passing in met)
    last = max(passing.at for passing in met)
    for passing in met:
        if crashes_of[passing.job_id] == 1 and last - passing.at < within_s:
            yield passing


def _unhurt(passing: Passing, job: Job | None, doubted_at: float) -> bool:
    """Whether no earlier crash had met the job: who dies takes the other jobs of its threads along.

    What is gone is the judge's to see.
    """
    begun = sum(attempt.started_at < passing.at for attempt in job.attempts) if job else 0
    once = begun <= (0 if passing.point == Point.BEFORE_STARTED else 1)
    return once and passing.at < doubted_at


def _settle(ordered: Ordered, ids: Collection[str]) -> None:
    """Wait for the jobs and for what grows from them; what does not end is the judge's to see.

    A job that is held in doubt has not ended: what trickles in is evidence about it.
    """

    def ended() -> bool:
        return all(_at_rest(ordered, job) for job in ordered.jobs(list(ids)).values())

    with suppress(NotInTime):
        ordered.stage.wait_for(ended, "the crashes' jobs", _SETTLE_S)


def _at_rest(ordered: Ordered, job: Job) -> bool:
    pipeline = ordered.stage.services.store.jobs.pipeline(job.spec.pipeline_id)
    jobs = pipeline.jobs if pipeline else (job,)
    return all(each.status.terminal and each.due_at is None for each in jobs)


def _judged(
    ordered: Ordered, table: Mapping[Point, Outcome], fair: Sequence[Passing]
) -> Iterator[str]:
    jobs = ordered.jobs([passing.job_id for passing in fair])
    payments = Counter(payment.job_id for payment in ordered.payments())
    doubted = ordered.first_doubts()
    for passing in fair:
        allowed = table[Point(passing.point)]
        job = jobs.get(passing.job_id)
        was = _outcome(job, doubted) if job else None
        if job is None or was is None:
            yield f"{passing.point}: {passing.job_id} is gone"
        elif job.status is not Status.SUCCEEDED or payments[job.id] != 1 or not _fits(was, allowed):
            yield (
                f"{passing.point}: {job.id} is {job.status}, paid {payments[job.id]} times,"
                f" attempts {was.attempts}, in doubt: {was.doubted}"
            )


def _outcome(job: Job, doubted: Collection[str]) -> Outcome:
    attempts = tuple(attempt.outcome or "open" for attempt in job.attempts)
    return Outcome(attempts, doubted=job.id in doubted)


def _fits(was: Outcome, allowed: Outcome) -> bool:
    return allowed.attempts in (None, was.attempts) and allowed.doubted in (None, was.doubted)


def _sum(rows: Sequence[Row]) -> Row:
    return Row(
        jobs=sum(row.jobs for row in rows),
        faults=sum(row.faults for row in rows),
        lost=sum(row.lost for row in rows),
        paid_twice=sum(row.paid_twice for row in rows),
        unlisted=sum(row.unlisted for row in rows),
        follow_ups_missing=sum(row.follow_ups_missing for row in rows),
        follow_ups_doubled=sum(row.follow_ups_doubled for row in rows),
        in_doubt=sum(row.in_doubt for row in rows),
        seconds=max(row.seconds for row in rows),
        problems=tuple(problem for row in rows for problem in row.problems),
        note="; ".join(row.note for row in rows),
    )


SCENARIOS = (Scenario("F11", "a process dies at each named point", crashes),)
