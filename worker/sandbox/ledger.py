"""The ledger of every accepted (paid) submission, and counts of what happened."""

import json
import os
import threading
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from worker.sandbox.models import Task


class Ledger:
    """An append-only list of accepted submissions; with a path also a file that survives a kill."""

    def __init__(self, path: str | None = None) -> None:
        self._entries: list[dict[str, Any]] = []
        self._running: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._file = None
        if path is not None:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 - until close()

    def add(self, task: Task | None, kind: str, state: str | None, prompt: str) -> None:
        """Record one; the line is on disk when this returns, so before any reply."""
        entry = {
            "task_id": task.id if task else None,
            "kind": kind,
            "state": state,
            "parent_task_id": task.order.parent_id if task else None,
            "custom_id": task.order.custom_id if task else None,
            "prompt": prompt,
            "accepted_at": _now(),
        }
        with self._lock:
            self._entries.append(entry)
            if task:
                self._running[task.id] = entry
            if self._file is not None:
                self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
                self._file.flush()
                os.fsync(self._file.fileno())

    def end(self, task: Task) -> None:
        """Record when the task first ended and freed its slot; the file does not say it."""
        with self._lock:
            if entry := self._running.pop(task.id, None):
                entry["ended_at"] = _now()

    def entries(self) -> list[dict[str, Any]]:
        """All of them, oldest first, with `ended_at` once the task has ended."""
        with self._lock:
            return [dict(entry) for entry in self._entries]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


class Stats:
    """Counters, by group and name."""

    def __init__(self) -> None:
        self._counts = defaultdict[str, Counter[str]](Counter)
        self._lock = threading.Lock()

    def count(self, name: str, group: str = "counts") -> None:
        """Add one to `name`."""
        with self._lock:
            self._counts[group][name] += 1

    def get(self, name: str, group: str = "counts") -> int:
        """The count of `name`."""
        return self.snapshot().get(group, {}).get(name, 0)

    def snapshot(self) -> dict[str, dict[str, int]]:
        """All groups as plain dicts."""
        with self._lock:
            return {group: dict(counts) for group, counts in self._counts.items()}


def _now() -> str:
    return datetime.now(UTC).isoformat()
