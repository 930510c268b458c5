"""``python -m tests.chaos.broken worker|web --orders FOLDER [--copies N] [--without NAME,...]``

Runs exactly what ``hookline worker --supervised`` or ``hookline web --supervised`` runs, with the
classes that it is made of wrapped from outside: at named points the process kills or stops itself
when it is told to (``points``), and single protections are taken away (``mutations``).
"""

import importlib
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import click

from tests.chaos import mutations
from tests.chaos.points import Orders, install
from worker.entrypoints.cli.processes import web, worker

#: What a worker imports when it starts, which takes seconds on a busy machine.
_SLOW = (
    "celery.bin.worker",
    "celery.concurrency.thread",
    "kombu.transport.redis",
    "worker.entrypoints.celery_app",
    "worker.bootstrap",
)


@click.command()
@click.argument("program", type=click.Choice(["worker", "web"]))
@click.option("--orders", type=click.Path(path_type=Path), required=True)
@click.option("--copies", default=1, help="So many workers.")
@click.option("--without", default="", help="Protections to take away, by name.")
def main(program: str, orders: Path, copies: int, without: str) -> None:
    """Break what was asked for, then run the program."""
    install(Orders(orders))
    # After the points, so that a point is also met between the halves of what was torn apart.
    mutations.install(filter(None, without.split(",")))
    if program == "web":
        web.main(["--supervised"])
    else:
        sys.exit(_Nursery(lambda: worker.main(["--supervised"])).keep(copies))


class _Nursery:
    """Forks workers, and another for each that was killed.

    They share what they import, so that a killed one is back in a moment, however busy the machine.
    """

    def __init__(self, run: Callable[[], None]) -> None:
        self._run = run
        self._children: set[int] = set()
        self._stopping = False

    def keep(self, copies: int) -> int:
        for name in _SLOW:
            importlib.import_module(name)
        signal.signal(signal.SIGTERM, self._stop)
        for _ in range(copies):
            self._fork()
        while self._children:
            pid, status = os.wait()
            self._children.discard(pid)
            if os.WIFSIGNALED(status) and not self._stopping:
                self._fork()
        return 0

    def _fork(self) -> None:
        pid = os.fork()
        if pid:
            self._children.add(pid)
            return
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._run()
        os._exit(0)  # not reached: a command exits by itself

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        for pid in self._children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


if __name__ == "__main__":
    main()
