"""GET task/...: tasks one by one, in lists, and the seeds of their pictures."""

from flask import request

from worker.sandbox.dialects import Dialect
from worker.sandbox.models import Reply, Task
from worker.sandbox.tasks import Tasks


class TaskQueries:
    """Replies to queries about tasks."""

    def __init__(self, dialect: Dialect, tasks: Tasks, *, refuses_seeds: bool) -> None:
        self._dialect = dialect
        self._refuses_seeds = refuses_seeds
        self._tasks = tasks

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
            newest_first = list(self._tasks.visible.values())[::-1]
            return self._views(newest_first[: self._dialect.listed])

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
