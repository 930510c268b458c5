"""PURE. Outside text, made safe to show: on a terminal, in a log line, in a spreadsheet.

A terminal obeys escape sequences (a title, the clipboard, a cleared screen), and marks of direction
make one text look like another. What remains of them here is visible and has no effect.
"""

import json
from collections.abc import Iterator

#: What has an effect and is not seen, first and last: control characters (C0, C1) but tabs and line
#: breaks; soft hyphens, zero-width spaces, marks of direction and of annotation, invisible
#: operators, tags. Not the joiners that emoji and some scripts need.
_UNSEEN = (
    (0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E),
    (0x200B, 0x200B), (0x200E, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB), (0xE0000, 0xE007F),
)  # fmt: skip
#: Breaks that some programs take for one and others do not.
_ODD_BREAKS = "\x0b\x0c\x85\u2028\u2029"
_HALVES = range(0xD800, 0xE000)  #: of surrogate pairs


def _table() -> Iterator[tuple[int, str]]:
    for first, last in _UNSEEN:
        yield from ((code, "") for code in range(first, last + 1))
    yield from ((ord(each), "\n") for each in _ODD_BREAKS)
    yield from ((code, "?") for code in _HALVES)


_TABLE = dict(_table())
_ESCAPES = {code: json.dumps(chr(code))[1:-1] for code in _TABLE}

#: Spreadsheets read a cell that begins with one of these as a formula, or look at what follows.
#: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  #: the last four are full width


def clean(text: str) -> str:
    """``text`` without what is unseen and has an effect; every line ends with LF or CR LF.

    Half surrogate pairs, which UTF-8 cannot have, become ``?``.
    """
    # Nearly always, and many times as fast as to search for what is not there.
    if text.isprintable() or text.replace("\n", "").isprintable():
        return text
    # A carriage return alone writes over the line. NUL, which is left out anyway, marks the others.
    marked = text.replace("\0", "").replace("\r\n", "\0").replace("\r", "\n")
    return marked.replace("\0", "\r\n").translate(_TABLE)


def clean_line(text: str) -> str:
    """Likewise on one line, with single spaces."""
    return " ".join(clean(text).split())


def escaped(text: str) -> str:
    """JSON text with what ``clean`` leaves out, or replaces, as escapes: it means the same."""
    if text.replace("\n", "").isprintable():
        return text
    return text.translate(_ESCAPES)


def cell(text: str) -> str:
    """``text`` as a cell of CSV that no spreadsheet takes for a formula: after an apostrophe."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def counted(count: int, what: str) -> str:
    """``1 job``, ``2 jobs``."""
    return f"{count:,} {what}" + ("s" if count != 1 else "")
