"""Waiting, with a deadline, and with an end for all threads when somebody presses Ctrl-C."""

import time
from collections.abc import Callable
from threading import Event

_LOOK_EVERY_S = 0.05
_stopped = Event()


class NotInTime(Exception):
    """What was waited for did not come."""


class Stopped(Exception):
    """Nothing is waited for any more."""


def stop() -> None:
    """Let whoever waits now or later leave with ``Stopped``."""
    _stopped.set()


def pause(seconds: float) -> None:
    """Wait so long. Raises ``Stopped``."""
    if _stopped.wait(seconds):
        raise Stopped


def wait_for(
    met: Callable[[], object], what: str, seconds: float, every_s: float = _LOOK_EVERY_S
) -> None:
    """Return as soon as ``met`` is true. Raises ``NotInTime`` and ``Stopped``."""
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            raise NotInTime(f"{what}: not within {seconds:g} s")
        pause(every_s)
