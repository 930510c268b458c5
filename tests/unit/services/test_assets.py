"""A finished job's files become our own."""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO, Any, NamedTuple

import pytest
from PIL import Image

from tests.support.drawing import draw, film, grid, png_of_size
from tests.support.jobs import GRID, a_snapshot, callback, changed, in_status
from tests.support.shell import Shell
from worker.adapters.decoding.decoder import Decoder
from worker.adapters.storage import fetching
from worker.adapters.storage.storage import Storage
from worker.domain.assets.limits import ResultLimits
from worker.domain.errors import (
    Conflict,
    DecoderUnavailable,
    NotFound,
    PictureError,
    ProviderUnavailable,
    ProxyUnavailable,
    ServiceUnavailable,
)
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import TaskStatus
from worker.domain.result import AssetsStatus, Button, Keep, Result
from worker.services.assets import AWAY_GIVE_UP_AFTER_S, GIVE_UP_AFTER_S, LEASE_S, Assets
from worker.services.enqueue import Enqueuer

PICTURE = draw("PNG")

Held = bytes | PictureError | ProxyUnavailable


class Web:
    """What the addresses hold; an error is raised. Of a list, one after the other."""

    def __init__(self) -> None:
        self.holds: dict[str, Held | list[Held]] = {}
        self.fetched: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def fetch_into(self, file: IO[bytes], url: str, **limits: Any) -> None:
        self.fetched.append(url)
        self.meanwhile()
        held = self.holds[url]
        if isinstance(held, list):
            held = held.pop(0)
        if isinstance(held, PictureError | ProxyUnavailable):
            file.write(b"what came before the error")
            raise held
        file.write(held)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    web = Web()
    monkeypatch.setattr(fetching, "fetch_into", web.fetch_into)
    return web


@pytest.fixture
def shell() -> Shell:
    return Shell()


@pytest.fixture
def assets(shell: Shell, tmp_path: Path) -> Assets:
    return Assets(shell.orchestrator, Storage(f"file://{tmp_path}"), shell.providers)


@pytest.fixture
def enqueuer(shell: Shell, tmp_path: Path) -> Enqueuer:
    return Enqueuer(shell.orchestrator, Storage(f"file://{tmp_path}"))


def finished(shell: Shell, keep: Keep | None = None, **result: Any) -> Job:
    """A job that has just succeeded with ``result``."""
    job = shell.put(in_status(Status.SUBMITTED, keep=keep or Keep()))
    told = callback(TaskStatus.SUCCEEDED, result=Result(**result))
    return shell.orchestrator.record(job, told).job


