"""PURE. The lines of a file that comes in pieces: numbered, of bounded length, decoded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_LINE = 1 << 20  #: bytes, with the line's end

_BOM = b"\xef\xbb\xbf"
_NOT_UTF8 = "is not UTF-8 text; save the file as UTF-8 (in Excel: CSV UTF-8)"
_TOO_LONG = f"is longer than {MAX_LINE} bytes (1 MiB); pictures are better given as URLs"


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its end."""

    number: int  #: in the file, from 1
    text: str
    problem: str | None = None  #: why the text cannot be used; it is then cut or mangled


def lines_of(source: Iterable[bytes]) -> Iterator[Line]:
    """The lines of a file, whatever the pieces (``source``) are that it comes in."""
    for number, data in enumerate(_split(source), start=1):
        yield _line(number, data.removeprefix(_BOM) if number == 1 else data)


def _split(source: Iterable[bytes]) -> Iterator[bytes]:
    """Each line, of a long one only its beginning."""
    line, held = bytearray(), b""
    for chunk in source:
        pieces = held + chunk
        # A \r at the end may be half of a \r\n: wait for what follows.
        held = b"\r" if pieces.endswith(b"\r") else b""
        for piece in pieces.removesuffix(held).splitlines(keepends=True):
            line += piece[: MAX_LINE + 1 - len(line)]
            if piece[-1:] in b"\r\n":
                yield bytes(line)
                line.clear()
    if line or held:
        yield bytes(line + held)


def _line(number: int, data: bytes) -> Line:
    if len(data) > MAX_LINE:
        return Line(number, data.decode(errors="replace"), _TOO_LONG)
    try:
        return Line(number, data.decode())
    except UnicodeDecodeError:
        return Line(number, data.decode(errors="replace"), _NOT_UTF8)
