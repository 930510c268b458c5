"""SHELL. How a batch stands: how far it is, what it cost, and what it waits for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from worker.adapters.store import Batch, Filter
from worker.adapters.store.store import Store
from worker.domain.account.billing import Standing
from worker.domain.job import JSON, Job, Status
from worker.domain.money import Amount
from worker.services.orchestrator import Orchestrator
from worker.services.reports.overview import Purse
from worker.services.reports.waits import Waiting, waiting


class State(StrEnum):
    """Whether there is still something to do."""

    RUNNING = "running"
    PAUSED = "paused"  #: no job of it starts
    FINISHED = "finished"  #: all of its jobs are over; a retry, or further rows, start it again


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One batch as it is now."""

    batch: Batch
    state: State
    purse: Purse
    estimated: Amount = 0  #: for its queued jobs; their follow-ups are not counted
    bad_rows: tuple[JSON, ...] = ()  #: the first of them

    @property
    def total(self) -> int:
        """Jobs so far."""
        return sum(self.batch.counts.values())

    @property
    def over(self) -> int:
        """Jobs that are over."""
        return sum(self.count(status) for status in Status if status.terminal)

    @property
    def planned(self) -> int:
        """Jobs in the end, follow-ups included, as far as can be told."""
        if self.state is State.FINISHED:
            return self.total
        return max(self.total, self.batch.rows * self.batch.planned)

    @property
    def failed(self) -> int:
        """Jobs that a retry would try again."""
        return self.count(Status.FAILED) + self.count(Status.TIMED_OUT)

    @property
    def errors(self) -> Mapping[str, int]:
        """Why those failed that did, by code; that some were given up on request is no failure."""
        return {code: n for code, n in self.batch.errors.items() if code != "cancelled"}

    def count(self, status: Status) -> int:
        """Its jobs of this status."""
        return self.batch.counts.get(status.value, 0)


def report(store: Store, batch: Batch, *, bad_rows: int = 0) -> BatchReport:
    """How the batch stands, with so many of its bad rows."""
    [found] = reports(store, [batch])
    shown = store.batches.bad_rows(batch.id, bad_rows) if bad_rows else []
    return replace(found, bad_rows=tuple(shown))


def reports(store: Store, batches: Iterable[Batch]) -> list[BatchReport]:
    """The same of several, without their bad rows."""
    batches, paused = list(batches), store.queue.paused()
    sums = store.accounts.money([f"batch:{batch.id}" for batch in batches])
    return [
        BatchReport(
            batch,
            _state(batch, paused=f"batch:{batch.id}" in paused),
            Purse(
                f"batch:{batch.id}",
                batch.budget,
                spent=money.get(Standing.SPENT, 0),
                reserved=money.get(Standing.RESERVED, 0),
                refunded=money.get(Standing.REFUNDED, 0),
            ),
            estimated=money.get(Standing.ESTIMATED, 0),
        )
        for batch, money in zip(batches, sums, strict=True)
    ]


def why_waiting(orchestrator: Orchestrator, found: BatchReport) -> Waiting | None:
    """Why none of its jobs runs although some are queued; told of one of them."""
    queued = found.count(Status.QUEUED)
    if not queued or queued + found.over < found.total:
        return None
    job = _a_queued_job(orchestrator.store, found.batch)
    return waiting(orchestrator, job) if job else None


def _a_queued_job(store: Store, batch: Batch) -> Job | None:
    page = store.jobs.page(Filter(status=Status.QUEUED, batch_id=batch.id), 1)
    return page.jobs[0] if page.jobs else None


def _state(batch: Batch, *, paused: bool) -> State:
    if all(Status(name).terminal for name in batch.counts):
        return State.FINISHED
    return State.PAUSED if paused else State.RUNNING
