"""SHELL. The helper process of this process, as seen from here: see ``program``."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import IO, NamedTuple
from weakref import finalize

from worker.domain.errors import DecoderUnavailable

#: Seconds for a helper to start and fork; a machine with much to do takes some.
START_S = 30.0
#: Seconds for one to end that let go of its connections.
_END_S = 5.0

#: What a decoding process says first.
RUNS = b"+"

_PROGRAM = Path(__file__).with_name("program.py")
_ROOT = Path(__file__).parents[3]
#: All that a helper gets of our environment, which holds keys.
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class _Running(NamedTuple):
    process: subprocess.Popen[bytes]
    control: socket.socket
    owner: int  #: the process that started it; another is a fork of that


class Helper:
    """Starts with the first picture, and again when it has ended, as it does when idle.

    It ends with this process, however that ends.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: _Running | None = None
        self._end: Callable[[], object] = lambda: None

    def begin(self, file: IO[bytes], out: IO[bytes]) -> socket.socket:
        """The connection to a new decoding process for ``file``; what it draws goes to ``out``.

        Raises ``DecoderUnavailable`` if none can be started.
        """
        for _ in range(2):  # an idle helper may end just now
            running = self._started()
            ours, theirs = socket.socketpair()
            ours.settimeout(START_S)
            try:
                with theirs:
                    descriptors = [theirs.fileno(), file.fileno(), out.fileno()]
                    socket.send_fds(running.control, [b"\0"], descriptors)
                if ours.recv(1) == RUNS:
                    return ours
            except TimeoutError:
                ours.close()
                self.kill()
                raise DecoderUnavailable(f"no process began to decode in {START_S:g} s") from None
            except OSError:  # it has ended
                pass
            ours.close()
            self._forget_ended(running)
        raise DecoderUnavailable("the process that decodes pictures ends at once")

    def kill(self) -> None:
        """End the helper and all its decoding processes at once."""
        with self._lock:
            self._forget()

    def _started(self) -> _Running:
        with self._lock:
            if self._running and self._running.owner != os.getpid():
                self._forget()
            if self._running is None:
                self._running = _start()
                self._end = finalize(self, _end, self._running)
            return self._running

    def _forget_ended(self, running: _Running) -> None:
        """Have the next one started. Raises ``DecoderUnavailable`` if it runs but cannot fork."""
        try:
            running.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            raise DecoderUnavailable("the system gives no process to decode pictures") from None
        with self._lock:
            if self._running is running:
                self._forget()

    def _forget(self) -> None:
        if self._running:
            self._end()
            self._running = None


def _end(running: _Running) -> None:
    running.control.close()
    if running.owner == os.getpid() and running.process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


def _start() -> _Running:
    pillow = find_spec("PIL")
    if pillow is None or pillow.origin is None:
        raise DecoderUnavailable("Pillow is not installed")
    ours, theirs = socket.socketpair()
    places = (str(_ROOT), str(Path(pillow.origin).parents[1]))
    try:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_PROGRAM), *places],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                cwd="/",
                process_group=0,  # so that it can be killed with all that it forked
            )
    except OSError as error:
        ours.close()
        raise DecoderUnavailable(f"no process can be started: {error.strerror}") from error
    return _Running(process, ours, os.getpid())
