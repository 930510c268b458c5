"""Hosts as network namespaces of this machine, around a bridge, and what goes wrong between them.

Their names begin with ``hookline-hosts-`` and our process id; no others are touched. This process
enters the switch, the namespace with the bridge, so the machine's own network has no part in it:
what we start ourselves can reach the hosts, and nothing else.
"""

import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from itertools import product
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.processes import ROOT

_PREFIX = "hookline-hosts"
_OURS = re.compile(rf"{_PREFIX}-(?P<pid>\d+)-.+")
_NAMESPACES = Path("/run/netns")
_SWITCH = "switch"
_NETWORK = "10.77.0"
_CLONE_NEWNET = 0x40000000

#: Packets between the pairs of addresses in the set are lost, each direction by itself.
_RULES = """\
table bridge hosts {
    set apart { type ipv4_addr . ipv4_addr; }
    chain through { type filter hook prerouting priority 0; ip saddr . ip daddr @apart drop; }
    chain from_here { type filter hook output priority 0; ip saddr . ip daddr @apart drop; }
}
"""


class NetworkError(Exception):
    """A command of iproute2 or nftables failed."""


class Network:
    """The hosts of these names, each with one address, connected while the context is open.

    ``addresses``: by name; ``switch`` is where this process is meanwhile.
    """

    def __init__(self, names: Sequence[str]) -> None:
        numbered = enumerate((_SWITCH, *names), start=1)
        self.addresses = {name: f"{_NETWORK}.{number}" for number, name in numbered}
        self._left = ExitStack()
        self._slow: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        _remove_stale()
        try:
            self._connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every process in the namespaces, leave them, and remove them."""
        for name in self.addresses:
            self.kill(name)
        for relay in self._slow.values():
            relay.wait()
        self._left.close()
        for name in self.addresses:
            if (_NAMESPACES / _namespace(name)).exists():
                _run("ip", "netns", "del", _namespace(name))

    def inside(self, name: str) -> tuple[str, ...]:
        """What is put before a command that runs on this host; the process keeps its id."""
        return ("nsenter", f"--net={_NAMESPACES / _namespace(name)}", "--")

    def kill(self, name: str) -> None:
        """Kill every process of a host, but for this one."""
        for pid in _pids(_namespace(name)) - {os.getpid()}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # --- faults ----------------------------------------------------------------------------------

    def lose(self, senders: Iterable[str], receivers: Iterable[str]) -> None:
        """From now on nothing that these send arrives at those; the other direction stays."""
        self._apart("add", senders, receivers)

    def part(self, one: Iterable[str], others: Iterable[str] | None = None) -> None:
        """Nothing goes between the two groups; without ``others``: one is cut off from everyone."""
        ones = list(one)
        rest = list(others) if others is not None else [n for n in self.addresses if n not in ones]
        self.lose(ones, rest)
        self.lose(rest, ones)

    def slow_down(self, name: str, delay_ms: int) -> None:
        """What this host sends arrives so much later."""
        ready, done = os.pipe()
        self._slow[name] = subprocess.Popen(
            [sys.executable, "-m", "tests.hosts.delay", name, f"{delay_ms}", f"{done}"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            pass_fds=(done,),
            start_new_session=True,
        )
        os.close(done)
        with os.fdopen(ready, "rb") as waiting:
            if not waiting.read(1):
                raise NetworkError("the relay that slows a host down did not start")

    def heal(self) -> None:
        """All hosts reach one another again, without delay."""
        _run("nft", "flush", "set", "bridge", "hosts", "apart")
        for name, relay in self._slow.items():
            relay.terminate()
            relay.wait()
            _run("ip", "link", "set", name, "master", "bridge")
        self._slow.clear()

    def _apart(self, what: str, senders: Iterable[str], receivers: Iterable[str]) -> None:
        pairs = (
            f"{self.addresses[one]} . {self.addresses[other]}"
            for one, other in product(senders, list(receivers))
        )
        _run("nft", what, "element", "bridge", "hosts", "apart", f"{{ {', '.join(pairs)} }}")

    # --- setting up ------------------------------------------------------------------------------

    def _connect(self) -> None:
        switch, *hosts = self.addresses
        _run("ip", "netns", "add", _namespace(switch))
        self._enter(switch)
        _batch(
            "link set lo up",
            "link add bridge type bridge",
            f"addr add {self.addresses[switch]}/24 dev bridge",
            "link set bridge up",
        )
        _run("nft", "-f", "-", given=_RULES)
        for host in hosts:
            self._plug_in(host)

    def _plug_in(self, host: str) -> None:
        _run("ip", "netns", "add", _namespace(host))
        _batch(
            f"link add {host} type veth peer name eth0 netns {_namespace(host)}",
            f"link set {host} master bridge",
            f"link set {host} up",
        )
        _batch(
            "link set lo up",
            f"addr add {self.addresses[host]}/24 dev eth0",
            "link set eth0 up",
            namespace=_namespace(host),
        )

    def _enter(self, name: str) -> None:
        """For this thread, and those that it starts from now on."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._left.callback(os.close, before)
        self._left.callback(_set_namespace, before)
        there = os.open(_NAMESPACES / _namespace(name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            _set_namespace(there)
        finally:
            os.close(there)


def refused() -> str | None:
    """Why this machine lets us make no such network; None: it does."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    try:
        with Network(["probe"]):
            return None
    except (NetworkError, OSError) as error:
        return f"network namespaces are not permitted here: {error}"


def _namespace(name: str) -> str:
    return f"{_PREFIX}-{os.getpid()}-{name}"


def _remove_stale() -> None:
    """Those of runs that were killed; a namespace of any other name, or of a living run, stays."""
    there = [path.name for path in _NAMESPACES.glob("*")] if _NAMESPACES.exists() else []
    for name in there:
        found = _OURS.fullmatch(name)
        if found and not Path("/proc", found["pid"]).exists():
            for pid in _pids(name):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            _run("ip", "netns", "del", name)


def _pids(namespace: str) -> set[int]:
    if not (_NAMESPACES / namespace).exists():
        return set()
    return set(map(int, _run("ip", "netns", "pids", namespace).split()))


def _batch(*lines: str, namespace: str | None = None) -> None:
    there = ("-n", namespace) if namespace else ()
    _run("ip", *there, "-batch", "-", given="\n".join(lines))


def _run(*command: str, given: str | None = None) -> str:
    env: Mapping[str, str] = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    done = subprocess.run(
        command, input=given, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise NetworkError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _set_namespace(descriptor: int) -> None:
    # os.setns is in Python 3.12 and newer.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
