"""Supervises child processes: starts them, restarts them, and stops every one.

A program that dies is restarted after a pause that grows while it keeps dying. One that exits with
code 2 (wrong settings) is not. No Python program outlives this process, even if that is killed:
each reads from a pipe whose other end only this process holds, and exits when the pipe closes
(``end_with_parent``).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import IO, Self

from worker.adapters.local.logfiles import LogFile
from worker.adapters.local.stopping import Stop
from worker.domain.errors import HooklineError

#: The exit code of a program whose settings or arguments are wrong.
WRONG_USAGE = 2

#: The first pause before a restart, and the longest, in seconds.
_FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
#: After this many seconds a program counts as healthy: its next death starts with the first pause.
_HEALTHY_S = 5.0
#: Seconds between two checks of the programs.
_LOOK_EVERY_S = 0.1
#: Seconds for a program to finish after SIGTERM.
GRACE_S = 10.0


class ProgramRefused(HooklineError):
    """A program exited because its settings are wrong: a restart would not help."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: an executable with its arguments, environment and folder."""

    name: str
    args: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    folder: Path
    files: tuple[int, ...] = ()  #: descriptors that it inherits
    executable: str = sys.executable
    umask: int = -1  #: of its files; -1: as here


#: Receives the name of a program and a line that it wrote.
OnLine = Callable[[str, str], None]


class Supervisor:
    """Keeps programs running from ``start`` to ``stop``; as a context manager it stops them.

    Their output goes to ``logs/NAME.log``, which rotates, and to ``on_line``, which several threads
    call.
    ``also_look`` is called at every check, for a process that is supervised elsewhere.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        logs: Path,
        on_line: OnLine,
        grace_s: float = GRACE_S,
        *,
        also_look: Callable[[], None] | None = None,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self._also_look = also_look
        self._children = [Child(p, logs, on_line, longest_pause_s) for p in programs]
        self._grace_s = grace_s

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of the running programs, by name."""
        return {c.program.name: c.process.pid for c in self._children if c.process}

    def start(self) -> None:
        """Start every program, in order."""
        for child in self._children:
            child.start()

    def look(self) -> None:
        """Restart what has died, once its pause is over. Raises ``ProgramRefused``."""
        if self._also_look:
            self._also_look()
        for child in self._children:
            child.look()

    def watch(self, until: Stop) -> None:
        """Keep the programs running until ``until`` is set. Raises ``ProgramRefused``."""
        while not until.wait(_LOOK_EVERY_S):
            self.look()

    def stop(self) -> None:
        """Stop all programs in reverse order: SIGTERM first, SIGKILL after the grace period."""
        try:
            for child in reversed(self._children):
                child.end(self._grace_s)
        finally:  # even if a second Ctrl-C interrupts the wait
            for child in self._children:
                child.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Child:
    """A program and its current process."""

    def __init__(
        self,
        program: Program,
        logs: Path,
        on_line: OnLine,
        longest_pause_s: float = LONGEST_PAUSE_S,
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
        """Start the process."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        # A session of its own: Ctrl-C must not reach it, programs are stopped one by one.
        self.process = subprocess.Popen(
            [self.program.executable, *self.program.args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=dict(self.program.env),
            cwd=self.program.folder,
            pass_fds=self.program.files,
            start_new_session=True,
            umask=self.program.umask,
        )
        self._started_at, self._again_at = time.monotonic(), None
        self._reader = Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def look(self) -> None:
        """Restart a dead process, once its pause is over. Raises ``ProgramRefused``."""
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
        """Send SIGTERM and wait for ``grace_s`` seconds at most."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(grace_s)

    def kill(self) -> None:
        """Kill the process and its descendants; read its last lines."""
        if self.process is None:
            return
        with suppress(ProcessLookupError, PermissionError):  # they are gone
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self._reader:
            self._reader.join(1)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        self.process = None

    def _read(self, pipe: IO[str]) -> None:
        with suppress(ValueError, OSError), closing(LogFile(self._log)) as log:
            for line in pipe:
                words = line.rstrip("\n")
                log.add(words)
                self._on_line(self.program.name, words)


def end_with_parent(grace_s: float = GRACE_S) -> None:
    """End this process and its process group when standard input closes.

    For programs that a ``Supervisor`` starts; it works even if the parent is killed.
    """
    Thread(target=_wait_for_parent, args=(grace_s,), name="parent", daemon=True).start()


def _wait_for_parent(grace_s: float) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_s)
    os.killpg(0, signal.SIGKILL)
