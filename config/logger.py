"""Loggers that import structlog with their first line: it costs a command 0.1 s of CPU, and most
commands have nothing to log.
"""

import logging
from collections.abc import Callable
from typing import Any

_LEVELS = logging.getLevelNamesMapping()


class _Waiting(logging.Handler):
    """Stands for a set-up that is made with the first line that it would print."""

    def __init__(self, set_up: Callable[[], None]) -> None:
        super().__init__()
        self.set_up = set_up

    def emit(self, record: logging.LogRecord) -> None:
        """Make the set-up, which replaces this handler, and give it the line."""
        self.set_up()
        logging.getLogger(record.name).handle(record)


def _nothing(*_: object, **__: object) -> None:
    pass


class Logger:
    """A structlog logger of this name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        """The logger's method, such as ``warning``."""
        level = _LEVELS.get(method.upper(), logging.CRITICAL)
        if not logging.getLogger(self._name).isEnabledFor(level):
            return _nothing  # most lines are for debugging
        first = logging.root.handlers[:1]
        if first and isinstance(waiting := first[0], _Waiting):
            waiting.set_up()
        from config.without_rich import structlog  # noqa: PLC0415  # that is the point

        return getattr(structlog.get_logger(self._name), method)


def get_logger(name: str) -> Any:
    """The logger of the module ``name``; ``Any``, as structlog's own are."""
    return Logger(name)


def configure_later(set_up: Callable[[], None], level: str) -> None:
    """Call ``set_up`` before the first line of ``level`` or worse is written."""
    logging.basicConfig(handlers=[_Waiting(set_up)], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)
