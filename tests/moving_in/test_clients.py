"""Both clients against a real `hookline up`, and their generated parts against the code."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hookline_client import AsyncHookline, BadRequest, ButtonNotFound, Hookline, JobFailed, NotOver
from hookline_client.types import NewJob
from PIL import Image

from tests.moving_in.conftest import BANNED, TYPESCRIPT, Server, node_modules, run_by_node
from tests.neighbours.servers import program
from tests.support.processes import ROOT

EVERY_S = 0.2
IMAGINE: NewJob = {"kind": "imagine", "prompt": "a harbour at night", "then": [{"press": "U1"}]}


@pytest.fixture
def client(server: Server) -> Iterator[Hookline]:
    with Hookline(server.url, server.token) as made:
        yield made


def test_a_pipeline_and_its_files(client: Hookline, tmp_path: Path) -> None:
    assert client.quote(IMAGINE)["jobs"] == 2
    job = client.submit(IMAGINE, key="python-1")
    assert client.submit(IMAGINE, key="python-1")["id"] == job["id"]
    seen = list(client.follow(job, every_s=EVERY_S))
    done = client.wait(job["id"], every_s=EVERY_S)
    assert [each["status"] for each in seen[-1]] == ["succeeded", "succeeded"]
    (child,) = client.press(done, "U2")
    client.wait(child, timeout_s=60, every_s=EVERY_S)
    assert len(client.pipeline(done)["jobs"]) == 3
    saved = client.save_files(child["id"], tmp_path / "pictures")
    assert [path.suffix for path in saved] == [".png"]
    with Image.open(saved[0]) as image:
        image.verify()
    assert {job["id"], child["id"]} <= {each["id"] for each in client.jobs(status="succeeded")}
    assert client.accounts()["items"]


def test_what_is_refused(client: Hookline) -> None:
    with pytest.raises(BadRequest) as wrong:
        client.submit({"kind": "imagine", "prompt": ""})
    assert [each["field"] for each in wrong.value.errors] == ["prompt"]
    job = client.submit({"kind": "imagine", "prompt": "a red fox"})
    with pytest.raises(NotOver):
        client.wait(job, timeout_s=0)
    client.wait(job, every_s=EVERY_S)
    with pytest.raises(ButtonNotFound, match="U1"):
        client.press(job, "U9")
    with pytest.raises(JobFailed) as failed:
        client.wait(
            client.submit({"kind": "imagine", "prompt": f"a {BANNED} fox"}), every_s=EVERY_S
        )
    assert failed.value.code == "moderated"


def test_a_batch_as_a_stream_without_blocking(server: Server) -> None:
    async def rows() -> AsyncIterator[str]:
        for subject in ("a tram", "a pier", "a well"):
            await asyncio.sleep(0)
            yield f"{subject} in the rain"

    async def story() -> None:
        async with AsyncHookline(server.url, server.token) as client:
            taken = await client.submit_batch("rain", rows(), defaults={"assets": "grid"})
            assert (taken["new"], taken["bad"]) == (3, 0)
            again = await client.submit_batch("rain", ["a tram in the rain", {"prompt": 7}])
            assert (again["new"], again["known"], again["bad"]) == (0, 1, 1)
            batch = await client.wait_for_batch("rain", timeout_s=60, every_s=EVERY_S)
            assert batch["counts"]["succeeded"] == 3
            lines = [line async for line in client.manifest("rain")]
            assert {line["status"] for line in lines} == {"succeeded"}
            jobs = [job async for job in client.jobs(batch=taken["id"])]
            done = await client.wait(jobs[0], every_s=EVERY_S)
            file = done["result"]["files"][0]
            pieces = [piece async for piece in client.read_file(jobs[0], 0)]
            assert sum(map(len, pieces)) == file["bytes"]

    asyncio.run(story())


def readme(client: str, language: str) -> str:
    """The first example of the client's README."""
    text = (ROOT / "clients" / client / "README.md").read_text()
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_the_example_of_the_python_client_runs(server: Server, tmp_path: Path) -> None:
    env = {**server.env, "PYTHONPATH": str(ROOT / "clients/python/src")}
    done = subprocess.run(
        [sys.executable, "-c", readme("python", "python")], cwd=tmp_path, env=env,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("succeeded\n")
    assert list((tmp_path / "pictures").glob("*-0.png"))


def test_the_example_of_the_typescript_client_runs(
    server: Server, published: Path, tmp_path: Path
) -> None:
    (tmp_path / "node_modules").symlink_to(published)
    (tmp_path / "example.mjs").write_text(readme("typescript", "ts"))
    assert run_by_node(tmp_path / "example.mjs", server.env) == "succeeded\n"
    assert list(tmp_path.glob("*-0.png"))


def test_the_generated_files_are_those_of_this_version() -> None:
    made = subprocess.run(
        [sys.executable, ".ci/clients.py", "--check"], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr


def test_the_typescript_client(server: Server) -> None:
    """Its own suite, strictly typed; its types are those of this version."""
    program("node", "nodejs")
    node_modules()
    check = [sys.executable, ".ci/clients.py", "--typescript", "--check"]
    for command, folder in ((check, ROOT), (["npm", "test", "--silent"], TYPESCRIPT)):
        env = {**server.env, "HOOKLINE_NOTIFY_SECRET": server.notify_secret}
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
