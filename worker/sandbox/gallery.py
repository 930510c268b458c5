"""The pictures being served: drawn at the first GET, the last few kept as files in memory."""

from __future__ import annotations

import itertools
import re
import threading
from functools import lru_cache

from worker.sandbox import pictures
from worker.sandbox.engine import Engine
from worker.sandbox.pictures import Recipe

#: Rendered files kept; a PNG has about 100 KB.
CACHE = 64


class Gallery:
    """Finds a picture by the name in its URL and draws it when asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._uploads: dict[str, Recipe] = {}
        self._numbers = itertools.count(1)
        # One drawing at a time: threads would not be faster, and equal requests draw once.
        self._drawing = threading.Lock()
        self._file = lru_cache(maxsize=CACHE)(_rendered)

    def keep(self, picture: Recipe) -> str:
        """Store a picture that was handed in; its URL."""
        name = f"upload{next(self._numbers)}"
        self._uploads[name] = picture
        return f"{self._engine.base}/sandbox/images/{name}.png"

    def find(self, url: str) -> Recipe | None:
        """The picture behind one of this sandbox's own URLs."""
        found = re.search(r"/(?:sandbox/images|mj/image)/(\w+)(?:\.png)?(?:\?.*)?$", url)
        return self._recipe(found.group(1)) if found else None

    def png(self, name: str) -> bytes | None:
        """A finished picture, or with `-31` behind its name the preview at 31 percent."""
        stem, _, percent = name.removesuffix(".png").partition("-")
        if percent and not percent.isdecimal():
            return None
        recipe = self._recipe(stem, preview=bool(percent))
        return self._draw(recipe, f"preview {percent}" if percent else "png")

    def gif(self, name: str) -> bytes | None:
        """The film of a finished video task."""
        return self._draw(self._recipe(name.removesuffix(".gif")), "gif")

    def _recipe(self, name: str, *, preview: bool = False) -> Recipe | None:
        task = self._engine.task(name)
        if task is None:
            return self._uploads.get(name)
        return task.planned if preview else task.recipe

    def _draw(self, recipe: Recipe | None, form: str) -> bytes | None:
        if recipe is None or not recipe.readable:
            return None
        with self._drawing:
            return self._file(recipe, form)


def _rendered(recipe: Recipe, form: str) -> bytes:
    kind, _, percent = form.partition(" ")
    if kind == "preview":
        return pictures.preview_of(recipe, int(percent))
    return pictures.gif_of(recipe) if kind == "gif" else pictures.png_of(recipe)