def written(root: Path) -> set[str]:
    """Every file below ``root``."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_each_file_is_stored_once_under_its_jobs_name(
    shell: Shell, assets: Assets, web: Web, tmp_path: Path
) -> None:
    web.holds = {"https://c/1": PICTURE, "https://c/2": draw("JPEG"), "https://c/v?x=1": film()}
    job = finished(
        shell,
        image_url="https://c/grid",
        image_urls=("https://c/1", "https://c/2", "https://c/1"),
        video_urls=("https://c/v?x=1",),
    )
    assets.store(job.id)
    stored = shell.job(job).result
    assert stored.assets_status is AssetsStatus.STORED
    assert stored.assets == tuple(
        f"{job.id}/{job.id}-{n}{suffix}" for n, suffix in enumerate((".png", ".jpg", ".mp4"))
    )
    assert (tmp_path / stored.assets[0]).read_bytes() == PICTURE
    assert web.fetched == ["https://c/1", "https://c/2", "https://c/v?x=1"]
    assert shell.job(job).due_at is None
    assets.store(job.id)
    assert len(web.fetched) == 3, "a second call changes nothing"


def test_each_file_is_told_with_what_it_is(
    shell: Shell, assets: Assets, web: Web, tmp_path: Path
) -> None:
    large = draw("PNG", (1024, 768))
    web.holds = {"https://c/1": large, "https://c/v": film()}
    job = finished(shell, image_urls=("https://c/1",), video_urls=("https://c/v",))
    assets.store(job.id)
    picture, thumbnail, video = shell.job(job).result.files
    stem = f"{job.id}/{job.id}"
    assert (picture.path, picture.of, picture.type) == (f"{stem}-0.png", "picture", "image/png")
    assert (picture.bytes, picture.width, picture.height) == (len(large), 1024, 768)
    assert picture.sha256 == sha256(large).hexdigest()
    assert (thumbnail.path, thumbnail.of) == (f"{stem}-0-thumb.webp", "thumbnail")
    assert (thumbnail.type, thumbnail.width, thumbnail.height) == ("image/webp", 512, 384)
    assert (video.path, video.of, video.type) == (f"{stem}-1.mp4", "video", "video/mp4")
    assert (video.width, video.height) == (None, None)
    for file in (picture, thumbnail, video):
        data = (tmp_path / file.path).read_bytes()
        assert (len(data), sha256(data).hexdigest()) == (file.bytes, file.sha256)
    assert written(tmp_path) == {picture.path, thumbnail.path, video.path, f"{stem}.json"}


def test_a_grid_is_cut_into_its_four_pictures_when_asked(
    shell: Shell, assets: Assets, web: Web, tmp_path: Path
) -> None:
    colours = ("red", "green", "blue", "white")
    web.holds = {"https://c/grid": grid(*colours)}
    job = finished(shell, Keep(tiles=True), image_url="https://c/grid", buttons=GRID)
    assets.store(job.id)
    tiles = [file for file in shell.job(job).result.files if file.of == "tile"]
    assert [Path(tile.path).name for tile in tiles] == [
        f"{job.id}-0-tile{n}.png" for n in range(1, 5)
    ]
    for tile, colour in zip(tiles, colours, strict=True):
        with Image.open(tmp_path / tile.path) as image:
            found = image.convert("RGB").getcolors()
            assert image.size == (tile.width, tile.height) == (8, 6)
        with Image.new("RGB", (8, 6), colour) as wanted:
            assert found == wanted.getcolors()
    assert len(shell.job(job).result.assets) == 1, "tiles are files, not results of their own"


@pytest.mark.parametrize(
    ("keep", "fetched"),
    [
        (Keep("all"), ["https://c/1", "https://c/2", "https://c/v"]),
        (Keep("grid"), ["https://c/grid"]),
    ],
)
def test_only_what_is_wanted_is_stored(
    shell: Shell, assets: Assets, web: Web, keep: Keep, fetched: list[str]
) -> None:
    urls = ("https://c/grid", "https://c/1", "https://c/2")
    web.holds = {**dict.fromkeys(urls, PICTURE), "https://c/v": film()}
    job = finished(
        shell,
        keep,
        image_url="https://c/grid",
        image_urls=("https://c/1", "https://c/2"),
        video_urls=("https://c/v",),
    )
    assets.store(job.id)
    assert web.fetched == fetched


def test_where_nothing_is_wanted_nothing_is_due(shell: Shell, assets: Assets, web: Web) -> None:
    job = finished(shell, Keep("off"), image_url="https://c/grid")
    assert job.result.assets_status is AssetsStatus.NONE
    assert job.due_at is None
    assets.store(job.id)
    assert web.fetched == []


def test_what_was_paid_on_an_account_that_is_no_longer_set_is_stored_all_the_same(
    shell: Shell, assets: Assets, web: Web
) -> None:
    web.holds = {"https://c/grid": PICTURE}
    job = finished(shell, image_url="https://c/grid")
    del shell.accounts["default"]
    assets.store(job.id)
    assert shell.job(job).result.assets_status is AssetsStatus.STORED


def test_the_sidecar_says_where_the_files_come_from(
    shell: Shell, assets: Assets, web: Web, tmp_path: Path
) -> None:
    web.holds = {"https://c/grid": PICTURE, "https://c/u": PICTURE}
    root = finished(shell, image_url="https://c/grid", prompt="a cat --v 7")
    upscale = shell.put(
        in_status(
            Status.SUBMITTED,
            kind=Kind.ACTION,
            parent_id=root.id,
            pipeline_id=root.id,
            request={"job_id": root.id, "button": "U2"},
        )
    )
    told = callback(TaskStatus.SUCCEEDED, result=Result(image_url="https://c/u"))
    upscale = shell.orchestrator.record(upscale, told).job
    assets.store(upscale.id)
    said = json.loads((tmp_path / root.id / f"{upscale.id}.json").read_bytes())
    assert said["lineage"] == [
        {"job": root.id, "does": "imagine"},
        {"job": upscale.id, "does": "U2"},
    ]
    assert said["buttons"] == ["U2"]
    assert (said["job"], said["pipeline"], said["account"]) == (upscale.id, root.id, "default")
    assert said["prompt"] == root.request["prompt"]
    assert said["finished_at"] == "2027-01-15T08:00:00.000Z"
    assert [file["of"] for file in said["files"]] == ["picture", "thumbnail"]
    assert said["files"][0]["sha256"] == sha256(PICTURE).hexdigest()


def test_the_sidecar_is_written_last_and_a_repeat_writes_the_same(
    shell: Shell, assets: Assets, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.holds = {"https://c/grid": PICTURE}
    job = finished(shell, image_url="https://c/grid")
    names: list[str] = []
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        names.append(target.name)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    commit_all = shell.store.jobs.commit_all

    def dies(*_: Any, **__: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(shell.store.jobs, "commit_all", dies)
    with pytest.raises(SystemExit):
        assets.store(job.id)
    assert names == [f"{job.id}-0.png", f"{job.id}-0-thumb.webp", f"{job.id}.json"]
    before = {path: (tmp_path / path).read_bytes() for path in written(tmp_path)}
    monkeypatch.setattr(shell.store.jobs, "commit_all", commit_all)
    assets.store(job.id)
    assert {path: (tmp_path / path).read_bytes() for path in written(tmp_path)} == before
    assert shell.job(job).result.assets_status is AssetsStatus.STORED


def test_trouble_that_may_pass_is_tried_again_for_an_hour(
    shell: Shell, assets: Assets, web: Web
) -> None:
    web.holds = {"https://c/grid": PictureError("HTTP 503", retryable=True)}
    job = finished(shell, image_url="https://c/grid")
    assets.store(job.id)
    assert shell.job(job).result.assets_status is AssetsStatus.PENDING
    assert shell.provider.asked == [], "the link is not to blame"
    assert shell.store.jobs.claim_due(shell.now + 1, 9, 1) == []
    assert len(shell.store.jobs.claim_due(shell.now + 2, 9, 1)) == 1
    shell.now += GIVE_UP_AFTER_S + 1
    assets.store(job.id)
    given_up = shell.job(job)
    assert given_up.result.assets_status is AssetsStatus.FAILED
    assert given_up.status is Status.SUCCEEDED, "the provider did its work"
    assert given_up.due_at is None
    reason = given_up.result.assets_error
    assert reason is not None
    assert (reason.code, reason.message) == ("not_reached", "HTTP 503")


def test_a_storage_that_is_away_is_waited_for_a_day(
    shell: Shell, assets: Assets, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> str:
        raise ServiceUnavailable("The storage cannot be used: No space left on device")

    web.holds = {"https://c/grid": PICTURE}
    job = finished(shell, image_url="https://c/grid")
    with monkeypatch.context() as patch:
        patch.setattr(Storage, "put_file", away)
        shell.now += GIVE_UP_AFTER_S + 1
        assets.store(job.id)
        assert shell.job(job).result.assets_status is AssetsStatus.PENDING
    assets.store(job.id)
    assert shell.job(job).result.assets_status is AssetsStatus.STORED
    other = finished(shell, image_url="https://c/grid")
    monkeypatch.setattr(Storage, "put_file", away)
    shell.now += AWAY_GIVE_UP_AFTER_S + 1
    assets.store(other.id)
    reason = shell.job(other).result.assets_error
    assert reason is not None
    assert reason.code == "not_reached"
    assert "No space left" in reason.message


def full_disk(*_: object) -> str:
    raise ServiceUnavailable("The storage cannot be used: No space left on device")


class HeldUp(NamedTuple):
    """What the picture's address holds, and what is said of it until it is given up."""

    held: Held
    code: str
    words: str
    patience: float = GIVE_UP_AFTER_S


