"""The moment at which `hookline up` becomes the program that stays."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import clean_env, wait_for
from worker.adapters.local.claim import is_held

#: Becomes a program that supervises one; argv: the state directory, a signal that comes while it
#: does (0: none), and the program's code.
BECOMING = """
import os, sys
from pathlib import Path
import hookline.start
from worker.adapters.local.claim import claimed
from worker.adapters.local.supervisor import Program
from worker.entrypoints import staying
from worker.entrypoints.stack import Stack

replace = os.execv

def execv(*args):
    os.kill(os.getpid(), int(sys.argv[2]))
    replace(*args)

os.execv = execv
state_dir = Path(sys.argv[1])
with claimed(state_dir) as lock:
    program = Program("p", ("-c", sys.argv[3]), dict(os.environ), state_dir)
    stack = Stack(state_dir, private_redis=False, programs=(program,), ready=())
    plan = staying.Staying(stack, told={"A": "1"}, places="all is ready", page=None, raw=True)
    staying.become(plan, Path(hookline.start.__file__), lock)
"""


#: Says more than a pipe holds.
TALKING = """
for _ in range(5000):
    print("." * 100)
open("said", "w").close()
import time
time.sleep(60)
"""


def becoming(
    state_dir: Path, number: int, code: str = "import time; time.sleep(60)"
) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", BECOMING, str(state_dir), str(int(number)), code]
    return subprocess.Popen(
        command,
        env=clean_env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_that_comes_meanwhile_stops_what_it_becomes(
    tmp_path: Path, number: int, code: int
) -> None:
    with becoming(tmp_path / "state", number) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, "", "stopping ...\n")
    assert not (tmp_path / "state" / "up.env").exists()
    assert not is_held(tmp_path / "state" / "up.lock")


def test_it_keeps_its_process_and_the_lock(tmp_path: Path) -> None:
    with becoming(tmp_path / "state", 0) as process:
        assert process.stdout
        assert process.stdout.readline() == "all is ready\n"
        assert is_held(tmp_path / "state" / "up.lock")
        assert (tmp_path / "state" / "up.env").read_text() == "A=1\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert not (tmp_path / "state" / "up.env").exists()


def test_its_programs_keep_running_when_the_reader_of_its_output_exits(tmp_path: Path) -> None:
    with becoming(tmp_path / "state", 0, TALKING) as process:
        assert process.stdout
        assert process.stderr
        process.stderr.close()
        process.stdout.close()
        wait_for((tmp_path / "state" / "said").exists, "all that the program says")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
