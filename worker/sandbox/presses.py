"""Buttons: which ones a finished task offers, and what pressing one of them orders.

One row of `PRESSES` per kind of button (protocol: buttons and their customId patterns; action
names by provider; which buttons open the window).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from worker.sandbox import pictures, texts
from worker.sandbox.model import Button, Refused, Task
from worker.sandbox.pictures import Recipe

NEVER, REMIX, ALWAYS = "never", "remix", "always"
#: customId that `change` with an action and index stands for.
CHANGES = {
    "UPSCALE": "MJ::JOB::upsample::{index}::{hash}",
    "VARIATION": "MJ::JOB::variation::{index}::{hash}",
    "REROLL": "MJ::JOB::reroll::0::{hash}::SOLO",
}
#: What a task can be rerolled or changed from.
CHANGEABLE = ("IMAGINE", "VARIATION", "REROLL", "BLEND")
REROLL_REFUSED = ("REROLL", "ACTION", "OUTPAINT", "INPAINT", "SHOW", "VIDEO_EXTEND", "PIC_READER")


@dataclass(frozen=True)
class Stroke:
    """What drawing a pressed button needs to know."""

    parent: Recipe
    detail: str
    prompt: str
    seed: str
    mask: bytes = b""


Draw = Callable[[Stroke], Recipe]


@dataclass(frozen=True)
class Press:
    """One kind of button. `action` is the task's word for it; None: the parent's own word."""

    pattern: str
    action: str | None
    shape: str
    draw: Draw
    window: str = NEVER
    needs_mask: bool = False

    def match(self, custom_id: str) -> str | None:
        """The variable part of a customId of this kind, else None."""
        found = re.match(self.pattern, custom_id)
        return found.group(1) if found else None


def _upscale(s: Stroke) -> Recipe:
    return pictures.quadrant(s.parent, int(s.detail))


def _vary(s: Stroke) -> Recipe:
    cell = pictures.cell_of(s.parent, int(s.detail))
    return pictures.variation(cell, s.prompt, s.seed, 0.3)


def _vary_more(s: Stroke) -> Recipe:
    return pictures.variation(s.parent, s.prompt, s.seed, 0.2 if s.detail == "low" else 0.5)


def _again(s: Stroke) -> Recipe:
    if not s.prompt:  # a blend has none
        return pictures.variation(s.parent, "", s.seed, 0.2)
    return pictures.grid(s.prompt, s.seed)


def _repaint(s: Stroke) -> Recipe:
    return pictures.repainted(s.parent, s.mask, s.prompt, s.seed)


def _outpaint(s: Stroke) -> Recipe:
    if s.detail == "100":
        return pictures.squared(s.parent, s.prompt, s.seed)
    return pictures.zoomed(s.parent, 100 / float(s.detail), s.prompt, s.seed)


def _custom_zoom(s: Stroke) -> Recipe:
    factor = re.search(r"--zoom\s+(\d+(?:\.\d+)?)", s.prompt)
    wanted = float(factor.group(1)) if factor else 2.0
    return pictures.zoomed(s.parent, min(2.0, max(1.0, wanted)), s.prompt, s.seed)


def _pan(s: Stroke) -> Recipe:
    return pictures.panned(s.parent, s.detail, s.prompt, s.seed)


def _enlarge(s: Stroke) -> Recipe:
    return pictures.enlarged(s.parent, creative="creative" in s.detail)


def _same(s: Stroke) -> Recipe:
    return s.parent


PRESSES = (
    Press(r"MJ::JOB::upsample::([1-4])::", "UPSCALE", "single", _upscale),
    Press(r"MJ::JOB::variation::([1-4])::", "VARIATION", "grid", _vary, REMIX),
    Press(r"MJ::JOB::reroll::(\d)::", None, "grid", _again, REMIX),
    Press(r"MJ::JOB::(low|high)_variation::", "VARIATION", "grid", _vary_more, REMIX),
    Press(r"MJ::Inpaint::(.+)", "INPAINT", "grid", _repaint, ALWAYS, needs_mask=True),
    Press(r"MJ::JOB::upsample_(\w+)::", "UPSCALE", "enlarged", _enlarge),
    Press(r"MJ::Outpaint::(50|75|100)::", "OUTPAINT", "grid", _outpaint),
    Press(r"MJ::CustomZoom::(.+)", "ZOOM", "grid", _custom_zoom, ALWAYS),
    Press(r"MJ::JOB::pan_(left|right|up|down)::", "PAN", "grid", _pan, REMIX),
    Press(r"MJ::JOB::animate_(\w+)::", "VIDEO", "video", _same, REMIX),
    Press(r"MJ::JOB::video_virtual_upscale::(\d)::", "VIDEO", "plain_video", _same),
    Press(r"MJ::Job::PicReader::([1-4])$", "PIC_READER", "grid", _again, ALWAYS),
    Press(r"MJ::Job::PicReader::(all)$", "PIC_READER", "grid", _again),
    Press(r"MJ::Picread::(Retry)", "DESCRIBE", "describe", _same),
)


def press_of(custom_id: str) -> tuple[Press, str]:
    """The kind of button a customId belongs to, and its variable part; refused if unknown."""
    for press in PRESSES:
        detail = press.match(custom_id)
        if detail is not None:
            return press, detail
    raise Refused("button_unknown")


def offered(task: Task) -> tuple[Button, ...]:
    """The buttons of a task that succeeded."""
    return _OFFERS.get(task.order.shape, _none)(task)


def _none(_task: Task) -> tuple[Button, ...]:
    return ()


def _grid(task: Task) -> tuple[Button, ...]:
    ups = [Button(f"MJ::JOB::upsample::{i}::{task.hash}", f"U{i}") for i in range(1, 5)]
    again = Button(f"MJ::JOB::reroll::0::{task.hash}::SOLO", emoji="🔄")
    more = [Button(f"MJ::JOB::variation::{i}::{task.hash}", f"V{i}") for i in range(1, 5)]
    return (*ups, again, *more)


def _single(task: Task) -> tuple[Button, ...]:
    def solo(name: str) -> str:
        return f"MJ::JOB::{name}::1::{task.hash}::SOLO"

    upscales = (
        Button(solo("upsample_v6_2x_subtle"), "Upscale (Subtle)", "upscale_1"),
        Button(solo("upsample_v6_2x_creative"), "Upscale (Creative)", "upscale_1"),
    )
    return (*upscales, *_enlarged(task))


def _enlarged(task: Task) -> tuple[Button, ...]:
    def solo(name: str) -> str:
        return f"MJ::{name}::1::{task.hash}::SOLO"

    square = task.recipe is not None and task.recipe.size[0] == task.recipe.size[1]
    return (
        Button(solo("JOB::low_variation"), "Vary (Subtle)", "🪄"),
        Button(solo("JOB::high_variation"), "Vary (Strong)", "🪄"),
        Button(solo("Inpaint"), "Vary (Region)", "🖌️"),
        Button(solo("Outpaint::50"), "Zoom Out 2x", "🔍"),
        Button(solo("Outpaint::75"), "Zoom Out 1.5x", "🔍"),
        Button(f"MJ::CustomZoom::{task.hash}", "Custom Zoom", "🔍"),
        *(() if square else (Button(solo("Outpaint::100"), "Make Square", "↔️"),)),
        Button(solo("JOB::pan_left"), emoji="⬅️"),
        Button(solo("JOB::pan_right"), emoji="➡️"),
        Button(solo("JOB::pan_up"), emoji="⬆️"),
        Button(solo("JOB::pan_down"), emoji="⬇️"),
        Button(solo("JOB::animate_high"), "Animate (High motion)", "🎞️"),
        Button(solo("JOB::animate_low"), "Animate (Low motion)", "🎞️"),
        Button(f"MJ::BOOKMARK::{task.hash}", emoji="❤️"),
    )


def _describe(_task: Task) -> tuple[Button, ...]:
    numbers = [Button(f"MJ::Job::PicReader::{i + 1}", emoji=texts.NUMBERS[i]) for i in range(4)]
    every = Button("MJ::Job::PicReader::all", "Imagine all", "🎉")
    return (*numbers, Button("MJ::Picread::Retry", emoji="🔄"), every)


def _shorten(_task: Task) -> tuple[Button, ...]:
    return tuple(
        Button(f"MJ::Job::PromptAnalyzer::{i + 1}", emoji=texts.NUMBERS[i]) for i in range(5)
    )


def _video(task: Task) -> tuple[Button, ...]:
    return tuple(
        Button(f"MJ::JOB::video_virtual_upscale::{i}::{task.id}", f"U{i}") for i in range(1, 5)
    )


_OFFERS: dict[str, Callable[[Task], tuple[Button, ...]]] = {
    "grid": _grid,
    "single": _single,
    "enlarged": _enlarged,
    "describe": _describe,
    "shorten": _shorten,
    "video": _video,
}
