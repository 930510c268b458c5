"""Pictures and videos: drawn on the first GET, the most recent kept as files in memory."""

import itertools
import re
import threading
from collections.abc import Callable
from functools import lru_cache

from flask import request

from worker.sandbox import pictures
from worker.sandbox.faults import EXPIRY, Faults
from worker.sandbox.memory import Memory
from worker.sandbox.models import Reply, now_ms
from worker.sandbox.pictures import Recipe
from worker.sandbox.tasks import Tasks


class Pictures:
    """Finds a picture by the name in its URL and draws it when requested."""

    def __init__(self, faults: Faults, tasks: Tasks, memory: Memory) -> None:
        self._faults = faults
        self._tasks = tasks
        self._memory = memory
        self._uploads = memory.uploads()
        self._numbers = itertools.count(len(self._uploads) + 1)
        # One drawing at a time: threads would not be faster, and equal requests draw once.
        self._drawing = threading.Lock()
        self._render = lru_cache(maxsize=64)(_rendered)  # a PNG has about 100 KB

    def image(self, name: str) -> Reply:
        """The reply to a GET of a picture."""
        return self._file(name, self.png(name), "image/png")

    def video(self, name: str) -> Reply:
        """The reply to a GET of a video."""
        recipe = self._recipe(name.removesuffix(".gif"))
        return self._file(name, self._draw(pictures.gif_of, recipe), "image/gif")

    def gateway_image(self, name: str) -> Reply:
        """The reply of a gateway, which passes on its upstream's errors."""
        if self.png(name) is None:
            return Reply({"error": "midjourney_task_not_found"}, 400)
        return self.image(name)

    def keep(self, picture: Recipe) -> str:
        """Store an uploaded picture; returns its URL."""
        name = f"upload{next(self._numbers)}"
        self._uploads[name] = picture
        self._memory.keep_upload(name, picture)
        return f"{self._tasks.base_url}/sandbox/images/{name}.png"

    def find(self, url: str) -> Recipe | None:
        """The picture at one of this sandbox's own URLs."""
        found = re.search(r"/(?:sandbox/images|mj/image)/(\w+)(?:\.png)?(?:\?.*)?$", url)
        return self._recipe(found.group(1)) if found else None

    def png(self, name: str) -> bytes | None:
        """A finished picture, or the preview at 31 percent for a name that ends with `-31`."""
        stem, _, percent = name.removesuffix(".png").partition("-")
        if not percent:
            return self._draw(pictures.png_of, self._recipe(stem))
        task = self._tasks.all.get(stem)
        if task is None or not percent.isdecimal():
            return None
        return self._draw(pictures.preview_of, task.planned, int(percent))

    def _recipe(self, name: str) -> Recipe | None:
        task = self._tasks.all.get(name)
        return task.recipe if task else self._uploads.get(name)

    def _draw(
        self, render: Callable[..., bytes], recipe: Recipe | None, *args: int
    ) -> bytes | None:
        if recipe is None or not recipe.readable:
            return None
        with self._drawing:
            return self._render(render, recipe, *args)

    def _file(self, name: str, data: bytes | None, content_type: str) -> Reply:
        expiry = request.args.get(EXPIRY)
        expired = expiry is not None and (not expiry.isdecimal() or int(expiry) < now_ms())
        if data is None or expired:
            return Reply({"error": "there is no such picture"}, 404)
        task = self._tasks.all.get(name.partition(".")[0])
        return self._faults.download(data, content_type, task)


def _rendered(render: Callable[..., bytes], recipe: Recipe, *args: int) -> bytes:
    return render(recipe, *args)