HELD_UP = {
    "403": HeldUp(PictureError("c answered 403", dead_link=True), "link_dead", "403"),
    "500": HeldUp(PictureError("c answered 500", retryable=True), "not_reached", "500"),
    "refused": HeldUp(
        PictureError("c did not deliver: ConnectionRefusedError", retryable=True),
        "not_reached",
        "ConnectionRefusedError",
    ),
    "no such host": HeldUp(
        PictureError("c cannot be found", dead_link=True), "link_dead", "cannot be found"
    ),
    "proxy": HeldUp(
        ProxyUnavailable("The proxy http://p:1 is not reached: refused"),
        "not_reached",
        "The proxy http://p:1",
        AWAY_GIVE_UP_AFTER_S,
    ),
    "full disk": HeldUp(PICTURE, "not_reached", "No space left", AWAY_GIVE_UP_AFTER_S),
}


@pytest.mark.parametrize("told", HELD_UP.values(), ids=HELD_UP)
def test_what_holds_files_up_is_recorded_with_the_next_try_and_the_end(
    shell: Shell,
    assets: Assets,
    web: Web,
    monkeypatch: pytest.MonkeyPatch,
    told: HeldUp,
) -> None:
    web.holds = {"https://c/grid": told.held}
    monkeypatch.setattr(Storage, "put_file", full_disk)
    job = finished(shell, image_url="https://c/grid")
    ended_at, tries = shell.now, 0
    while (now := shell.job(job)).result.assets_status is AssetsStatus.PENDING:
        shell.now = now.due_at or 0.0
        [due] = shell.store.jobs.claim_due(shell.now, 9, 1)
        assets.store(due.id)
        tries += 1
        retry = shell.job(job).result.assets_retry
        if retry is not None:
            assert (retry.error.code, retry.tries) == (told.code, tries)
            assert told.words in retry.error.message
            assert retry.error.hint
            assert ("HOOKLINE_PROXY" in retry.error.hint) is ("proxy" in told.words)
            assert retry.next_at == shell.job(job).due_at
            assert shell.now < retry.next_at <= retry.ends_at == ended_at + told.patience
            assert retry.next_at <= shell.now + 300
    assert shell.now == ended_at + told.patience, "given up exactly when it was said"
    given_up = shell.job(job).result
    assert given_up.assets_error is not None
    assert (given_up.assets_error.code, given_up.assets_retry) == (told.code, None)
    assert shell.store.jobs.unsettled(9) == []


