"""The oracle's memory: every accepted (paid) submission, and counts of what happened."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from worker.sandbox.model import Task


class Ledger:
    """Append-only list of accepted submissions; with a path also a file that outlives a kill."""

    def __init__(self, path: str | None = None) -> None:
        self._entries: list[dict[str, Any]] = []
        self._running: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._file = None
        if path is not None:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 - until close()

    def add(self, task: Task | None, kind: str, state: str | None, prompt: str) -> None:
        """Record one; when this returns the line is on disk, so no answer can precede it."""
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
        """Note when the task first ended, and so left its place; the file does not tell it."""
        with self._lock:
            if entry := self._running.pop(task.id, None):
                entry["ended_at"] = _now()

    def entries(self) -> list[dict[str, Any]]:
        """All of them, oldest first; `ended_at` is there once the task has ended."""
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
        self._counts: dict[str, Counter[str]] = {}
        self._lock = threading.Lock()

    def count(self, name: str, group: str = "counts") -> None:
        """One more of `name`."""
        with self._lock:
            self._counts.setdefault(group, Counter())[name] += 1

    def get(self, name: str, group: str = "counts") -> int:
        """How many so far."""
        with self._lock:
            return self._counts.get(group, Counter())[name]

    def snapshot(self) -> dict[str, dict[str, int]]:
        """All groups as plain dicts."""
        with self._lock:
            return {group: dict(counts) for group, counts in self._counts.items()}


def _now() -> str:
    return datetime.now(UTC).isoformat()
