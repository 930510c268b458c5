"""Logging: one line per event on stderr, for people or as JSON, with secrets redacted.

Our events go through structlog; lines of Celery, Flask and requests come from the standard
library's logging and pass the same processors.
"""

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from functools import lru_cache, partial
from itertools import islice
from typing import Any, Literal, TextIO

from config.without_rich import structlog
from worker.domain.printable import clean
from worker.domain.redaction import HIDDEN, beginning, without_tokens

#: Fields whose value is never logged. A provider's `state` is: our token within it is hidden as
#: everywhere, and any other says whose callback it is.
_SECRET_KEY = re.compile(
    r"token$|^key$|api_?key$|secret|authorization|password|notify_?hook", re.IGNORECASE
)
#: The path of a callback holds the job's token.
_CALLBACK = re.compile(r"(/webhooks/midjourney/)[^\s\"'?#]+")
#: Shorter secrets are not searched for: they would match ordinary words.
_SHORTEST = 6
#: Limits of one line, which may quote an outside text of megabytes: characters of a text (a
#: traceback has 10,000) and of a name, items of a collection, levels of collections.
_MAX_TEXT, _MAX_NAME, _MAX_ITEMS, _MAX_DEPTH = 20_000, 200, 200, 8
#: Names of fields that are remembered: nearly all lines have the same.
_FIELDS = 500


def configure_logging(
    fmt: Literal["console", "json"], level: str, secrets: Iterable[str] = ()
) -> None:
    """Set up structlog and the standard library's logging for this process.

    `level` is `debug`, `info`, `warning` or `error`; `secrets` are values to redact anywhere
    (`Settings.secret_values()`). Another call replaces the set-up.
    """
    both: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    render: structlog.typing.Processor = structlog.processors.JSONRenderer(default=str)
    if fmt == "console":
        render = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    last: list[structlog.typing.Processor] = [Redactor(secrets), render]
    without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*both, structlog.stdlib.ExtraAdder()],
        processors=[without_meta, *last],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*both, *last],
        # Not by way of `logging`: its records cost as much as all of the processors.
        logger_factory=partial(Lines, sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,  # a later call must reach loggers in use
    )


class Lines:
    """Writes each event's line to ``stream``; ``name`` is the logger's."""

    def __init__(self, stream: TextIO, name: str = "root") -> None:
        self._stream = stream
        self.name = name

    def msg(self, line: str) -> None:
        """Write the line. As with ``logging``, a full disk or a closed pipe raises nothing."""
        with suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")

    debug = info = warning = error = critical = exception = log = msg


class Redactor:
    """A structlog processor that redacts secrets: by field name, and by value anywhere.

    It also cuts what is long, and removes what a terminal would obey.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # Longest first: a secret may contain another one.
        known = sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None
        self._known_field = lru_cache(_FIELDS)(self._field)

    def __call__(
        self, _logger: Any, _method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        """Redact the event."""
        return self._mapping(event, 1)

    def _mapping(self, values: MutableMapping[str, Any], depth: int) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for key, value in islice(values.items(), _MAX_ITEMS):
            name = str(key)
            field = self._known_field if len(name) <= _MAX_NAME else self._field
            shown_name, is_secret = field(name)
            shown[shown_name] = HIDDEN if value and is_secret else self._value(value, depth)
        return shown

    def _field(self, name: str) -> tuple[str, bool]:
        """The field's name as it is shown, and whether its value is a secret."""
        is_secret = _SECRET_KEY.search(name[-_MAX_NAME:]) is not None
        return self._text(name, _MAX_NAME), is_secret

    def _value(self, value: Any, depth: int) -> Any:
        """A redacted copy; what is neither plain nor a collection becomes text."""
        match value:
            case None | bool() | int() | float():
                return value
            case dict() | list() | tuple() | set() | frozenset() if depth > _MAX_DEPTH:
                return "…"
            case dict():
                return self._mapping(value, depth + 1)
            case list() | tuple() | set() | frozenset():
                return [self._value(item, depth + 1) for item in islice(value, _MAX_ITEMS)]
            case bytes():
                return self._text(value[: 4 * _MAX_TEXT].decode(errors="replace"))
            case _:
                return self._text(str(value))

    def _text(self, text: str, limit: int = _MAX_TEXT) -> str:
        text = beginning(clean(text[: 2 * limit]), limit)
        if "/webhooks/" in text:
            text = _CALLBACK.sub(rf"\1{HIDDEN}", text)
        text = without_tokens(text)
        return self._known.sub(HIDDEN, text) if self._known else text
