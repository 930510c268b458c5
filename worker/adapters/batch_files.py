"""SHELL. The file of a batch, on this machine or from standard input."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from worker.domain.batch.records import Form, form_of
from worker.domain.errors import InvalidRequest

#: In place of a path: standard input.
STDIN = "-"

_PIECE = 64 * 1024


def name_and_form(file: str, name: str | None, form: str | None) -> tuple[str, str]:
    """The batch's name and the file's format, derived from ``file`` where they are not given.

    Raises:
        InvalidRequest: a value is needed, or the format is unknown.
    """
    if file == STDIN:
        if name is None:
            raise InvalidRequest.of("name", "is required with standard input: name the batch")
        if form is None:
            message = f"is required with standard input: one of {', '.join(Form)}"
            raise InvalidRequest.of("form", message)
        return name, form
    if form is None:
        try:
            form = form_of(Path(file).name).value
        except InvalidRequest as problem:
            raise InvalidRequest.of("form", problem.errors[0].message) from None
    return name or Path(file).name, form


def size_of(file: str) -> int | None:
    """The file's size in bytes, if known."""
    path = Path(file)
    return path.stat().st_size if file != STDIN and path.is_file() else None


def written(rows: Iterable[str | Mapping[str, Any]]) -> Iterator[bytes]:
    """Write prompts and requests as lines of NDJSON."""
    for row in rows:
        yield json.dumps({"prompt": row} if isinstance(row, str) else row).encode() + b"\n"


def pieces(file: str, source: Callable[[int], None] = lambda _: None) -> Iterator[bytes]:
    """The file's bytes; calls ``source`` with the size of each piece.

    Raises:
        InvalidRequest: it cannot be read.
    """
    try:
        with sys.stdin.buffer if file == STDIN else Path(file).open("rb") as opened:
            while piece := opened.read(_PIECE):
                source(len(piece))
                yield piece
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidRequest.of("file", f"{file} cannot be read: {reason}") from None
