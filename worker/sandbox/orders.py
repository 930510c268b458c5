"""From a submission's body to an `Order`: one function per endpoint.

Each checks what the provider checks, in its order, and raises `Refused` with the reason.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from worker.sandbox import pictures, texts
from worker.sandbox.environment import Environment
from worker.sandbox.models import UNREADABLE, Order, Refused, Task
from worker.sandbox.pictures import Recipe
from worker.sandbox.request_body import Body
from worker.sandbox.tasks import Tasks

BAD_MASK = "Invalid mask: a PNG of the picture's size is required"


@dataclass
class Context:
    """What building an order needs besides the body. `keep` stores a picture; returns its URL."""

    env: Environment
    tasks: Tasks
    keep: Callable[[Recipe], str]
    _uses: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def seed(self, prompt: str) -> str:
        """A seed for drawing: the n-th use of a prompt always gives the same picture."""
        with self._lock:
            self._uses[prompt] += 1
            return f"{self.env.options.seed}/{self._uses[prompt]}"

    def finished(self, task_id: str) -> Task:
        """A task that may have follow-ups."""
        parent = self.tasks.visible.get(task_id)
        if parent is None:
            raise Refused("parent_unknown")
        if not parent.succeeded:
            raise Refused("parent_unfinished")
        return parent

    def description(self, picture: Recipe) -> Order:
        """The order to describe a picture."""
        name = self.keep(picture).rpartition("/")[2]
        form = texts.unnumbered if self.env.options.partner_account else texts.numbered
        text = form(texts.described(name))
        return Order("describe", "DESCRIBE", "describe", "", text, f"/describe {name}", picture)


def imagine(ctx: Context, body: Body) -> Order:
    """A grid from a prompt, with or without reference pictures."""
    prompt = body.text("prompt").strip()
    if not prompt:
        raise Refused("prompt_missing")
    references = body.pictures("base64Array")
    seed = ctx.seed(prompt)
    recipe = pictures.grid(prompt, seed)
    if references:
        recipe = pictures.variation(references[0], prompt, seed, 0.6)
    sent = " ".join([*map(ctx.keep, references), prompt])
    shown = sent if ctx.env.dialect.data_urls_only else prompt
    order = Order("imagine", "IMAGINE", "grid", shown, sent, f"/imagine {prompt}", recipe)
    return _fail_unless_readable(order, *references)


def blend(_ctx: Context, body: Body) -> Order:
    """A grid mixed from two to five pictures."""
    parts = body.pictures("base64Array")
    if not 2 <= len(parts) <= 5:
        raise Refused("blend_count")
    dimensions = body.fields.get("dimensions", "SQUARE")
    if dimensions is None:
        raise Refused("dimensions")
    if not isinstance(dimensions, str) or dimensions not in pictures.DIMENSIONS:
        raise Refused("malformed")
    recipe = pictures.blended(parts, dimensions)
    order = Order("blend", "BLEND", "grid", description="/blend", recipe=recipe)
    return _fail_unless_readable(order, *parts)


def describe(ctx: Context, body: Body) -> Order:
    """Four prompts for a picture."""
    picture = body.picture(*(("base64",) if ctx.env.dialect.data_urls_only else ("base64", "link")))
    return _fail_unless_readable(ctx.description(picture), picture)


def shorten(_ctx: Context, body: Body) -> Order:
    """A prompt's important words, and shorter prompts."""
    prompt = body.text("prompt")
    text = texts.shortened(prompt)
    return Order("shorten", "SHORTEN", "shorten", prompt, text, f"/shorten {prompt}")


def edits(ctx: Context, body: Body) -> Order:
    """A picture redrawn by a prompt: where the mask is white, or all of it."""
    order, picture = _edit(body, "edits", "EDIT")
    if order.failure or not body.text("maskBase64"):
        return _redrawn(ctx, order, picture, 0.4)
    mask = body.mask()
    if not fits(mask, picture):
        return replace(order, failure=BAD_MASK)
    seed = ctx.seed(order.prompt)
    return replace(order, recipe=pictures.repainted(picture, mask, order.prompt, seed))


def retexture(ctx: Context, body: Body) -> Order:
    """A picture's surface redrawn by a prompt."""
    return _redrawn(ctx, *_edit(body, "retexture", "RETEXTURE"), 0.5)


def video(ctx: Context, body: Body) -> Order:
    """A video from a first frame, or the continuation of one."""
    prompt, task_id = body.text("prompt"), body.text("taskId")
    if task_id and body.text("action") != "extend":
        raise Refused("fields_missing")
    if task_id:
        parent = ctx.finished(task_id)
        final = prompt or parent.order.prompt
        order = Order("video", "VIDEO_EXTEND", "video", prompt, final, recipe=parent.recipe)
        return replace(order, parent_id=parent.id)
    if not prompt:
        raise Refused("prompt_missing")
    frame = pictures.grid(prompt, ctx.seed(prompt))
    if body.text("image"):
        frame = body.picture("image")
    order = Order("video", "VIDEO", "video", prompt, prompt, f"/video {prompt}", frame)
    return _fail_unless_readable(order, frame)


def swap(_ctx: Context, body: Body) -> Order:
    """The face of one picture on another."""
    fields = ("sourceBase64", "sourceUrl"), ("targetBase64", "targetUrl")
    source, target = (body.picture(*names) for names in fields)
    if body.text(*fields[0]) == body.text(*fields[1]):
        raise Refused("swap_same")
    recipe = pictures.swapped(source, target)
    order = Order("swap_face", "SWAP_FACE", "plain", description="/swap", recipe=recipe)
    return _fail_unless_readable(order, source, target)


def fits(mask: bytes, picture: Recipe) -> bool:
    """Whether a mask is a PNG of the picture's size."""
    return mask.startswith(b"\x89PNG") and pictures.given(mask).size == picture.size


def _edit(body: Body, kind: str, action: str) -> tuple[Order, Recipe]:
    prompt = body.text("prompt")
    if not prompt:
        raise Refused("prompt_missing")
    picture = body.picture("image")
    order = Order(kind, action, "grid", prompt, prompt, f"/{action.lower()} {prompt}")
    return _fail_unless_readable(order, picture), picture


def _redrawn(ctx: Context, order: Order, picture: Recipe, strength: float) -> Order:
    if order.failure:
        return order
    seed = ctx.seed(order.prompt)
    return replace(order, recipe=pictures.variation(picture, order.prompt, seed, strength))


def _fail_unless_readable(order: Order, *given: Recipe) -> Order:
    """The order, which will fail if one of its pictures is none."""
    if all(picture.readable for picture in given):
        return order
    return replace(order, failure=UNREADABLE, recipe=None)
