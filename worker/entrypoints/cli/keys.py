"""Keys of a terminal as they are pressed, without Enter."""

import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: What terminals send for keys that are no characters.
_NAMED = {
    b"\x1b[A": "up",
    b"\x1bOA": "up",
    b"\x1b[B": "down",
    b"\x1bOB": "down",
    b"\x1b": "escape",
    b"\r": "enter",
    b"\n": "enter",
}
_LONGEST = 64  #: bytes of keys that are read at a time


@contextmanager
def pressed() -> Iterator[Callable[[float], list[str]]]:
    """A function that waits so many seconds for keys: characters, or the names above."""
    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    try:
        tty.setcbreak(file)
        yield lambda seconds: _read(file, seconds)
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)


def _read(file: int, seconds: float) -> list[str]:
    if not select.select([file], [], [], seconds)[0]:
        return []
    read = os.read(file, _LONGEST)
    if not read:  # the terminal is gone
        return ["q"]
    if name := _NAMED.get(read):
        return [name]
    # Several were pressed at once; a sequence that means nothing here is left out.
    if read.startswith(b"\x1b"):
        return []
    return [_NAMED.get(bytes([byte]), chr(byte)) for byte in read]
