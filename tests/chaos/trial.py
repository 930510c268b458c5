"""One trial: a stage, a load, somebody who makes trouble meanwhile, and the oracle at the end."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from threading import Event, Thread

from tests.chaos import oracle
from tests.chaos.indexes import PREFIX
from tests.chaos.leaks import leaks
from tests.chaos.load import Acknowledged, Work, settle
from tests.chaos.observer import Observer
from tests.chaos.oracle import Evidence, Rules
from tests.chaos.scenario import Row, Run
from tests.chaos.stage import Setup, Stage, stage
from tests.chaos.system import System
from tests.chaos.waiting import pause
from tests.support.indexes import Snapshot
from worker.adapters.store.places import lane_of
from worker.domain.job import Job

#: A POST is cut off after so long.
SUBMIT_TIMEOUT_S = 2.0
#: How long a job in doubt waits for evidence, and one that is held must stay as it is.
DOUBT_WINDOW_S = 5.0
DOUBT_SETTINGS = {
    "HOOKLINE_SUBMIT_TIMEOUT_S": f"{SUBMIT_TIMEOUT_S:g}",
    "HOOKLINE_DOUBT_WINDOW_S": f"{DOUBT_WINDOW_S:g}",
}
DOUBT_S = 5.0


@dataclass(slots=True)
class Trouble:
    """Who makes trouble is given this. ``over`` is set when all jobs have ended."""

    stage: Stage
    rng: Random
    over: Event
    faults: int = 0
    problems: list[str] = field(default_factory=list)

    def pause(self, low: float, high: float | None = None) -> bool:
        """Wait so many seconds. True: go on; False: it is over."""
        return not self.over.wait(self.rng.uniform(low, low if high is None else high))


#: Must end when ``over`` is set. Counts what it did in ``faults``.
MakeTrouble = Callable[[Trouble], None]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a scenario looked at beside the oracle: what is wrong, and figures worth telling."""

    problems: tuple[str, ...] = ()
    figures: str = ""


#: Is given the stage and all jobs when everything is over.
Look = Callable[[Stage, Sequence[Job]], Findings]


def trial(
    run: Run,
    setup: Setup,
    load: Work,
    trouble: MakeTrouble | None = None,
    rules: Rules | None = None,
    *,
    look: Look | None = None,
    seconds: float = 120.0,
    linger_s: float = 0.0,
    at_least: int = 0,
) -> Row:
    """Play it and compare.

    All jobs must have ended within ``seconds`` after they were handed in; what comes during
    ``linger_s`` after that must change nothing. ``at_least``: so many faults make it a trial.
    """
    setup = replace(
        setup,
        sandbox=("--seed", str(run.seed), *setup.sandbox),
        settings={**DOUBT_SETTINGS, **setup.settings},
    )
    with stage(run.folder, setup) as running:
        began = time.monotonic()
        sandboxes = set(map(running.pid, running.sandboxes))
        made = Trouble(running, Random(run.rng.random()), Event())
        with Observer(running, Random(run.rng.random())) as observer:
            acknowledged = _play(run, made, load, trouble, seconds)
            seconds_taken = time.monotonic() - began
            pause(linger_s)
        injected = running.injected()
        faults = made.faults + sum(injected.values())
        if faults < at_least:
            made.problems.append(f"only {faults} faults, so it proves little: {at_least} wanted")
        if set(map(running.pid, running.sandboxes)) != sandboxes:
            made.problems.append("a sandbox died, which is no part of the scenario")
        evidence = gather(running, acknowledged, observer, made.problems)
        row = oracle.compare(evidence, (rules or Rules()).after(made.faults))
        found = look(running, evidence.jobs) if look else Findings()
    return replace(
        row,
        seconds=seconds_taken,
        faults=faults,
        problems=(*row.problems, *found.problems),
        note=_note(made.faults, injected),
        figures=found.figures,
    )


def _play(
    run: Run, made: Trouble, load: Work, trouble: MakeTrouble | None, seconds: float
) -> Acknowledged:
    thread = Thread(target=_guarded, args=(trouble, made), name="trouble")
    thread.start()
    try:
        acknowledged = load.hand_in(made.stage, f"{run.seed}")
        in_time = settle(made.stage, seconds, run.tell, doubt_s=DOUBT_S)
    finally:
        made.over.set()
        thread.join()
    # What was killed last has come back before the end is the end.
    made.stage.wait_for(made.stage.all_up, "all programs after the trouble", 60)
    if not (in_time and settle(made.stage, seconds, run.tell, doubt_s=DOUBT_S)):
        made.problems.append(f"not everything ended within {seconds:g} s")
    return acknowledged


def _guarded(trouble: MakeTrouble | None, made: Trouble) -> None:
    try:
        if trouble:
            trouble(made)
    except Exception as error:  # noqa: BLE001 - a thread's mishap must not pass for success
        made.problems.append(f"the trouble itself failed: {error!r}")


def gather(
    running: System, acknowledged: Acknowledged, observer: Observer, problems: list[str]
) -> Evidence:
    """All that the oracle needs."""
    stored = Snapshot.read(running.redis, PREFIX)
    jobs = sorted(stored.jobs.values(), key=lambda job: (job.spec.created_at, job.id))
    observer.compare({job.id: job for job in jobs})
    capacity, now = running.services.orchestrator.dispatch.capacity, time.time()
    wrong = stored.disagreements(lambda job: capacity(job.account, now).price(lane_of(job).sort))
    return Evidence(
        acknowledged=acknowledged.ids,
        jobs=jobs,
        payments=oracle.read_ledger(running.ledger_lines(), running.services.tokens),
        leftovers=stored.leftovers(),
        seen=[*problems, *acknowledged.refused, *observer.problems, *leaks(running), *wrong],
    )


def _note(made: int, injected: dict[str, int]) -> str:
    named = [f"{number} {name.replace('_', ' ')}" for name, number in sorted(injected.items())]
    return ", ".join([*([f"{made} by the scenario"] if made else []), *named])
