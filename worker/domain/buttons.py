"""PURE. Finds buttons by name ("U1", "Upscale (Subtle)", "Zoom Out 2x"), or the change call.

Only the customId identifies a button: labels and emoji may be empty or swapped, and differ between
forks. So each customId pattern has one name here; a caller may also use the label, the emoji or the
customId itself.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from worker.domain.result import Button

#: customId pattern -> name; ``{}`` is the pattern's group. First match wins.
_NAMES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (r"^MJ::JOB::upsample::([0-9])", "U{}"),
        (r"^MJ::JOB::variation::([0-9])", "V{}"),
        (r"^MJ::JOB::reroll\b", "reroll"),
        (r"^MJ::JOB::low_variation\b", "Vary (Subtle)"),
        (r"^MJ::JOB::high_variation\b", "Vary (Strong)"),
        (r"^MJ::Inpaint\b", "Vary (Region)"),
        (r"^MJ::JOB::upsample_\w*subtle", "Upscale (Subtle)"),
        (r"^MJ::JOB::upsample_\w*creative", "Upscale (Creative)"),
        (r"^MJ::JOB::upsample_\w*?([24]x)", "Upscale ({})"),
        (r"^MJ::Outpaint::50\b", "Zoom Out 2x"),
        (r"^MJ::Outpaint::75\b", "Zoom Out 1.5x"),
        (r"^MJ::Outpaint::100\b", "Make Square"),
        (r"^MJ::CustomZoom\b", "Custom Zoom"),
        (r"^MJ::JOB::pan_left\b", "Pan Left"),
        (r"^MJ::JOB::pan_right\b", "Pan Right"),
        (r"^MJ::JOB::pan_up\b", "Pan Up"),
        (r"^MJ::JOB::pan_down\b", "Pan Down"),
        (r"^MJ::JOB::animate_high", "Animate (High)"),
        (r"^MJ::JOB::animate_low", "Animate (Low)"),
        (r"^MJ::JOB::video_virtual_upscale::([0-9])", "U{}"),
        (r"^MJ::BOOKMARK\b", "Favorite"),
        (r"^MJ::Job::PicReader::([0-9])", "{}"),
        (r"^MJ::Job::PicReader::all", "Imagine all"),
        (r"^MJ::Picread::Retry", "retry"),
        (r"^MJ::Job::PromptAnalyzer::([0-9])", "{}"),
    )
)

#: A name as U9 or foo, which is no label of several words, emoji, customId or glob.
_PLAIN = re.compile(r"([uv])([0-9]+)|[a-z]{2,}", re.IGNORECASE)
#: Labels of one word that providers use besides the names above.
_LABELS = frozenset({"web", "remix", "redo", "refresh", "animate", "extend", "upscale", "vary"})

_CHANGE = re.compile(r"^(?:([uv])([1-4])|(r|reroll|🔄))$", re.IGNORECASE)

#: Names and customIds that are looked up again and again: a grid has nine, and each follow-up asks
#: about all of them.
_REMEMBERED = 500

#: What the change call offers for a grid of four, on providers without buttons.
GRID_NAMES = ("U1", "U2", "U3", "U4", "V1", "V2", "V3", "V4", "reroll")


@dataclass(frozen=True, slots=True)
class Change:
    """A call of ``/mj/submit/change``: UPSCALE, VARIATION or REROLL of one of the four images."""

    action: str
    index: int


def name_of(button: Button) -> str:
    """The button's name, e.g. ``U1``; if it has none, its label, emoji or customId."""
    return known_name(button.custom_id) or button.label or button.emoji or button.custom_id


@lru_cache(_REMEMBERED)
def known_name(custom_id: str) -> str | None:
    """The name of the customId's pattern; None if it has none."""
    if custom_id[:4].upper() != "MJ::":
        return None
    for pattern, name in _NAMES:
        if match := pattern.match(custom_id):
            return name.format(*match.groups())
    return None


def is_glob(wanted: str) -> bool:
    """Whether ``wanted`` may match several buttons, such as ``U*``."""
    return any(char in wanted for char in "*?[")


def find(buttons: Iterable[Button], wanted: str) -> tuple[Button, ...]:
    """The buttons that ``wanted`` matches: several only for a glob, in the provider's order.

    ``wanted`` is a name, label or emoji (case and spaces are ignored), a customId, or a glob.
    """
    buttons = tuple(buttons)
    exact = [b for b in buttons if wanted == b.custom_id]
    if exact:
        return (exact[0],)
    means = _meaning(wanted)
    hits = {b.custom_id: b for b in reversed(buttons) if means(b)}
    found = tuple(reversed(hits.values()))
    return found if is_glob(wanted) else found[:1]


def pressed_by(pressed: str, wanted: str) -> bool:
    """Whether pressing ``pressed``, a name or a glob, presses the button called ``wanted``."""
    return _named(pressed)(_key(wanted))


def can_exist(wanted: str) -> bool:
    """Whether some task may have a button called ``wanted``. What is not plain may be anything."""
    plain = _PLAIN.fullmatch(wanted.strip())
    if plain is None:
        return True
    letter, number = plain.groups()
    if letter is not None:
        return number in ("1", "2", "3", "4")
    return _key(wanted) in _LABELS or _key(wanted) in {_key(name) for _, name in _NAMES}


def matching_names(wanted: str) -> tuple[str, ...]:
    """The grid's names that ``wanted`` matches, on a provider without buttons."""
    if is_glob(wanted):
        return tuple(name for name in GRID_NAMES if pressed_by(wanted, name))
    return (wanted,) if change_for(wanted) else ()


def change_for(wanted: str) -> Change | None:
    """The change call for ``wanted``; None if it takes a button.

    A reroll has index 1, because gateways refuse an index of zero even there.
    """
    match = _CHANGE.match(wanted.strip())
    if not match:
        return None
    letter, index, _ = match.groups()
    if letter is None:
        return Change("REROLL", 1)
    return Change("UPSCALE" if letter in "uU" else "VARIATION", int(index))


def wants_input(custom_id: str) -> bool:
    """Whether the button's window needs an answer from the caller: a region or a zoom factor.

    All other windows only allow a change of their prompt.
    """
    return bool(re.match(r"^MJ::(Inpaint|CustomZoom)\b", custom_id, re.IGNORECASE))


def wants_mask(custom_id: str) -> bool:
    """Whether the button's window asks for a region of the picture."""
    return bool(re.match(r"^MJ::Inpaint\b", custom_id, re.IGNORECASE))


def _meaning(wanted: str) -> Callable[[Button], bool]:
    """Tells the buttons that ``wanted`` may mean."""
    named, is_reroll = _named(wanted), _key(wanted) == "r"

    def means(button: Button) -> bool:
        names = [_key(name) for name in (name_of(button), button.label, button.emoji) if name]
        return (is_reroll and "reroll" in names) or any(map(named, names))

    return means


def _named(wanted: str) -> Callable[[str], bool]:
    """Tells the keys of names that ``wanted``, a name or a glob, stands for."""
    key = _key(wanted)
    return (lambda name: fnmatchcase(name, key)) if is_glob(wanted) else key.__eq__


@lru_cache(_REMEMBERED)
def _key(name: str) -> str:
    """Case, spaces and emoji variation selectors are ignored."""
    return "".join(name.replace("\ufe0f", "").split()).casefold()
