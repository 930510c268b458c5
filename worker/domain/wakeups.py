"""Wake-ups: telling some worker that there is something to do.

A wake-up carries ids and may be lost or doubled: the job record is the truth, whoever is woken
claims what it does in the store, and the sweep wakes again. ``worker.adapters.messaging.broker``
sends them as Celery messages.
"""

from collections.abc import Sequence
from typing import Protocol


class Wakeups(Protocol):
    """None of these raises: what cannot be sent is logged, and left to the sweep."""

    def start(self, account: str, count: int) -> None:
        """Up to ``count`` jobs of the account can be started."""

    def ask(self, account: str, job_ids: Sequence[str]) -> None:
        """The provider should be asked about these jobs."""

    def store_assets(self, job_id: str) -> None:
        """The job's files wait to be fetched."""

    def ask_seeds(self, account: str, job_ids: Sequence[str]) -> None:
        """The provider should be asked for the seeds of these jobs' pictures."""

    def choose(self, job_id: str) -> None:
        """The function of the choose ``job_id`` can be called."""

    def tidy(self) -> None:
        """What is over may be removed."""

    def notify(self, notification_id: str) -> None:
        """The notification can be sent."""
