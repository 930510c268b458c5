"""What the store promises of the figures that metrics are made of."""

from concurrent.futures import ThreadPoolExecutor

from tests.support.jobs import a_job, capacity
from tests.support.stores import OwnStore
from worker.adapters.store.jobs import Change
from worker.domain.job import Status


def test_a_job_that_ends_meanwhile_is_in_all_figures_or_in_none(store: OwnStore) -> None:
    def end_many() -> None:
        for number in range(300):
            store.jobs.commit_all([_ended(f"job-{number}")], 0.0)

    with ThreadPoolExecutor(1) as pool:
        ending, seen = pool.submit(end_many), set[int]()
        while not ending.done():
            figures = store.metrics.figures()
            assert figures.counters.get("ended", 0) == figures.jobs[Status.SUCCEEDED]
            seen.add(figures.jobs[Status.SUCCEEDED])
        ending.result()
    assert len(seen) > 1, "no job ended between two looks"


def _ended(job_id: str) -> Change:
    job = a_job(id=job_id, status=Status.SUCCEEDED, due_at=None, task_id=job_id)
    return Change(job, capacity(3), counts={"ended": 1})
