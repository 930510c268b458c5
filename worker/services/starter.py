"""SHELL. Starts what accounts may start, on threads of its own, which mostly wait for replies.

A wake-up names an account, and one is enough: all that the account may start is taken at once, as
far as threads are free; what remains is taken when one is free again.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import monotonic

import structlog

from worker.domain.errors import ServiceUnavailable
from worker.domain.wakeups import Wakeups
from worker.services.submit import Submitter, Taken

log = structlog.get_logger(__name__)

#: Seconds between two calls for other processes while this one has no free thread.
_CALL_EVERY_S = 0.1


class Starter:
    """At most ``threads`` submissions at a time in this process."""

    def __init__(self, submitter: Submitter, wakeups: Wakeups, threads: int) -> None:
        self.submitter = submitter
        self._wakeups = wakeups
        self._pool = ThreadPoolExecutor(threads, "submit")
        self._lock = Lock()
        self._free = threads
        self._woken = dict[str, None]()  #: accounts to look at, in order
        self._looking = False
        self._stopped = False
        self._called_at = 0.0

    def wake(self, account: str) -> None:
        """Start all that the account may start now. Does not wait for the replies.

        Nothing is done for a name that no account has, whatever a message made of it.
        """
        if account not in self.submitter.accounts:
            return
        with self._lock:
            self._woken[account] = None
        self._look()

    def stop(self) -> None:
        """Start nothing more, and wait for the submissions that are under way."""
        with self._lock:
            self._stopped = True
        self._pool.shutdown()

    def _look(self) -> None:
        """Take what the accounts that were woken may start.

        One thread at a time: a second one would find the same jobs.
        """
        while account := self._next():
            taken, more = list[Taken](), False
            try:
                taken, more = self.submitter.take(account, self._free)
            finally:
                with self._lock:
                    self._looking = False
                    self._free -= len(taken)
                    if more:
                        self._woken[account] = None
            for each in taken:
                self._pool.submit(self._submit, each)
            if more and not self._free:
                self._call_others(account)

    def _next(self) -> str | None:
        """The account to look at now; None: nothing to do, or no thread for it."""
        with self._lock:
            if self._looking or self._stopped or not self._free or not self._woken:
                return None
            self._looking = True
            account = next(iter(self._woken))
            del self._woken[account]
            return account

    def _call_others(self, account: str) -> None:
        if monotonic() - self._called_at > _CALL_EVERY_S:
            self._called_at = monotonic()
            self._wakeups.start(account)

    def _submit(self, taken: Taken) -> None:
        try:
            self.submitter.submit(taken)
        except ServiceUnavailable as error:  # the sweep finds what became of the job
            log.warning("submit.left_to_sweep", job_id=taken.job.id, error=str(error))
        except Exception:  # a defect must not take the thread away from other jobs
            log.exception("submit.failed", job_id=taken.job.id)
        with self._lock:
            self._free += 1
        try:
            self._look()
        except ServiceUnavailable as error:  # the sweep wakes again
            log.warning("start.left_to_sweep", error=str(error))
