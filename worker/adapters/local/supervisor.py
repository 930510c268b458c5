"""Runs a few Python programs beside one another: starts them, starts them again, and ends every
one.

A program that dies is started again after a pause that grows while it keeps dying. One that says
that its settings are wrong (exit code 2) is not: that would never end. No program outlives this
process, however it dies: each reads from a pipe of which only this process holds the other end, and
goes when the pipe closes (``end_with_parent``).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import IO, Self

from worker.adapters.local.stopping import Stop
from worker.domain.errors import HooklineError

#: What a program answers with whose settings or arguments are wrong.
WRONG_USAGE = 2

#: The first pause before a program is started again, and the longest, in seconds.
_FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
#: A program that ran so long was in order; its next death starts from the first pause again.
_HEALTHY_S = 5.0
#: How often the programs are looked at.
_LOOK_EVERY_S = 0.1
#: Seconds for a program to end what it does.
GRACE_S = 10.0


class ProgramRefused(HooklineError):
    """A program says that its settings are wrong, and starting it again would not help."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: the arguments of a Python interpreter, the environment, the folder.

    ``files``: descriptors that are open there by the same numbers.
    """

    name: str
    args: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    folder: Path
    files: tuple[int, ...] = ()


#: Is given the name of a program and a line that it wrote.
OnLine = Callable[[str, str], None]


class Supervisor:
    """Keeps programs running from ``start`` to ``stop``; as a context, it stops them at the end.

    What they write is kept in ``logs/NAME.log`` and handed to ``on_line``, which several threads
    call. ``beside`` is done at every look, for what runs there and is no program of ours.
    ``longest_pause_s``: a program that keeps dying is started again at most so rarely.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        logs: Path,
        on_line: OnLine,
        grace_s: float = GRACE_S,
        *,
        beside: Callable[[], None] | None = None,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self._beside = beside
        self._children = [_Child(p, logs, on_line, longest_pause_s) for p in programs]
        self._grace_s = grace_s

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of the programs that were started, by name."""
        return {c.program.name: c.process.pid for c in self._children if c.process}

    def start(self) -> None:
        """Start every program, in order."""
        for child in self._children:
            child.start()

    def look(self) -> None:
        """Start again what has died, if its pause is over. Raises ``ProgramRefused``."""
        if self._beside:
            self._beside()
        for child in self._children:
            child.look()

    def watch(self, until: Stop) -> None:
        """Keep the programs running until told. Raises ``ProgramRefused``."""
        while not until.wait(_LOOK_EVERY_S):
            self.look()

    def stop(self) -> None:
        """End all programs, the last one started first: asked to at first, then by force."""
        try:
            for child in reversed(self._children):
                child.end(self._grace_s)
        finally:  # also when somebody is too impatient to wait
            for child in self._children:
                child.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class _Child:
    """One program and the process that it is at present."""

    def __init__(
        self, program: Program, logs: Path, on_line: OnLine, longest_pause_s: float
    ) -> None:
        self.program = program
        self._longest_pause_s = longest_pause_s
        self.process: subprocess.Popen[str] | None = None
        self._log = logs / f"{program.name}.log"
        self._on_line = on_line
        self._started_at = 0.0
        self._pause_s = _FIRST_PAUSE_S
        self._again_at: float | None = None
        self._reader: Thread | None = None

    def start(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        # A session of its own: Ctrl-C is for us, who end the programs one after the other.
        self.process = subprocess.Popen(  # our own programs
            [sys.executable, *self.program.args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=dict(self.program.env),
            cwd=self.program.folder,
            pass_fds=self.program.files,
            start_new_session=True,
        )
        self._started_at, self._again_at = time.monotonic(), None
        self._reader = Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def look(self) -> None:
        if self.process is None or (code := self.process.poll()) is None:
            return
        now, name = time.monotonic(), self.program.name
        if code == WRONG_USAGE:
            raise ProgramRefused(f"{name} does not start; see above, or {self._log}")
        if self._again_at is None:
            if now - self._started_at > _HEALTHY_S:
                self._pause_s = _FIRST_PAUSE_S
            self._again_at = now + self._pause_s
            self._on_line(name, f"ended with code {code}; starts again in {self._pause_s:g} s")
            self._pause_s = min(2 * self._pause_s, self._longest_pause_s)
        elif now >= self._again_at:
            self.kill()
            self.start()

    def end(self, grace_s: float) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(grace_s)

    def kill(self) -> None:
        """End the process and all that it started; its last lines are read."""
        if self.process is None:
            return
        with suppress(ProcessLookupError, PermissionError):  # all of them are gone
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self._reader:
            self._reader.join(1)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        self.process = None

    def _read(self, pipe: IO[str]) -> None:
        with self._log.open("a", encoding="utf-8") as log, suppress(ValueError):
            for line in pipe:
                log.write(line)
                log.flush()
                self._on_line(self.program.name, line.rstrip("\n"))


def end_with_parent(grace_s: float = GRACE_S) -> None:
    """End this process, and those of its group, when its standard input closes.

    For programs that a ``Supervisor`` starts; it works where the parent is killed, too.
    """
    Thread(target=_wait_for_parent, args=(grace_s,), name="parent", daemon=True).start()


def _wait_for_parent(grace_s: float) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_s)
    os.killpg(0, signal.SIGKILL)
