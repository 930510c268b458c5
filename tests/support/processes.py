"""The `hookline` command as a process of its own, in a folder and with settings of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

from tests.support.brokers import settings_for

ROOT = Path(__file__).parents[2]


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "hookline.start", *args]


def clean_env(**more: str) -> dict[str, str]:
    """Nothing of what happens to be set on this machine."""
    env = {n: v for n, v in os.environ.items() if not n.startswith("HOOKLINE_") and n != "PORT"}
    return {**env, "PYTHONPATH": str(ROOT), **more}


def env_in(folder: Path, **more: str) -> dict[str, str]:
    """As ``clean_env``, with the servers that were chosen, unless ``more`` names some."""
    if "HOOKLINE_REDIS_URL" in more or "HOOKLINE_BROKER_URL" in more:
        return clean_env(**more)
    return clean_env(**settings_for(folder), **more)


def hookline(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*args), cwd=folder, env=env_in(folder, **env), capture_output=True, text=True,
        timeout=90, check=False,
    )  # fmt: skip


def wait_for(met: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    pause, deadline = Event(), monotonic() + seconds
    while not met():
        assert monotonic() < deadline, f"{what}: not within {seconds} s"
        pause.wait(0.05)


def descendants(pid: int) -> set[int]:
    """All processes that grew from ``pid`` and run now."""
    listed = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listed.stdout.splitlines()]
    parents = {int(p): int(parent) for p, parent, stat in rows if not stat.startswith("Z")}
    found: set[int] = {pid}
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def living(pids: set[int]) -> set[int]:
    """Those of our own processes that still run."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,stat=", "-p", ",".join(map(str, pids))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    rows = [line.split() for line in listed.stdout.splitlines()]
    return {int(pid) for pid, stat in rows if not stat.startswith("Z")}


def child_of(pid: int, name: str) -> int:
    """The process id of one of the programs of ``up``; 0 if it does not run."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = [
        line.split() for line in listed.stdout.splitlines() if f"hookline/start.py {name} " in line
    ]
    return int(found[0][0]) if found else 0


@contextmanager
def ended(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    """Killed at the end if it still runs: leaving a ``Popen`` waits for its end without a limit."""
    with process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def up(folder: Path, *args: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A ready `hookline up`; what it wrote is in ``up.out``. It has ended afterwards."""
    with ready(command("up", *args), folder, env_in(folder, **env)) as process:
        yield process


@contextmanager
def ready(
    started: list[str], folder: Path, env: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """An `up` that is ready, by its whole command; otherwise as ``up``."""
    written = folder / "up.out"
    with (
        written.open("w") as out,
        ended(subprocess.Popen(
            started, cwd=folder, env=env, stdout=out,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )) as process,
    ):  # fmt: skip
        try:
            wait_for(
                lambda: "Ready." in written.read_text() or process.poll() is not None, "up", 90
            )
            assert process.poll() is None, written.read_text()
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(30)
