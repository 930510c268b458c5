"""SHELL. The state of a batch: its progress, its cost, and what it waits for."""

from collections.abc import Iterable, Mapping

from worker.adapters.store import Batch, Filter
from worker.adapters.store.store import Store
from worker.domain.account.billing import Standing
from worker.domain.batch.progress import MOST_SHOWN
from worker.domain.job import Status
from worker.services.orchestrator import Orchestrator
from worker.services.reports import answers
from worker.services.reports.answers.base import counted
from worker.services.reports.answers.batches import BatchCost
from worker.services.reports.answers.waiting import Waiting
from worker.services.reports.waits import waiting


def report(store: Store, batch: Batch) -> answers.Batch:
    """The state of the batch, with the first of its bad rows."""
    [listed] = reports(store, [batch])
    return answers.Batch(**dict(listed), bad_rows=store.batches.bad_rows(batch.id, MOST_SHOWN))


def reports(store: Store, batches: Iterable[Batch]) -> list[answers.ListedBatch]:
    """The state of each batch."""
    batches, paused = list(batches), store.queue.paused()
    sums = store.accounts.money([f"batch:{batch.id}" for batch in batches])
    return [
        _listed(batch, money, paused=f"batch:{batch.id}" in paused)
        for batch, money in zip(batches, sums, strict=True)
    ]


#: Statuses in which a job may wait for a person.
HELD = (Status.AWAITING_MODAL, Status.IN_DOUBT, Status.OVERDUE)


def why_waiting(orchestrator: Orchestrator, found: answers.ListedBatch) -> Waiting | None:
    """Why none of its jobs runs although some are queued: the reason of one of them."""
    queued = found.count(Status.QUEUED)
    if not queued or queued + found.over + sum(map(found.count, HELD)) < found.total:
        return None
    page = orchestrator.store.jobs.page(Filter(status=Status.QUEUED, batch_id=found.id), 1)
    return waiting(orchestrator, page.jobs[0]) if page.jobs else None


def _listed(batch: Batch, money: Mapping[str, int], *, paused: bool) -> answers.ListedBatch:
    finished = all(Status(name).terminal for name in batch.counts)
    total = sum(batch.counts.values())
    return answers.ListedBatch(
        id=batch.id,
        name=batch.name,
        created_at=batch.created_at,
        status="finished" if finished else "paused" if paused else "running",
        rows=batch.rows,
        bad=batch.bad,
        counts=counted(batch.counts),
        # A job that was cancelled on request did not fail.
        errors={code: n for code, n in batch.errors.items() if code != "cancelled"},
        planned=total if finished else max(total, batch.rows * batch.planned),
        tenant=batch.tenant,
        cost=BatchCost(
            budget=batch.budget,
            spent=money.get(Standing.SPENT, 0),
            reserved=money.get(Standing.RESERVED, 0),
            refunded=money.get(Standing.REFUNDED, 0),
            estimated=money.get(Standing.ESTIMATED, 0),
        ),
    )
