"""Buttons: which ones a finished task offers, and what pressing one produces.

A row of `KINDS` per kind of button, a row of `_OFFERED` per shape of task.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from worker.sandbox import pictures
from worker.sandbox.models import Button, Refused, Task
from worker.sandbox.pictures import Recipe
from worker.sandbox.texts import NUMBERS

#: When a button opens a modal: never, in remix mode, always.
NEVER, REMIX, ALWAYS = "never", "remix", "always"
#: The action of a `change`, and the verb in the customId of the button that does the same.
CHANGES = {"UPSCALE": "upsample", "VARIATION": "variation", "REROLL": "reroll"}
#: Actions whose tasks can be changed, and those that cannot be rerolled.
CHANGEABLE = ("IMAGINE", "VARIATION", "REROLL", "BLEND")
REROLL_REFUSED = ("REROLL", "ACTION", "OUTPAINT", "INPAINT", "SHOW", "VIDEO_EXTEND", "PIC_READER")


@dataclass(frozen=True)
class Press:
    """A pressed button: `detail` is the variable part of its customId."""

    parent: Recipe
    detail: str
    prompt: str
    seed: str
    mask: bytes = b""


@dataclass(frozen=True)
class Kind:
    """One kind of button. `action`: the new task's action; None: the parent's."""

    pattern: str
    action: str | None
    shape: str
    draw: Callable[[Press], Recipe]
    modal: str = NEVER
    needs_mask: bool = False


def _vary(p: Press) -> Recipe:
    cell = pictures.cell_of(p.parent, int(p.detail))
    return pictures.variation(cell, p.prompt, p.seed, 0.3)


def _vary_more(p: Press) -> Recipe:
    return pictures.variation(p.parent, p.prompt, p.seed, 0.2 if p.detail == "low" else 0.5)


def _again(p: Press) -> Recipe:
    if not p.prompt:  # a blend has none
        return pictures.variation(p.parent, "", p.seed, 0.2)
    return pictures.grid(p.prompt, p.seed)


def _outpaint(p: Press) -> Recipe:
    if p.detail == "100":
        return pictures.squared(p.parent, p.prompt, p.seed)
    return pictures.zoomed(p.parent, 100 / float(p.detail), p.prompt, p.seed)


def _custom_zoom(p: Press) -> Recipe:
    factor = re.search(r"--zoom\s+(\d+(?:\.\d+)?)", p.prompt)
    wanted = float(factor.group(1)) if factor else 2.0
    return pictures.zoomed(p.parent, min(2.0, max(1.0, wanted)), p.prompt, p.seed)


def _upscale(p: Press) -> Recipe:
    return pictures.quadrant(p.parent, int(p.detail))


def _enlarge(p: Press) -> Recipe:
    return pictures.enlarged(p.parent, creative="creative" in p.detail)


def _repaint(p: Press) -> Recipe:
    return pictures.repainted(p.parent, p.mask, p.prompt, p.seed)


def _pan(p: Press) -> Recipe:
    return pictures.panned(p.parent, p.detail, p.prompt, p.seed)


def _same(p: Press) -> Recipe:
    return p.parent


KINDS = (
    Kind(r"MJ::JOB::upsample::([1-4])::", "UPSCALE", "single", _upscale),
    Kind(r"MJ::JOB::variation::([1-4])::", "VARIATION", "grid", _vary, REMIX),
    Kind(r"MJ::JOB::reroll::(\d)::", None, "grid", _again, REMIX),
    Kind(r"MJ::JOB::(low|high)_variation::", "VARIATION", "grid", _vary_more, REMIX),
    Kind(r"MJ::Inpaint::(.+)", "INPAINT", "grid", _repaint, ALWAYS, needs_mask=True),
    Kind(r"MJ::JOB::upsample_(\w+)::", "UPSCALE", "enlarged", _enlarge),
    Kind(r"MJ::Outpaint::(50|75|100)::", "OUTPAINT", "grid", _outpaint),
    Kind(r"MJ::CustomZoom::(.+)", "ZOOM", "grid", _custom_zoom, ALWAYS),
    Kind(r"MJ::JOB::pan_(left|right|up|down)::", "PAN", "grid", _pan, REMIX),
    Kind(r"MJ::JOB::animate_(\w+)::", "VIDEO", "video", _same, REMIX),
    Kind(r"MJ::JOB::video_virtual_upscale::(\d)::", "VIDEO", "plain_video", _same),
    Kind(r"MJ::Job::PicReader::([1-4])$", "PIC_READER", "grid", _again, ALWAYS),
    Kind(r"MJ::Job::PicReader::(all)$", "PIC_READER", "grid", _again),
    Kind(r"MJ::Picread::(Retry)", "DESCRIBE", "describe", _same),
)


def kind_of(custom_id: str) -> tuple[Kind, str]:
    """The kind of button with this customId, and its variable part; refused if unknown."""
    for kind in KINDS:
        if found := re.match(kind.pattern, custom_id):
            return kind, found.group(1)
    raise Refused("button_unknown")


_UPSCALE = "MJ::JOB::upsample_v6_2x"
_MAKE_SQUARE = Button("MJ::Outpaint::100::1::{hash}::SOLO", "Make Square", "↔️")
_ENLARGED = (
    Button("MJ::JOB::low_variation::1::{hash}::SOLO", "Vary (Subtle)", "🪄"),
    Button("MJ::JOB::high_variation::1::{hash}::SOLO", "Vary (Strong)", "🪄"),
    Button("MJ::Inpaint::1::{hash}::SOLO", "Vary (Region)", "🖌️"),
    Button("MJ::Outpaint::50::1::{hash}::SOLO", "Zoom Out 2x", "🔍"),
    Button("MJ::Outpaint::75::1::{hash}::SOLO", "Zoom Out 1.5x", "🔍"),
    Button("MJ::CustomZoom::{hash}", "Custom Zoom", "🔍"),
    _MAKE_SQUARE,
    Button("MJ::JOB::pan_left::1::{hash}::SOLO", emoji="⬅️"),
    Button("MJ::JOB::pan_right::1::{hash}::SOLO", emoji="➡️"),
    Button("MJ::JOB::pan_up::1::{hash}::SOLO", emoji="⬆️"),
    Button("MJ::JOB::pan_down::1::{hash}::SOLO", emoji="⬇️"),
    Button("MJ::JOB::animate_high::1::{hash}::SOLO", "Animate (High motion)", "🎞️"),
    Button("MJ::JOB::animate_low::1::{hash}::SOLO", "Animate (Low motion)", "🎞️"),
    Button("MJ::BOOKMARK::{hash}", emoji="❤️"),
)
_OFFERED: dict[str, tuple[Button, ...]] = {
    "grid": (
        *(Button(f"MJ::JOB::upsample::{i}::{{hash}}", f"U{i}") for i in range(1, 5)),
        Button("MJ::JOB::reroll::0::{hash}::SOLO", emoji="🔄"),
        *(Button(f"MJ::JOB::variation::{i}::{{hash}}", f"V{i}") for i in range(1, 5)),
    ),
    "single": (
        Button(f"{_UPSCALE}_subtle::1::{{hash}}::SOLO", "Upscale (Subtle)", "upscale_1"),
        Button(f"{_UPSCALE}_creative::1::{{hash}}::SOLO", "Upscale (Creative)", "upscale_1"),
        *_ENLARGED,
    ),
    "enlarged": _ENLARGED,
    "describe": (
        *(Button(f"MJ::Job::PicReader::{i}", emoji=NUMBERS[i - 1]) for i in range(1, 5)),
        Button("MJ::Picread::Retry", emoji="🔄"),
        Button("MJ::Job::PicReader::all", "Imagine all", "🎉"),
    ),
    "shorten": tuple(
        Button(f"MJ::Job::PromptAnalyzer::{i}", emoji=NUMBERS[i - 1]) for i in range(1, 6)
    ),
    "video": tuple(
        Button(f"MJ::JOB::video_virtual_upscale::{i}::{{id}}", f"U{i}") for i in range(1, 5)
    ),
}


def offered(task: Task) -> tuple[Button, ...]:
    """The buttons of a task that succeeded."""
    square = task.recipe is not None and task.recipe.size[0] == task.recipe.size[1]
    return tuple(
        replace(button, custom_id=button.custom_id.format(hash=task.hash, id=task.id))
        for button in _OFFERED.get(task.order.shape, ())
        if not (square and button is _MAKE_SQUARE)
    )
