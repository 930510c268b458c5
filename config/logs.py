"""Logging: one line per event on stderr, for people or as JSON, with secrets redacted.

Our events go through structlog; lines of Celery, Flask and requests come from the standard
library's logging and pass the same processors.
"""

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from worker.domain.redaction import HIDDEN, without_tokens

#: Fields whose value is never logged. `state` is the provider's echo of our token.
_SECRET_KEY = re.compile(
    r"token$|^key$|api_?key$|secret|authorization|password|notify_?hook|^state$", re.IGNORECASE
)
#: The path of a callback holds the job's token.
_CALLBACK = re.compile(r"(/webhooks/midjourney/)[^\s\"'?#]+")
#: Shorter secrets are not searched for: they would match ordinary words.
_SHORTEST = 6


def configure_logging(
    fmt: Literal["console", "json"], level: str, secrets: Iterable[str] = ()
) -> None:
    """Set up structlog and the standard library's logging for this process.

    `level` is `debug`, `info`, `warning` or `error`; `secrets` are values to redact anywhere
    (`Settings.secret_values()`). Another call replaces the set-up.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    last: Processor = structlog.processors.JSONRenderer(default=str)
    if fmt == "console":
        last = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            Redactor(secrets),
            last,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a later call must reach loggers in use
    )


class Redactor:
    """A structlog processor that redacts secrets: by field name, and by value anywhere."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # Longest first: a secret may contain another one.
        known = sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Redact the event."""
        return self._mapping(event)

    def _mapping(self, values: MutableMapping[str, Any]) -> dict[str, Any]:
        return {
            key: HIDDEN if value and _SECRET_KEY.search(str(key)) else self._value(value)
            for key, value in values.items()
        }

    def _value(self, value: Any) -> Any:
        """A redacted copy; what is neither plain nor a collection becomes text."""
        match value:
            case None | bool() | int() | float():
                return value
            case dict():
                return self._mapping(value)
            case list() | tuple() | set() | frozenset():
                return [self._value(item) for item in value]
            case bytes():
                return self._text(value.decode(errors="replace"))
            case _:
                return self._text(str(value))

    def _text(self, text: str) -> str:
        text = _CALLBACK.sub(rf"\1{HIDDEN}", text)
        text = without_tokens(text)
        return self._known.sub(HIDDEN, text) if self._known else text
