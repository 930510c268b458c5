"""F20: callers are told, by workers that die, at a receiver that does all but take it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.chaos.load import FOLLOW_UPS, Load
from tests.chaos.node import verified_by_node
from tests.chaos.oracle import Rules
from tests.chaos.receiver import GONE, TAKEN, Receiver, Told, receiving
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import MAX_RUNNING, Setup, Stage
from tests.chaos.system import SECRETS
from tests.chaos.trial import Findings, Trouble, trial
from tests.support.processes import hookline
from worker.domain.job import Job, Status
from worker.domain.notifications import DeliveryState

#: The newest signs first; a receiver may still know the one before only.
_NEW = "whsec_" + "bmV3LXNl" * 6
_OLD = "whsec_" + "b2xkLXNl" * 6
_TOPICS = ("job.succeeded", "job.failed", "pipeline.finished")
#: Every so many pipelines are told where all is refused for good.
_GONE_EVERY = 5
_SHOWN = 3


def told(run: Run) -> Row:
    """Each event comes, in its pipeline's order, under one id, and signed."""
    most = run.pick(3, 40)

    def kill(trouble: Trouble) -> None:
        while trouble.faults < most and trouble.pause(*run.pick((0.3, 0.8), (2.0, 5.0))):
            trouble.faults += trouble.stage.kill(trouble.rng.choice(trouble.stage.workers))

    with receiving(run.rng, _OLD) as receiver:

        def notify(number: int) -> Mapping[str, Any]:
            path = GONE if number % _GONE_EVERY == 0 else "/hook"
            return {"notify": {"url": receiver.url(path), "on": list(_TOPICS)}}

        def look(stage: Stage, jobs: Sequence[Job]) -> Findings:
            dead = _let_all_be_told(run, stage, receiver)
            return _compare(run, jobs, receiver.told, dead)

        setup = Setup(
            workers=2,
            worker=("tests.chaos.hasty", "worker", "--supervised"),
            sandbox=("--task-seconds", run.pick("1-2", "0.5-2")),
            settings={"HOOKLINE_NOTIFY_SECRET": f"{_NEW},{_OLD}"},
        )
        return trial(
            run,
            setup,
            Load(run.pick(10, 500), FOLLOW_UPS, fields=notify),
            kill,
            Rules(in_doubt_per_fault=MAX_RUNNING),
            look=look,
            seconds=run.pick(120, 3600),
            at_least=most,
        )


def _let_all_be_told(run: Run, stage: Stage, receiver: Receiver) -> int:
    """Wait for the last try; then the receiver is well again, and the dead letters are replayed.

    How many those were.
    """
    store, seconds = stage.services.store, run.pick(60.0, 900.0)

    def none(state: DeliveryState) -> bool:
        return not store.outbox.page(state, 1).notifications

    # The jobs are over, and what is left to be told must outlive its workers, too.
    for worker in stage.workers:
        stage.kill(worker)
    stage.wait_for(lambda: none(DeliveryState.WAITING), "the last try of all", seconds)
    dead = len(stage.services.deliveries.dead())
    receiver.calm.set()
    env = {
        "HOOKLINE_REDIS_URL": stage.server.url(),
        "HOOKLINE_PROVIDER_URL": next(iter(stage.sandboxes.values())),
        "HOOKLINE_STATE_DIR": str(stage.folder / "state"),
        **SECRETS,
    }
    done = hookline(stage.folder, "deliveries", "replay", "--dead", **env)
    if done.returncode or len(done.stdout.splitlines()) != dead:
        raise RuntimeError(f"the replay of {dead} dead letters: {done.stdout}{done.stderr}")
    stage.wait_for(
        lambda: none(DeliveryState.WAITING) and none(DeliveryState.DEAD), "the replay", seconds
    )
    return dead


def _compare(run: Run, jobs: Sequence[Job], requests: Sequence[Told], dead: int) -> Findings:
    taken = [each for each in requests if each.fate in TAKEN]
    wrong: dict[str, set[Any]] = {
        "were never told": _expected(jobs) - {each.about for each in taken},
        "were told, but did not happen": {each.about for each in requests} - _expected(jobs),
        "have several ids": _with_several_ids(requests),
        "came out of order": set(_out_of_order(jobs, requests)),
        "are not signed by the old secret": {r.id for r in requests if not r.verified},
        "followed a redirect": {r.id for r in requests if r.path not in ("/hook", GONE)},
    }
    node = verified_by_node(run.folder / "node", _NEW, requests)
    wrong["are not signed, says the library for JavaScript"] = set(node.bad)
    problems = [f"{len(those)} {what}: {_some(those)}" for what, those in wrong.items() if those]
    if not dead:
        problems.append("there was no dead letter to be replayed")
    fates = ", ".join(f"{n} {fate}" for fate, n in Counter(r.fate for r in requests).most_common())
    again = len(taken) - len({each.id for each in taken})
    return Findings(
        tuple(problems),
        f"{len(_expected(jobs))} events in {len(requests)} requests ({fates}); {again} came again"
        f" after they were taken, {dead} dead letters replayed; all signatures verified in Python,"
        f" {node.words}",
    )


def _expected(jobs: Sequence[Job]) -> set[tuple[str, str]]:
    """What must have been told; a job that is held in doubt keeps its pipeline open."""
    ends = {
        ("job.succeeded" if job.status is Status.SUCCEEDED else "job.failed", job.id)
        for job in jobs
        if job.status.terminal
    }
    still_open = {job.spec.pipeline_id for job in jobs if not job.status.terminal}
    pipelines = {job.spec.pipeline_id for job in jobs} - still_open
    return ends | {("pipeline.finished", pipeline_id) for pipeline_id in pipelines}


def _with_several_ids(requests: Sequence[Told]) -> set[tuple[str, str]]:
    ids = defaultdict[tuple[str, str], set[str]](set)
    for each in requests:
        ids[each.about].add(each.id)
    return {about for about, found in ids.items() if len(found) > 1}


def _out_of_order(jobs: Sequence[Job], requests: Sequence[Told]) -> Iterator[str]:
    """Pipelines whose events did not first come in the order in which they happened."""
    first = dict[tuple[str, str], float]()
    for each in requests:
        first.setdefault(each.about, each.at)
    never = float("inf")
    for job in jobs:
        end = first.get(("job.succeeded", job.id), never)
        parent = first.get(("job.succeeded", job.spec.parent_id or ""), 0.0)
        last = first.get(("pipeline.finished", job.spec.pipeline_id), never)
        if not parent <= end <= last and job.status is Status.SUCCEEDED:
            yield job.spec.pipeline_id


def _some(those: set[Any]) -> str:
    shown = ", ".join(sorted(map(str, those))[:_SHOWN])
    return shown if len(those) <= _SHOWN else f"{shown}, ..."


SCENARIOS = (Scenario("F20", "receivers that fail, hang, redirect, die", told),)
