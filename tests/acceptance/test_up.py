"""`hookline up` and the commands beside it, as real processes."""

import json
import os
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import redis

from tests.support.processes import (
    child_of,
    clean_env,
    command,
    descendants,
    ended,
    hookline,
    living,
    up,
    wait_for,
)
from worker.adapters.local.private_redis import private_redis_url
from worker.adapters.local.running import told_by_up
from worker.entrypoints.cli.http import call
from worker.sandbox.options import SandboxOptions
from worker.sandbox.server import Sandbox


def test_a_day_with_up(tmp_path: Path) -> None:
    quick = Sandbox(SandboxOptions(task_seconds=(0.2, 0.5)))
    with quick, up(tmp_path, "--provider-url", quick.url) as process:
        told = told_by_up(tmp_path / ".hookline")
        children = descendants(process.pid)
        assert len(children) >= 3  # Redis, web, worker

        done = hookline(tmp_path, "imagine", "a red fox", "--then", "U1", "--wait", "--json")
        assert done.returncode == 0, done.stderr
        pipeline = json.loads(done.stdout)
        assert pipeline["status"] == "succeeded"
        files = [path for job in pipeline["jobs"] for path in job["result"]["assets"]]
        assert len(files) == 2
        assert all((tmp_path / "output" / path).stat().st_size for path in files)

        token = (tmp_path / ".hookline" / "api-token").read_text().strip()
        url = f"{told['HOOKLINE_PUBLIC_URL']}/v1/jobs"
        status, job = call("POST", url, {"kind": "imagine", "prompt": "a blue fox"}, token=token)
        assert status == 202
        assert hookline(tmp_path, "watch", job["id"]).returncode == 0
        shown = hookline(tmp_path, "show", job["id"], "--json")
        assert json.loads(shown.stdout) == call("GET", f"{url}/{job['id']}", token=token)[1]

        written = (tmp_path / ".hookline" / "logs" / "worker.log").read_text()
        assert f'"job_id": "{job["id"]}"' in written, "a worker says what it does"

        checked = hookline(tmp_path, "doctor", "--json")
        assert checked.returncode == 0, checked.stdout
        assert {finding["verdict"] for finding in json.loads(checked.stdout)} == {"ok"}

        second = hookline(tmp_path, "up")
        assert second.returncode == 2
        assert "runs here already" in second.stderr

        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert not living(children)
        assert not (tmp_path / ".hookline" / "up.env").exists()
        assert told_by_up(tmp_path / ".hookline") == {}
        assert private_redis_url(tmp_path / ".hookline") is None
    assert hookline(tmp_path, "jobs").returncode == 3


def test_what_dies_is_started_again_and_ctrl_c_leaves_jobs_alone(tmp_path: Path) -> None:
    written = tmp_path / "up.out"
    with up(tmp_path) as process:
        worker = child_of(process.pid, "worker")
        assert worker  # 0 would mean every process of this group
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: child_of(process.pid, "worker") not in (0, worker), "a new worker")
        assert "worker" in written.read_text()
        redis_url = private_redis_url(tmp_path / ".hookline")
        assert redis_url
        with redis.Redis.from_url(redis_url) as store:
            os.kill(int(store.info("server")["process_id"]), signal.SIGKILL)
        with ended(subprocess.Popen(
            command("imagine", "a fox", "--wait"), cwd=tmp_path, env=clean_env(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )) as waiting:  # fmt: skip
            assert waiting.stderr
            job_id = waiting.stderr.readline().split()[0]
            waiting.send_signal(signal.SIGINT)
            assert f"hookline watch {job_id}" in waiting.stderr.read()
        assert waiting.returncode == 130
        assert hookline(tmp_path, "watch", job_id).returncode == 0


def test_a_killed_up_leaves_no_program_and_the_next_one_starts(tmp_path: Path) -> None:
    with up(tmp_path) as process:
        programs = {child_of(process.pid, name) for name in ("sandbox", "web", "worker")}
        assert 0 not in programs
        process.kill()
        process.wait()
        wait_for(lambda: not living(programs), "the programs' end", 15)
        assert told_by_up(tmp_path / ".hookline") == {}
    with up(tmp_path):  # takes over the Redis that was left, and ends it
        assert private_redis_url(tmp_path / ".hookline")
    assert private_redis_url(tmp_path / ".hookline") is None


def test_two_that_start_at_once_have_a_port_each(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor() as threads, ExitStack() as running:
        list(threads.map(lambda folder: running.enter_context(up(folder)), folders))
        for folder in folders * 5:  # each time a connection of its own
            url = told_by_up(folder / ".hookline")["HOOKLINE_PUBLIC_URL"]
            token = (folder / ".hookline/api-token").read_text().strip()
            status, answer = call("GET", f"{url}/v1/jobs", token=token)
            assert status == 200, answer


def test_who_calls_while_the_web_process_starts_again_waits_for_it(tmp_path: Path) -> None:
    with up(tmp_path) as process:
        url = told_by_up(tmp_path / ".hookline")["HOOKLINE_PUBLIC_URL"]
        web = child_of(process.pid, "web")
        assert web  # 0 would mean every process of this group
        os.killpg(web, signal.SIGKILL)  # with its workers, before it starts others
        assert call("GET", f"{url}/readyz", timeout_s=30)[0] == 200
        assert child_of(process.pid, "web") not in (0, web)


def test_a_port_that_was_chosen_must_be_free(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = hookline(tmp_path, "up", "--port", port)
    assert answer.returncode == 3
    assert f"port {port} is taken" in answer.stderr
