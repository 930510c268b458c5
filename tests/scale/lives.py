"""Pipelines from their requests to their removal, all of them at the same stage at a time."""

from collections.abc import Sequence
from itertools import count
from time import time

from tests.bench.seeds import Seeds, new_job, stored
from tests.scale.recording import Recorder
from worker.bootstrap import Services
from worker.domain.events import Replied
from worker.domain.job import Job, Status
from worker.domain.provider_reports import Outcome, Verdict
from worker.sandbox.models import IN_PROGRESS, SUBMITTED, SUCCESS
from worker.services.retention import Retention
from worker.services.submit import Taken

#: What is reported of a task in the making; most of it twice, and the second time it says nothing
#: new.
_PROGRESS = (
    (SUBMITTED, "0%", 1), (IN_PROGRESS, "15%", 2), (IN_PROGRESS, "38%", 2),
    (IN_PROGRESS, "62%", 2), (IN_PROGRESS, "93%", 2),
)  # fmt: skip
_FOLLOW_UPS = [{"press": name} for name in ("U1", "U2", "U3", "U4")]
#: Tasks of one pipeline: an imagine and its four follow-ups.
TASKS = 1 + len(_FOLLOW_UPS)
#: Jobs that a worker takes together; under load there are always enough.
_TOGETHER = 8
#: Seconds between two stages: progress is written once a second at most.
_STAGE_S = 2.0
_ACCOUNT = "default"


class Lives:
    """Has the services do what they do for an account's pipelines, and records it."""

    def __init__(self, services: Services, recorder: Recorder) -> None:
        self._services = services
        self._seeds = Seeds(services, "http://127.0.0.1:1")
        self._recorder = recorder
        self._ahead = 0.0
        self._task_ids = count(1_750_000_000_000_000)
        services.orchestrator.clock = self._clock

    def live(self, pipelines: int) -> None:
        """Each stage of so many pipelines is a step of the recording."""
        orchestrator = self._services.orchestrator
        roots = [new_job(_FOLLOW_UPS) for _ in range(pipelines)]
        with self._recorder.step("new job", pipelines):
            for root in roots:
                orchestrator.create(root)
        self._run(pipelines, "end, four follow-ups made")
        self._run(pipelines * (TASKS - 1), "end")
        self._remove(pipelines)

    def _clock(self) -> float:
        return time() + self._ahead

    def _run(self, jobs: int, end: str) -> None:
        """From waiting to stored files."""
        running = self._submitted(jobs)
        for status, progress, times in _PROGRESS:
            self._ahead += _STAGE_S
            for kind in ("progress", "nothing new")[:times]:
                self._called_back(running, kind, status, progress)
        self._ahead += _STAGE_S
        self._called_back(running, end, SUCCESS, "100%")
        orchestrator = self._services.orchestrator
        with self._recorder.step("files stored", jobs):
            for job in running:
                orchestrator.record(orchestrator.job(job.id), stored(job))

    def _submitted(self, jobs: int) -> list[Job]:
        orchestrator, submitter = self._services.orchestrator, self._services.starter.submitter
        taken: list[Taken] = []
        with self._recorder.step("take, with the intent to submit", jobs):
            while len(taken) < jobs:
                found, _ = submitter.take(_ACCOUNT, min(_TOGETHER, jobs - len(taken)))
                if not found:
                    raise RuntimeError(f"only {len(taken)} of {jobs} jobs could be taken")
                taken += found
        replies = [
            Replied(each.job.attempt, Verdict(Outcome.ACCEPTED, task_id=str(next(self._task_ids))))
            for each in taken
        ]
        with self._recorder.step("reply", jobs):
            return [
                orchestrator.record(each.job, reply).job
                for each, reply in zip(taken, replies, strict=True)
            ]

    def _called_back(self, jobs: Sequence[Job], kind: str, status: str, progress: str) -> None:
        seeds, receiver = self._seeds, self._services.receiver
        bodies = [(seeds.token(job), seeds.task(job, status, progress)) for job in jobs]
        with self._recorder.step(kind, len(jobs)):
            for token, body in bodies:
                receiver.receive(token, body)

    def _remove(self, pipelines: int) -> None:
        store, storage = self._services.store, self._services.storage
        tidy = Retention(store, storage, {Status.SUCCEEDED: 0.0}, lambda: self._clock() + 60).tidy
        with self._recorder.step("removal of a pipeline", pipelines):
            tidy()
        if store.jobs.newest(0, 1):
            raise RuntimeError("some jobs were not removed")
