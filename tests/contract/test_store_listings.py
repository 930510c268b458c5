"""What the store promises of listings of jobs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.jobs import NOW, a_job, capacity, changed
from tests.support.stores import OwnStore
from worker.adapters.store import Filter, listings
from worker.adapters.store.base import _source
from worker.adapters.store.places import FORMAT, MOST_LABELS, place_of
from worker.domain.errors import InvalidRequest
from worker.domain.job import Attempt, Job, Status
from worker.domain.job_spec import Kind

TWICE = (Attempt(1, NOW, None, NOW, "t1", extra=True), Attempt(2, NOW, None, NOW, "t2"))

#: A filter, and which jobs it is meant to let through.
FILTERS: dict[str, tuple[Filter, Callable[[Job], bool]]] = {
    "all": (Filter(), lambda job: True),
    "status": (Filter(status=Status.QUEUED), lambda job: job.status is Status.QUEUED),
    "kind": (Filter(kind=Kind.BLEND), lambda job: job.kind is Kind.BLEND),
    "account": (Filter(account="other"), lambda job: job.account == "other"),
    "batch": (Filter(batch_id="b1"), lambda job: job.spec.batch_id == "b1"),
    "tenant": (Filter(tenant="acme"), lambda job: job.options.tenant == "acme"),
    "metadata": (Filter(metadata=(("n", "4"),)), lambda job: job.metadata["n"] == 4),
    "text": (Filter(text='"Nº 1'), lambda job: '"nº 1' in job.request["prompt"]),
    "roots": (Filter(roots=True), lambda job: job.spec.parent_id is None),
    "double_payments": (Filter(double_payments=True), lambda job: bool(job.double_payments)),
    "several": (
        Filter(kind=Kind.IMAGINE, account="other", metadata=(("n", "4"),)),
        lambda job: (job.kind, job.account, job.metadata["n"]) == (Kind.IMAGINE, "other", 4),
    ),
}


def some_jobs(count: int = 36) -> list[Job]:
    """Of every sort, three of each at one time."""
    parent = a_job(created_at=NOW - 1, metadata={"n": 0})
    more: list[dict[str, Any]] = [{}, {"parent_id": parent.id, "pipeline_id": parent.id}]
    return [parent] + [
        a_job(
            created_at=NOW + n // 3,
            kind=(Kind.IMAGINE, Kind.BLEND)[n % 2],
            account=("default", "other", "")[n % 3],
            batch_id=("b1", "b2", None, None)[n % 4],
            tenant=("", "acme")[n % 2],
            metadata={"n": n % 6},
            request={"prompt": f'the "nº {n}" of them'},
            attempts=TWICE if n % 5 == 0 else (),
            **more[n % 7 == 0],
        )
        for n in range(count)
    ]


def put(store: OwnStore, *jobs: Job) -> None:
    for job in jobs:
        store.jobs.commit(job, capacity=capacity(99, job.account))


def listed(store: OwnStore, wanted: Filter, limit: int = 4, **more: Any) -> list[str]:
    """The ids of all pages."""
    seen: list[str] = []
    cursor = None
    while True:
        page = store.jobs.page(wanted, limit, cursor, **more)
        assert len(page.jobs) <= limit
        seen += (job.id for job in page.jobs)
        if (cursor := page.cursor) is None:
            return seen


def newest_first(jobs: list[Job], fits: Callable[[Job], bool]) -> list[str]:
    order = sorted(jobs, key=lambda job: (job.spec.created_at, job.id), reverse=True)
    return [job.id for job in order if fits(job)]


def bring_up_to_date(store: OwnStore, count: int = 500) -> int:
    steps = 0
    while store.jobs.list_stored(count):
        steps += 1
    return steps


def forget(store: OwnStore, job: Job) -> None:
    put(store, replace(store.jobs.get(job.id) or job, status=Status.FAILED))
    assert store.jobs.forget(store.jobs.get_many([job.id]), NOW, NOW)


def forget_indexes(store: OwnStore) -> None:
    """As an older version left it."""
    for family in ("listings", "kind_jobs:*", "account_jobs:*", "batch_jobs:*", "label_jobs:*"):
        for key in store.client.scan_iter(f"{store.prefix}{family}"):
            store.client.delete(key)


@pytest.mark.parametrize("complete", [True, False], ids=["indexed", "not yet"])
@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_is_complete_over_pages_newest_first(
    store: OwnStore, name: str, complete: bool
) -> None:
    jobs, (wanted, fits) = some_jobs(), FILTERS[name]
    put(store, *jobs)
    if complete:
        bring_up_to_date(store)
    assert newest_first(jobs, fits), "some are found"
    assert listed(store, wanted) == newest_first(jobs, fits)


def test_a_tenant_finds_its_own_with_every_filter(store: OwnStore) -> None:
    jobs = some_jobs()
    put(store, *jobs)
    bring_up_to_date(store)
    for wanted, fits in FILTERS.values():
        own = [job for job in jobs if job.options.tenant == "acme"]
        assert listed(store, wanted, tenant="acme") == newest_first(own, fits)
    assert listed(store, Filter(tenant="globex"), tenant="acme") == []


def test_what_others_have_moves_no_cursor_of_a_tenant(store: OwnStore) -> None:
    """Nor does it make the page short: it would tell that they have such jobs."""
    same = {"metadata": {"customer": "4711"}, "request": {"prompt": "a cat"}}
    mine = a_job(created_at=NOW, tenant="acme", **same)
    put(store, mine, *(a_job(created_at=NOW + n, tenant="globex", **same) for n in range(1, 9)))
    bring_up_to_date(store)
    for wanted in (Filter(metadata=(("customer", "4711"),)), Filter(text="cat")):
        page = store.jobs.page(wanted, 1, tenant="acme")
        assert ([job.id for job in page.jobs], page.cursor) == ([mine.id], None)


@pytest.mark.parametrize("name", ["status", "kind", "account", "batch", "tenant", "metadata"])
def test_a_page_looks_at_no_more_than_it_shows(
    store: OwnStore, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    put(store, *some_jobs(120))
    bring_up_to_date(store)
    monkeypatch.setattr(listings, "MOST_LOOKED_AT", 5)
    assert len(store.jobs.page(FILTERS[name][0], 5).jobs) == 5


def test_a_search_looks_back_so_far_and_goes_on_there(
    store: OwnStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "MOST_LOOKED_AT", 10)
    put(store, oldest := a_job(created_at=NOW - 1, request={"prompt": "a red door"}))
    put(store, *(a_job(created_at=NOW + n) for n in range(25)))
    pages, cursor = [], None
    for _ in range(3):
        page = store.jobs.page(Filter(text="RED DOOR"), 5, cursor)
        pages.append([job.id for job in page.jobs])
        cursor = page.cursor
    assert (pages, cursor) == ([[], [], [oldest.id]], None)


def test_a_listing_goes_on_though_the_last_job_of_a_page_is_gone(store: OwnStore) -> None:
    jobs = [a_job(created_at=NOW) for _ in range(5)]
    put(store, *jobs)
    order = newest_first(jobs, lambda _: True)
    page = store.jobs.page(Filter(), 2)
    last = page.jobs[-1]
    forget(store, last)
    assert [job.id for job in store.jobs.page(Filter(), 9, page.cursor).jobs] == order[2:]


def test_a_job_is_listed_with_the_account_that_has_it(store: OwnStore) -> None:
    put(store, job := a_job(account=""))
    bring_up_to_date(store)
    for account, status in (("a", Status.SUBMITTING), ("", Status.QUEUED), ("b", Status.FAILED)):
        job = replace(store.jobs.get(job.id) or job, account=account, status=status)
        store.jobs.commit(job, capacity=capacity(3, account or "a"))
        assert {n for n in "ab" if listed(store, Filter(account=n))} == {account} - {""}
    assert store.snapshot().disagreements(lambda _: 0) == []


def test_what_an_older_version_stored_is_indexed_in_steps(store: OwnStore) -> None:
    jobs = some_jobs(20)
    put(store, *jobs)
    forget_indexes(store)
    assert store.jobs.list_stored(8)
    put(store, new := a_job(created_at=NOW + 99, kind=Kind.BLEND, metadata={"n": 4}))
    for name in ("kind", "account", "batch"):
        wanted, fits = FILTERS[name]
        assert listed(store, wanted) == newest_first([*jobs, new], fits), "complete all the while"
    assert bring_up_to_date(store, 8) == 2
    assert listed(store, FILTERS["metadata"][0]) == newest_first(
        [*jobs, new], FILTERS["metadata"][1]
    )
    assert store.snapshot().disagreements(lambda _: 0) == []
    assert not store.jobs.list_stored(8)


def as_an_older_version(store: OwnStore, *jobs: Job) -> None:
    """Written without the indexes behind listings, by a process beside ours."""
    for job in jobs:
        put(store, job)
        key, text = f"{store.prefix}job:{job.id}", place_of(job).as_json
        store.client.hset(key, "place", text.removesuffix(f",{FORMAT}]") + "]")
        for family in ("kind_jobs:*", "account_jobs:*", "batch_jobs:*", "label_jobs:*"):
            for index in store.client.scan_iter(f"{store.prefix}{family}"):
                store.client.zrem(index, job.id)


def test_what_an_older_version_writes_beside_ours_is_indexed_on_the_next_round(
    store: OwnStore,
) -> None:
    jobs = some_jobs(20)
    put(store, *jobs[:10])
    bring_up_to_date(store)
    as_an_older_version(store, *jobs[10:])
    # Ours goes on with one of them: it is not listed yet, and still to be.
    store.jobs.commit(store.jobs.get(jobs[10].id) or jobs[10], capacity=capacity(3, "a"))

    mended: list[tuple[bool, int]] = []
    while not mended or not mended[-1][0]:
        mended.append(store.jobs.relist(8))
    assert sum(number for _, number in mended) == len(jobs) - 10
    assert store.snapshot().disagreements(lambda _: 0) == []
    for wanted, fits in FILTERS.values():
        assert listed(store, wanted) == newest_first(jobs, fits)
    assert store.jobs.relist(99) == (False, 0)


def test_the_scripts_and_the_records_have_one_format() -> None:
    assert f"local FORMAT = {FORMAT}\n" in _source("list_stored")


def test_indexing_survives_that_its_last_job_is_gone(store: OwnStore) -> None:
    jobs = [a_job(created_at=NOW + n) for n in range(6)]
    put(store, *jobs)
    forget_indexes(store)
    assert store.jobs.list_stored(3)
    forget(store, jobs[2])
    bring_up_to_date(store, 3)
    assert store.snapshot().disagreements(lambda _: 0) == []


def test_metadata_is_found_as_text_and_only_what_is_short(store: OwnStore) -> None:
    many = {f"k{n}": n for n in range(MOST_LABELS + 1)}
    put(store, texts := a_job(metadata={"a": True, "b": 1.5, "c": "é", "d": [1], "e": "x" * 201}))
    put(store, numbered := changed(a_job(), metadata=many))
    found = {"a": "true", "b": "1.5", "c": "é", "d": "[1]", "e": "x" * 201}
    where = {name: listed(store, Filter(metadata=((name, text),))) for name, text in found.items()}
    assert [name for name, ids in where.items() if ids == [texts.id]] == ["a", "b", "c"]
    last = f"k{MOST_LABELS}"
    assert listed(store, Filter(metadata=(("k0", "0"), ("k1", "1")))) == [numbered.id]
    assert listed(store, Filter(metadata=((last, str(MOST_LABELS)),))) == []


def test_what_retention_removes_is_in_no_index(store: OwnStore) -> None:
    job = a_job(batch_id="b1", tenant="acme", metadata={"n": 1})
    put(store, job)
    forget(store, job)
    families = {key.partition(":")[0] for key in store.snapshot().keys}
    assert not {each for each in families if each.endswith("_jobs")}


def test_a_cursor_must_be_one_of_ours(store: OwnStore) -> None:
    with pytest.raises(InvalidRequest):
        store.jobs.page(Filter(), 5, "junk")
