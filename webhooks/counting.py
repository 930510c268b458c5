"""Adds to the store, every few seconds, what this web process counted apart from commits."""

from contextlib import suppress
from threading import Event

from webhooks.context import Context
from worker.domain.errors import HooklineError
from worker.services.tally import EVERY_S


def keep_counting(context: Context) -> None:
    """Go on for ever; while the store is away the counts are kept."""
    pause = Event()
    while not pause.wait(EVERY_S):
        with suppress(HooklineError):
            context.services.orchestrator.tally.flush()
