"""The tasks of one account: accepted, waiting, running, ended, and reported by callbacks.

Everything that is due later happens in the scheduler's thread; one lock guards all tasks.
"""

import threading
import uuid
from collections import deque
from dataclasses import replace
from functools import partial
from typing import Any

from worker.sandbox import buttons
from worker.sandbox.callbacks import CallbackSender
from worker.sandbox.environment import Environment
from worker.sandbox.models import (
    FAILURE,
    IN_PROGRESS,
    MODAL,
    NOT_START,
    START_DELAY,
    SUBMITTED,
    SUCCESS,
    Callback,
    Order,
    Refused,
    Task,
    now_ms,
)
from worker.sandbox.rng import seeded_rng

#: Progress reported at equal intervals between the start and the end, in percent.
_PROGRESS = (0, 12, 31, 52, 78)
#: Kinds that providers match to their pictures by prompt.
_MATCHED_BY_PROMPT = ("imagine", "edits", "video", "shorten")


class Tasks:
    """All tasks of one account, oldest first. `base_url` is where their pictures are served.

    `all` has the tasks as they are, `visible` as the provider's API knows them, which may lag.
    """

    def __init__(self, env: Environment, callbacks: CallbackSender) -> None:
        options = env.options
        self.base_url = options.public_url or "http://127.0.0.1"
        self.lock = threading.RLock()
        self._env = env
        self._options = options
        self._callbacks = callbacks
        self.all: dict[str, Task] = {}
        self.visible = dict[str, Task]() if options.fetch_lag else self.all
        self.listed: list[str] = []  #: the ids that task/list knows
        self._running: dict[str, Task] = {}
        self._entering = 0  # accepted, but not in the ledger yet
        self._waiting: deque[Task] = deque()
        self._latest_of_prompt: dict[str, Task] = {}
        self._last_id = 0
        self._id_rng = seeded_rng(options.seed, "id")
        for task in env.memory.tasks():
            self.all[task.id] = task
            self.visible[task.id] = task if self.visible is self.all else replace(task)
            self.listed.append(task.id)
        if options.fetch_lag:
            env.scheduler.after(options.fetch_lag, self._refresh)

    def resume(self) -> None:
        """Begin again with the remembered tasks that were under way."""
        with self.lock:
            for task in list(self.all.values()):
                if not task.ended and task.status != MODAL:
                    task.status, task.start_time, task.progress = NOT_START, None, None
                    self._enter(task)

    # --- accepting orders ------------------------------------------------------------------------

    def accept(self, order: Order) -> tuple[tuple[Task, ...], int]:
        """Accept a paid submission; returns its tasks and their place in the queue, 0: running."""
        with self.lock:
            orders = order.copies or (order,)
            self._make_room(len(orders))
            tasks = tuple(self._new(each) for each in orders)
        return tasks, self._enqueue(tasks, order.kind, order.state, order.prompt)

    def open_modal(self, order: Order) -> Task:
        """Accept a press that waits for its modal; nothing is paid yet."""
        with self.lock:
            task = self._new(order)
            task.status = MODAL
            self._env.memory.keep(task)
        self._env.books.open_modal(task)
        self._env.stats.count("windows_opened")
        return task

    def answer_modal(self, task: Task, order: Order) -> tuple[tuple[Task, ...], int]:
        """Continue a task whose modal was answered; any other task is ignored silently."""
        with self.lock:
            if task.status != MODAL:
                self._env.stats.count("modals_skipped")
                return (task,), 0
            self._make_room(1)
            if self._options.modal_new_task:
                task = self._new(replace(order, opens_modal=False))
            else:
                task.take(replace(order, state=task.order.state, hook=task.order.hook))
                task.status, task.modal_answered = NOT_START, True
                self._env.memory.keep(task)
        self._env.stats.count("modals")
        state = order.state or task.order.state
        return (task,), self._enqueue((task,), "modal", state, order.prompt)

    # --- looking ---------------------------------------------------------------------------------

    def queue(self) -> list[Task]:
        """Tasks running and waiting."""
        with self.lock:
            return [*self._running.values(), *self._waiting]

    def totals(self) -> dict[str, int]:
        """How many tasks there are, and how many of them are running or waiting."""
        with self.lock:
            all_, running, waiting = len(self.all), len(self._running), len(self._waiting)
        return {"all": all_, "running": running, "waiting": waiting}

    def view(self, task: Task) -> dict[str, Any]:
        """The task object that fetch returns."""
        return self._finished_view(self._env.dialect.task(task, self.base_url), task)

    def forget(self) -> int:
        """Forget all tasks, as a proxy without a database does when it restarts; how many."""
        with self.lock:
            count = len(self.all)
            for task in self.all.values():
                task.order = replace(task.order, hook=None)  # nothing calls back either
            self._waiting.clear()
            self._running.clear()
            self.visible.clear()
            self.all.clear()
            self._env.memory.forget()
        return count

    # --- running ---------------------------------------------------------------------------------

    def _enqueue(self, tasks: tuple[Task, ...], kind: str, state: str | None, prompt: str) -> int:
        for task in tasks:  # in the ledger before anyone can hear of it
            self._env.ledger.add(task, kind, state, prompt)
        self._env.books.charge(tasks[0], modal=kind == "modal")
        with self.lock:
            ahead = len(self._waiting)
            for task in tasks:
                self._entering -= 1
                self._enter(task)
            return ahead + 1 if len(self._waiting) > ahead else 0

    def _enter(self, task: Task) -> None:
        if self._options.instant_upscales and task.order.shape == "single":
            self._end(task, None)
        elif self._has_room():
            self._start(task)
        else:
            self._waiting.append(task)

    def _start(self, task: Task) -> None:
        self._running[task.id] = task
        self._check_equal_prompts(task)
        rng = seeded_rng(self._options.seed, "seconds", task.number)
        task.seconds = rng.uniform(*self._options.task_seconds)
        self._env.scheduler.after(START_DELAY, partial(self._advance, task, -1))
        if self._options.callback_every_ms:
            self._env.scheduler.after(START_DELAY, partial(self._repeat_callback, task))

    def _advance(self, task: Task, step: int) -> None:
        with self.lock:
            if step == len(_PROGRESS):
                self._finish(task)
                return
            if step < 0:
                task.status, task.start_time, task.progress = SUBMITTED, now_ms(), "0%"
            else:
                task.status, task.progress = IN_PROGRESS, f"{_PROGRESS[step]}%"
            self._call_back(task)
        pause = task.seconds / (len(_PROGRESS) + 1)
        self._env.scheduler.after(pause, partial(self._advance, task, step + 1))

    def _finish(self, task: Task) -> None:
        self._end(task, task.failure)
        self._running.pop(task.id, None)
        while self._waiting and self._has_room():
            self._start(self._waiting.popleft())
        self._call_back(task)
        if task.late_success is not None:
            self._env.scheduler.after(task.late_success, partial(self._succeed_late, task))

    def _succeed_late(self, task: Task) -> None:
        with self.lock:
            self._end(task, None)
            self._call_back(task)

    def _end(self, task: Task, failure: str | None) -> None:
        self._env.ledger.end(task)
        task.finish_time = now_ms()
        task.start_time = task.start_time or task.finish_time
        task.fail_reason = failure
        if failure is not None:
            task.status, task.progress = FAILURE, ""
            self._env.books.refund(task)
        else:
            task.status, task.progress, task.recipe = SUCCESS, "100%", task.planned
            task.buttons = buttons.offered(task)
        self._env.memory.keep(task)

    # --- reporting -------------------------------------------------------------------------------

    def _repeat_callback(self, task: Task) -> None:
        with self.lock:
            if task.ended:
                return
            self._call_back(task, repeat=True)
        pause = self._options.callback_every_ms / 1000
        self._env.scheduler.after(pause, partial(self._repeat_callback, task))

    def _call_back(self, task: Task, *, repeat: bool = False) -> None:
        same = self._env.dialect.callback_per_status and task.status == task.callback_status
        hook = task.order.hook
        if not hook or not self._callbacks.enabled or (same and not repeat):
            return
        task.callback_status, task.callbacks = task.status, task.callbacks + 1
        body = self._finished_view(self._env.dialect.callback(task, self.base_url), task)
        self._callbacks.send(Callback(hook, body, task.number, task.callbacks, task.seconds))

    def _finished_view(self, view: dict[str, Any], task: Task) -> dict[str, Any]:
        """The task object with links that expire, and with or without buttons."""
        if task.recipe is not None:
            view = self._env.faults.links(view, task.number)
        if self._options.grids_without_buttons and "buttons" in view:
            return _with_sparse_buttons(view, task)
        return view

    # --- bookkeeping -----------------------------------------------------------------------------

    def _new(self, order: Order) -> Task:
        self._last_id = max(self._last_id + 1, now_ms() * 1000 + self._id_rng.randrange(1000))
        task_id = f"{self._env.dialect.id_prefix}{self._last_id}"
        task = Task(task_id, len(self.all) + 1, order, str(uuid.uuid4()))
        task.take(order)
        self.visible[task_id] = replace(task, status="")
        self.all[task_id] = task
        self._env.memory.keep(task)
        if self._options.list_lag:
            self._env.scheduler.after(self._options.list_lag, partial(self.listed.append, task_id))
        else:
            self.listed.append(task_id)
        return task

    def _has_room(self) -> bool:
        return not self._options.max_running or len(self._running) < self._options.max_running

    def _make_room(self, count: int) -> None:
        """Refuse if the queue is full, counting tasks that are still entering."""
        most, ahead = self._options.max_running, len(self._running) + len(self._waiting)
        waiting = ahead + self._entering - most
        if most and waiting >= 0 and waiting >= self._options.refuse_above:
            raise Refused("queue_full", self._env.dialect.account)
        self._entering += count

    def _check_equal_prompts(self, task: Task) -> None:
        prompt = task.order.prompt
        if task.order.kind not in _MATCHED_BY_PROMPT or not prompt:
            return
        other = self._latest_of_prompt.get(prompt)
        self._latest_of_prompt[prompt] = task
        if other is None or other.ended:
            return
        self._env.stats.count("equal_prompts_at_once")
        if self._options.swap_equal_prompts:
            task.planned, other.planned = other.planned, task.planned
            self._env.stats.count("swapped")

    def _refresh(self) -> None:
        """Copy what has changed to what the API knows."""
        with self.lock:
            for task in self.all.values():
                if not self.visible[task.id].ended or task.late_success:
                    self.visible[task.id] = replace(task)
        self._env.scheduler.after(self._options.fetch_lag, self._refresh)


def _with_sparse_buttons(view: dict[str, Any], task: Task) -> dict[str, Any]:
    """A habit of some proxies: buttons on single pictures and describes only, emoji an object."""
    single = task.order.shape in ("single", "enlarged", "describe")
    shown = view["buttons"] or () if single or task.order.action == "INPAINT" else ()
    return view | {"buttons": [each | {"emoji": {"name": each["emoji"]}} for each in shown]}
