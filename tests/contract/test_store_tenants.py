"""What the store promises of tenants: their own indexes, as long as what is in them is there."""

from dataclasses import replace

from tests.support.jobs import NOW, a_job, capacity
from tests.support.stores import OwnStore
from worker.adapters.store import Batch, Filter
from worker.domain.job import Job, Status
from worker.domain.job_spec import Notify
from worker.domain.notifications import DeliveryState, announce, delivered

PICTURE = f"blob:{'a' * 64}.png"
HOOK = Notify(("job.failed", "batch.finished"), url="https://app.example/hook")


def put(store: OwnStore, tenant: str = "acme", **fields: object) -> Job:
    job = a_job(tenant=tenant, **fields)
    store.jobs.commit(job, capacity=capacity(9))
    return stored(store, job)


def stored(store: OwnStore, job: Job) -> Job:
    [found] = store.jobs.get_many([job.id])
    return found


def end(store: OwnStore, job: Job) -> Job:
    changed, outbox = announce(job, replace(job, status=Status.FAILED), job.options.notify, NOW)
    store.jobs.commit(changed, capacity=capacity(9), outbox=outbox, now=NOW)
    return stored(store, job)


def listed(store: OwnStore, tenant: str, **wanted: object) -> list[str]:
    found = store.jobs.page(Filter(**wanted), 9, tenant=tenant)  # type: ignore[arg-type]
    return [job.id for job in found.jobs]


def test_a_tenants_jobs_are_listed_with_every_filter(store: OwnStore) -> None:
    first, second = put(store, created_at=NOW), put(store, created_at=NOW + 1)
    put(store, "globex")
    put(store, "")
    end(store, first)
    assert listed(store, "acme") == [second.id, first.id]
    assert listed(store, "acme", status=Status.FAILED) == [first.id]
    assert listed(store, "acme", account="other") == []
    assert listed(store, "acme", double_payments=True) == []
    assert listed(store, "") == []


def test_a_picture_is_a_tenants_while_one_of_its_jobs_has_it(store: OwnStore) -> None:
    mine = put(store, request={"prompt": "a cat", "images": [PICTURE]})
    again = put(store, request={"prompt": "a dog", "images": [PICTURE]})
    put(store, "globex", request={"prompt": "a cat"})
    assert store.blobs.held_by("acme", PICTURE)
    assert not store.blobs.held_by("globex", PICTURE)
    for job in (mine, again):
        assert store.blobs.held_by("acme", PICTURE)
        assert store.jobs.forget((end(store, job),), NOW, NOW)
    assert not store.blobs.held_by("acme", PICTURE)


def test_what_is_forgotten_is_in_no_index_of_its_tenant(store: OwnStore) -> None:
    store.batches.open(Batch("b1", "cats", NOW, notify=HOOK, tenant="acme"))
    store.batches.open(Batch("b2", "dogs", NOW))
    assert [batch.id for batch in store.batches.newest(9, tenant="acme")] == ["b1"]
    assert store.batches.newest(9, tenant="globex") == []
    job = end(store, put(store, batch_id="b1", notify=HOOK))
    store.batches.close("b1", NOW)
    page = store.outbox.page(None, 9, tenant="acme")
    assert {one.topic for one in page.notifications} == {"job.failed", "batch.finished"}
    assert {one.tenant for one in page.notifications} == {"acme"}
    while due := store.outbox.claim(NOW, 9, 60):
        for one in due:
            store.outbox.settle(delivered(one, NOW, "200"), NOW)
    assert store.outbox.page(DeliveryState.WAITING, 9, tenant="acme").notifications == ()
    assert len(store.outbox.page(DeliveryState.DELIVERED, 1, tenant="acme").notifications) == 1
    assert store.jobs.forget((job,), NOW, NOW)
    store.outbox.forget(NOW + 1, 9)
    assert [key for key in store.snapshot().keys if key.startswith("tenant_")] == []
