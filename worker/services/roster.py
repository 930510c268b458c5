"""SHELL. Which workers run, and whether they know the same settings as this process."""

import os
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from time import time
from uuid import uuid4

import structlog

from worker.adapters.store.store import Store
from worker.domain.account import Account
from worker.domain.roster import Worker, differences, fingerprint, other_version

log = structlog.get_logger(__name__)

#: Seconds between two signs of life of a worker.
APPEAR_EVERY_S = 5.0


class Roster:
    """``secret``: the newest HOOKLINE_SECRET. ``clock``: seconds since the epoch.

    ``version``: of Hookline, in this process.
    """

    def __init__(
        self,
        store: Store,
        accounts: Mapping[str, Account],
        secret: str,
        clock: Callable[[], float] = time,
        version: str = "",
    ) -> None:
        self._store = store.workers
        self._ours = fingerprint(accounts, secret)
        self._clock = clock
        self.version = version
        self._id = uuid4().hex
        self._place = f"process {os.getpid()} on {socket.gethostname()}"
        self._appeared_at: float | None = None

    def appear(self) -> None:
        """This process is a worker, and runs. Call it often: it writes every few seconds."""
        now = self._clock()
        if self._appeared_at is None:
            for problem in self.problems():
                log.warning("worker.other_settings", problem=problem)
        elif now - self._appeared_at < APPEAR_EVERY_S:
            return
        self._store.appear(self._id, Worker(self._place, now, self._ours, self.version))
        self._appeared_at = now

    def leave(self) -> None:
        """This worker stops."""
        self._store.leave(self._id)

    def workers(self) -> int:
        """How many workers run."""
        return len(self._store.present(self._clock()))

    def versions(self) -> Mapping[str, int]:
        """How many workers run, by their version."""
        return Counter(worker.version for worker in self._store.present(self._clock()))

    def answer(self, trip: str, queue: str) -> None:
        """This worker took the message of a round trip from the queue."""
        self._store.answer(trip, queue, self.version)

    def answers(self, trip: str) -> dict[str, str]:
        """By queue: the version of the worker that took the message of this round trip."""
        return self._store.answers(trip)

    def other_versions(self) -> list[str]:
        """The workers of other versions than this process: a sentence each, without full stop."""
        present = self._store.present(self._clock())
        return [said for worker in present if (said := other_version(self.version, worker))]

    def problems(self, account: str | None = None) -> list[str]:
        """What workers know differently than this process: all of it, or what affects ``account``.

        A sentence each, without its full stop.
        """
        return [
            said
            for worker in self._store.present(self._clock())
            for about, said in differences(self._ours, worker)
            if account is None or about in (None, account)
        ]
