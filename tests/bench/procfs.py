"""What Linux tells about running programs: their memory, and whose a connection is."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_ESTABLISHED = "01"

AVAILABLE = (_PROC / "self" / "smaps_rollup").exists()


class Memory(NamedTuple):
    """MiB. ``pss`` counts a page that n processes share as 1/n of a page in each."""

    pss: float
    rss: float


def session(leader: int) -> list[int]:
    """The processes of the session that ``leader`` began: itself and all that it started."""
    found = []
    for entry in _PROC.iterdir():
        try:
            if entry.name.isdigit() and os.getsid(int(entry.name)) == leader:
                found.append(int(entry.name))
        except ProcessLookupError:
            continue  # it ended meanwhile
    return found


def memory(pids: Iterable[int]) -> Memory:
    """What the processes use together."""
    lines = [
        line.split()
        for pid in pids
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]
    ]
    sums = {
        name: sum(int(words[1]) for words in lines if words[0] == name) / 1024
        for name in ("Pss:", "Rss:")
    }
    return Memory(sums["Pss:"], sums["Rss:"])


def cpu_s(pids: Iterable[int]) -> float:
    """Seconds of CPU that the processes have used so far."""
    ticks = 0
    for pid in pids:
        # The name, in brackets, may hold anything; behind it come the status and numbers only.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def owners(pids: Iterable[int], port: int) -> dict[int, int]:
    """Which process serves each connection to ``port``: the client's port -> its pid."""
    inodes = {inode: pid for pid in pids for inode in _sockets(pid)}
    found = {}
    for line in (_PROC / "net" / "tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *rest = line.split()
        inode = rest[5]
        if state == _ESTABLISHED and _port(local) == port and inode in inodes:
            found[_port(remote)] = inodes[inode]
    return found


def _sockets(pid: int) -> list[str]:
    links = []
    for entry in (_PROC / str(pid) / "fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except FileNotFoundError:
            continue  # closed meanwhile
    return [link[8:-1] for link in links if link.startswith("socket:[")]


def _port(address: str) -> int:
    return int(address.partition(":")[2], 16)
