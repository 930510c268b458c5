"""Values that travel through the sandbox: orders, tasks, buttons, callbacks, replies."""

import time
from dataclasses import dataclass, field
from typing import Any

from worker.sandbox.pictures import Recipe

#: Seconds from accepting a task to its first change, so that the reply usually comes first.
START_DELAY = 0.03

NOT_START, SUBMITTED, IN_PROGRESS = "NOT_START", "SUBMITTED", "IN_PROGRESS"
MODAL, SUCCESS, FAILURE = "MODAL", "SUCCESS", "FAILURE"

#: In the body of a reply: the time of sending, ISO 8601.
NOW = object()
#: Discord's error for a body it cannot read, such as an upload that is not an image.
UNREADABLE = "Invalid Form Body"


def now_ms() -> int:
    """The provider's clock: epoch milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Reply:
    """An HTTP response: JSON for a dict or list, as it is for text and bytes, empty for None.

    `content_length`: a false one, for a cut download. `delay`: seconds to wait before sending.
    `cut`: close the connection instead of answering.
    """

    body: Any = None
    status: int = 200
    content_type: str = "application/json"
    content_length: int | None = None
    delay: float = 0.0
    cut: bool = False


@dataclass(eq=False)
class Refused(Exception):
    """A submission is not accepted; without a `reply` the dialect has one for the reason."""

    reason: str
    properties: dict[str, Any] = field(default_factory=dict)
    reply: Reply | None = None


@dataclass(frozen=True)
class Button:
    """A button of a finished task."""

    custom_id: str
    label: str = ""
    emoji: str = ""
    style: int = 2


@dataclass(frozen=True)
class Order:
    """A valid submission, ready to be accepted.

    `shape` is what it produces: grid, single, enlarged, video, plain_video, describe, shorten or
    plain. `failure`: the failReason that the task will end with. `copies`: a button that starts
    several tasks at once.
    """

    kind: str
    action: str
    shape: str
    prompt: str = ""
    final_prompt: str = ""
    description: str = ""
    recipe: Recipe | None = None
    state: str | None = None
    hook: str | None = None
    mode: str | None = None
    bot: str = "MID_JOURNEY"
    parent_id: str | None = None
    custom_id: str | None = None
    opens_modal: bool = False
    failure: str | None = None
    copies: tuple["Order", ...] = ()


@dataclass
class Task:
    """The provider's object.

    `number` counts tasks; randomness depends on it alone, so that runs are reproducible. `planned`,
    `failure` and `late_success` are decided in advance: the picture, or the failReason, or the
    seconds from that failure to a success after all. `callbacks` counts the callbacks sent.
    """

    id: str
    number: int
    order: Order
    hash: str
    submit_time: int = field(default_factory=now_ms)
    start_time: int | None = None
    finish_time: int | None = None
    status: str = NOT_START
    progress: str | None = None
    fail_reason: str | None = None
    recipe: Recipe | None = None
    buttons: tuple[Button, ...] = ()
    seconds: float = 0.0
    planned: Recipe | None = None
    failure: str | None = None
    late_success: float | None = None
    modal_answered: bool = False
    callbacks: int = 0
    callback_status: str | None = None

    def take(self, order: Order) -> None:
        """Adopt an order, with the picture and the failure it plans."""
        self.order, self.planned, self.failure = order, order.recipe, order.failure

    @property
    def ended(self) -> bool:
        """Whether it succeeded or failed."""
        return self.status in (SUCCESS, FAILURE)

    @property
    def succeeded(self) -> bool:
        """Whether it has a result."""
        return self.status == SUCCESS


@dataclass(frozen=True)
class Callback:
    """One callback to a notifyHook. `seconds` is how long its task runs."""

    url: str
    body: dict[str, Any]
    number: int
    index: int
    seconds: float
    delay: float = 0.0
    attempt: int = 0
