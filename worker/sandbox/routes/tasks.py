"""GET task/...: tasks one by one, in lists, and the seeds of their pictures."""

import itertools

from flask import request

from worker.sandbox.dialects import Dialect
from worker.sandbox.models import Reply, Task
from worker.sandbox.options import SandboxOptions
from worker.sandbox.tasks import Tasks


class TaskQueries:
    """Replies to queries about tasks."""

    def __init__(self, dialect: Dialect, tasks: Tasks, options: SandboxOptions) -> None:
        self._dialect = dialect
        self._refuses_seeds = options.no_seeds
        self._tasks = tasks
        self._most = options.list_length or dialect.listed
        self._servers = options.list_servers
        self._calls = itertools.count()

    def fetch(self, task_id: str) -> Reply:
        """One task."""
        with self._tasks.lock:
            task = self._tasks.visible.get(task_id)
            if task is None:
                return self._dialect.unknown_task
            return Reply(self._tasks.view(self._dialect.rows(task)[0]))

    def image_seed(self, task_id: str) -> Reply:
        """The seed of a finished picture."""
        if self._refuses_seeds:
            return Reply({"code": 5, "description": "unmarshal_response_body_failed "}, 400)
        return self._dialect.seed(self._tasks.visible.get(task_id))

    def all(self) -> Reply:
        """All tasks, or as many as the provider lists; newest first."""
        with self._tasks.lock:
            server = next(self._calls) % self._servers
            newest_first = [self._tasks.visible[task_id] for task_id in self._tasks.listed[::-1]]
            own = [task for task in newest_first if task.number % self._servers == server]
            return self._views(own[: self._most])

    def by_condition(self) -> Reply:
        """Several tasks by id; unknown ones are left out silently."""
        fields = request.get_json(silent=True)
        ids = fields.get("ids") if isinstance(fields, dict) else None
        with self._tasks.lock:
            found = map(self._tasks.visible.get, map(str, ids if isinstance(ids, list) else ()))
            return self._views([task for task in found if task is not None])

    def queue(self) -> Reply:
        """Tasks running and waiting."""
        with self._tasks.lock:
            return self._views(self._tasks.queue())

    def _views(self, tasks: list[Task]) -> Reply:
        return Reply([self._tasks.view(row) for task in tasks for row in self._dialect.rows(task)])
