"""How the app says that it wants a body.

A body that comes late is not waited for by a thread. The app is first run with the head alone: what
it refuses for its path, token or size is answered then. Where it goes on to read the body, it
raises ``BodyWanted``, and is run again when all of the body is here. So nothing may be stored
before the body is read, and what counts requests asks ``is_first``.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from webhooks.front.limits import SMALL_BODY

#: In the WSGI environment of a request that is run with its head alone.
HEAD_ONLY = "hookline.head_only"
#: In that of one that was run with its head alone before.
AGAIN = "hookline.again"


class BodyWanted(BaseException):
    """The app wants the body, of ``limit`` bytes at most; no handler of errors catches this."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


def want_body(environ: Mapping[str, Any], limit: int) -> None:
    """Raise ``BodyWanted`` if the body is not here yet. To be called before it is read."""
    if HEAD_ONLY in environ:
        raise BodyWanted(limit)


def is_first(environ: Mapping[str, Any]) -> bool:
    """Whether the app sees the request for the first time."""
    return AGAIN not in environ


class Absent:
    """The body of a request that is run with its head alone."""

    def __getattr__(self, _name: str) -> NoReturn:
        raise BodyWanted(SMALL_BODY)
