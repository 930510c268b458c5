"""The sandbox's own records: what was ordered, what became of it, and what is answered."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from worker.sandbox.pictures import Recipe

#: Seconds from accepting a task to its first sign of life, so that the reply usually wins.
START_DELAY = 0.03

NOT_START, SUBMITTED, IN_PROGRESS = "NOT_START", "SUBMITTED", "IN_PROGRESS"
MODAL, SUCCESS, FAILURE = "MODAL", "SUCCESS", "FAILURE"


def now_ms() -> int:
    """The provider's clock: epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Refused(Exception):
    """A submission that is not accepted; `reason` is looked up in the dialect's refusals."""

    def __init__(self, reason: str, properties: dict[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.properties = properties or {}


@dataclass(frozen=True)
class Reply:
    """An HTTP answer: JSON for a dict or list, plain text for a string, empty for None.

    `announced`: the size that its head tells, where that is not the body's.
    """

    body: Any = None
    status: int = 200
    content_type: str = "application/json"
    announced: int | None = None


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

    `shape` says what comes out: grid, single, enlarged, video, describe, shorten or plain.
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
    opens_window: bool = False
    doom: str | None = None
    copies: tuple[Order, ...] = ()


@dataclass
class Task:
    """The provider's object.

    `number` counts tasks; chance depends on it alone, so that a run can be repeated. `planned`,
    `doom` and `succeeds_late` are the fate, known beforehand: the picture, or the failReason, or
    the seconds from that failure to a success after all. `told` counts callbacks.
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
    doom: str | None = None
    succeeds_late: float | None = None
    answered: bool = False
    told: int = 0
    told_status: str | None = None

    def take(self, order: Order) -> None:
        """Adopt an order, with the picture and the fate it plans."""
        self.order, self.planned, self.doom = order, order.recipe, order.doom

    @property
    def ended(self) -> bool:
        """Whether the provider is done with it."""
        return self.status in (SUCCESS, FAILURE)
