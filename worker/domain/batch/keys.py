"""PURE. How a row is known again when its file, perhaps edited, is handed in once more."""

import json
from hashlib import blake2b
from typing import Any, ClassVar

from worker.domain.errors import InvalidRequest
from worker.domain.requests import JobRequest
from worker.domain.requests.base import Model, Name, validate

_SIZE = 16  #: bytes of a hash: about 150 bytes of memory per key of a file


class Keys:
    """The keys of one file, and the lines that they belong to."""

    def __init__(self) -> None:
        self._lines: dict[bytes, int] = {}
        self._repeats: dict[bytes, int] = {}

    def of_caller(self, given: Any, jobs: int, number: int) -> list[str]:
        """The keys of the ``jobs`` of the row at line ``number``, which the caller named.

        Raises:
            InvalidRequest: on ``key``, when it is no name or was used before.
        """
        key = _name(given)
        keys = [key] if jobs == 1 else [f"{key}/{place}" for place in range(1, jobs + 1)]
        hashes = {_hash(each): each for each in (key, *keys)}
        for hashed, each in hashes.items():
            if hashed in self._lines:
                message = f"{each!r} is used by line {self._lines[hashed]}; each row needs its own"
                raise InvalidRequest.of("key", message)
        self._lines.update(dict.fromkeys(hashes, number))
        return keys

    def of_content(self, request: JobRequest, number: int) -> str:
        """The key of a request without a name: equal requests are told apart by their order."""
        first = _fingerprint(request)
        hashed = _hash(first)
        times, key = self._repeats.get(hashed, 0), first
        while (place := _hash(key)) in self._lines:
            times = max(times, 1) + 1
            key = f"{first}-{times}"
        if times:
            self._repeats[hashed] = times
        self._lines[place] = number
        return key


class _Keyed(Model):
    what: ClassVar[str] = "a row"
    key: Name


def _name(given: Any) -> str:
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    return validate(_Keyed, {"key": given}).key


def _hash(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=_SIZE).digest()


def _fingerprint(request: JobRequest) -> str:
    """The same for requests that make the same thing for the same purpose.

    How it is made (account, priority, mode, deadline, who is told, what is stored) stays out of it:
    a file that is handed in again with another priority must not be paid again.
    """
    content = {
        "kind": request.kind,
        "request": request.request,
        "then": request.then,
        "metadata": request.metadata,
        "tenant": request.tenant,
    }
    # Only what was given counts, so that a field that is new in Hookline changes no key.
    given = {name: value for name, value in content.items() if value}
    written = json.dumps(given, sort_keys=True, separators=(",", ":"))
    return blake2b(written.encode(), digest_size=_SIZE).hexdigest()
