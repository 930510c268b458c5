"""A power cut of Redis: what is left of its append-only file when the machine goes dark.

A killed server loses nothing that it wrote, since the kernel keeps it. A power cut loses what was
not yet synced to the disk: with `appendfsync everysec` about the last second, with `always` nothing
that was answered. In both cases the last write may be torn.
"""

from collections import deque
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Self

from tests.chaos.redis_server import Fsync, RedisServer

#: `everysec` syncs once a second; what is older is on the disk.
_UNSYNCED_S = 1.0
_LOOK_EVERY_S = 0.01
#: The beginning of a command that will never be complete.
_TORN = b"*3\r\n$3\r\nSET\r\n$12\r\nhookl"


class PowerCuts:
    """Watches the append-only file of a server, so that it can be made what a power cut leaves."""

    def __init__(self, server: RedisServer, fsync: Fsync) -> None:
        self._server = server
        self._fsync = fsync
        self._sizes: deque[tuple[float, Path, int]] = deque(maxlen=1000)
        self._stop = Event()
        self._thread = Thread(target=self._watch, name="power", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def cut(self) -> int:
        """The lights go out; how many bytes were lost. The server can be started again."""
        self._server.kill()
        now = monotonic()
        file = aof(self._server.folder)
        size = file.stat().st_size
        kept = self._synced(file, now, size) if self._fsync == "everysec" else size
        with file.open("r+b") as opened:
            opened.truncate(kept)
            opened.seek(kept)
            opened.write(_TORN)
        self._sizes.clear()
        return size - kept

    def _synced(self, file: Path, now: float, size: int) -> int:
        """What the file had a second ago, or at the first look since it is there."""
        seen = self._sizes.copy()  # the watcher goes on
        mine = [(at, was) for at, path, was in seen if path == file]
        older = [was for at, was in mine if at <= now - _UNSYNCED_S]
        return older[-1] if older else (mine[0][1] if mine else size)

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            try:
                file = aof(self._server.folder)
                self._sizes.append((monotonic(), file, file.stat().st_size))
            except (FileNotFoundError, ValueError):
                continue  # a rewrite exchanges it


def aof(folder: Path) -> Path:
    """The file that the server appends to: the newest increment; the only file before Redis 7."""
    parts = (folder / "appendonlydir").glob("*.incr.aof")
    newest = max(parts, key=lambda path: int(path.name.split(".")[-3]), default=None)
    return newest or folder / "appendonly.aof"
