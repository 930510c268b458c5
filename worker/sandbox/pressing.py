"""Follow-ups of a finished task: buttons, change by name, and the window's answer.

Protocol: action, change and simple-change, modal; which presses open the window.
"""

from __future__ import annotations

import re
from dataclasses import replace

from worker.sandbox import pictures, presses, texts
from worker.sandbox.desk import Desk
from worker.sandbox.inputs import Body
from worker.sandbox.model import MODAL, Order, Refused, Task
from worker.sandbox.pictures import Recipe

BAD_MASK = "Invalid mask: a PNG of the picture's size is required"
_LETTERS = {"U": "UPSCALE", "V": "VARIATION", "R": "REROLL"}


def action(desk: Desk, body: Body) -> Order:
    """A button of a finished task."""
    task_id, custom_id = body.text("taskId"), body.text("customId")
    if not task_id or not custom_id:
        raise Refused("fields_missing")
    parent = desk.finished(task_id)
    press, detail = presses.press_of(custom_id)
    if custom_id not in [button.custom_id for button in parent.buttons]:
        raise Refused("button_unknown")
    if press.action is None and parent.order.action in presses.REROLL_REFUSED:
        raise Refused("reroll_unsupported")
    order = _pressed(desk, parent, press, detail)
    remix = desk.options.remix or body.truth("enableRemix")
    window = press.window == presses.ALWAYS or (press.window == presses.REMIX and remix)
    return replace(order, kind="action", custom_id=custom_id, opens_window=window)


def change(desk: Desk, body: Body) -> Order:
    """Upscale, variation or reroll by name and index."""
    return _changed(desk, body.text("taskId"), body.text("action"), body.number("index"))


def simple_change(desk: Desk, body: Body) -> Order:
    """The same in one string: `<task id> U2`."""
    found = re.fullmatch(r"(\S+) (?:([UV])([1-4])|(R))", body.text("content"), re.IGNORECASE)
    if found is None:
        raise Refused("content")
    task_id, letter, index, reroll = found.groups()
    return _changed(desk, task_id, _LETTERS[(letter or reroll).upper()], int(index or 0))


def modal(desk: Desk, body: Body) -> tuple[Task, Order]:
    """The window's answer: the task that waits for it, and the order which it becomes."""
    task_id = body.text("taskId")
    if not task_id:
        raise Refused("fields_missing")
    task = desk.engine.task(task_id)
    if task is None or desk.engine.seen(task_id) is None:
        raise Refused("parent_unknown")
    parent = desk.engine.task(task.order.parent_id or "")
    inherited = (parent.order.prompt or parent.order.final_prompt) if parent else ""
    prompt = body.text("prompt").strip() or task.order.final_prompt or inherited
    if not prompt:
        raise Refused("prompt_missing")
    if task.status != MODAL or parent is None or parent.recipe is None:
        return task, task.order
    return task, _answered(desk, task, parent.recipe, prompt, body.mask())


def fits(mask: bytes, picture: Recipe) -> bool:
    """Whether a mask is a PNG of the picture's size."""
    return mask.startswith(b"\x89PNG") and pictures.given(mask).size == picture.size


def _answered(desk: Desk, task: Task, picture: Recipe, prompt: str, mask: bytes) -> Order:
    press, detail = presses.press_of(task.order.custom_id or "")
    order = replace(task.order, prompt=prompt, final_prompt=prompt)
    if press.needs_mask and not fits(mask, picture):
        return replace(order, doom=BAD_MASK)
    stroke = presses.Stroke(picture, detail, prompt, desk.seed(prompt), mask)
    return replace(order, recipe=press.draw(stroke))


def _changed(desk: Desk, task_id: str, name: str, index: int) -> Order:
    if name not in presses.CHANGES or (name != "REROLL" and not 1 <= index <= 4):
        raise Refused("fields_missing")
    parent = desk.finished(task_id)
    if parent.order.action not in presses.CHANGEABLE:
        raise Refused("action_unsupported")
    custom_id = presses.CHANGES[name].format(index=index, hash=parent.hash)
    letter = f"{name[0]}{index or ''}" if name != "REROLL" else "R"
    order = _pressed(desk, parent, *presses.press_of(custom_id))
    return replace(order, kind="change", action=name, description=f"/up {parent.id} {letter}")


def _pressed(desk: Desk, parent: Task, press: presses.Press, detail: str) -> Order:
    """What a press orders when no window asks first."""
    picks = press.action == "PIC_READER"
    prompts = texts.prompts_in(parent.order.final_prompt) if picks else (parent.order.prompt,)
    if detail == "all":
        copies = [_drawn(desk, parent, press, prompt) for prompt in prompts]
        return replace(copies[0], copies=tuple(copies))
    if press.shape == "describe" and parent.recipe is not None:
        return replace(desk.description(parent.recipe), parent_id=parent.id)
    chosen = prompts[int(detail) - 1] if picks else prompts[0]
    return _drawn(desk, parent, press, chosen, detail)


def _drawn(desk: Desk, parent: Task, press: presses.Press, prompt: str, detail: str = "") -> Order:
    final = parent.order.final_prompt if press.action != "PIC_READER" else prompt
    order = Order(
        "action",
        press.action or parent.order.action,
        press.shape,
        prompt,
        final,
        description=f"/up {parent.id}",
        parent_id=parent.id,
    )
    if press.needs_mask:  # the window will ask for everything
        return replace(order, prompt="", final_prompt="")
    if parent.recipe is None:
        return order
    stroke = presses.Stroke(parent.recipe, detail, prompt, desk.seed(prompt))
    return replace(order, recipe=press.draw(stroke))
