"""Jobs put straight into the store, as they are after their submission, and callbacks for them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import md5, sha256
from time import time
from typing import Any
from uuid import UUID, uuid4

from tests.bench.load import post
from tests.support.jobs import capacity, changed
from worker.adapters.provider.snapshots import read_task
from worker.bootstrap import HOOK_PATH, Services
from worker.domain.assets.naming import DEFAULT, Names
from worker.domain.events import AssetsSettled, Event, Observed, Policy, Posting, Replied, Started
from worker.domain.job import Job
from worker.domain.job_spec import JSON, JobSpec, Kind
from worker.domain.lifecycle import transition
from worker.domain.provider_reports import Outcome, Verdict
from worker.domain.result import AssetsStatus, StoredFile
from worker.sandbox.dialects import dialect_named
from worker.sandbox.dialects.trueai import button_objects
from worker.sandbox.models import IN_PROGRESS, SUBMITTED, SUCCESS, Button, Order, Task

_PROMPT = "a lighthouse on a cliff at dusk, long exposure, volumetric light --ar 3:2 --v 7"

#: What a provider says of one imagine, as (status, progress): most of it twice.
STORY = (
    (SUBMITTED, "0%"),
    (IN_PROGRESS, "15%"),
    (IN_PROGRESS, "15%"),
    (IN_PROGRESS, "38%"),
    (IN_PROGRESS, "38%"),
    (IN_PROGRESS, "62%"),
    (IN_PROGRESS, "62%"),
    (IN_PROGRESS, "93%"),
    (IN_PROGRESS, "93%"),
    (SUCCESS, "100%"),
)


class Seeds:
    """Makes jobs for one set of services, and the callbacks of the provider at ``provider_url``."""

    def __init__(self, services: Services, provider_url: str) -> None:
        self.services = services
        self._provider_url = provider_url

    def submitted(self, then: Sequence[JSON] = ()) -> Job:
        """A stored imagine that the provider has accepted; nobody need look at it for an hour."""
        job = _after(new_job(then), Started("default"), Posting(1), Replied(1, _accepted()))
        return self._store(replace(job, due_at=time() + 3600))

    def queued(self) -> Job:
        """A stored imagine that waits for a slot."""
        return self._store(new_job(()))

    def finished(self, **fields: Any) -> Job:
        """A stored imagine that has succeeded and whose picture is in our storage; ``fields``: what
        its callers gave.
        """
        new = changed(new_job(()), **fields)
        job = _after(new, Started("default"), Posting(1), Replied(1, _accepted()))
        seen = Observed(read_task(self.task(job, SUCCESS, "100%")), attempt=1)
        return self._store(_after(job, seen, stored(job)))

    def callback(self, job: Job, status: str, progress: str) -> bytes:
        """The callback as the provider sends it."""
        return post(self.path(job), json.dumps(self.task(job, status, progress)).encode())

    def path(self, job: Job) -> str:
        """Where the job's callbacks go."""
        return f"{HOOK_PATH}/{self.token(job)}"

    def token(self, job: Job) -> str:
        """What names the job there."""
        return self.services.tokens.for_job(job.id, job.attempt)

    def _store(self, job: Job) -> Job:
        self.services.store.jobs.commit(job, capacity=capacity(1_000_000))
        return replace(job, version=1)

    def task(self, job: Job, status: str, progress: str) -> dict[str, Any]:
        """The provider's whole record, about 2.5 KB and with buttons 4 KB."""
        order = Order(
            kind=job.kind.value,
            action=job.kind.value.upper(),
            shape="grid",
            prompt=_PROMPT,
            final_prompt=_PROMPT,
            description=f"/imagine {_PROMPT}",
            state=self.token(job),
            hook=f"{self._provider_url}{self.path(job)}",
        )
        digest = str(UUID(md5(job.id.encode()).hexdigest()))
        task = Task(
            id=job.task_id or "", number=1, order=order, hash=digest, start_time=1_750_000_000_000
        )
        task.status, task.progress = status, progress
        body = dialect_named("trueai").task(task, self._provider_url)
        if status == SUCCESS:
            body["imageUrl"] = f"{self._provider_url}/{digest}.png"
            body["buttons"] = button_objects(_grid(digest))
        return body


def new_job(then: Sequence[JSON]) -> Job:
    """An imagine with a prompt of its own, stored nowhere yet."""
    job_id = uuid4().hex
    request = {"prompt": f"{_PROMPT} --seed {int(job_id[:7], 16)}"}
    spec = JobSpec(Kind.IMAGINE, request, tuple(then), created_at=time(), pipeline_id=job_id)
    return Job(job_id, spec, account="default")


def _after(job: Job, *events: Event) -> Job:
    for event in events:
        job = transition(job, event, time(), Policy()).job
    return job


def stored(job: Job) -> AssetsSettled:
    """That the picture of a success is in our storage."""
    files = tuple(_files(job))
    return AssetsSettled((files[0].path,), AssetsStatus.STORED, files)


def _files(job: Job) -> Iterator[StoredFile]:
    """A grid with its four tiles and its thumbnail: the most that one picture gives."""
    names = Names(DEFAULT, job, job)
    digest = sha256(job.id.encode()).hexdigest()
    yield StoredFile(names.file(0, "png"), "image/png", 7_340_032, digest, 2048, 2048, "picture")
    for tile in range(1, 5):
        path = names.tile(0, tile, "png")
        yield StoredFile(path, "image/png", 1_835_008, digest, 1024, 1024, "tile")
    yield StoredFile(names.thumbnail(0), "image/webp", 30_720, digest, 512, 512, "thumbnail")


def _accepted() -> Verdict:
    return Verdict(Outcome.ACCEPTED, task_id=str(uuid4().int)[:16])


def _grid(digest: str) -> tuple[Button, ...]:
    """The buttons under four pictures."""
    rows = [
        Button(f"MJ::JOB::{verb}::{n}::{digest}", f"{letter}{n}")
        for letter, verb in (("U", "upsample"), ("V", "variation"))
        for n in range(1, 5)
    ]
    return (*rows, Button(f"MJ::JOB::reroll::0::{digest}::SOLO", "", "🔄"))
