import hashlib
from pathlib import Path

import fsspec
import pytest

from worker.adapters.storage.storage import Storage
from worker.domain.errors import PictureError, ServiceUnavailable, SettingsError

DATA = b"any bytes"
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(params=["file", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "file":
        return Storage(f"file://{tmp_path}/root")
    fsspec.filesystem("memory").store.clear()
    return Storage("memory://root")


def test_an_input_is_named_by_its_content(storage: Storage) -> None:
    ref = storage.put_input(DATA, ".png")
    assert ref == f"blob:{DIGEST}.png"
    assert storage.put_input(DATA, ".png") == ref
    assert storage.read_input(ref) == DATA


@pytest.mark.parametrize(
    "ref",
    ["", "x", "blob:x.png", f"blob:{DIGEST}.exe", f"blob:{DIGEST}.png/..", f"blob:../{DIGEST}.png"],
)
def test_a_wrong_reference_is_refused(storage: Storage, ref: str) -> None:
    with pytest.raises(PictureError, match="not a reference"):
        storage.read_input(ref)


def test_a_missing_input_is_told(storage: Storage) -> None:
    with pytest.raises(PictureError, match="submit it again"):
        storage.read_input(f"blob:{DIGEST}.png")


def test_results_are_written_over(storage: Storage) -> None:
    assert storage.put_result("2026/job-1/a.png", b"old") == "2026/job-1/a.png"
    storage.put_result("2026/job-1/a.png", b"new")
    place = storage.result_location("2026/job-1/a.png")
    if place.startswith("memory://"):
        assert place == "memory:///root/2026/job-1/a.png"
    else:
        assert Path(place).is_absolute()
        assert Path(place).read_bytes() == b"new"
        assert [p.name for p in Path(place).parent.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    "path", ["", "/etc/x", "../x", "a/../../x", "a//b", "a/.", ".", "a\\..\\b", "a\x00b", "a/"]
)
def test_no_path_leads_out_of_the_root(storage: Storage, path: str) -> None:
    with pytest.raises(ValueError, match="below the storage"):
        storage.put_result(path, DATA)
    with pytest.raises(ValueError, match="below the storage"):
        storage.result_location(path)


def test_a_damaged_input_is_not_given_out(tmp_path: Path) -> None:
    storage = Storage(f"file://{tmp_path}")
    ref = storage.put_input(DATA, ".png")
    (tmp_path / "inputs" / DIGEST[:2] / f"{DIGEST}.png").write_bytes(b"other")
    with pytest.raises(PictureError, match="damaged"):
        storage.read_input(ref)


def test_the_default_is_below_the_working_directory_and_written_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    storage = Storage("file://./output")
    assert not (tmp_path / "output").exists()
    storage.put_result("a.png", DATA)
    assert (tmp_path / "output" / "a.png").read_bytes() == DATA
    assert storage.result_location("a.png") == str(tmp_path / "output" / "a.png")


def test_a_failed_write_leaves_the_older_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(f"file://{tmp_path}")
    storage.put_result("a.png", b"old")

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ServiceUnavailable, match="No space left") as caught:
        storage.put_result("a.png", b"new")
    assert caught.value.retryable
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


def test_a_place_that_is_no_folder_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "root").write_bytes(b"a file")
    with pytest.raises(ServiceUnavailable):
        Storage(f"file://{tmp_path}/root").put_result("a.png", DATA)


def test_an_unknown_protocol_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="HOOKLINE_STORAGE_URL"):
        Storage("nowhere://x").check()
