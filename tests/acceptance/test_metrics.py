"""What `/metrics` and a history say of jobs whose processes were killed all the while."""

import os
import re
import signal
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import redis

from tests.support.processes import child_of, hookline, up, wait_for
from worker.adapters.local.private_redis import private_redis_url
from worker.adapters.local.running import told_by_up
from worker.domain.job import Status
from worker.entrypoints.cli.http import call
from worker.sandbox.options import SandboxOptions
from worker.sandbox.server import Sandbox

#: Statuses of jobs that go on by themselves.
_GOING = [status for status in Status if not status.terminal and status is not Status.IN_DOUBT]
_LINE = re.compile(r"hookline_(\w+?)(?:_total)?(?:\{(.*)\})? ([0-9.e+]+)")


class Hookline:
    """What runs in ``folder``, over HTTP."""

    def __init__(self, folder: Path) -> None:
        self.url = told_by_up(folder / ".hookline")["HOOKLINE_PUBLIC_URL"]
        self.token = (folder / ".hookline" / "api-token").read_text().strip()

    def imagine(self, number: int) -> str:
        asked = {"kind": "imagine", "prompt": f"fox {number}", "then": [{"press": "U1"}]}
        status, job = call("POST", f"{self.url}/v1/jobs", asked, token=self.token, timeout_s=60)
        assert status == 202
        return str(job["id"])

    def metrics(self) -> Counter[str]:
        """The values by name and status, summed over all other labels."""
        headers = {"Authorization": f"Bearer {self.token}"}
        asked = urllib.request.Request(f"{self.url}/metrics", headers=headers)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            text = answer.read().decode()
        found: Counter[str] = Counter()
        for name, labels, value in _LINE.findall(text):
            status = re.search(r'status="(\w+)"', labels)
            found[f"{name} {status[1]}" if status else name] += int(float(value))
        return found


def kill(up_pid: int, name: str) -> None:
    """Kill the program and all of its processes, once it runs."""
    found = [0]

    def runs() -> int:
        found[0] = child_of(up_pid, name)
        return found[0]

    wait_for(runs, name)
    os.killpg(found[0], signal.SIGKILL)


def test_after_kill_9_of_every_process_the_counters_are_the_providers_books(tmp_path: Path) -> None:
    provider = Sandbox(SandboxOptions(task_seconds=(0.5, 1.5)))
    # A worker that is killed before its reply is recorded is presumed dead after the lease.
    short = {"HOOKLINE_SUBMIT_TIMEOUT_S": "2"}
    with provider, up(tmp_path, "--provider-url", provider.url, **short) as process:
        ours, counted = Hookline(tmp_path), Counter[str]()
        roots = [ours.imagine(number) for number in range(4)]
        for name in ("worker", "web", "worker"):
            kill(process.pid, name)
            roots.append(ours.imagine(len(roots)))
        redis_url = private_redis_url(tmp_path / ".hookline")
        assert redis_url
        with redis.Redis.from_url(redis_url) as store:
            server: Any = store.info("server")
            os.kill(int(server["process_id"]), signal.SIGKILL)
        roots.append(ours.imagine(len(roots)))

        def at_rest() -> bool:
            """All is over, but for a POST that was killed before it left: that needs a person."""
            counted.clear()
            counted.update(ours.metrics())
            going = sum(counted[f"jobs {status}"] for status in _GOING)
            return not going and counted["tasks_accepted"] == len(provider.ledger.entries())

        wait_for(at_rest, "the end of all jobs, and their tasks in the counters", 120)
        assert counted["jobs_ended succeeded"] == counted["jobs succeeded"] > len(roots)
        assert counted["followups"] == counted["jobs succeeded"] + counted["jobs in_doubt"] - len(
            roots
        )
        paid_once = counted["jobs succeeded"]
        assert counted["double_payments"] == counted["tasks_accepted"] - paid_once

        told = hookline(tmp_path, "show", roots[0], "--history")
        assert told.returncode == 0, told.stderr
        for words in ("created", "taken by a worker", "sent to the provider"):
            assert words in told.stdout
