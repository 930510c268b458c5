"""PURE. Reads a batch's file into job requests, with keys that recognize a row when the file is
submitted again, perhaps edited.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, ClassVar

from worker.domain.batch import numbers
from worker.domain.batch.columns import requests_of
from worker.domain.batch.defaults import FIELDS, KEY, Defaults, check_defaults
from worker.domain.batch.header import Header
from worker.domain.batch.records import BadRow, Form, Record, form_of, read_records
from worker.domain.errors import InvalidRequest
from worker.domain.requests.base import Model, validate
from worker.domain.requests.requests import JobRequest
from worker.domain.requests.texts import Name

__all__ = ["BadRow", "Form", "Row", "check_defaults", "form_of", "read_rows"]

_SIZE = 16  #: bytes of a hash; a key takes about 150 bytes of memory


@dataclass(frozen=True, slots=True)
class Row:
    """A job request from the file; a row with permutations gives several with the same number."""

    number: int  #: the line of the file where the row starts, from 1
    key: str  #: unique in the file, and the same when it is submitted again
    request: JobRequest
    before: "Row | None" = None  #: as it may have been submitted before, see ``numbers.as_before``


class _Keys:
    """Assigns keys to the rows of a file; remembers hashes only, to save memory."""

    def __init__(self) -> None:
        self._lines: dict[bytes, int] = {}
        self._repeats: dict[bytes, int] = {}

    def of_caller(self, record: Record, jobs: int) -> list[str]:
        """The keys of a row with a key of the caller: one for each of its ``jobs``.

        Raises:
            InvalidRequest: on ``key``, if it is invalid or a duplicate; as text, ``5`` and ``5.0``
                are one.
        """
        key, number = _key(_given_key(record)), record.number
        keys = _numbered(key, jobs)
        alike = numbers.whole(key) if record.as_text else key
        hashes = {_hash(each): each for each in (alike, key, *keys)}
        for hashed, each in hashes.items():
            if hashed in self._lines:
                message = f"{each!r} is used by line {self._lines[hashed]}; each row needs its own"
                raise InvalidRequest.of("key", message)
        self._lines.update(dict.fromkeys(hashes, number))
        return keys

    def has(self, key: str) -> bool:
        """Whether a row of the file has the key."""
        return _hash(key) in self._lines

    def of_content(self, request: JobRequest, number: int) -> str:
        """The key of a request without one: its fingerprint, numbered for repeats."""
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
    """The job requests of a file, in the order of the file.

    An invalid row gives one ``BadRow`` and no job. Reading stops after one that ``is_last``.

    Args:
        source: the file in chunks of any size, read lazily.
        form: the format of the file.
        defaults: the fields that all rows share, see ``check_defaults``.
        permute: whether ``{red, green}`` in a prompt gives several prompts.

    Raises:
        InvalidRequest: immediately, if the defaults are invalid.
    """
    shared = check_defaults(defaults or {}, permute=permute)
    if form is Form.LINES:
        _check_for_lines(shared)
    return _rows(read_records(source, form, Header(shared)), shared, permute)


def _check_for_lines(shared: Defaults) -> None:
    """Check that the defaults fit a file whose lines are prompts."""
    if "prompt" not in FIELDS[shared.kind]:
        message = f"{shared.kind} has no prompt, and lines are prompts; submit CSV or NDJSON"
        raise InvalidRequest.of("kind", message)
    if shared.template is not None and shared.columns != {"prompt"}:
        message = "must ask for {prompt}, the line of the file, and for nothing else"
        raise InvalidRequest.of("prompt", message)


def _rows(
    records: Iterator[Record | BadRow],
    shared: Defaults,
    permute: bool,  # noqa: FBT001  # passed on
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
            rows = [Row(record.number, *each) for each in zip(named, requests, strict=True)]
            yield from _with_before(rows, record, keys, shared, permute)


def _keys(record: Record, requests: list[JobRequest], keys: _Keys) -> list[str]:
    if _given_key(record) is None:
        return [keys.of_content(request, record.number) for request in requests]
    return keys.of_caller(record, len(requests))


def _given_key(record: Record) -> Any:
    """The caller's key; None if there is none."""
    given = record.columns.get(KEY)
    return None if record.as_text and not str(given or "").strip() else given


def _numbered(key: str, jobs: int) -> list[str]:
    """The keys of a row with a key of the caller, one per job."""
    return [key] if jobs == 1 else [f"{key}/{place}" for place in range(1, jobs + 1)]


def _with_before(
    rows: list[Row],
    record: Record,
    keys: _Keys,
    shared: Defaults,
    permute: bool,  # noqa: FBT001
) -> list[Row]:
    """The rows of ``record``, each with what it may have been before."""
    before = numbers.as_before(record)
    if before is None:
        return rows
    try:
        requests = [row.request for row in rows]
        if not numbers.differ_in_key_only(record, before):
            requests = requests_of(before, shared, permute=permute)
        given = _given_key(before)
        named = None if given is None else _numbered(_key(given), len(requests))
    except InvalidRequest:
        return rows
    if len(requests) != len(rows):  # a list of alternatives was written otherwise
        return rows
    found = []
    for place, (row, request) in enumerate(zip(rows, requests, strict=True)):
        key = named[place] if named else _like(row, _fingerprint(request))
        # Of one file, rows that differ only in 5 and 5.0 are two rows.
        is_other = key != row.key and (named is not None or not keys.has(key))
        found.append(replace(row, before=Row(row.number, key, request)) if is_other else row)
    return found


def _like(row: Row, fingerprint: str) -> str:
    """A key from content, numbered for repeats like the row's."""
    return fingerprint + row.key[len(fingerprint) :]


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
    """Equal for requests with the same result and purpose.

    It ignores how the job runs (account, priority, mode, deadline, notifications, assets):
    submitting a file again with another priority must not pay for it again.
    """
    spec = request.spec
    content = {
        "kind": spec.kind,
        "request": spec.request,
        "then": spec.then,
        "metadata": spec.metadata,
        "tenant": spec.options.tenant,
    }
    # Only non-empty values count, so that a new field does not change existing keys.
    given = {name: value for name, value in content.items() if value}
    written = json.dumps(given, sort_keys=True, separators=(",", ":"))
    return blake2b(written.encode(), digest_size=_SIZE).hexdigest()
