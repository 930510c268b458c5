"""PURE. A prompt as it is sent.

Proxies recognise a result by its prompt's text, in which Discord's bot has folded line breaks and
dropped what is invisible: a prompt that contains either is paid for and never recognised.
"""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
#: Soft hyphens, zero-width spaces, byte order marks and marks of direction. Not the joiners that
#: emoji and some scripts need.
_INVISIBLE = re.compile(r"[\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def as_sent(prompt: str) -> str:
    """The prompt on one line, with single spaces and nothing invisible; may be empty."""
    return " ".join(_INVISIBLE.sub("", _CONTROL.sub(" ", prompt)).split())
