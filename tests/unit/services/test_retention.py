from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.drawing import draw
from tests.support.jobs import NOW, a_job, capacity
from tests.support.stores import OwnStore
from worker.adapters.storage.storage import Storage
from worker.domain.errors import PictureError
from worker.domain.job import Job, Status
from worker.domain.job_spec import Notify
from worker.domain.notifications import Notification, Outbox, delivered
from worker.services.retention import BATCH, IDLE_INPUT_S, Retention

DAY = 86_400.0
KEEP = {status: 30 * DAY for status in Status if status.terminal}


class Kept:
    """A store and a storage whose clock is set."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.store = OwnStore()
        self.storage = Storage(f"file://{folder}", lambda ref: self.store.blobs.note(ref, self.now))

    def retention(self, **special: float | None) -> Retention:
        keep = {**KEEP, **{Status(name): seconds for name, seconds in special.items()}}
        return Retention(self.store, self.storage, keep, lambda: self.now)

    def ended(self, status: Status = Status.SUCCEEDED, **fields: object) -> Job:
        job = a_job(**fields)
        self.store.jobs.commit(job, capacity=capacity(9), now=self.now)
        ended = replace(job, version=1, status=status)
        self.store.jobs.commit(ended, capacity=capacity(9), now=self.now)
        return job

    def has(self, job: Job) -> bool:
        return self.store.jobs.get(job.id) is not None


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_a_pipeline_leaves_when_its_time_is_over(kept: Kept) -> None:
    job = kept.ended()
    kept.now += 30 * DAY - 1
    assert kept.retention().tidy() == 0
    kept.now += 1
    assert kept.retention().tidy() == 1
    assert not kept.has(job)
    assert kept.retention().tidy() == 0


def test_how_it_ended_decides_how_long_it_is_kept(kept: Kept) -> None:
    succeeded, failed, cancelled = map(
        kept.ended, (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
    )
    kept.now += 400 * DAY
    assert kept.retention(succeeded=7 * DAY, failed=None, cancelled=500 * DAY).tidy() == 1
    assert not kept.has(succeeded)
    assert kept.has(failed)
    assert kept.has(cancelled)


def test_much_that_is_over_leaves_in_one_go(kept: Kept) -> None:
    for _ in range(BATCH + 5):
        kept.ended()
    kept.now += 31 * DAY
    assert kept.retention().tidy() == BATCH + 5


def test_what_was_told_of_is_kept_as_long_as_the_longest(kept: Kept) -> None:
    hook = Notify(("job.failed",), url="https://app.example/hook")
    made = Notification("m1", "job.failed", "j", "line", hook, NOW, due_at=NOW)
    kept.store.jobs.commit(a_job(), capacity=capacity(9), outbox=Outbox((made,)), now=NOW)
    [one] = kept.store.outbox.claim(NOW, 1, 60)
    kept.store.outbox.settle(delivered(one, NOW, "200"), NOW)
    kept.now += 31 * DAY
    assert kept.retention(failed=None).tidy() == 0
    assert kept.retention(failed=90 * DAY).tidy() == 0
    assert kept.retention().tidy() == 1


def test_a_picture_goes_a_day_after_the_last_job_that_needed_it(kept: Kept) -> None:
    ref = kept.storage.put_input(draw("PNG"), ".png")
    kept.ended(request={"image": ref})
    kept.now += 30 * DAY
    assert kept.retention().tidy() == 1
    assert kept.storage.read_input(ref)
    kept.now += IDLE_INPUT_S
    assert kept.retention().tidy() == 1
    with pytest.raises(PictureError):
        kept.storage.read_input(ref)


def test_a_picture_that_is_handed_in_again_while_it_goes_is_kept(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = kept.storage.put_input(draw("PNG"), ".png")
    kept.now += IDLE_INPUT_S
    remove = kept.storage.remove_input

    def handed_in_meanwhile(gone: str) -> None:
        assert kept.storage.put_input(draw("PNG"), ".png") == gone, "it is there, so not written"
        remove(gone)

    monkeypatch.setattr(kept.storage, "remove_input", handed_in_meanwhile)
    kept.retention().tidy()
    assert kept.storage.read_input(ref) == draw("PNG")


def test_a_picture_that_is_gone_already_is_no_trouble(kept: Kept) -> None:
    kept.store.blobs.note(f"blob:{'0' * 64}.png", NOW)
    kept.now += IDLE_INPUT_S
    assert kept.retention().tidy() == 1
