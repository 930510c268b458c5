"""Text as it may be printed on a terminal, which obeys what it is sent."""

import re
from shutil import get_terminal_size
from typing import TextIO

from worker.domain.printable import clean

#: The colours that we use ourselves.
_COLOUR = re.compile("(\x1b\\[(?:0|1|3[0-7])m)")
_PLAIN = "\x1b[0m"
#: A word with the blanks before it; between backquotes it may have some. With the look-behind a run
#: of blanks is looked at once, not from each of them.
_WORD = re.compile(r"(?<!\s)\s*(?:`[^`]*`|\S)+")


def shown(text: str, stream: TextIO) -> str:
    """``text`` as it is printed on ``stream``: it may quote callers' words, which are stored as
    they were given.
    """
    columns = terminal_width(stream)
    if columns is None:
        return for_terminal(text)
    return wrapped(for_terminal(text), columns)


def for_terminal(text: str) -> str:
    """``text`` with our own colours, and nothing else that a terminal obeys."""
    words = _COLOUR.split(text)
    if len(words) == 1:
        return clean(text)
    kept = "".join(part if n % 2 else clean(part) for n, part in enumerate(words))
    return kept if words[-2] == _PLAIN else kept + _PLAIN  # a colour ends with the line


def without_colours(text: str) -> str:
    """``text`` without our colours, for files and pipes."""
    return _COLOUR.sub("", text)


def terminal_width(stream: TextIO) -> int | None:
    """Columns of the terminal; None in a pipe, where nothing is cut."""
    return get_terminal_size().columns if stream.isatty() else None


def wrapped(text: str, columns: int) -> str:
    """The text on lines that fit; words stay whole, and so do commands: they are to be copied."""
    return "\n".join(_wrapped(line, columns) for line in text.split("\n"))


def _wrapped(line: str, columns: int) -> str:
    if len(without_colours(line)) <= columns or line.lstrip().startswith("hookline "):
        return line
    words = _WORD.findall(line)
    blanks = len(line) - len(line.lstrip())  # thousands, if a text quoted here is hostile
    indent = " " * min(blanks + 4, columns // 2)
    lines = words[:1]
    for word in words[1:]:
        if len(without_colours(lines[-1] + word)) <= columns:
            lines[-1] += word
        else:
            lines.append(indent + word.lstrip())
    return "\n".join(lines)
