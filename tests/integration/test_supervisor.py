import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.processes import ROOT, ended, wait_for
from worker.adapters.local import logfiles
from worker.adapters.local.stopping import Stop
from worker.adapters.local.supervisor import Program, ProgramRefused, Supervisor

FOREVER = "import time\nprint('here', flush=True)\ntime.sleep(60)"
DEAF = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('here', flush=True)\ntime.sleep(60)"
)
#: A supervisor of one program that ends with it; writes its program's pid.
OWNER = """
import os, pathlib, sys, time
from worker.adapters.local.supervisor import Program, Supervisor
code = "import time, worker.adapters.local.supervisor as s; s.end_with_parent(0.5); time.sleep(60)"
program = Program("p", ("-c", code), os.environ, pathlib.Path.cwd())
supervisor = Supervisor([program], pathlib.Path("logs"), lambda *_: None)
supervisor.start()
print(supervisor.pids["p"], flush=True)
time.sleep(60)
"""


class Source(list[tuple[str, str]]):
    """What the programs wrote."""

    def __call__(self, name: str, line: str) -> None:
        self.append((name, line))


def look_until(supervisor: Supervisor, met: Callable[[], object], what: str) -> None:
    def looked() -> object:
        supervisor.look()
        return met()

    wait_for(looked, what)


def lives(pid: int) -> bool:
    """Whether the process runs; one that ended and that nobody has asked about yet does not."""
    ps = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(ps, capture_output=True, text=True, check=False).stdout.strip()
    return bool(state) and not state.startswith("Z")


@contextmanager
def supervised(
    tmp_path: Path, *codes: str, grace_s: float = 5.0
) -> Iterator[tuple[Supervisor, Source]]:
    source = Source()
    programs = [
        Program(f"p{n}", ("-c", code), os.environ, tmp_path) for n, code in enumerate(codes)
    ]
    with Supervisor(programs, tmp_path / "logs", source, grace_s) as supervisor:
        supervisor.start()
        yield supervisor, source


def test_all_programs_end_with_the_context(tmp_path: Path) -> None:
    with supervised(tmp_path, FOREVER, FOREVER) as (supervisor, source):
        wait_for(lambda: len(source) == 2, "both programs' first lines")
        pids = list(supervisor.pids.values())
        assert all(map(lives, pids))
    assert not any(map(lives, pids))


def test_lines_are_told_and_kept(tmp_path: Path) -> None:
    with supervised(tmp_path, FOREVER) as (_, source):
        wait_for(lambda: source, "the program's first line")
    assert source[0] == ("p0", "here")
    assert (tmp_path / "logs" / "p0.log").read_text() == "here\n"


def test_logs_are_bounded_and_the_newest_lines_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfiles, "MAX_BYTES", 1000)
    chatty = "for n in range(2000): print(f'line {n}', 100 * '%s')\nprint('done')\n" + FOREVER
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "p0.log").write_text(50 * "of an earlier start\n")
    with supervised(tmp_path, chatty) as (_, source):
        wait_for(lambda: ("p0", "done") in source, "the last line")
    files = sorted((tmp_path / "logs").iterdir())
    assert [file.name for file in files] == ["p0.log", *(f"p0.log.{n}" for n in range(1, 5))]
    assert all(file.stat().st_size <= 1000 for file in files)
    kept = "".join(file.read_text() for file in (*files[:0:-1], files[0])).splitlines()
    assert kept[-2:] == ["done", "here"]
    assert kept[-3].startswith("line 1999 %s%s")
    assert len(source) == 2002, "all are told"


def test_a_log_that_cannot_be_written_stops_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A pipe that nobody reads would hold the program up at its next line."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "p0.log").symlink_to("/dev/full")
    chatty = "for n in range(9000): print(20 * 'word ', flush=True)\n" + FOREVER
    with supervised(tmp_path, chatty) as (_, source):
        wait_for(lambda: ("p0", "here") in source, "the last line")
    assert capfd.readouterr().err == ""


def test_a_program_that_dies_is_started_again(tmp_path: Path) -> None:
    with supervised(tmp_path, FOREVER) as (supervisor, source):
        wait_for(lambda: source, "the program's first line")
        first = supervisor.pids["p0"]
        os.kill(first, signal.SIGKILL)
        look_until(supervisor, lambda: supervisor.pids.get("p0", first) != first, "a second start")
        wait_for(lambda: source.count(("p0", "here")) == 2, "its first line")
    assert any("ended with code -9" in line for _, line in source)


def test_the_pause_grows_while_it_keeps_dying(tmp_path: Path) -> None:
    with supervised(tmp_path, "raise SystemExit(1)") as (supervisor, source):
        look_until(supervisor, lambda: len(source) == 2, "two ends")
    assert [line.rpartition(" in ")[2] for _, line in source] == ["0.5 s", "1 s"]


def test_wrong_settings_are_not_tried_again(tmp_path: Path) -> None:
    with (
        supervised(tmp_path, "raise SystemExit(2)") as (supervisor, _),
        pytest.raises(ProgramRefused, match="p0 does not start"),
    ):
        supervisor.watch(Stop())


def test_watching_ends_when_told(tmp_path: Path) -> None:
    stop = Stop()
    stop.set()
    with supervised(tmp_path, FOREVER) as (supervisor, _):
        running = dict(supervisor.pids)
        supervisor.watch(stop)
        assert supervisor.pids == running, "what runs is left running"


def test_a_program_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    with supervised(tmp_path, DEAF, grace_s=0.2) as (supervisor, source):
        wait_for(lambda: source, "the program's first line")
        pid = supervisor.pids["p0"]
    assert not lives(pid)


def test_what_a_program_started_itself_ends_too(tmp_path: Path) -> None:
    parent = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\ntime.sleep(60)"
    )
    with supervised(tmp_path, parent) as (_, source):
        wait_for(lambda: source, "the program's first line")
        grandchild = int(source[0][1])
        assert lives(grandchild)
    wait_for(lambda: not lives(grandchild), "the grandchild's end")


def test_no_program_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", OWNER]
    with ended(
        subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True)
    ) as owner:
        assert owner.stdout
        pid = int(owner.stdout.readline())
        assert lives(pid)
    wait_for(lambda: not lives(pid), "the program's end")
