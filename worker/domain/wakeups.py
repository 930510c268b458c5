"""Wake-ups: messages to the workers that there is something to do.

A wake-up carries ids only, and may be lost or sent twice: workers claim the work in the store, and
the sweep sends wake-ups again. ``worker.adapters.messaging.broker`` sends them through Celery.
"""

from collections.abc import Sequence
from typing import Protocol


class Wakeups(Protocol):
    """No method raises: a wake-up that cannot be sent is logged, and left to the sweep."""

    def start(self, account: str) -> None:
        """Start the jobs that the account may start."""

    def ask(self, account: str, job_ids: Sequence[str]) -> None:
        """Poll the provider for these jobs."""

    def check(self, account: str) -> None:
        """Ask whether the account's provider answers."""

    def store_assets(self, job_id: str) -> None:
        """Store the job's files."""

    def ask_seeds(self, account: str, job_ids: Sequence[str]) -> None:
        """Ask the provider for the seeds of these jobs' images."""

    def read_ledger(self, account: str) -> None:
        """Read the account's own ledger at its gateway."""

    def choose(self, job_id: str) -> None:
        """Call the function of the choose ``job_id``."""

    def tidy(self) -> None:
        """Remove what is past its retention."""

    def notify(self, notification_id: str) -> None:
        """Send the notification."""
