"""``python -m tests.chaos.attackers.provider sandbox ...``: a provider that sends bombs as results.

What it sends is named by the prompt: ``bomb NAME ...``, one of ``bombs.BOMBS``, ``links`` or
``endless``. All else is answered as by the sandbox, but that each callback has a connection of its
own: a kept one would get through where nobody else does.
"""

from typing import Any

import requests

from tests.chaos.attackers import bombs
from worker.entrypoints.cli import main
from worker.sandbox import pictures
from worker.sandbox.models import Reply, Task
from worker.sandbox.routes.pictures import Pictures
from worker.sandbox.tasks import Tasks

#: Many links instead of one; a file that is larger than any may be.
LINKS, ENDLESS = "links", "endless"
NAMES = (*bombs.BOMBS, LINKS, ENDLESS)

_as_drawn = Pictures.image
_as_shown = Tasks._finished_view  # noqa: SLF001 - there is no other place for a result's links


class _Unkept(requests.Session):
    def __init__(self) -> None:
        super().__init__()
        self.headers["Connection"] = "close"


def _image(self: Pictures, name: str) -> Reply:
    task = self._tasks.all.get(name.partition(".")[0])
    bomb = _bomb_of(task)
    if bomb == ENDLESS:
        return Reply(bytes(150_000_000), content_type="image/png")
    make = bombs.BOMBS.get(bomb or "")
    return Reply(make(), content_type="image/png") if make else _as_drawn(self, name)


def _finished_view(self: Tasks, view: dict[str, Any], task: Task) -> dict[str, Any]:
    shown = _as_shown(self, view, task)
    if task.succeeded and _bomb_of(task) == LINKS:
        shown["imageUrls"] = [
            {"url": f"{shown['imageUrl']}?n={n}"} for n in range(bombs.MANY_LINKS)
        ]
    return shown


def _bomb_of(task: Task | None) -> str | None:
    words = task.order.prompt.split() if task else []
    return words[1].rstrip(",") if words[:1] == ["bomb"] and len(words) > 1 else None


if __name__ == "__main__":
    pictures.EDGE = 64
    requests.Session = _Unkept  # type: ignore[misc]
    Pictures.image = _image  # type: ignore[method-assign]
    Tasks._finished_view = _finished_view  # type: ignore[method-assign]  # noqa: SLF001
    main()
