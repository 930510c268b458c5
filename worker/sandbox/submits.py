"""From a submission's body to an `Order`: one function per endpoint (protocol: endpoints).

They check what the provider checks, in its order, and raise `Refused` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from worker.sandbox import pictures, texts
from worker.sandbox.desk import Desk, doomed_unless_readable
from worker.sandbox.inputs import Body, Malformed
from worker.sandbox.model import Order, Refused
from worker.sandbox.pressing import BAD_MASK, action, change, fits, simple_change


def imagine(desk: Desk, body: Body) -> Order:
    """A grid from a prompt, with reference pictures or without."""
    prompt = body.text("prompt").strip()
    if not prompt:
        raise Refused("prompt_missing")
    references = body.pictures("base64Array")
    seed = desk.seed(prompt)
    recipe = pictures.grid(prompt, seed)
    if references:
        recipe = pictures.variation(references[0], prompt, seed, 0.6)
    sent = " ".join([*(desk.keep(each) for each in references), prompt])
    shown = sent if desk.dialect.data_urls_only else prompt
    order = Order("imagine", "IMAGINE", "grid", shown, sent, f"/imagine {prompt}", recipe)
    return doomed_unless_readable(order, references)


def blend(_desk: Desk, body: Body) -> Order:
    """A grid mixed from two to five pictures."""
    parts = body.pictures("base64Array")
    if not 2 <= len(parts) <= 5:
        raise Refused("blend_count")
    dimensions = body.fields.get("dimensions", "SQUARE")
    if dimensions is None:
        raise Refused("dimensions")
    if not isinstance(dimensions, str) or dimensions not in pictures.DIMENSIONS:
        raise Malformed("dimensions")
    recipe = pictures.blended(parts, dimensions)
    order = Order("blend", "BLEND", "grid", description="/blend", recipe=recipe)
    return doomed_unless_readable(order, parts)


def describe(desk: Desk, body: Body) -> Order:
    """Four prompts for a picture."""
    names = ("base64",) if desk.dialect.data_urls_only else ("base64", "link")
    picture = body.picture(*names)
    return doomed_unless_readable(desk.description(picture), (picture,))


def shorten(_desk: Desk, body: Body) -> Order:
    """A prompt's important tokens, and shorter prompts."""
    prompt = body.text("prompt")
    text = texts.shortened(prompt)
    return Order("shorten", "SHORTEN", "shorten", prompt, text, f"/shorten {prompt}")


def edits(desk: Desk, body: Body) -> Order:
    """A picture redrawn by a prompt: where the mask is white, or all over."""
    prompt, picture = _edited(body)
    order = Order("edits", "EDIT", "grid", prompt, prompt, f"/edit {prompt}")
    if not picture.readable:
        return doomed_unless_readable(order, (picture,))
    if not body.text("maskBase64"):
        recipe = pictures.variation(picture, prompt, desk.seed(prompt), 0.4)
        return replace(order, recipe=recipe)
    mask = body.mask()
    if not fits(mask, picture):
        return replace(order, doom=BAD_MASK)
    return replace(order, recipe=pictures.repainted(picture, mask, prompt, desk.seed(prompt)))


def retexture(desk: Desk, body: Body) -> Order:
    """A picture's surface redrawn by a prompt."""
    prompt, picture = _edited(body)
    order = Order("retexture", "RETEXTURE", "grid", prompt, prompt, f"/retexture {prompt}")
    if not picture.readable:
        return doomed_unless_readable(order, (picture,))
    return replace(order, recipe=pictures.variation(picture, prompt, desk.seed(prompt), 0.5))


def video(desk: Desk, body: Body) -> Order:
    """A film from a first frame, or the continuation of one."""
    prompt, task_id = body.text("prompt"), body.text("taskId")
    if task_id and body.text("action") != "extend":
        raise Refused("fields_missing")
    if task_id:
        parent = desk.finished(task_id)
        final = prompt or parent.order.prompt
        order = Order("video", "VIDEO_EXTEND", "video", prompt, final, recipe=parent.recipe)
        return replace(order, parent_id=parent.id)
    if not prompt:
        raise Refused("prompt_missing")
    frame = pictures.grid(prompt, desk.seed(prompt))
    if body.text("image"):
        frame = body.picture("image")
    order = Order("video", "VIDEO", "video", prompt, prompt, f"/video {prompt}", frame)
    return doomed_unless_readable(order, (frame,))


def swap(_desk: Desk, body: Body) -> Order:
    """The face of one picture upon another."""
    source = body.picture("sourceBase64", "sourceUrl")
    target = body.picture("targetBase64", "targetUrl")
    if _first(body, "sourceBase64", "sourceUrl") == _first(body, "targetBase64", "targetUrl"):
        raise Refused("swap_same")
    recipe = pictures.swapped(source, target)
    order = Order("swap_face", "SWAP_FACE", "plain", description="/swap", recipe=recipe)
    return doomed_unless_readable(order, (source, target))


#: Endpoint -> the function that takes its orders. The modal and uploads go their own ways.
ORDERS: dict[str, Callable[[Desk, Body], Order]] = {
    "imagine": imagine,
    "blend": blend,
    "describe": describe,
    "shorten": shorten,
    "action": action,
    "change": change,
    "simple-change": simple_change,
    "edits": edits,
    "edit": edits,
    "retexture": retexture,
    "video": video,
    "swap": swap,
}


def _edited(body: Body) -> tuple[str, pictures.Recipe]:
    prompt = body.text("prompt")
    if not prompt:
        raise Refused("prompt_missing")
    return prompt, body.picture("image")


def _first(body: Body, *names: str) -> str:
    return next((value for name in names if (value := body.text(name))), "")
