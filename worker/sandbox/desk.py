"""What turning a submission into an order needs besides its body."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from worker.sandbox import texts
from worker.sandbox.base import Dialect
from worker.sandbox.engine import Engine
from worker.sandbox.model import SUCCESS, Order, Refused, Task
from worker.sandbox.options import SandboxOptions
from worker.sandbox.pictures import Recipe

#: What Discord says of a body it cannot read, such as an upload that is no picture.
UNREADABLE = "Invalid Form Body"


class Desk:
    """Where orders are taken. `keep` stores a picture handed in and tells its URL."""

    def __init__(
        self,
        engine: Engine,
        dialect: Dialect,
        options: SandboxOptions,
        keep: Callable[[Recipe], str],
    ) -> None:
        self.engine = engine
        self.dialect = dialect
        self.options = options
        self.keep = keep
        self._uses: Counter[str] = Counter()
        self._lock = threading.Lock()

    def seed(self, prompt: str) -> str:
        """A seed for drawing: the n-th use of a prompt always gives the same picture."""
        with self._lock:
            self._uses[prompt] += 1
            return f"{self.options.seed}/{self._uses[prompt]}"

    def finished(self, task_id: str) -> Task:
        """A task that may be followed up."""
        parent = self.engine.seen(task_id)
        if parent is None:
            raise Refused("parent_unknown")
        if parent.status != SUCCESS:
            raise Refused("parent_unfinished")
        return parent

    def description(self, picture: Recipe) -> Order:
        """The order to describe a picture."""
        url = self.keep(picture)
        prompts = texts.described(url.rpartition("/")[2])
        text = (texts.unnumbered if self.options.partner_account else texts.numbered)(prompts)
        named = f"/describe {url.rpartition('/')[2]}"
        return Order("describe", "DESCRIBE", "describe", "", text, named, picture)


def doomed_unless_readable(order: Order, given: tuple[Recipe, ...]) -> Order:
    """The order as it is, or bound to fail because one of its pictures is none."""
    if all(picture.readable for picture in given):
        return order
    return replace(order, doom=UNREADABLE, recipe=None)
