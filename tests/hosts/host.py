"""A host: the programs that run in one namespace, until its power fails."""

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Lock, Thread

from tests.hosts.network import Network
from tests.support.processes import clean_env, living
from worker.adapters.local.supervisor import Program, ProgramRefused, Supervisor

_LOOK_EVERY_S = 0.1
#: What dies by itself comes back soon, as under systemd.
_LONGEST_PAUSE_S = 0.5
_GRACE_S = 20.0


class Host:
    """``run`` before ``boot``: its programs, each with a log of its own in ``logs``."""

    def __init__(self, network: Network, name: str, folder: Path, logs: Path) -> None:
        self.name = name
        self.address = network.addresses[name]
        self.folder = folder / name
        self.folder.mkdir()
        self._network = network
        self._logs = logs
        self._programs: list[Program] = []
        self._supervisor: Supervisor | None = None
        self._lock = Lock()

    def run(self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Add a program: it runs from the next ``boot`` on."""
        first, *rest = (*self._network.inside(self.name), *command)
        env = env if env is not None else clean_env()
        path = f"{env.get('PATH', os.environ['PATH'])}:/usr/sbin:/sbin"
        self._programs.append(
            Program(name, tuple(rest), {**env, "PATH": path}, self.folder, executable=first)
        )

    def boot(self) -> None:
        """Start everything."""
        with self._lock:
            self._supervisor = Supervisor(
                self._programs, self._logs, lambda *_: None, longest_pause_s=_LONGEST_PAUSE_S
            )
            self._supervisor.start()

    def lose_power(self) -> None:
        """Everything is gone at once; peers are sent no last word, as their packets are lost first.

        The network has to be healed before the next ``boot``.
        """
        self._network.part([self.name])
        with self._lock:
            supervisor, self._supervisor = self._supervisor, None
            self._network.kill(self.name)
            if supervisor:
                supervisor.stop()

    def shut_down(self, grace_s: float = _GRACE_S) -> None:
        """End everything in good order, and after so many seconds in any way."""
        with self._lock:
            supervisor, self._supervisor = self._supervisor, None
            if supervisor:
                pids = {*supervisor.pids.values()}
                for pid in pids:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGTERM)
                deadline = time.monotonic() + grace_s
                while living(pids) and time.monotonic() < deadline:
                    time.sleep(0.1)
            # Also what left its program's group, such as Erlang's port mapper: it holds the pipe of
            # the program's log, which the supervisor reads to its end.
            self._network.kill(self.name)
            if supervisor:
                supervisor.stop()

    def look(self) -> None:
        """Start again what died. Raises ``ProgramRefused``."""
        with self._lock:
            if self._supervisor:
                self._supervisor.look()


@contextmanager
def watched(hosts: Sequence[Host]) -> Iterator[None]:
    """What dies is started again; a program that refuses its settings ends the scenario."""
    stop, refused = Event(), list[ProgramRefused]()

    def watch() -> None:
        while not stop.wait(_LOOK_EVERY_S):
            try:
                for host in hosts:
                    host.look()
            except ProgramRefused as error:
                refused.append(error)
                return

    thread = Thread(target=watch, name="hosts")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if refused:
        raise refused[0]
