"""F18: a single job beside a long batch."""

import json
import time
from collections.abc import Sequence
from itertools import takewhile

from tests.chaos import places
from tests.chaos.batching import BatchLoad
from tests.chaos.indexes import counts
from tests.chaos.oracle import Rules
from tests.chaos.providers import Provider
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup, Stage
from tests.chaos.trial import Findings, Trouble, trial
from worker.domain.job import Job, Status
from worker.entrypoints.cli.http import call

ACCOUNT = Provider("only", 5)
_NAME_OF_TENANT = "single"
_START_S = 30.0


def beside(run: Run) -> Row:
    """One caller's job starts within one slot's turn, however much another one handed in."""
    size, times = run.pick((200, 2), (5000, 20))
    passed: list[int] = []

    def drop_in(trouble: Trouble) -> None:
        stage = trouble.stage
        stage.wait_for(lambda: _stored(stage) == size, "the batch", 300)
        stage.wait_for(lambda: len(stage.ledger_lines()) > ACCOUNT.places, "its first jobs")
        for number in range(times):
            trouble.pause(0.2, 1.0)
            passed.append(_drop_in(trouble, f"{run.seed}-{number}"))
        _cancel(stage, f"{run.seed}")

    def look(_stage: Stage, _jobs: Sequence[Job]) -> Findings:
        told = f"{len(passed)} single jobs beside {size:,}: {max(passed, default=0)} jobs of the"
        wrong = () if len(passed) == times else (f"only {len(passed)} single jobs started",)
        return Findings(wrong, f"{told} batch were accepted before one of them, at most")

    return trial(
        run,
        Setup(providers=(ACCOUNT,), sandbox=("--task-seconds", "0.5-1.5")),
        BatchLoad(size, defaults={"tenant": "many"}),
        drop_in,
        Rules(errors=frozenset({"cancelled"})),
        look=look,
        seconds=run.pick(120, 600),
    )


def _stored(stage: Stage) -> int:
    return sum(counts(stage.redis).by_status.values())


def _drop_in(trouble: Trouble, name: str) -> int:
    """How many jobs were accepted after this one was handed in, and before it was."""
    stage = trouble.stage
    body = {"kind": "imagine", "prompt": f"a single gull, {name}", "tenant": _NAME_OF_TENANT}
    status, answer = call("POST", f"{stage.web_url}/v1/jobs", body, token=stage.api_token)
    stored_at = time.time()
    if status != 202:
        trouble.problems.append(f"the single job was answered {status}")
        return 0
    job_id = answer["id"]
    stage.wait_for(lambda: _job(stage, job_id).task_id, "the single job's start", _START_S)
    job = _job(stage, job_id)
    between = _accepted_between(stage, job)
    # What was claimed while the job was on its way into the store could not know of it.
    passed = [other for other in between if stored_at < _claimed(other) < _claimed(job)]
    if len(passed) > 1 or len(between) > ACCOUNT.places + 1:
        trouble.problems.append(
            f"{job_id}: {len(passed)} jobs were claimed, {len(between)} accepted before it"
        )
    return len(between)


def _accepted_between(stage: Stage, job: Job) -> list[Job]:
    """The jobs that were accepted after ``job`` was made and before it was itself."""
    entries = map(json.loads, stage.ledger_lines())
    taken = places.stays(entries, stage.services.tokens)
    before = takewhile(lambda stay: stay.job_id != job.id, taken)
    ids = [stay.job_id for stay in before if stay.began > job.spec.created_at]
    return stage.services.store.jobs.get_many(ids)


def _job(stage: Stage, job_id: str) -> Job:
    return stage.services.orchestrator.job(job_id)


def _claimed(job: Job) -> float:
    return job.attempts[-1].started_at


def _cancel(stage: Stage, name: str) -> None:
    """Give the batch up, nothing of which is on its way to the provider then."""
    services = stage.services
    batch = services.batches.find(name)
    services.store.queue.pause(f"batch:{batch.id}")
    stage.wait_for(lambda: not counts(stage.redis).by_status[Status.SUBMITTING], "the last POST")
    for _ in services.batches.cancel(services.batches.find(name)):
        pass
    services.store.queue.resume(f"batch:{batch.id}")


SCENARIOS = (Scenario("F18", "one job beside a batch", beside),)