def test_files_that_come_after_all_leave_no_complaint(
    shell: Shell, assets: Assets, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.holds = {"https://c/grid": PICTURE}
    job = finished(shell, image_url="https://c/grid")
    with monkeypatch.context() as patch:
        patch.setattr(Storage, "put_file", full_disk)
        assets.store(job.id)
    assert [each.id for each in shell.store.jobs.unsettled(9)] == [job.id]
    assets.store(job.id)
    stored = shell.job(job).result
    assert (stored.assets_status, stored.assets_retry) == (AssetsStatus.STORED, None)
    assert shell.store.jobs.unsettled(9) == []


def test_files_that_come_at_once_cost_no_further_commit(
    shell: Shell, assets: Assets, web: Web
) -> None:
    web.holds = {"https://c/grid": PICTURE}
    job = shell.job(finished(shell, image_url="https://c/grid"))
    assets.store(job.id)
    assert shell.job(job).version == job.version + 1


DEAD: list[Held] = [
    PictureError("c answered 404", dead_link=True),
    PictureError("c broke off in the middle", retryable=True, dead_link=True),
    PICTURE[:-20],
    b"<html>This content is no longer available.</html>",
    b"",
    film()[:-1],
]


@pytest.mark.parametrize("held", DEAD)
def test_a_dead_link_is_asked_for_anew(
    shell: Shell, assets: Assets, web: Web, held: Held, tmp_path: Path
) -> None:
    web.holds = {"https://c/old": held, "https://c/new": PICTURE}
    job = finished(shell, image_url="https://c/old")
    renewed = Result(image_url="https://c/new")
    shell.provider.tasks["t1"] = a_snapshot(TaskStatus.SUCCEEDED, result=renewed)
    assets.store(job.id)
    stored = shell.job(job).result
    assert shell.provider.asked == ["t1"]
    assert web.fetched == ["https://c/old", "https://c/new"]
    assert stored.assets_status is AssetsStatus.STORED
    assert stored.image_url == "https://c/new", "what is shown is where it is now"
    assert (tmp_path / stored.assets[0]).read_bytes() == PICTURE


@pytest.mark.parametrize("held", DEAD)
def test_a_link_that_stays_dead_is_given_up_after_an_hour_and_says_why(
    shell: Shell, assets: Assets, web: Web, held: Held, tmp_path: Path
) -> None:
    web.holds = {"https://c/grid": held}
    job = finished(shell, image_url="https://c/grid")
    same = Result(image_url="https://c/grid")
    shell.provider.tasks["t1"] = a_snapshot(TaskStatus.SUCCEEDED, result=same)
    assets.store(job.id)
    assert shell.job(job).result.assets_status is AssetsStatus.PENDING
    shell.now += GIVE_UP_AFTER_S + 1
    assets.store(job.id)
    failed = shell.job(job)
    assert failed.result.assets_status is AssetsStatus.FAILED
    assert failed.due_at is None
    reason = failed.result.assets_error
    assert reason is not None
    assert reason.code == "link_dead"
    assert "t1" in (reason.hint or "")
    assert shell.provider.asked == ["t1", "t1"]
    assert written(tmp_path) == set(), "nothing half-written is left under any name"


@pytest.mark.parametrize("trouble", ["away", "unknown", "running", "gone"])
def test_a_provider_that_tells_no_new_link_is_asked_again_later(
    shell: Shell, assets: Assets, web: Web, trouble: str
) -> None:
    web.holds = {"https://c/old": PictureError("c answered 410", dead_link=True)}
    job = finished(shell, image_url="https://c/old")
    if trouble == "away":
        shell.provider.trouble = ProviderUnavailable()
    if trouble == "running":
        shell.provider.tasks["t1"] = a_snapshot(TaskStatus.IN_PROGRESS)
    if trouble == "gone":
        shell.providers.clear()
    assets.store(job.id)
    assert shell.job(job).result.assets_status is AssetsStatus.PENDING
    assert len(shell.store.jobs.claim_due(shell.now + 2, 9, 1)) == 1


def stored_once(shell: Shell, assets: Assets, web: Web, **more: Any) -> Job:
    """A job whose files are stored, a day after its end."""
    web.holds = {"https://c/grid": PICTURE, **more}
    job = finished(shell, image_url="https://c/grid")
    assets.store(job.id)
    shell.now += 86_400
    return shell.job(job)


def test_deleted_files_are_fetched_again_with_the_present_links(
    shell: Shell, assets: Assets, enqueuer: Enqueuer, web: Web, tmp_path: Path
) -> None:
    job = stored_once(shell, assets, web, **{"https://c/new": PICTURE})
    for path in job.result.files:
        (tmp_path / path.path).unlink()
    fresh = Result(image_url="https://c/new")
    shell.provider.tasks["t1"] = a_snapshot(TaskStatus.SUCCEEDED, result=fresh)
    wanted = enqueuer.fetch_assets(job.id)
    assert wanted.result.assets_status is AssetsStatus.PENDING
    assert [each.id for each in shell.store.jobs.claim_due(shell.now, 9, 1)] == [job.id]
    assert enqueuer.fetch_assets(job.id) == shell.job(job), "asking twice changes nothing"
    assets.store(job.id)
    assert web.fetched == ["https://c/grid", "https://c/new"]
    result = shell.job(job).result
    assert result.assets == job.result.assets
    assert (tmp_path / result.assets[0]).read_bytes() == PICTURE
    assert shell.job(job).due_at is None


def test_files_that_were_given_up_are_fetched_again(
    shell: Shell, assets: Assets, enqueuer: Enqueuer, web: Web
) -> None:
    web.holds = {"https://c/grid": PictureError("plain http is not allowed")}
    job = finished(shell, image_url="https://c/grid")
    assets.store(job.id)
    assert shell.job(job).result.assets_status is AssetsStatus.FAILED
    web.holds = {"https://c/grid": PICTURE}
    assert enqueuer.fetch_assets(job.id).result.assets_error is None
    assets.store(job.id)
    assert shell.job(job).result.assets_status is AssetsStatus.STORED


def test_files_asked_for_again_are_tried_for_an_hour_from_then_on(
    shell: Shell, assets: Assets, enqueuer: Enqueuer, web: Web
) -> None:
    job = stored_once(shell, assets, web)
    web.holds = {"https://c/grid": PictureError("c answered 503", retryable=True)}
    shell.provider.trouble = ProviderUnavailable()
    enqueuer.fetch_assets(job.id)
    assets.store(job.id)
    waits = shell.job(job).result
    assert waits.assets_status is AssetsStatus.PENDING
    assert waits.assets_retry is not None
    assert waits.assets_retry.ends_at == shell.now + GIVE_UP_AFTER_S
    shell.now += GIVE_UP_AFTER_S + 1
    assets.store(job.id)
    failed = shell.job(job).result
    assert failed.assets_status is AssetsStatus.FAILED
    assert (failed.assets, failed.files) == (job.result.assets, job.result.files), (
        "the files of before may still be there"
    )


def test_files_that_wait_for_another_try_get_it_at_once(
    shell: Shell, assets: Assets, enqueuer: Enqueuer, web: Web
) -> None:
    web.holds = {"https://c/grid": PictureError("c answered 503", retryable=True)}
    job = finished(shell, image_url="https://c/grid")
    shell.now += 1800
    assets.store(job.id)
    assert shell.store.jobs.claim_due(shell.now, 9, 1) == []
    enqueuer.fetch_assets(job.id)
    assert len(shell.store.jobs.claim_due(shell.now, 9, 1)) == 1


@pytest.mark.parametrize(
    ("job", "why"),
    [
        (in_status(Status.IN_PROGRESS), "this one is in_progress"),
        (in_status(Status.FAILED), "this one is failed"),
        (changed(in_status(Status.SUCCEEDED), kind=Kind.DESCRIBE), "This describe has no files"),
        (in_status(Status.SUCCEEDED, keep=Keep("off")), "`assets` is off"),
        (replace(in_status(Status.SUCCEEDED), result=Result(text="words")), "has no files"),
    ],
)
def test_files_that_a_job_does_not_have_are_refused(
    shell: Shell, enqueuer: Enqueuer, job: Job, why: str
) -> None:
    shell.put(job)
    with pytest.raises(Conflict, match=re.escape(why)):
        enqueuer.fetch_assets(job.id)
    with pytest.raises(NotFound):
        enqueuer.fetch_assets("unknown")


@pytest.mark.parametrize(
    "held", [PictureError("plain http is not allowed"), png_of_size(9999, 9999)]
)
def test_what_will_be_no_better_next_time_fails_at_once(
    shell: Shell, assets: Assets, web: Web, held: Held
) -> None:
    web.holds = {"https://c/grid": held}
    job = finished(shell, image_url="https://c/grid")
    assets.store(job.id)
    failed = shell.job(job).result
    assert failed.assets_status is AssetsStatus.FAILED
    assert failed.assets_error is not None
    assert failed.assets_error.code == "not_taken"
    assert shell.job(job).due_at is None


def test_what_is_beyond_the_limits_is_not_fetched_and_the_job_says_so(
    shell: Shell, web: Web, tmp_path: Path
) -> None:
    storage, limits = Storage(f"file://{tmp_path}"), ResultLimits(files=2)
    assets = Assets(shell.orchestrator, storage, shell.providers, limits=limits)
    urls = tuple(f"https://c/{n}" for n in range(3000))
    web.holds = dict.fromkeys(urls, PICTURE)
    job = finished(shell, image_urls=urls)
    assets.store(job.id)
    assert web.fetched == ["https://c/0", "https://c/1"]
    after = shell.job(job)
    assert after.status is Status.SUCCEEDED
    assert after.result.assets_status is AssetsStatus.FAILED
    assert after.result.assets == tuple(f"{job.id}/{job.id}-{n}.png" for n in (0, 1))
    assert len(after.result.files) == 4
    error = after.result.assets_error
    assert error is not None
    assert error.code == "not_taken"
    assert error.message == "2998 of its 3000 files are not stored: a job has at most 2"
    assert "HOOKLINE_MAX_RESULT_FILES" in (error.hint or "")
    assert "hookline fetch" in (error.hint or "")
    assert after.due_at is None
    told = json.loads((tmp_path / f"{job.id}/{job.id}.json").read_text())
    assert len(told["files"]) == 4


def test_a_job_s_bytes_are_limited(shell: Shell, web: Web, tmp_path: Path) -> None:
    storage, limits = Storage(f"file://{tmp_path}"), ResultLimits(bytes=2 * len(PICTURE))
    assets = Assets(shell.orchestrator, storage, shell.providers, limits=limits)
    urls = tuple(f"https://c/{n}" for n in range(9))
    web.holds = dict.fromkeys(urls, PICTURE)
    job = finished(shell, image_urls=urls)
    assets.store(job.id)
    assert len(web.fetched) == 2
    result = shell.job(job).result
    assert len(result.assets) == 2
    assert result.assets_error is not None
    assert "7 of its 9 files are not stored: they have more than" in result.assets_error.message
    assert "HOOKLINE_MAX_RESULT_BYTES" in (result.assets_error.hint or "")


@pytest.mark.parametrize(
    "held", [PictureError("plain http is not allowed"), png_of_size(9999, 9999)]
)
def test_one_file_that_is_refused_leaves_the_others(
    shell: Shell, assets: Assets, web: Web, held: Held
) -> None:
    web.holds = {"https://c/0": PICTURE, "https://c/1": held, "https://c/2": PICTURE}
    job = finished(shell, image_urls=tuple(web.holds))
    assets.store(job.id)
    result = shell.job(job).result
    assert result.assets == tuple(f"{job.id}/{job.id}-{n}.png" for n in (0, 2))
    assert result.assets_error is not None
    assert result.assets_error.message.startswith("1 of its 3 files are not stored: ")


def test_after_the_limit_was_raised_all_of_them_are_fetched(
    shell: Shell, web: Web, tmp_path: Path
) -> None:
    storage = Storage(f"file://{tmp_path}")
    urls = tuple(f"https://c/{n}" for n in range(3))
    web.holds = dict.fromkeys(urls, PICTURE)
    job = finished(shell, image_urls=urls)
    few = Assets(shell.orchestrator, storage, shell.providers, limits=ResultLimits(files=2))
    few.store(job.id)
    assert len(shell.job(job).result.assets) == 2
    Enqueuer(shell.orchestrator, storage).fetch_assets(job.id)
    Assets(shell.orchestrator, storage, shell.providers).store(job.id)
    result = shell.job(job).result
    assert (result.assets_status, len(result.assets)) == (AssetsStatus.STORED, 3)
    assert result.assets_error is None


def test_files_wait_while_nothing_can_be_decoded(
    shell: Shell, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: object, **__: object) -> None:
        raise DecoderUnavailable("other pictures took more than 20 s")

    decoder = Decoder()
    monkeypatch.setattr(decoder, "examined", unavailable)
    storage = Storage(f"file://{tmp_path}")
    assets = Assets(shell.orchestrator, storage, shell.providers, decoder=decoder)
    web.holds = {"https://c/0": PICTURE}
    job = finished(shell, image_url="https://c/0")
    assets.store(job.id)
    result = shell.job(job).result
    assert result.assets_status is AssetsStatus.PENDING
    assert result.assets_retry is not None
    assert "hookline fetch" in (result.assets_retry.error.hint or "")
    assert "storage" not in (result.assets_retry.error.hint or "")


def test_nobody_else_is_sent_for_a_job_while_its_files_come(
    shell: Shell, assets: Assets, web: Web
) -> None:
    web.holds = {"https://c/grid": PICTURE}
    job = finished(shell, image_url="https://c/grid")
    due: list[int] = []
    web.meanwhile = lambda: due.append(
        len(shell.store.jobs.claim_due(shell.now + LEASE_S - 1, 9, 1))
    )
    assets.store(job.id)
    assert due == [0]


def test_a_job_that_is_sent_for_again_is_fetched_once(
    shell: Shell, assets: Assets, web: Web
) -> None:
    web.holds = {"https://c/grid": PICTURE}
    job = finished(shell, image_url="https://c/grid")
    web.meanwhile = lambda: assets.store(job.id)
    assets.store(job.id)
    assert web.fetched == ["https://c/grid"]


def test_slow_files_take_only_their_own_places(
    shell: Shell, tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.services.assets.PLACES", 1)
    assets = Assets(shell.orchestrator, Storage(f"file://{tmp_path}"), shell.providers)
    first, second = (finished(shell, image_url=f"https://c/{n}") for n in (1, 2))
    web.holds = {"https://c/1": PICTURE, "https://c/2": PICTURE}

    def ask_for_the_second() -> None:
        web.meanwhile = lambda: None
        other = threading.Thread(target=assets.store, args=[second.id])
        other.start()
        other.join(10)
        assert not other.is_alive(), "who finds every place taken goes on at once"
        assert web.fetched == ["https://c/1"]

    web.meanwhile = ask_for_the_second
    assets.store(first.id)
    assert web.fetched == ["https://c/1", "https://c/2"], "whoever has the place goes on"


def test_a_worker_that_ends_begins_no_further_job(shell: Shell, assets: Assets, web: Web) -> None:
    web.holds = {"https://c/grid": PICTURE}
    job = finished(shell, image_url="https://c/grid")
    assets.stop()
    assets.store(job.id)
    assert web.fetched == []
    assert shell.job(job).due_at is not None, "the sweep finds it again"


def test_names_are_as_they_are_set(shell: Shell, web: Web, tmp_path: Path) -> None:
    template = "{date}/{kind}/{row}_{job}.{n}.{ext}"
    assets = Assets(shell.orchestrator, Storage(f"file://{tmp_path}"), shell.providers, template)
    web.holds = {"https://c/grid": PICTURE}
    job = finished(shell, image_url="https://c/grid")
    assets.store(job.id)
    assert written(tmp_path) == {
        f"2027-01-15/imagine/none_{job.id}.0.png",
        f"2027-01-15/imagine/none_{job.id}.0-thumb.webp",
        f"2027-01-15/imagine/{job.id}.json",
    }


@pytest.mark.parametrize("form", ["WEBP", "GIF", "PNG"])
def test_an_animated_picture_is_a_film_and_no_four_tiles(
    shell: Shell, assets: Assets, web: Web, form: str
) -> None:
    shots = [Image.effect_noise((64, 64), 90 + n) for n in range(3)]
    moving = BytesIO()
    shots[0].save(moving, form, save_all=True, append_images=shots[1:])
    web.holds = {"https://c/grid": moving.getvalue()}
    job = finished(shell, Keep(tiles=True), image_url="https://c/grid", buttons=GRID)
    assets.store(job.id)
    result = shell.job(job).result
    whole, thumbnail = result.files
    assert (whole.of, whole.type, whole.width) == ("video", f"image/{form.lower()}", 64)
    assert thumbnail.of == "thumbnail"
    assert result.assets == (whole.path,)


def test_a_films_buttons_do_not_make_it_a_grid(shell: Shell, assets: Assets, web: Web) -> None:
    web.holds = {"https://c/p": PICTURE, "https://c/v": film()}
    upscales = tuple(Button(f"MJ::JOB::video_virtual_upscale::{n}::x") for n in range(1, 5))
    job = finished(
        shell,
        Keep(tiles=True),
        image_url="https://c/p",
        video_urls=("https://c/v",),
        buttons=upscales,
    )
    assets.store(job.id)
    assert "tile" not in {file.of for file in shell.job(job).result.files}
