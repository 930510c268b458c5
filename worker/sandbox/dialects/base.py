# ruff: noqa: RUF001, ARG002 - the texts are Chinese; dialects may use what the base ignores
"""What all dialects share; the class attributes are what each provider does differently."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from werkzeug.datastructures import Headers

from worker.sandbox.models import Refused, Reply, Task

JSON = dict[str, Any]

INSTANCE = "1118138338562560102"
#: reason -> HTTP status, code, description
Refusals = Mapping[str, tuple[int, int, str]]
REFUSALS: Refusals = {
    "prompt_missing": (200, 4, "prompt不能为空"),
    "image_missing": (200, 4, "base64不能为空"),
    "image_invalid": (200, 4, "base64格式错误"),
    "dimensions": (200, 4, "dimensions参数错误"),
    "fields_missing": (200, 4, "参数错误"),
    "parent_unknown": (200, 3, "关联任务不存在或已失效"),
    "parent_unfinished": (200, 4, "关联任务状态错误"),
    "action_unsupported": (200, 4, "该任务不支持此操作"),
    "blend_count": (200, 4, "base64List参数错误"),
    "content": (200, 4, "content参数错误"),
    "task_id_missing": (200, 4, "taskId不能为空"),
    "banned": (200, 24, "可能包含敏感词"),
    "queue_full": (200, 23, "队列已满，请稍后尝试"),
}


def words(names: str) -> tuple[str, ...]:
    """Names separated by blanks, such as those of endpoints or keys."""
    return tuple(names.split())


class Dialect(ABC):
    """One provider's protocol."""

    name: ClassVar[str]
    #: The endpoints it has: POST submit/..., and everything else.
    submits: ClassVar[tuple[str, ...]]
    queries: ClassVar[tuple[str, ...]]
    refusals: ClassVar[Refusals] = REFUSALS

    #: Replies: to a missing or wrong key; to an unreadable body or a field of the wrong type;
    #: HTTP 500; to a fetch of an unknown id.
    unauthorised: ClassVar[Reply]
    malformed: ClassVar[Reply]
    crashed: ClassVar[Reply]
    unknown_task: ClassVar[Reply]

    #: Path segments allowed before /mj, for each mode; `any_prefix` allows all.
    prefixes: ClassVar[tuple[str, ...]] = ()
    any_prefix: ClassVar[bool] = False
    #: How many tasks task/list returns; None: all.
    listed: ClassVar[int | None] = None

    #: The account, as the properties of an accepted submission name it.
    account: ClassVar[JSON] = {"discordInstanceId": INSTANCE}
    data_urls_only: ClassVar[bool] = False
    #: Whether a body of another content type counts as {} instead of being rejected.
    ignores_other_bodies: ClassVar[bool] = False
    max_state: ClassVar[int | None] = None
    id_prefix: ClassVar[str] = ""
    refuses_banned_words: ClassVar[bool] = False
    timeout_text: ClassVar[str] = "执行超时 5 分钟"

    #: Whether it keeps books of its user's tasks, with their prices.
    keeps_books: ClassVar[bool] = False
    forwards_hook: ClassVar[bool] = True
    callback_per_status: ClassVar[bool] = False
    ascii_callbacks: ClassVar[bool] = False
    follows_redirects: ClassVar[bool] = False
    callback_type: ClassVar[str] = "application/json"
    callback_timeout: ClassVar[float] = 100.0
    callback_pauses: ClassVar[tuple[float, ...]] = ()

    @abstractmethod
    def allows(self, headers: Headers, key: str) -> bool:
        """Whether these headers carry the API key."""

    @abstractmethod
    def unknown_path(self, method: str, path: str) -> Reply:
        """The reply for a path that this provider does not have."""

    def check(self, path: str, body: JSON) -> None:  # noqa: B027  # most check nothing here
        """Check a submission before the common checks; raises `Refused`."""

    def accepted(self, tasks: Sequence[Task], ahead: int) -> Reply:
        """A submission was accepted; `ahead` tasks wait before it, itself included."""
        ids = ",".join(task.id for task in tasks)
        if not ahead:
            return envelope(1, "提交成功", ids, self.account)
        properties = {**self.account, "numberOfQueues": ahead}
        return envelope(22, f"排队中，前面还有{ahead}个任务", ids, properties)

    def modal(self, task: Task) -> Reply:
        """A button was pressed that opens a modal."""
        properties = {"finalPrompt": task.order.final_prompt, "remix": True}
        return envelope(21, "Waiting for window confirm", task.id, properties)

    def refused(self, refusal: Refused, path: str) -> Reply:
        """A submission was not accepted."""
        if refusal.reason == "malformed":
            return self.malformed
        status, code, text = self.refusals[refusal.reason]
        return envelope(code, text, None, refusal.properties, status)

    def busy(self, path: str) -> tuple[Reply, ...]:
        """All the ways in which this provider refuses for lack of capacity."""
        return (self.refused(Refused("queue_full", self.account), path),)

    @abstractmethod
    def task(self, task: Task, base: str) -> JSON:
        """The task object that fetch and the lists return."""

    def callback(self, task: Task, base: str) -> JSON:
        """The body sent to the notifyHook; usually that same task object."""
        return self.task(task, base)

    def rows(self, task: Task) -> list[Task]:
        """The rows stored for a task; fetch returns the first."""
        return [task]

    def seed(self, task: Task | None) -> Reply:
        """The reply of image-seed."""
        if task is None:
            return self.refused(Refused("parent_unknown"), "image-seed")
        if task.recipe is None:
            return envelope(4, "未找到图片的种子", status=400)
        return envelope(1, "成功", str(int(task.hash[:8], 16)))


def envelope(
    code: int,
    text: str,
    result: Any = None,
    properties: JSON | None = None,
    status: int = 200,
) -> Reply:
    """The usual reply to a submission."""
    body = {"code": code, "description": text, "result": result, "properties": properties or {}}
    return Reply(body, status)


def image_url(task: Task, base: str) -> str | None:
    """Where the finished picture is served; None before that."""
    return f"{base}/sandbox/images/{task.id}.png" if task.recipe is not None else None


def video_urls(task: Task, base: str) -> list[str]:
    """Where the videos of a finished video task are served."""
    if task.recipe is None or not task.order.shape.endswith("video"):
        return []
    return [f"{base}/sandbox/videos/{task.id}.gif"]


def discord_properties(task: Task) -> JSON:
    """The properties of a task that the providers on Discord share."""
    return {
        "notifyHook": task.order.hook,
        "finalPrompt": task.order.final_prompt if task.succeeded else "",
        "messageId": task.id[::-1],
        "messageHash": task.hash if task.succeeded else None,
        "progressMessageId": None if task.start_time is None else task.id[::-1],
        "flags": 0,
        "nonce": f"1{task.number:018d}",
        "discordInstanceId": INSTANCE,
    }
