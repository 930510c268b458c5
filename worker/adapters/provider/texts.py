"""PURE. Extracts the prompts from the text of a describe or shorten.

Seen on running providers: lines numbered with keycap emoji and set apart by blank lines (Discord's
own text), lines joined by CR LF without any number (accounts that reach Midjourney's web site), and
for a shorten a list under the heading "Shortened prompts", with markdown around weighty words.
"""

import re

_KEYCAP = r"(?:[0-9]\ufe0f?\u20e3|\U0001f51f)"  # a digit in a key, or the key of ten
_BY_KEYCAP = re.compile(_KEYCAP)
_BY_FIGURE = re.compile(r"^[ \t]*[0-9]{1,2}(?:[.)][ \t]+|、)", re.MULTILINE)  # not "2.5D art"
_HEADING = re.compile(r"^[#* \t]*shortened prompts?\b[^\n]*", re.IGNORECASE | re.MULTILINE)
_NEXT_SECTION = re.compile(r"^#", re.MULTILINE)
_LINK = re.compile(r"\[([^\[\]\n]{1,300})\]\(<?https?://[^()\s]{1,2000}\)")
_EMPHASIS = re.compile(r"\*\*|~~")
_STRAY = "\ufe0f\u200d"  # halves of an emoji that clients leave behind


def numbered_prompts(said: str) -> tuple[str, ...]:
    """The prompts of a text numbered with keycap emoji; empty if there are fewer than two."""
    pieces = _BY_KEYCAP.split(said)[1:]
    return _clean(pieces) if len(pieces) >= 2 else ()


def listed_prompts(said: str) -> tuple[str, ...]:
    """The prompts of a list: numbered in any way, or one per line."""
    listing = _shortened(said) or said
    for numbering, least in ((_BY_KEYCAP, 1), (_BY_FIGURE, 2)):
        pieces = numbering.split(listing)[1:]
        if len(pieces) >= least:
            return _clean(pieces)
    return _clean(listing.splitlines())


def has_shortened_prompts(said: str) -> bool:
    """Whether the text is a shorten's result rather than the submitted prompt."""
    return _shortened(said) is not None


def _shortened(said: str) -> str | None:
    """The section below the heading of a shorten's result."""
    heading = _HEADING.search(said)
    if heading is None:
        return None
    return _NEXT_SECTION.split(said[heading.end() :], maxsplit=1)[0]


def _clean(pieces: list[str]) -> tuple[str, ...]:
    """Plain prompts without links, emphasis, line breaks and remains of the numbering."""
    plain = (_EMPHASIS.sub("", _LINK.sub(r"\1", piece)) for piece in pieces)
    trimmed = (" ".join(piece.split()).strip(_STRAY).strip() for piece in plain)
    return tuple(piece for piece in trimmed if piece)
