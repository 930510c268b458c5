"""Results in an object store, over the real S3 protocol."""

import json
from collections.abc import Iterator
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.chaos.bucket import Watch, half_written, missing
from tests.support.drawing import draw
from tests.support.jobs import a_job
from tests.support.s3 import BUCKET, S3, s3
from worker.adapters.storage.storage import Storage
from worker.domain.errors import ServiceUnavailable
from worker.domain.job import Job
from worker.domain.result import AssetsStatus, Result, StoredFile

PICTURE = draw("PNG", (64, 64))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with s3(tmp_path_factory.mktemp("s3") / "log") as running:
        yield running


@pytest.fixture
def storage(store: S3, monkeypatch: pytest.MonkeyPatch) -> Storage:
    for name, value in store.env.items():
        monkeypatch.setenv(name, value)
    for name in store.names():
        store.client.delete_object(Bucket=BUCKET, Key=name)
    return Storage(store.url)


def test_what_was_checked_before_a_fork_is_used_after_it(store: S3, storage: Storage) -> None:
    storage.check()
    process = get_context("fork").Process(target=storage.put_result, args=("p/j.json", b"{}"))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert store.read("results/p/j.json") == b"{}"


def test_files_are_served_as_what_they_are(store: S3, storage: Storage, tmp_path: Path) -> None:
    source = tmp_path / "whole.png"
    source.write_bytes(PICTURE)
    storage.put_file("p/j-0.png", source)
    storage.put_result("p/j-0-thumb.webp", draw("WEBP"))
    storage.put_result("p/j.json", b"{}")
    assert store.read("results/p/j-0.png") == PICTURE
    types = {name: store.type_of(name) for name in store.names()}
    assert types == {
        "results/p/j-0.png": "image/png",
        "results/p/j-0-thumb.webp": "image/webp",
        "results/p/j.json": "application/json",
    }
    assert storage.result_location("p/j-0.png") == f"{store.url}/p/j-0.png"


def test_a_file_of_many_parts_is_there_whole_or_not_at_all(
    store: S3, storage: Storage, tmp_path: Path
) -> None:
    source = tmp_path / "whole.mp4"
    source.write_bytes(bytes(60 * 2**20))
    storage.put_file("p/j-0.mp4", source)
    assert sha256(store.read("results/p/j-0.mp4")).digest() == sha256(source.read_bytes()).digest()


def test_handed_in_pictures_lie_there_too(storage: Storage) -> None:
    ref = storage.put_input(PICTURE, ".png")
    assert storage.read_input(ref) == PICTURE


def test_a_store_that_refuses_is_unavailable(storage: Storage, store: S3, tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match="cannot be used") as caught:
        Storage("s3://no-such-bucket/x").put_result("p/j.json", b"{}")
    assert caught.value.retryable


def stored(**result: object) -> tuple[Job, dict[str, bytes]]:
    """A job whose files lie there, and those."""
    job = a_job()
    path, digest = f"{job.id}/{job.id}-0.png", sha256(PICTURE).hexdigest()
    file = StoredFile(path, "image/png", len(PICTURE), digest, 64, 64, "picture")
    sidecar = json.dumps({"files": [file._asdict()]})
    told = Result(assets_status=AssetsStatus.STORED, files=(file,))
    objects = {f"results/{path}": PICTURE, f"results/{job.id}/{job.id}.json": sidecar.encode()}
    return a_job(id=job.id, result=told), objects


def problems(job: Job, objects: dict[str, bytes], drawn: bytes = PICTURE) -> list[str]:
    digest = sha256(drawn).hexdigest()
    return list(missing([job], objects, lambda _: digest, each=lambda _: ("picture",)))


def test_the_proof_notices_whatever_is_missing_or_wrong() -> None:
    job, objects = stored()
    assert problems(job, objects) == []
    for name in objects:
        assert problems(job, {n: data for n, data in objects.items() if n != name})
        assert problems(job, {**objects, name: objects[name][:-1] + b"!"})
    assert problems(job, {**objects, "results/more.png": PICTURE})
    assert problems(job, objects, drawn=b"another")
    assert problems(a_job(result=Result(assets_status=AssetsStatus.FAILED)), {})


def test_the_observer_notices_half_a_file(store: S3, storage: Storage) -> None:
    watch = Watch(store)
    job = a_job().id
    storage.put_result(f"{job}/{job}-0.png", PICTURE)
    assert watch.look() == []
    storage.put_result(f"{job}/{job}-1.png", PICTURE[:-5])
    storage.put_result(f"{job}/{job}.json", b'{"files":')
    storage.put_result(f"{job}/draft.tmp", b"")
    storage.put_result(f"{job}/{job}-0.png", draw("PNG", (32, 32)))
    found = watch.look()
    assert sum("half-written" in problem for problem in found) == 2
    assert sum("no name of ours" in problem for problem in found) == 1
    assert sum("written again" in problem for problem in found) == 1
    assert half_written("x.png", PICTURE) is None
