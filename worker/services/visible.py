"""SHELL. What a caller may see: the one place through which everything is looked up that a caller
names or lists. What belongs to another tenant is answered as if it did not exist.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from worker.adapters.store import Batch, Filter, NotificationPage, Page, Pipeline
from worker.adapters.store.store import Store
from worker.adapters.store.trees import Tree
from worker.domain.access import OPERATOR, Caller
from worker.domain.errors import Ambiguous, NotFound
from worker.domain.job import Job
from worker.domain.job_ids import LAST, is_beginning, job_id_of
from worker.domain.notifications import DeliveryState, Notification

_ID = re.compile("[0-9a-f]{32}")
#: The jobs among which the beginning of an id is looked for, and read at a time to find the last.
_NEWEST, _CHUNK = 10_000, 100
#: Jobs that are listed if several have the same beginning.
_CANDIDATES = 5


def batch_id_of(name: str, caller: Caller = OPERATOR) -> str:
    """The id of the caller's batch of this name."""
    return job_id_of(*caller.key("batch", name))


class Visible:
    """The store's jobs, batches and deliveries as ``caller`` sees them.

    Listings of a tenant read an index of its own, so neither their cost nor their cursors depend on
    what others have. Every method raises ``StoreUnavailable`` when Redis does not answer.
    """

    def __init__(self, store: Store, caller: Caller = OPERATOR) -> None:
        self.store = store
        self.caller = caller

    def find(self, job_id: str) -> Job | None:
        """The job, or None."""
        job = self.store.jobs.get(job_id)
        return job if job and self.caller.sees(job.options.tenant) else None

    def job(self, job_id: str) -> Job:
        """The job. Raises ``NotFound``."""
        job = self.find(job_id)
        if job is None:
            raise NotFound(f"There is no job {job_id!r}.")
        return job

    def named(self, words: str) -> str:
        """The id of the job that a person names: its id, the beginning of that, or `last`.

        `last` is the newest job that was submitted, not what followed from it. Anything else is
        returned as it is. Raises ``NotFound``, and ``Ambiguous`` with the jobs it may mean.
        """
        if words == LAST:
            return self._last()
        if not is_beginning(words):
            return words
        found = [each for each in self._newest() if each.startswith(words)]
        if not found:
            raise NotFound(
                f"There is no job whose id begins with {words!r} among the newest {_NEWEST:,}."
            )
        if len(found) > 1:
            raise Ambiguous(words, self._in_words(found[:_CANDIDATES]), len(found))
        return found[0]

    def _last(self) -> str:
        for start in range(0, _NEWEST, _CHUNK):
            ids = self.store.jobs.newest(start, _CHUNK, tenant=self.caller.tenant)
            for job in self.store.jobs.get_many(ids):
                if job.spec.parent_id is None:
                    return job.id
            if len(ids) < _CHUNK:
                break
        raise NotFound("There is no job yet.")

    def _newest(self) -> list[str]:
        return self.store.jobs.newest(0, _NEWEST, tenant=self.caller.tenant)

    def _in_words(self, ids: list[str]) -> list[str]:
        jobs = self.store.jobs.get_many(ids)
        return [f"{job.id}  {job.status}  {job.kind}" for job in jobs]

    def of_task(self, account: str, task_id: str) -> Job | None:
        """The job that submitted the provider's task, or None."""
        job_id = self.store.jobs.find_task(account, task_id)
        return self.find(job_id) if job_id else None

    def pipeline(self, pipeline_id: str) -> Pipeline:
        """All jobs of the pipeline. Raises ``NotFound``."""
        found = self.store.jobs.pipeline(pipeline_id)
        jobs = self.caller.seen(found.jobs) if found else ()
        if not jobs:
            raise NotFound(f"There is no pipeline {pipeline_id!r}.")
        return Pipeline(pipeline_id, jobs)

    def trees(self, pipeline_ids: Sequence[str], most: int) -> list[Tree]:
        """Those of the pipelines that there are, each with ``most`` jobs at most."""
        return [
            replace(tree, jobs=jobs)
            for tree in self.store.trees.read(pipeline_ids, most)
            if (jobs := self.caller.seen(tree.jobs))
        ]

    def jobs(self, wanted: Filter, limit: int, cursor: str | None = None) -> Page:
        """A page of jobs, newest first. Raises ``InvalidRequest`` for an invalid cursor."""
        return self.store.jobs.page(wanted, limit, cursor, tenant=self.caller.tenant)

    def batch(self, batch_id: str) -> Batch | None:
        """The batch with this id, or None."""
        found = self.store.batches.get(batch_id)
        return found if found and self.caller.sees(found.tenant) else None

    def batch_named(self, name_or_id: str) -> Batch:
        """The batch with this name or id. Raises ``NotFound``."""
        ids = [batch_id_of(name_or_id, self.caller)]
        if _ID.fullmatch(name_or_id):
            ids.append(name_or_id)
        found = next(filter(None, map(self.batch, ids)), None)
        if found is None:
            raise NotFound(f"There is no batch {name_or_id!r}.")
        return found

    def batches(self, limit: int) -> list[Batch]:
        """The newest batches, newest first."""
        return self.store.batches.newest(limit, tenant=self.caller.tenant)

    def delivery(self, notification_id: str) -> Notification:
        """The notification. Raises ``NotFound``."""
        found = self.store.outbox.get(notification_id)
        if found is None or not self.caller.sees(found.tenant):
            raise NotFound(f"There is no delivery {notification_id!r}.")
        return found

    def deliveries(
        self, state: DeliveryState | None, limit: int, cursor: str | None = None
    ) -> NotificationPage:
        """A page of deliveries, newest first. Raises ``InvalidRequest`` for an invalid cursor."""
        return self.store.outbox.page(state, limit, cursor, tenant=self.caller.tenant)

    def owns_input(self, ref: str) -> bool:
        """Whether the caller may name the stored picture: one of the tenant's jobs has it."""
        tenant = self.caller.tenant
        return tenant is None or self.store.blobs.held_by(tenant, ref)
