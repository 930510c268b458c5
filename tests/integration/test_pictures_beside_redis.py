"""Pictures go to the storage and to the provider, never through Redis or a message."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from PIL import Image

from tests.support import switch
from tests.support.processes import hookline, up, wait_for
from tests.support.rawserver import http, says, serving
from worker.adapters.local.private_redis import private_redis_url
from worker.adapters.local.running import told_by_up
from worker.entrypoints.cli.http import call
from worker.sandbox.options import SandboxOptions
from worker.sandbox.server import Sandbox

#: What Redis may be sent while a job goes all its way, and what one key may hold, in bytes.
SENT, HELD = 200_000, 20_000
#: Has the last callbacks of all jobs: each of its fields counts as a key.
_MANY = b"hookline:inbox:docs"

_MB = 1024 * 1024


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Five pictures of 4 MB in all directions: noise, which no PNG makes smaller."""
    paths = [tmp_path / f"noise-{n}.png" for n in range(5)]
    for path in paths:
        Image.frombytes("RGB", (1180, 1180), os.urandom(1180 * 1180 * 3)).save(path)
    assert all(3.9 * _MB < path.stat().st_size < 4 * _MB for path in paths)
    return paths


pytestmark = pytest.mark.skipif(
    switch.GIVEN, reason="about the private Redis of `up`: what it is sent is counted"
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where ``hookline up`` runs; the sandbox keeps what it was sent."""
    with (
        Sandbox(SandboxOptions(task_seconds=(0.1, 0.2))) as sandbox,
        up(tmp_path, "--provider-url", sandbox.url, HOOKLINE_ALLOWED_HOSTS="127.0.0.1"),
    ):
        yield tmp_path


class Watched:
    """The private Redis: how much it was sent so far, and the largest key of all databases."""

    def __init__(self, folder: Path) -> None:
        url = private_redis_url(folder / ".hookline")
        assert url is not None
        self._stores = [redis.Redis.from_url(url) for _ in range(2)]
        for db, store in enumerate(self._stores):  # the jobs, and Celery's messages
            store.connection_pool.connection_kwargs["db"] = db

    def sent(self) -> int:
        stats: Any = self._stores[0].info("stats")
        return int(stats["total_net_input_bytes"])

    def largest(self) -> int:
        sizes = [
            int(store.memory_usage(key, samples=0) or 0)
            for store in self._stores
            for key in store.scan_iter()
            if key != _MANY
        ]
        jobs = self._stores[0]
        sizes += [jobs.hstrlen(_MANY, each) for each in jobs.hkeys(_MANY)]
        assert sizes, "the jobs are there"
        return max(sizes)

    def close(self) -> None:
        for store in self._stores:
            store.close()


def test_a_blend_of_five_large_pictures_costs_redis_next_to_nothing(
    folder: Path, pictures: list[Path]
) -> None:
    watched, state_dir = Watched(folder), folder / ".hookline"
    base = f"{told_by_up(state_dir)['HOOKLINE_PUBLIC_URL']}/v1/jobs"
    token = (state_dir / "api-token").read_text().strip()

    def blended(images: list[str]) -> None:
        status, job = call("POST", base, {"kind": "blend", "images": images}, token=token)
        assert status == 202, job

        def over() -> bool:
            status, found = call("GET", f"{base}/{job['id']}", token=token)
            assert (status, found.get("error")) == (200, None), found
            return bool(found["result"]["assets_status"] == "stored")

        wait_for(over, "the blend", 60)

    def by_path() -> None:
        done = hookline(folder, "blend", *map(str, pictures), "--wait")
        assert done.returncode == 0, done.stderr

    as_data = [
        f"data:image/png;base64,{base64.b64encode(p.read_bytes()).decode()}" for p in pictures
    ]
    for way, hand_in in {"data": lambda: blended(as_data), "paths": by_path}.items():
        before = watched.sent()
        hand_in()
        assert watched.sent() - before < SENT, way
        assert watched.largest() < HELD, way

    with serving(*(says(http(path.read_bytes())) for path in pictures)) as (port, _):
        before = watched.sent()
        blended([f"http://127.0.0.1:{port}/{path.name}" for path in pictures])
        assert watched.sent() - before < SENT, "URLs"
        assert watched.largest() < HELD, "URLs"
    watched.close()
    kept = [path for path in (folder / "output/inputs").rglob("*") if path.is_file()]
    assert {path.read_bytes() for path in kept} == {path.read_bytes() for path in pictures}
    assert len(kept) == len(pictures), "three jobs with the same pictures share their files"
