"""Pictures of the sandbox that fail, break off, or are at a link that died."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.processes import wait_for
from worker.sandbox.options import SandboxOptions
from worker.sandbox.server import Sandbox


@contextmanager
def finished(dialect: str = "trueai", **faults: Any) -> Iterator[tuple[Sandbox, str]]:
    """A sandbox and the id of its one finished task."""
    options = SandboxOptions(dialect=dialect, task_seconds=(0.01, 0.01), **faults)
    with Sandbox(options) as sandbox:
        body = json.dumps({"prompt": "a cat"}).encode()
        head = {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{sandbox.url}/mj/submit/imagine", body, head)
        with urllib.request.urlopen(asked) as answer:
            task_id = json.load(answer)["result"]
        wait_for(lambda: fetched(sandbox, task_id)["status"] == "SUCCESS", "the task")
        yield sandbox, task_id


def fetched(sandbox: Sandbox, task_id: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{sandbox.url}/mj/task/{task_id}/fetch") as answer:
        task: dict[str, Any] = json.load(answer)
    return task


def download(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        data: bytes = answer.read()
    return data


def outcomes(share: float, seed: int) -> list[bool]:
    """Which of twenty downloads came."""
    with finished(pictures_failed=share, seed=seed) as (sandbox, task_id):
        url = fetched(sandbox, task_id)["imageUrl"]
        found = []
        for _ in range(20):
            try:
                found.append(bool(download(url)))
            except urllib.error.HTTPError as error:
                error.close()
                found.append(error.code not in (500, 502, 503))
        return found


def test_a_share_of_downloads_fails_and_a_seed_repeats_it() -> None:
    first = outcomes(0.5, seed=3)
    assert 0 < sum(first) < 20
    assert outcomes(0.5, seed=3) == first
    assert outcomes(0.5, seed=4) != first


@pytest.mark.parametrize("dialect", ["trueai", "gateway"])
def test_a_cut_download_tells_its_size_or_not(dialect: str) -> None:
    with finished(dialect, pictures_cut=1.0) as (sandbox, task_id):
        url = fetched(sandbox, task_id)["imageUrl"]
        told = set()
        for _ in range(20):
            try:
                download(url)
                told.add("short")
            except http.client.IncompleteRead:
                told.add("cut")
        assert told == {"short", "cut"}
        assert sandbox.stats.get("pictures_cut", "faults") == 20


@pytest.mark.parametrize("dialect", ["trueai", "gateway"])
def test_a_link_dies_until_the_task_is_asked_for_anew(dialect: str) -> None:
    with finished(dialect, links_expired=1.0, link_seconds=(0.0, 0.0)) as (sandbox, task_id):
        dead = fetched(sandbox, task_id)["imageUrl"]

        def is_dead() -> bool:
            with pytest.raises(urllib.error.HTTPError) as caught:
                download(dead)
            caught.value.close()
            return caught.value.code == 404

        wait_for(is_dead, "the link's end")
    with finished(dialect, links_expired=1.0, link_seconds=(60.0, 60.0)) as (sandbox, task_id):
        first = fetched(sandbox, task_id)["imageUrl"]
        assert download(first) == download(fetched(sandbox, task_id)["imageUrl"])
