"""One job at a time, where a worker takes all that it may."""

from worker.adapters.store.store import Store
from worker.domain.account.capacity import Capacity
from worker.domain.job import Job
from worker.services.submit import Submitter


def next_ready(store: Store, capacity: Capacity, now: float) -> Job | None:
    """The job that the account should start next."""
    return next(iter(store.queue.next_ready(capacity, now, 1)), None)


def start_next(submitter: Submitter, account: str) -> bool:
    """Submit the account's next job. False when there is none, or no free slot."""
    more = True
    while more:
        taken, more = submitter.take(account, 1)
        for each in taken:
            submitter.submit(each)
            return True
    return False
