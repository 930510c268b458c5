"""One short fault on a site of hosts, and that nothing of one is left behind.

Needs root and Debian's iproute2, nftables, haproxy, redis-server, redis-sentinel and
rabbitmq-server.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.network import Network, refused
from tests.hosts.servers import missing
from tests.support.processes import ROOT, wait_for

_NAMESPACES = Path("/run/netns")
#: Above the largest id that Linux gives a process.
_NO_PROCESS = 4_194_305


@pytest.fixture(scope="module", autouse=True)
def permitted() -> None:
    """What is not installed fails in CI; where namespaces are not permitted, nobody can help it."""
    if lacking := missing():
        if os.environ.get("CI"):
            pytest.fail(lacking)
        pytest.skip(lacking)
    if reason := refused():
        pytest.skip(reason)


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "tests.hosts", *args]


def left_of(pid: int) -> list[str]:
    return [path.name for path in _NAMESPACES.glob(f"hookline-hosts-{pid}-*")]


@pytest.mark.timeout(600)
def test_a_worker_host_that_is_cut_off_loses_nothing() -> None:
    args = ("--only", "cut-off", "--pipelines", "8", "--hold", "5", "--json")
    with subprocess.Popen(
        command(*args), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        said, notes = process.communicate(timeout=560)
    assert process.returncode == 0, notes
    [row] = json.loads(said)
    assert row["faults"] == 1
    assert row["jobs"] == 8 * 3 + 2, "roots, their steps, and one of each account after the heal"
    assert not any(row[name] for name in ("lost", "paid_twice", "unlisted", "follow_ups_missing"))
    assert not left_of(process.pid)


def test_nothing_is_left_after_ctrl_c() -> None:
    with subprocess.Popen(
        command("--only", "cut-off"), cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        booting = f"hookline-hosts-{process.pid}-pictures"
        wait_for(lambda: booting in left_of(process.pid), "the hosts", 60)
        process.send_signal(signal.SIGINT)
        _, notes = process.communicate(timeout=60)
    assert process.returncode == 130, notes
    assert not left_of(process.pid)


@pytest.fixture
def namespaces() -> Iterator[tuple[str, str]]:
    """One of a run that was killed, and one of another program."""
    names = (f"hookline-hosts-{_NO_PROCESS}-web-1", f"another-{os.getpid()}-web-1")
    for name in names:
        subprocess.run(["ip", "netns", "add", name], check=True)
    yield names
    for name in names:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def test_only_what_is_ours_is_removed(namespaces: tuple[str, str]) -> None:
    killed, foreign = namespaces
    with Network(["alone"]) as network:
        there = {path.name for path in _NAMESPACES.iterdir()}
        assert killed not in there
        assert foreign in there
        assert set(left_of(os.getpid())) == {
            f"hookline-hosts-{os.getpid()}-{name}" for name in network.addresses
        }
    assert not left_of(os.getpid())
    assert (_NAMESPACES / foreign).exists()
