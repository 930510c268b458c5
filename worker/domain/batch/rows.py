"""PURE. The door: a batch's file, however it comes in, read into the jobs that it asks for."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from worker.domain.batch.columns import requests_of
from worker.domain.batch.defaults import FIELDS, KEY, Defaults, check_defaults, header_errors
from worker.domain.batch.keys import Keys
from worker.domain.batch.records import BadRow, Form, Record, form_of, read_records
from worker.domain.errors import InvalidRequest
from worker.domain.requests import JobRequest

__all__ = ["BadRow", "Form", "Row", "check_defaults", "form_of", "read_rows"]


@dataclass(frozen=True, slots=True)
class Row:
    """A job that the file asks for; a row with permutations gives several, of the same number."""

    number: int  #: the line of the file where the row starts, from 1
    key: str  #: unique in the file, and the same when the file is handed in again
    request: JobRequest


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
    keys = Keys()
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


def _keys(record: Record, requests: list[JobRequest], keys: Keys) -> list[str]:
    given = record.columns.get(KEY)
    if given is None or (record.as_text and not given.strip()):
        return [keys.of_content(request, record.number) for request in requests]
    return keys.of_caller(given, len(requests), record.number)
