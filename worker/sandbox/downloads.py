"""Pictures and films on their way out, with the faults that strike links and downloads."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

from worker.sandbox.faults import Download, Faults
from worker.sandbox.model import Reply, Task

#: The query of a link that dies, with the moment in milliseconds; like that of a signed link.
EXPIRY = "ex"
#: What of a task object holds links.
_LINKS = ("imageUrl", "imageUrls", "videoUrl", "videoUrls")


class Links:
    """Some links die; a task's page and its callbacks tell new ones each time."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._counts = _Counts()

    def told(self, view: dict[str, Any], task: Task) -> dict[str, Any]:
        """The task object with the links of this moment."""
        life = self._faults.link_life(task.number, self._counts.next(task.number))
        if life is None:
            return view
        mark = f"{EXPIRY}={_now_ms() + round(life * 1000)}"
        return {
            key: _marked(value, mark) if key in _LINKS else value for key, value in view.items()
        }


class Downloads:
    """Answers downloads."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._counts = _Counts()

    def answer(self, data: bytes, content_type: str, task: Task | None) -> Reply:
        """The file, as far as the faults let it through; uploads belong to no task."""
        download = Download(data, len(data))
        if task is not None:
            self._faults.download(download, task.number, self._counts.next(task.number))
        return Reply(download.data, download.status, content_type, download.announced)


def is_dead(expiry: str | None) -> bool:
    """Whether a link with this moment in its query is good no more."""
    return expiry is not None and (not expiry.isdecimal() or int(expiry) < _now_ms())


class _Counts:
    """How often something happened to each task."""

    def __init__(self) -> None:
        self._counts = Counter[int]()
        self._lock = threading.Lock()

    def next(self, number: int) -> int:
        with self._lock:
            self._counts[number] += 1
            return self._counts[number]


def _marked(value: Any, mark: str) -> Any:
    match value:
        case str() if value.startswith("http"):
            return f"{value}{'&' if '?' in value else '?'}{mark}"
        case dict():
            return {key: _marked(each, mark) for key, each in value.items()}
        case list():
            return [_marked(each, mark) for each in value]
        case _:
            return value


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
