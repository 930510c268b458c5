"""PURE. Whether a provider lacks a call: it answers it like a path that surely does not exist.

Gateways answer unknown paths with 200 and the page of their web interface (new-api: everything
outside of ``/v1``, ``/api`` and ``/assets``). A front that hides an error behind a page looks the
same, and there the call may have been carried out. So a page is evidence only if

- the same path gives it again, for a body that nothing can accept (it is no JSON),
- a path that does not exist gives the same page,
- and a question that every provider understands is answered properly, before and after.

None of these calls costs anything.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from worker.adapters.provider.wire import UNREADABLE, page_words, read_json

#: A body that no provider can accept: JSON without its end.
NO_JSON: Final = b"{"
_UNKNOWN = "hookline-asks-for-no-such-call"  #: last segment of a path that no provider has
_MARKS = frozenset(
    {"code", "result", "seed", "status", "action", "id"}
)  #: of this protocol's answers
_COMPARED = 64 * 1024  #: bytes of a page

#: What differs between two copies of one page: nonces, ids and numbers.
_NONCE = re.compile(
    r"""(nonce|csrf[\w-]{0,20}|token)(["']?\s?[=:]\s?)["'][^"']{0,200}["']""", re.IGNORECASE
)
#: With the look-behind a run is looked at once, not from each of its characters.
_LONG_RUN = re.compile(r"(?<![\w+/=-])[\w+/=-]{12,}")
_FIGURES = re.compile(r"[0-9]+")


class Answer(NamedTuple):
    """An HTTP response, whatever it says."""

    status: int
    body: bytes
    content_type: str = ""
    location: str = ""


def unknown_path(path: str) -> str:
    """A path next to ``path`` that no provider has."""
    return f"{path.rpartition('/')[0]}/{_UNKNOWN}"


def is_page(answer: Answer) -> bool:
    """Whether a 2xx says nothing in this protocol; an empty body proves nothing.

    Some gateways pass on their upstream's empty body after the job was accepted.
    """
    if not 200 <= answer.status < 300 or not answer.body.strip():
        return False
    value = read_json(answer.body)
    return value is UNREADABLE or (
        isinstance(value, dict) and bool(value) and _MARKS.isdisjoint(value)
    )


def title_of(answer: Answer) -> str:
    """What the page calls itself, for messages."""
    return page_words(answer.body)[0] or "no title"


def same_page(one: Answer, other: Answer, path: str) -> bool:
    """Whether two answers are copies of one page; ``path``: asked for by either, may be quoted."""
    alike = one.status == other.status and _media_type(one) == _media_type(other)
    return alike and _text(one, path) == _text(other, path)


def lacks_call(
    path: str, page: Answer, ask: Callable[[str], Answer], answers: Callable[[], bool]
) -> bool:
    """Whether ``page``, the answer to a call of ``path``, proves that there is no such call.

    ``ask`` sends what nothing can accept to a path, with the call's method; ``answers``: whether a
    question that every provider understands is answered properly now.
    """
    return (
        is_page(page)
        and answers()
        and same_page(page, ask(path), path)
        and same_page(page, ask(unknown_path(path)), path)
        and answers()
    )


def _media_type(answer: Answer) -> str:
    return answer.content_type.partition(";")[0].strip().lower()


def _text(answer: Answer, path: str) -> str:
    """The page without what differs from copy to copy, and without the path that was asked for."""
    said = answer.body[:_COMPARED].decode("utf-8", "replace")
    for quoted in (path, unknown_path(path), path.rpartition("/")[2], _UNKNOWN):
        said = said.replace(quoted, "PATH")
    said = _NONCE.sub(r"\1\2NONCE", said)
    return _FIGURES.sub("0", _LONG_RUN.sub(_without_id, said))


def _without_id(run: re.Match[str]) -> str:
    """An id has a digit, a word has none."""
    return "0" if _FIGURES.search(run[0]) else run[0]
