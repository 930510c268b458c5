"""Follow-ups of a finished task: buttons, change by name, and answers to a modal."""

import re
from dataclasses import replace

from worker.sandbox import buttons, texts
from worker.sandbox.models import MODAL, Order, Refused, Task
from worker.sandbox.orders import BAD_MASK, Context, fits
from worker.sandbox.pictures import Recipe
from worker.sandbox.request_body import Body


def action(ctx: Context, body: Body) -> Order:
    """A button of a finished task."""
    task_id, custom_id = body.text("taskId"), body.text("customId")
    if not task_id or not custom_id:
        raise Refused("fields_missing")
    parent = ctx.finished(task_id)
    kind, detail = buttons.kind_of(custom_id)
    if custom_id not in [button.custom_id for button in parent.buttons]:
        raise Refused("button_unknown")
    if kind.action is None and parent.order.action in buttons.REROLL_REFUSED:
        raise Refused("reroll_unsupported")
    order = _pressed(ctx, parent, kind, detail)
    remix = ctx.env.options.remix or body.fields.get("enableRemix") is True
    opens_modal = kind.modal == buttons.ALWAYS or (kind.modal == buttons.REMIX and remix)
    return replace(order, custom_id=custom_id, opens_modal=opens_modal, kind="action")


def change(ctx: Context, body: Body) -> Order:
    """Upscale, variation or reroll by name and index."""
    return _changed(ctx, body.text("taskId"), body.text("action"), body.number("index"))


def simple_change(ctx: Context, body: Body) -> Order:
    """The same in one string: `<task id> U2`."""
    found = re.fullmatch(r"(\S+) (?:([UV])([1-4])|(R))", body.text("content"), re.IGNORECASE)
    if found is None:
        raise Refused("content")
    task_id, letter, index, reroll = found.groups()
    initial = (letter or reroll).upper()
    name = next(name for name in buttons.CHANGES if name.startswith(initial))
    return _changed(ctx, task_id, name, int(index or 0))


def modal(ctx: Context, body: Body) -> tuple[Task, Order]:
    """The answer to a modal: the task that waits for it, and the order it becomes."""
    task_id = body.text("taskId")
    if not task_id:
        raise Refused("fields_missing")
    task = ctx.tasks.all.get(task_id)
    if task is None or task_id not in ctx.tasks.visible:
        raise Refused("parent_unknown")
    parent = ctx.tasks.all.get(task.order.parent_id or "")
    inherited = (parent.order.prompt or parent.order.final_prompt) if parent else ""
    prompt = body.text("prompt").strip() or task.order.final_prompt or inherited
    if not prompt:
        raise Refused("prompt_missing")
    if task.status != MODAL or parent is None or parent.recipe is None:
        return task, task.order
    return task, _answered(ctx, task.order, parent.recipe, prompt, body.mask())


def _answered(ctx: Context, asked: Order, picture: Recipe, prompt: str, mask: bytes) -> Order:
    kind, detail = buttons.kind_of(asked.custom_id or "")
    order = replace(asked, prompt=prompt, final_prompt=prompt)
    if kind.needs_mask and not fits(mask, picture):
        return replace(order, failure=BAD_MASK)
    press = buttons.Press(picture, detail, prompt, ctx.seed(prompt), mask)
    return replace(order, recipe=kind.draw(press))


def _changed(ctx: Context, task_id: str, name: str, index: int) -> Order:
    if name not in buttons.CHANGES or (name != "REROLL" and not 1 <= index <= 4):
        raise Refused("fields_missing")
    parent = ctx.finished(task_id)
    if parent.order.action not in buttons.CHANGEABLE:
        raise Refused("action_unsupported")
    letter = f"{name[0]}{index}" if name != "REROLL" else "R"
    custom_id = f"MJ::JOB::{buttons.CHANGES[name]}::{index}::"
    order = _pressed(ctx, parent, *buttons.kind_of(custom_id))
    return replace(order, kind="change", action=name, description=f"/up {parent.id} {letter}")


def _pressed(ctx: Context, parent: Task, kind: buttons.Kind, detail: str) -> Order:
    """What a button orders when no modal asks first."""
    picks = kind.action == "PIC_READER"
    prompts = texts.prompts_in(parent.order.final_prompt) if picks else (parent.order.prompt,)
    if detail == "all":
        copies = tuple(_drawn(ctx, parent, kind, prompt) for prompt in prompts)
        return replace(copies[0], copies=copies)
    if kind.shape == "describe" and parent.recipe is not None:
        return replace(ctx.description(parent.recipe), parent_id=parent.id)
    chosen = prompts[int(detail) - 1] if picks else prompts[0]
    return _drawn(ctx, parent, kind, chosen, detail)


def _drawn(ctx: Context, parent: Task, kind: buttons.Kind, prompt: str, detail: str = "") -> Order:
    final = parent.order.final_prompt if kind.action != "PIC_READER" else prompt
    action, text = kind.action or parent.order.action, f"/up {parent.id}"
    order = Order("action", action, kind.shape, prompt, final, text, parent_id=parent.id)
    if kind.needs_mask:  # the modal will ask for everything
        return replace(order, prompt="", final_prompt="")
    if parent.recipe is None:
        return order
    press = buttons.Press(parent.recipe, detail, prompt, ctx.seed(prompt))
    return replace(order, recipe=kind.draw(press))
