"""Text files that people and their editors write: `.env`, secrets, the accounts' TOML."""

import codecs
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from worker.domain.errors import FieldError

_BAD_LINE = "cannot be read: write NAME=value, quotes in pairs, and # before a comment"
_UTF_16 = (
    "but UTF-16, as PowerShell's > writes it; save it as UTF-8, in PowerShell with Set-Content "
    "-Encoding utf8"
)


def text_of(file: Path) -> str:
    """The text of a file in UTF-8. Raises `ValueError` with the reason if it cannot be read."""
    try:
        return _decoded(file.read_bytes())
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None


def read_dotenv(file: Path, ours: str) -> tuple[dict[str, str], list[FieldError]]:
    """The values of a `.env` file, which may be missing, and the lines that cannot be read.

    The problems show no part of a line: it may hold a secret. Names without `=` are problems only
    if they begin with `ours`, as other programs may give them a meaning.
    """
    if not file.exists() or file.is_dir():  # a virtual environment may have the name
        return {}, []
    try:
        text = text_of(file)
    except ValueError as error:
        return {}, [FieldError(str(file), str(error))]
    bindings = list(parse_stream(StringIO(text)))
    problems = [p for binding in bindings for p in _problems(file, binding, ours)]
    return {b.key: b.value for b in bindings if b.key and b.value is not None}, problems


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(f"cannot be read: not UTF-8 text {_UTF_16}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = _line_at(data, error.start)
        raise ValueError(
            f"cannot be read: not UTF-8 text in line {line}; save it as UTF-8"
        ) from None
    if (nul := data.find(b"\0")) >= 0:  # appended to a file in UTF-8
        line = _line_at(data, nul)
        raise ValueError(f"cannot be read: not UTF-8 text from line {line} on {_UTF_16}")
    return text


def _line_at(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1


def _problems(file: Path, binding: Binding, ours: str) -> Iterator[FieldError]:
    first = binding.original.line
    if binding.error:
        written = binding.original.string
        first += len(written) - len(written.lstrip("\r\n"))
        last = first + written.strip("\r\n").count("\n")
        if last > first:
            place, what = f"lines {first} to {last}", "a quote is opened and not closed"
        else:
            place, what = f"line {first}", _BAD_LINE
        yield FieldError(f"{file}, {place}", what)
    elif binding.value is None and (binding.key or "").startswith(ours):
        yield FieldError(
            f"{file}, line {first}", f"{binding.key} has no value: write {binding.key}=value"
        )
