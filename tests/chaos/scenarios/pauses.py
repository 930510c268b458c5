"""F13: workers that stand still, exactly between saying that they send and sending, and anywhere.

Whoever slept longer than its lease must find that it may not send any more: meanwhile its job went
in doubt and, as all other callbacks came and none for it, was submitted again by somebody else.
"""

import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from random import Random
from threading import Event

from tests.chaos.oracle import Rules
from tests.chaos.ordered import LEASE_S, Ordered, conduct
from tests.chaos.points import NOTE, Passing, Point
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup
from tests.chaos.trial import DOUBT_WINDOW_S
from tests.chaos.waiting import NotInTime
from tests.support.processes import descendants
from worker.domain.job import Job, Status

_TOGETHER = 3
#: A job of a sleeping worker: its lease, the doubt, and the time of its second submission.
_AGAIN_S = LEASE_S + DOUBT_WINDOW_S + 30.0


def pauses(run: Run) -> Row:
    """Three workers asleep at a time, while three others work on."""
    setup = Setup(workers=2 * _TOGETHER, sandbox=("--task-seconds", "0.2-0.6"))
    rounds = run.pick(1, 17)
    return conduct(run, setup, lambda o: _rounds(o, rounds), Rules(), seconds=60)


def _rounds(ordered: Ordered, rounds: int) -> str:
    ordered.orders.give(Point.SUBMIT_OVER, NOTE, times=1_000_000)
    slept = 0
    rng = Random(ordered.run.rng.random())
    for number in range(1, rounds + 1):
        ordered.run.tell(f"round {number} of {rounds}")
        asleep = [ordered.order(Point.AFTER_INTENT, signal.SIGSTOP) for _ in range(_TOGETHER)]
        try:
            _wait_for_others(ordered, asleep)
        finally:
            for passing in asleep:
                with suppress(ProcessLookupError):
                    os.kill(passing.pid, signal.SIGCONT)
        _wait_for_sleepers(ordered, asleep)
        ordered.problems += _judged(ordered, asleep)
        slept += len(asleep)
        _sleep_anywhere(ordered, rng)
    return f"{slept} workers slept through their lease before a POST, {rounds} anywhere"


def _wait_for_others(ordered: Ordered, asleep: Sequence[Passing]) -> None:
    """Until somebody else has submitted the sleepers' jobs; held ones wait for more evidence."""
    ids = [passing.job_id for passing in asleep]

    def settled() -> bool:
        return all(job.status.terminal for job in ordered.jobs(ids).values())

    with suppress(NotInTime):  # the judge says what is wrong
        ordered.stage.wait_for(settled, "the sleepers' jobs", _AGAIN_S)


def _wait_for_sleepers(ordered: Ordered, asleep: Sequence[Passing]) -> None:
    """Until each of them is done with its job, so that a POST would be in the ledger."""
    wanted = {(passing.pid, passing.job_id) for passing in asleep}

    def over() -> bool:
        return wanted <= {(p.pid, p.job_id) for p in ordered.orders.met(Point.SUBMIT_OVER)}

    try:
        ordered.stage.wait_for(over, "who slept does not go on", 30)
    except NotInTime as late:
        ordered.problems.append(str(late))


def _judged(ordered: Ordered, asleep: Sequence[Passing]) -> Iterator[str]:
    payments = Counter(payment.job_id for payment in ordered.payments())
    jobs = ordered.jobs([passing.job_id for passing in asleep])
    for passing in asleep:
        job = jobs[passing.job_id]
        if not _submitted_once_by_another(job, payments[job.id]):
            outcomes = [attempt.outcome for attempt in job.attempts]
            yield (
                f"{job.id} of a worker that slept is {job.status}, paid {payments[job.id]} times,"
                f" attempts {outcomes}"
            )


def _submitted_once_by_another(job: Job, payments: int) -> bool:
    outcomes = [attempt.outcome for attempt in job.attempts]
    return (
        job.status is Status.SUCCEEDED and payments == 1 and outcomes == ["in_doubt", "succeeded"]
    )


def _sleep_anywhere(ordered: Ordered, rng: Random) -> None:
    """One worker stands still wherever it is, for about its lease."""
    pause = Event()
    pause.wait(rng.uniform(0.0, 0.5))
    nursery = ordered.stage.pid("worker-1")
    workers = sorted(descendants(nursery)) if nursery else []
    rng.shuffle(workers)
    stopped = next(filter(_stopped, workers), None)
    if stopped is None:
        ordered.problems.append("there is no worker to be stopped")
        return
    ordered.faults += 1
    pause.wait(rng.uniform(0.5, 1.5) * LEASE_S)
    with suppress(ProcessLookupError):
        os.kill(stopped, signal.SIGCONT)


def _stopped(pid: int) -> bool:
    """Stop the process; False where it has just ended, as those do that decode a picture."""
    try:
        os.kill(pid, signal.SIGSTOP)
    except ProcessLookupError:
        return False
    return True


SCENARIOS = (Scenario("F13", "workers sleep before they send", pauses),)
