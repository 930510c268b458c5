"""Asking about tasks (protocol: query endpoints and what they say of unknown ids)."""

from __future__ import annotations

from typing import Any

from flask import request

from worker.sandbox.base import Dialect
from worker.sandbox.engine import Engine
from worker.sandbox.model import Reply, Task


class Queries:
    """Answers the provider's query endpoints."""

    def __init__(self, dialect: Dialect, engine: Engine) -> None:
        self._dialect = dialect
        self._engine = engine

    def fetch(self, task_id: str) -> Reply:
        """One task."""
        with self._engine.lock:
            task = self._engine.seen(task_id)
            if task is None:
                return self._dialect.unknown_task()
            return Reply(self._engine.view(self._dialect.rows(task)[0]))

    def image_seed(self, task_id: str) -> Reply:
        """The seed of a finished picture."""
        return self._dialect.seed(self._engine.seen(task_id))

    def all(self) -> Reply:
        """All tasks, or as many as the provider lists; newest first."""
        with self._engine.lock:
            newest_first = self._engine.all_seen()[::-1]
            return self._views(newest_first[: self._dialect.listed])

    def by_condition(self) -> Reply:
        """Several tasks by id; unknown ones are left out without a word."""
        fields = request.get_json(silent=True)
        wanted: Any = fields.get("ids") if isinstance(fields, dict) else None
        ids = [str(each) for each in wanted] if isinstance(wanted, list) else []
        with self._engine.lock:
            return self._views([t for each in ids if (t := self._engine.seen(each)) is not None])

    def queue(self) -> Reply:
        """Tasks running and waiting."""
        with self._engine.lock:
            return self._views(self._engine.queue())

    def _views(self, tasks: list[Task]) -> Reply:
        rows = [row for task in tasks for row in self._dialect.rows(task)]
        return Reply([self._engine.view(row) for row in rows])
