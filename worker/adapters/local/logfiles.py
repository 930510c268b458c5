"""SHELL. Log files of bounded size: NAME.log, and as NAME.log.1 and so on what was before it."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

#: Bytes of one file, and how many older ones are kept: 50 MB for each program, some days of a busy
#: worker.
MAX_BYTES = 10_000_000
KEPT = 4


class LogFile(RotatingFileHandler):
    """The lines of one program.

    What cannot be written (a full disk) is lost: the program must not wait for it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            maxBytes=MAX_BYTES,
            backupCount=KEPT,
            encoding="utf-8",
            delay=True,  # opening it may fail, too
            errors="replace",
        )

    def add(self, line: str) -> None:
        """Write a line, in a new file if this one is full."""
        self.handle(logging.makeLogRecord({"msg": line}))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Nothing: it would print a traceback for each line."""


def rotate(path: Path) -> None:
    """Start a new file if this one is full, for a program that opens its log for every line."""
    try:
        if path.stat().st_size <= MAX_BYTES:
            return
    except OSError:  # there is none yet
        return
    file = RotatingFileHandler(path, backupCount=KEPT, delay=True)
    try:
        file.doRollover()
    finally:
        file.close()
