"""`hookline logs`: what the processes of `hookline up` wrote."""

import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import click

from worker.adapters.local.running import settings_here
from worker.domain.errors import NotFound
from worker.entrypoints.cli.base import Command, say
from worker.entrypoints.cli.numbers import PlainIntRange
from worker.entrypoints.tidy import tidy_line

#: Seconds between two looks for new lines.
_LOOK_EVERY_S = 0.3
_NAMES = ("web", "worker", "sandbox")


@click.command(
    cls=Command, examples=("hookline logs -f", "hookline logs worker -n 200", "hookline logs --raw")
)
@click.argument("program", type=click.Choice(_NAMES), required=False)
@click.option("-f", "--follow", is_flag=True, help="Print what comes, too, until Ctrl-C.")
@click.option("-n", "--lines", type=PlainIntRange(0), default=40, show_default=True)
@click.option("--raw", is_flag=True, help="The whole lines, as they are in the files.")
def logs(*, program: str | None, follow: bool, lines: int, raw: bool) -> None:
    """Print the last lines that `hookline up` logs here, of all its programs or one.

    Changes of jobs, warnings and errors are printed, as `up` itself does.
    """
    folder = settings_here().state_dir / "logs"
    names = [program] if program else [n for n in _NAMES if (folder / f"{n}.log").exists()]
    if not names or not folder.exists():
        raise NotFound(f"There are no logs in {folder}: `hookline up` writes them.")
    tails = [_Tail(name, folder / f"{name}.log", raw=raw) for name in names]
    last = deque((line for tail in tails for line in tail.new()), maxlen=lines)
    for _, text in sorted(last, key=lambda line: line[0]):
        say(text)
    while follow:
        time.sleep(_LOOK_EVERY_S)
        for _, text in sorted(line for tail in tails for line in tail.new()):
            say(text)


class _Tail:
    """A log file, read on from where it was; after a rotation from the new file's start."""

    def __init__(self, name: str, path: Path, *, raw: bool) -> None:
        self._name, self._path, self._raw = name, path, raw
        self._read = (0, 0)  #: inode, and bytes read of it

    def new(self) -> Iterator[tuple[str, str]]:
        """The new lines that are worth printing, each with its time for sorting."""
        try:
            with self._path.open(encoding="utf-8", errors="replace") as file:
                inode, size = (stat := os.fstat(file.fileno())).st_ino, stat.st_size
                known, at = self._read
                file.seek(at if known == inode and at <= size else 0)
                found = file.readlines()
                self._read = (inode, file.tell())
        except FileNotFoundError:
            return
        for line in map(str.rstrip, found):
            moment, text = tidy_line(self._name, line)
            if self._raw:
                yield moment, line
            elif text:
                yield moment, text


COMMANDS: tuple[click.Command, ...] = (logs,)
