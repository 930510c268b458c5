"""A finished job's files become our own."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.drawing import draw
from tests.support.jobs import callback, in_status
from tests.support.shell import Shell
from worker import fetching
from worker.assets import GIVE_UP_AFTER_S, Assets
from worker.errors import PictureError
from worker.evidence import TaskStatus
from worker.job import AssetsStatus, Job, Result, Status
from worker.storage import Storage

PICTURE = draw("PNG")


class Web:
    """What the addresses hold; an error is raised."""

    def __init__(self) -> None:
        self.holds: dict[str, bytes | PictureError] = {}
        self.fetched: list[str] = []

    def fetch(self, url: str, **limits: Any) -> bytes:
        self.fetched.append(url)
        held = self.holds[url]
        if isinstance(held, PictureError):
            raise held
        return held


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    web = Web()
    monkeypatch.setattr(fetching, "fetch", web.fetch)
    return web


@pytest.fixture
def shell() -> Shell:
    return Shell()


@pytest.fixture
def assets(shell: Shell, tmp_path: Path) -> Assets:
    return Assets(shell.orchestrator, Storage(f"file://{tmp_path}"))


def finished(shell: Shell, **result: Any) -> Job:
    """A job that has just succeeded with ``result``."""
    job = shell.put(in_status(Status.SUBMITTED))
    told = callback(TaskStatus.SUCCEEDED, result=Result(**result))
    return shell.orchestrator.record(job, told).job


def test_each_file_is_stored_once_under_its_jobs_name(
    shell: Shell, assets: Assets, web: Web, tmp_path: Path
) -> None:
    web.holds = {"https://c/1": PICTURE, "https://c/2": draw("JPEG"), "https://c/v.webm?x=1": b"vv"}
    job = finished(
        shell,
        image_url="https://c/grid",
        image_urls=("https://c/1", "https://c/2", "https://c/1"),
        video_urls=("https://c/v.webm?x=1",),
    )
    assets.store(job.id)
    stored = shell.job(job).result
    assert stored.assets_status is AssetsStatus.STORED
    assert stored.assets == tuple(
        f"{job.id}/{job.id}-{n}{suffix}" for n, suffix in enumerate((".png", ".jpg", ".webm"))
    )
    assert (tmp_path / stored.assets[0]).read_bytes() == PICTURE
    assert web.fetched == ["https://c/1", "https://c/2", "https://c/v.webm?x=1"]
    assert shell.job(job).due_at is None
    assets.store(job.id)
    assert len(web.fetched) == 3, "a second call changes nothing"


def test_a_single_picture_and_an_unnamed_video(shell: Shell, assets: Assets, web: Web) -> None:
    web.holds = {"https://c/grid": PICTURE, "https://c/video": b"vv"}
    job = finished(shell, image_url="https://c/grid", video_urls=("https://c/video",))
    assets.store(job.id)
    assert [Path(p).suffix for p in shell.job(job).result.assets] == [".png", ".mp4"]


def test_what_was_paid_on_an_account_that_is_no_longer_set_is_stored_all_the_same(
    shell: Shell, assets: Assets, web: Web
) -> None:
    web.holds = {"https://c/grid": PICTURE}
    job = finished(shell, image_url="https://c/grid")
    del shell.accounts["default"]
    assets.store(job.id)
    assert shell.job(job).result.assets_status is AssetsStatus.STORED


def test_trouble_that_may_pass_is_tried_again_for_an_hour(
    shell: Shell, assets: Assets, web: Web
) -> None:
    web.holds = {"https://c/grid": PictureError("HTTP 503", retryable=True)}
    job = finished(shell, image_url="https://c/grid")
    assets.store(job.id)
    assert shell.job(job).result.assets_status is AssetsStatus.PENDING
    assert shell.store.claim_due(shell.now + 1, 9, 1) == []
    assert len(shell.store.claim_due(shell.now + 2, 9, 1)) == 1
    shell.now += GIVE_UP_AFTER_S + 1
    assets.store(job.id)
    given_up = shell.job(job)
    assert given_up.result.assets_status is AssetsStatus.FAILED
    assert given_up.status is Status.SUCCEEDED, "the provider did its work"


@pytest.mark.parametrize("held", [PictureError("HTTP 404"), b"<html>not found</html>"])
def test_what_is_no_picture_is_not_tried_again(
    shell: Shell, assets: Assets, web: Web, held: bytes | PictureError
) -> None:
    web.holds = {"https://c/grid": held}
    job = finished(shell, image_url="https://c/grid")
    assets.store(job.id)
    assert shell.job(job).result.assets_status is AssetsStatus.FAILED
    assert shell.job(job).due_at is None
