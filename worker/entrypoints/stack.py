"""All of Hookline on one machine: a private Redis and the programs, from their start to their stop.

What runs is decided elsewhere (``cli/planning.py``). Nothing is imported here that takes much
memory: `hookline up` stays for as long as its programs.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from worker.adapters.local.private_redis import start_private_redis
from worker.adapters.local.stopping import Stop
from worker.adapters.local.supervisor import OnLine, Program, Supervisor
from worker.domain.errors import ServiceUnavailable

#: Seconds for the programs to become ready.
READY_S = 60.0
_LOOK_EVERY_S = 0.1
#: Seconds for an answer that says so.
_ANSWER_S = 2.0


@dataclass(frozen=True, slots=True)
class Stack:
    """What runs."""

    state_dir: Path
    private_redis: bool  #: whether one runs there
    programs: tuple[Program, ...]
    ready: tuple[str, ...]  #: URLs that answer with 200 when all is ready

    @property
    def logs(self) -> Path:
        """The folder of the programs' logs."""
        return self.state_dir / "logs"


@contextmanager
def running(stack: Stack, on_line: OnLine) -> Iterator[Supervisor]:
    """Run it; at the end of the context every process is stopped, Redis last."""
    with ExitStack() as started:
        look = None
        if stack.private_redis:
            private = started.enter_context(start_private_redis(stack.state_dir, on_line))
            look = private.look
        supervisor = started.enter_context(
            Supervisor(stack.programs, stack.logs, on_line, also_look=look)
        )
        supervisor.start()
        yield supervisor


def wait_until_ready(stack: Stack, supervisor: Supervisor, stop: Stop) -> None:
    """Wait for the programs. Raises ``ServiceUnavailable`` and ``ProgramRefused``."""
    deadline = time.monotonic() + READY_S
    while not stop.wait(_LOOK_EVERY_S) and not all(map(_is_ready, stack.ready)):
        supervisor.look()
        if time.monotonic() > deadline:
            raise ServiceUnavailable(f"Not ready within {READY_S:g} s; see {stack.logs}.")


def _is_ready(url: str) -> bool:
    """Whether a GET of ``url`` is answered with 200. Any HTTP client would bring OpenSSL."""
    at = urlsplit(url)
    asked = f"GET {at.path or '/'} HTTP/1.1\r\nHost: {at.netloc}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection((at.hostname, at.port), _ANSWER_S) as server:
            server.sendall(asked.encode())
            return server.recv(64).split()[1:2] == [b"200"]
    except OSError:
        return False
