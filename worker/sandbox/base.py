# ruff: noqa: RUF001, ARG002 - the texts are Chinese; dialects may need what the base does not
"""What all dialects share. The values on top are what each provider says differently."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from werkzeug.datastructures import Headers

from worker.sandbox import answers
from worker.sandbox.model import Refused, Reply, Task
from worker.sandbox.views import INSTANCE


class Answered(Exception):
    """A submission that is answered ahead of all common checks."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class Dialect(ABC):
    """One provider's protocol. `submits` and `queries` are the endpoints it has."""

    name: ClassVar[str]
    submits: ClassVar[frozenset[str]]
    queries: ClassVar[frozenset[str]]
    refusals: ClassVar[answers.Refusals]

    #: Path segments that may stand before /mj; `any_prefix` takes them all.
    prefixes: ClassVar[tuple[str, ...]] = ()
    any_prefix: ClassVar[bool] = False

    #: How many tasks the list of all tasks holds; None: every one.
    listed: ClassVar[int | None] = None

    data_urls_only: ClassVar[bool] = False
    has_buttons: ClassVar[bool] = True
    max_state: ClassVar[int | None] = None
    id_prefix: ClassVar[str] = ""
    bans_at_once: ClassVar[bool] = False
    timeout_text: ClassVar[str] = "执行超时 5 分钟"

    forwards_hook: ClassVar[bool] = True
    tells_status_only: ClassVar[bool] = False
    ascii_callbacks: ClassVar[bool] = False
    follows_redirects: ClassVar[bool] = False
    callback_type: ClassVar[str] = "application/json"
    callback_timeout: ClassVar[float] = 100.0
    callback_pauses: ClassVar[tuple[float, ...]] = ()

    @abstractmethod
    def allows(self, headers: Headers, key: str) -> bool:
        """Whether these headers carry the key."""

    @abstractmethod
    def unauthorised(self) -> Reply:
        """The answer without a good key."""

    @abstractmethod
    def unknown_path(self, method: str, path: str) -> Reply:
        """The answer for a path that this provider lacks."""

    @abstractmethod
    def malformed(self) -> Reply:
        """The answer to a body that cannot be read or has a field of a wrong type."""

    @abstractmethod
    def crashed(self) -> Reply:
        """HTTP 500."""

    def unread(self) -> dict[str, Any] | None:
        """What a body of another content type counts as; None: it is not taken at all."""
        return None

    def check(self, path: str, body: dict[str, Any]) -> None:  # noqa: B027  # most need none
        """Look at a submission before the common checks; raises `Refused` or `Answered`."""

    def accepted(self, tasks: Sequence[Task], ahead: int) -> Reply:
        """A submission was accepted, with this many tasks waiting before it."""
        result = ",".join(task.id for task in tasks)
        if not ahead:
            return Reply(answers.envelope(1, "提交成功", result, self.account()))
        properties = {**self.account(), "numberOfQueues": ahead}
        return Reply(answers.envelope(22, f"排队中，前面还有{ahead}个任务", result, properties))

    def window(self, task: Task) -> Reply:
        """A button was pressed that opens a window."""
        properties = {"finalPrompt": task.order.final_prompt, "remix": True}
        return Reply(answers.envelope(21, answers.WINDOW, task.id, properties))

    def account(self) -> dict[str, Any]:
        """The account, as an accepted submission's properties name it."""
        return {"discordInstanceId": INSTANCE}

    def refused(self, refusal: Refused, path: str) -> Reply:
        """A submission was not accepted."""
        status, code, text = self.refusals[refusal.reason]
        return Reply(answers.envelope(code, text, None, refusal.properties), status)

    def busy(self, path: str) -> tuple[Reply, ...]:
        """All the ways in which this provider says: not now."""
        return (self.refused(Refused("queue_full", self.account()), path),)

    @abstractmethod
    def task(self, task: Task, base: str) -> dict[str, Any]:
        """The task object that fetch and the lists answer with."""

    def callback(self, task: Task, base: str) -> dict[str, Any]:
        """The body that goes to the notifyHook; mostly that very task object."""
        return self.task(task, base)

    def rows(self, task: Task) -> list[Task]:
        """The rows kept for a task; the first one answers fetch."""
        return [task]

    @abstractmethod
    def unknown_task(self) -> Reply:
        """Fetch of an id that nobody knows."""

    def seed(self, task: Task | None) -> Reply:
        """The answer of image-seed."""
        if task is None:
            return self.refused(Refused("parent_unknown"), "image-seed")
        if task.recipe is None:
            return Reply(answers.envelope(4, "未找到图片的种子"), 400)
        return Reply(answers.envelope(1, "成功", str(int(task.hash[:8], 16))))
