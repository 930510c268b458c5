"""The life of tasks: accepted, waiting, running, ended, and told about.

Everything that is due later happens in the scheduler's thread; one lock guards all tasks.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from dataclasses import replace
from functools import partial
from typing import Any

from worker.sandbox import presses, views
from worker.sandbox.base import Dialect
from worker.sandbox.callbacks import Notifier
from worker.sandbox.chance import chance
from worker.sandbox.downloads import Links
from worker.sandbox.faults import Callback, Faults
from worker.sandbox.ledger import Ledger, Stats
from worker.sandbox.model import (
    FAILURE,
    IN_PROGRESS,
    MODAL,
    NOT_START,
    START_DELAY,
    SUBMITTED,
    SUCCESS,
    Order,
    Refused,
    Task,
    now_ms,
)
from worker.sandbox.options import SandboxOptions
from worker.sandbox.scheduler import Scheduler

#: Progress shown at equal distances of time between the start and the end.
_PROGRESS = (0, 12, 31, 52, 78)
#: Kinds which providers match to their pictures by prompt.
_MATCHED_BY_PROMPT = ("imagine", "edits", "video", "shorten")


class Engine:
    """All tasks of one account."""

    def __init__(
        self,
        options: SandboxOptions,
        dialect: Dialect,
        *,
        scheduler: Scheduler,
        notifier: Notifier,
        ledger: Ledger,
        stats: Stats,
    ) -> None:
        self.base = options.public_url or "http://127.0.0.1"
        self.lock = threading.RLock()
        self._options = options
        self._dialect = dialect
        self._scheduler = scheduler
        self._notifier = notifier
        self._ledger = ledger
        self._stats = stats
        self._links = Links(Faults(options, stats))
        self._tasks: dict[str, Task] = {}
        self._seen: dict[str, Task] = {}
        self._running: dict[str, Task] = {}
        self._entering = 0  # accepted, and on their way into the books
        self._waiting: deque[Task] = deque()
        self._latest_of_prompt: dict[str, Task] = {}
        self._last_id = 0
        self._serial = chance(options.seed, "id")
        if options.fetch_lag:
            scheduler.after(options.fetch_lag, self._look)

    # --- taking orders ---------------------------------------------------------------------------

    def accept(self, order: Order) -> tuple[tuple[Task, ...], int]:
        """Take a paid submission: its tasks, and how many wait before them."""
        with self.lock:
            orders = order.copies or (order,)
            self._make_room(len(orders))
            tasks = tuple(self._new(each) for each in orders)
        return tasks, self._go(tasks, order.kind, order.state, order.prompt)

    def open_window(self, order: Order) -> Task:
        """Take a press that waits for its window; nothing is paid yet."""
        with self.lock:
            task = self._new(order)
            task.status = MODAL
        self._stats.count("windows_opened")
        return task

    def answer_window(self, task: Task, order: Order) -> tuple[tuple[Task, ...], int]:
        """Go on with a task whose window was answered; any other one is skipped silently."""
        with self.lock:
            if task.status != MODAL:
                self._stats.count("modals_skipped")
                return (task,), 0
            self._make_room(1)
            if self._options.modal_new_task:
                task = self._new(replace(order, opens_window=False))
            else:
                kept = replace(order, state=task.order.state, hook=task.order.hook)
                task.take(kept)
                task.status, task.answered = NOT_START, True
        self._stats.count("modals")
        state = order.state or task.order.state
        return (task,), self._go((task,), "modal", state, order.prompt)

    def record(self, kind: str, state: str | None) -> None:
        """Enter a paid submission that makes no task."""
        self._ledger.add(None, kind, state, "")

    # --- looking ---------------------------------------------------------------------------------

    def task(self, task_id: str) -> Task | None:
        """The task as it is."""
        return self._tasks.get(task_id)

    def seen(self, task_id: str) -> Task | None:
        """The task as the provider's API knows it, which may lag behind."""
        return (self._seen if self._options.fetch_lag else self._tasks).get(task_id)

    def all_seen(self) -> list[Task]:
        """All of them, oldest first."""
        return list((self._seen if self._options.fetch_lag else self._tasks).values())

    def queue(self) -> list[Task]:
        """Tasks running and waiting."""
        with self.lock:
            return [*self._running.values(), *self._waiting]

    def totals(self) -> dict[str, int]:
        """How many tasks there are, and how many of them run or wait."""
        with self.lock:
            all_, running, waiting = len(self._tasks), len(self._running), len(self._waiting)
        return {"all": all_, "running": running, "waiting": waiting}

    def view(self, task: Task) -> dict[str, Any]:
        """The task object as fetch answers it."""
        return self._shown(self._dialect.task(task, self.base), task)

    # --- running ---------------------------------------------------------------------------------

    def _go(self, tasks: tuple[Task, ...], kind: str, state: str | None, prompt: str) -> int:
        for task in tasks:  # on paper before anything can be heard of it
            self._ledger.add(task, kind, state, prompt)
        with self.lock:
            ahead = len(self._waiting)
            for task in tasks:
                self._entering -= 1
                self._enter(task)
            waits = len(self._waiting) > ahead
        return ahead + 1 if waits else 0

    def _enter(self, task: Task) -> None:
        if self._options.instant_upscales and task.order.shape == "single":
            self._end(task, None)
        elif self._has_room():
            self._start(task)
        else:
            self._waiting.append(task)

    def _start(self, task: Task) -> None:
        self._running[task.id] = task
        self._watch_equal_prompts(task)
        dice = chance(self._options.seed, "seconds", task.number)
        task.seconds = dice.uniform(*self._options.task_seconds)
        self._scheduler.after(START_DELAY, partial(self._step, task, -1))
        if self._options.callback_every_ms:
            self._scheduler.after(START_DELAY, partial(self._repeat, task))

    def _step(self, task: Task, step: int) -> None:
        with self.lock:
            if step == len(_PROGRESS):
                self._finish(task)
                return
            if step < 0:
                task.status, task.start_time, task.progress = SUBMITTED, now_ms(), "0%"
            else:
                task.status, task.progress = IN_PROGRESS, f"{_PROGRESS[step]}%"
            self._tell(task)
        pause = task.seconds / (len(_PROGRESS) + 1)
        self._scheduler.after(pause, partial(self._step, task, step + 1))

    def _finish(self, task: Task) -> None:
        self._end(task, task.doom)
        self._running.pop(task.id, None)
        while self._waiting and self._has_room():
            self._start(self._waiting.popleft())
        self._tell(task)
        if task.succeeds_late is not None:
            self._scheduler.after(task.succeeds_late, partial(self._succeed_late, task))

    def _succeed_late(self, task: Task) -> None:
        with self.lock:
            self._end(task, None)
            self._tell(task)

    def _end(self, task: Task, doom: str | None) -> None:
        self._ledger.end(task)
        task.finish_time = now_ms()
        task.start_time = task.start_time or task.finish_time
        task.fail_reason = doom
        if doom is not None:
            task.status, task.progress = FAILURE, ""
            return
        task.status, task.progress, task.recipe = SUCCESS, "100%", task.planned
        task.buttons = presses.offered(task)

    def _repeat(self, task: Task) -> None:
        with self.lock:
            if task.ended:
                return
            self._tell(task, again=True)
        pause = self._options.callback_every_ms / 1000
        self._scheduler.after(pause, partial(self._repeat, task))

    # --- telling ---------------------------------------------------------------------------------

    def _tell(self, task: Task, *, again: bool = False) -> None:
        same = self._dialect.tells_status_only and task.status == task.told_status
        hook = task.order.hook
        if not hook or not self._notifier.forwards or (same and not again):
            return
        task.told_status, task.told = task.status, task.told + 1
        body = self._shown(self._dialect.callback(task, self.base), task)
        self._notifier.tell(Callback(hook, body, task.number, task.told, task.seconds))

    def _shown(self, view: dict[str, Any], task: Task) -> dict[str, Any]:
        if task.recipe is not None:
            view = self._links.told(view, task)
        if self._options.grids_without_buttons and "buttons" in view:
            return views.sparse_buttons(view, task)
        return view

    # --- bookkeeping -----------------------------------------------------------------------------

    def _new(self, order: Order) -> Task:
        self._last_id = max(self._last_id + 1, now_ms() * 1000 + self._serial.randrange(1000))
        task_id = f"{self._dialect.id_prefix}{self._last_id}"
        task = Task(task_id, len(self._tasks) + 1, order, str(uuid.uuid4()))
        task.take(order)
        self._tasks[task_id] = task
        self._seen[task_id] = replace(task, status="")
        return task

    def _has_room(self) -> bool:
        return not self._options.max_running or len(self._running) < self._options.max_running

    def _make_room(self, count: int) -> None:
        """Refuse where as many wait as may, those counted that are not in the books yet."""
        most, ahead = self._options.max_running, len(self._running) + len(self._waiting)
        waiting = ahead + self._entering - most
        if most and waiting >= 0 and waiting >= self._options.refuse_above:
            raise Refused("queue_full", self._dialect.account())
        self._entering += count

    def _watch_equal_prompts(self, task: Task) -> None:
        prompt = task.order.prompt
        if task.order.kind not in _MATCHED_BY_PROMPT or not prompt:
            return
        other = self._latest_of_prompt.get(prompt)
        self._latest_of_prompt[prompt] = task
        if other is None or other.ended:
            return
        self._stats.count("equal_prompts_at_once")
        if self._options.swap_equal_prompts:
            task.planned, other.planned = other.planned, task.planned
            self._stats.count("swapped")

    def _look(self) -> None:
        with self.lock:
            for task in self._tasks.values():
                if not self._seen[task.id].ended or task.succeeds_late:
                    self._seen[task.id] = replace(task)
        self._scheduler.after(self._options.fetch_lag, self._look)
