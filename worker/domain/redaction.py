"""PURE. Removes state tokens from texts: with a token, anyone can send callbacks about its job.

A provider may quote our request in an error message, and a library the URL that it called. A text
may be megabytes long: everything here takes time in proportion to it.
"""

import re
from collections.abc import Callable

from worker.domain.printable import clean

HIDDEN = "[redacted]"

#: Characters that no secret of ours exceeds: a token, or a provider's key.
LONGEST = 300

#: Tokens are as `worker.adapters.tokens` makes them: `j.<job>.<attempt>.<signature>` or
#: `a.<account>.<signature>`.
_SIGNATURE = re.compile(r"\.[\w-]{43,}", re.ASCII)
_START = re.compile(r"[ja]\.[\w.-]", re.ASCII)
#: A token is within one run of these characters. Without the look-behind, each character of a
#: shorter run would be a start of its own.
_RUN = re.compile(r"(?<![\w.-])[\w.-]{47,}", re.ASCII)

#: What a key may consist of.
_GRAPHIC = "".join(map(chr, range(0x21, 0x7F)))


def without_tokens(text: str) -> str:
    """``text`` with our tokens replaced by ``HIDDEN``."""
    if not _SIGNATURE.search(text):
        return text
    return _RUN.sub(_without_token, text)


def hiding(key: str) -> Callable[[str], str]:
    """Replaces ``key`` by ``HIDDEN``; an empty one hides nothing."""
    return (lambda text: text.replace(key, HIDDEN)) if key else str


def _without_token(run: re.Match[str]) -> str:
    """From the first start of a token to the last end of one, so that no part of one remains."""
    words = run[0]
    start = _START.search(words)
    if start is None:
        return words
    ends = [each.end() for each in _SIGNATURE.finditer(words, start.end())]
    return f"{words[: start.start()]}{HIDDEN}{words[ends[-1] :]}" if ends else words


def beginning(text: str, limit: int) -> str:
    """At most ``limit`` characters of ``text``, without half a secret at the end.

    Where the limit is within a word, up to ``LONGEST`` characters of the word are left out, so that
    a secret is still whole, and can be found and hidden, or is not there at all.
    """
    if len(text) <= limit:
        return text
    kept = text[:limit]
    if text[limit] not in _GRAPHIC:
        return kept
    tail = kept[-LONGEST:].rstrip(_GRAPHIC)
    return kept[:-LONGEST] + tail


def shown(text: str, limit: int) -> str:
    """At most ``limit`` characters of outside text, as they may be shown: clean, without tokens.

    It is cut before it is searched, so that megabytes cost no more than the beginning; four times
    as long as needed, since what is hidden makes room.
    """
    read = beginning(clean(text[: 8 * limit]), 4 * limit)
    return without_tokens(read)[:limit]
