"""PURE. A batch's file, however it comes in, read into the jobs that it asks for; and how a row is
known again when the file, perhaps edited, is handed in once more.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any, ClassVar

from worker.domain.batch.columns import requests_of
from worker.domain.batch.defaults import FIELDS, KEY, Defaults, check_defaults, header_errors
from worker.domain.batch.records import BadRow, Form, Record, form_of, read_records
from worker.domain.errors import InvalidRequest
from worker.domain.requests import JobRequest
from worker.domain.requests.base import Model, Name, validate

__all__ = ["BadRow", "Form", "Row", "check_defaults", "form_of", "read_rows"]

_SIZE = 16  #: bytes of a hash: about 150 bytes of memory per key of a file


@dataclass(frozen=True, slots=True)
class Row:
    """A job that the file asks for; a row with permutations gives several, of the same number."""

    number: int  #: the line of the file where the row starts, from 1
    key: str  #: unique in the file, and the same when the file is handed in again
    request: JobRequest


class _Keys:
    """The keys of one file, and the lines that they belong to."""

    def __init__(self) -> None:
        self._lines: dict[bytes, int] = {}
        self._repeats: dict[bytes, int] = {}

    def of_caller(self, given: Any, jobs: int, number: int) -> list[str]:
        """The keys of the ``jobs`` of the row at line ``number``, which the caller named.

        Raises:
            InvalidRequest: on ``key``, when it is no name or was used before.
        """
        key = _key(given)
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


def read_rows(
    source: Iterable[bytes],
    form: Form,
    defaults: Mapping[str, Any] | None = None,
    *,
    permute: bool = True,
) -> Iterator[Row | BadRow]:
    """The jobs of a file that comes in pieces (``source``), in the order of the file.

    A row that is bad in any way gives one ``BadRow`` and no job, and the reading goes on, except
    after a ``BadRow`` that ``is_last``.

    Args:
        source: the file's bytes, cut anywhere; read as the rows are asked for.
        form: how the file is written.
        defaults: what all rows share, see ``check_defaults``.
        permute: whether ``{red, green}`` in a prompt stands for several prompts.

    Raises:
        InvalidRequest: at once, when the defaults are wrong.
    """
    shared = check_defaults(defaults or {}, permute=permute)
    if form is Form.LINES:
        _check_for_lines(shared)
    return _rows(read_records(source, form, partial(header_errors, shared)), shared, permute)


def _check_for_lines(shared: Defaults) -> None:
    """The lines must be of use: each is a prompt."""
    if "prompt" not in FIELDS[shared.kind]:
        message = f"{shared.kind} has no prompt, and lines are prompts; hand in CSV or NDJSON"
        raise InvalidRequest.of("kind", message)
    if shared.template is not None and shared.columns != {"prompt"}:
        message = "must ask for {prompt}, the line of the file, and for nothing else"
        raise InvalidRequest.of("prompt", message)


def _rows(
    records: Iterator[Record | BadRow],
    shared: Defaults,
    permute: bool,  # noqa: FBT001  # handed on
) -> Iterator[Row | BadRow]:
    keys = _Keys()
    for record in records:
        if isinstance(record, BadRow):
            yield record
            continue
        try:
            requests = requests_of(record, shared, permute=permute)
            named = _keys(record, requests, keys)
        except InvalidRequest as problem:
            yield BadRow(record.number, problem.errors)
        else:
            for key, request in zip(named, requests, strict=True):
                yield Row(record.number, key, request)


def _keys(record: Record, requests: list[JobRequest], keys: _Keys) -> list[str]:
    given = record.columns.get(KEY)
    if given is None or (record.as_text and not given.strip()):
        return [keys.of_content(request, record.number) for request in requests]
    return keys.of_caller(given, len(requests), record.number)


class _Keyed(Model):
    what: ClassVar[str] = "a row"
    key: Name


def _key(given: Any) -> str:
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
    spec = request.spec
    content = {
        "kind": spec.kind,
        "request": spec.request,
        "then": spec.then,
        "metadata": spec.metadata,
        "tenant": spec.options.tenant,
    }
    # Only what was given counts, so that a field that is new in Hookline changes no key.
    given = {name: value for name, value in content.items() if value}
    written = json.dumps(given, sort_keys=True, separators=(",", ":"))
    return blake2b(written.encode(), digest_size=_SIZE).hexdigest()
