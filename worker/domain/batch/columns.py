"""PURE. Turns a row's columns and the batch's defaults into job requests."""

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeAlias

from worker.domain.batch import numbers
from worker.domain.batch.defaults import FIELDS, KEY, Defaults, kind_of, needed
from worker.domain.batch.permutations import (
    Choice,
    Pattern,
    count,
    expand,
    fill,
    longest,
    parse_prompt,
)
from worker.domain.batch.records import Record
from worker.domain.errors import FieldError, InvalidRequest
from worker.domain.job_spec import Kind
from worker.domain.requests.fields import Field, fields_of
from worker.domain.requests.kinds import MODELS
from worker.domain.requests.requests import JobRequest, parse_request
from worker.domain.requests.steps import parse_then_shorthand
from worker.domain.templates import MAX_PROMPT

#: The most jobs that one row may expand to.
MAX_PERMUTATIONS = 1000

#: Validated follow-ups, as in ``JobSpec``.
Steps: TypeAlias = tuple[dict[str, Any], ...]

_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")


def requests_of(record: Record, shared: Defaults, *, permute: bool) -> list[JobRequest]:
    """Build the requests of a row: one, or one per permutation of its prompt.

    Raises:
        InvalidRequest: with every bad field.
    """
    given = {n: v for n, v in record.columns.items() if n != KEY and not _is_empty(v, record)}
    row = _Row(kind_of(given.pop("kind", shared.kind.value)), shared, given)
    row.sort_columns(as_text=record.as_text)
    prompts = row.prompts(record.columns, permute=permute)
    return row.requests(prompts)


def _is_empty(value: Any, record: Record) -> bool:
    return value is None or (record.as_text and not value.strip())


@dataclass(slots=True)
class _Row:
    """Builds the requests of a row, and collects its errors."""

    kind: Kind
    shared: Defaults
    columns: dict[str, Any]  #: non-empty ones, without the key and the kind
    fields: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)  #: unknown columns, kept in the metadata
    then: Steps | None = None  #: already validated steps
    errors: list[FieldError] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)  #: fields that ``errors`` cover

    @property
    def _template(self) -> Pattern | None:
        """The batch's template, unless the row has a prompt that the template does not use."""
        if "prompt" not in FIELDS[self.kind]:
            return None
        overridden = "prompt" in self.columns and "prompt" not in self.shared.columns
        return None if overridden else self.shared.template

    def sort_columns(self, *, as_text: bool) -> None:
        """Assign each column to a field, the template or else the metadata."""
        known = FIELDS[self.kind]
        used = self.shared.columns if self._template else frozenset()
        self.fields = {n: v for n, v in self.shared.fields.items() if n in known}
        for name, value in self.columns.items():
            if name == "prompt" and name in known:
                continue  # handled in prompts()
            if name in known:
                self._set(name, value, as_text=as_text)
            elif name not in used:
                self.others[name] = value
        self._merge_metadata()
        self._choose_then()

    def _set(self, name: str, value: Any, *, as_text: bool) -> None:
        if not as_text:
            self.fields[name] = numbers.whole_of(value) if _is_integer(name) else value
            return
        try:
            self.fields[name] = converted(name, value)
        except InvalidRequest as problem:
            self._fail(name, *problem.errors)

    def _fail(self, name: str, *errors: FieldError) -> None:
        self.failed.add(name)
        self.errors += errors

    def _merge_metadata(self) -> None:
        own = self.fields.get("metadata", {})
        if not isinstance(own, Mapping):
            return  # parse_request reports it
        twice = [name for name in self.others if name in own]
        if twice:
            message = f"has {', '.join(map(repr, twice))}, which is also a column; rename one"
            self._fail("metadata", FieldError("metadata", message))
        elif merged := {**self.shared.metadata, **own, **self.others}:
            self.fields["metadata"] = merged

    def _choose_then(self) -> None:
        """Keep validated steps out of ``fields``: checking them again for each row is slow."""
        own = self.fields.get("then")
        checked = self.shared.then if own is None else own if isinstance(own, tuple) else None
        if checked is None:
            return
        self.fields.pop("then", None)
        if self.kind is Kind.MODAL:
            self.fields |= {"then": list(checked)} if checked else {}  # its rules look at them
        else:
            self.then = checked

    def prompts(self, names: Mapping[str, Any], *, permute: bool) -> Iterator[Any]:
        """The row's prompts; a single None if it has none."""
        try:
            pattern = self._pattern(names, permute=permute)
        except ValueError as problem:
            self._fail("prompt", FieldError("prompt", str(problem)))
            pattern = None
        if pattern is None or "prompt" in self.failed:
            return iter([self.columns.get("prompt") if "prompt" in FIELDS[self.kind] else None])
        return expand(pattern)

    def _pattern(self, names: Mapping[str, Any], *, permute: bool) -> Pattern | None:
        template, prompt = self._template, self.columns.get("prompt")
        if template:
            return _bounded(fill(template, self._values(names, permute=permute)))
        if "prompt" in FIELDS[self.kind] and permute and isinstance(prompt, str):
            return _bounded(parse_prompt(prompt))
        return None

    def _values(self, names: Mapping[str, Any], *, permute: bool) -> dict[str, Pattern]:
        """The row's values for the template's columns."""
        values: dict[str, Pattern] = {}
        for name in sorted(self.shared.columns):
            try:
                values[name] = _value(self.columns.get(name), permute=permute)
            except ValueError as problem:
                lack = "empty" if name in names else "missing"
                missing = f"is {lack}: {needed(name, names)}"
                message = str(problem) if name in self.columns else missing
                self._fail("prompt", FieldError(name, message))
                values[name] = ()
        return values

    def requests(self, prompts: Iterator[Any]) -> list[JobRequest]:
        try:
            requests = [self._request(prompt) for prompt in prompts]
        except InvalidRequest as problem:
            self.errors += [self._hinted(e) for e in problem.errors if e.field not in self.failed]
        else:
            if not self.errors:
                return requests
        raise InvalidRequest(self.errors)

    def _request(self, prompt: Any) -> JobRequest:
        fields = {"kind": self.kind.value, **self.fields}
        if prompt is not None:
            fields["prompt"] = prompt
        return parse_request(fields, then=self.then)

    def _hinted(self, error: FieldError) -> FieldError:
        """The error with a hint if unknown columns are a likely cause."""
        if error.field == "metadata" and self.others:
            listed = ", ".join(repr(name[:40]) for name in list(self.others)[:10])
            return replace(error, message=f"{error.message}; it holds the other columns: {listed}")
        if error.message.startswith("is required"):
            alike = {name[:64].casefold(): name for name in self.others}
            if near := difflib.get_close_matches(error.field, alike, n=1):
                meant = f"is {alike[near[0]][:64]!r} meant? Name that column `{error.field}`"
                return replace(error, message=f"{error.message}; {meant}")
        return error


def _value(value: Any, *, permute: bool) -> Pattern:
    """A column's value in a template: a list, or groups in braces, give alternatives."""
    if isinstance(value, list):
        if not value or not permute:
            raise ValueError("is an empty list" if permute else "is a list: permutations are off")
        if any(isinstance(each, list) for each in value):
            raise ValueError("is a list of lists: give a list of texts")
        return (Choice(tuple(_value(each, permute=permute) for each in value)),)
    if isinstance(value, str) and value.strip():
        return parse_prompt(value.strip()) if permute else (value.strip(),)
    if isinstance(value, bool | int | float):
        return (str(value).lower(),)
    raise ValueError("must be text or a number, or a list of those, to stand in a template")


def _bounded(pattern: Pattern) -> Pattern:
    """Refuse too many or too long prompts before expanding the pattern."""
    if count(pattern, MAX_PERMUTATIONS) > MAX_PERMUTATIONS:
        raise ValueError(
            f"has more than {MAX_PERMUTATIONS} permutations; split the row, "
            "or write \\{ and \\, where no permutation is meant"
        )
    length = longest(pattern)
    if len(pattern) > 1 and length > MAX_PROMPT:
        raise ValueError(f"must have at most {MAX_PROMPT} characters, not {length}")
    return pattern


def converted(field: str, text: str) -> Any:
    """Convert ``text`` to the type of the ``field``; validation refuses what cannot be converted.

    ``then`` becomes ``Steps``, which are already validated.

    Raises:
        InvalidRequest: on invalid JSON or steps.
    """
    return _CONVERSIONS[field](field, text.strip()) if field in _CONVERSIONS else text


def _whole(_: str, text: str) -> int | str:
    text = numbers.whole(text)
    return int(text) if _WHOLE.fullmatch(text) else text


def _is_integer(field: str) -> bool:
    return _CONVERSIONS.get(field) is _whole


def _boolean(_: str, text: str) -> bool | str:
    return {"true": True, "false": False}.get(text.lower(), text)


def _json(field: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest.of(field, f"is not readable JSON: {error}") from None


def _word_or_json(field: str, text: str) -> Any:
    return _json(field, text) if text.startswith("{") else text


def _pictures(field: str, text: str) -> Any:
    if text.startswith("["):
        return _json(field, text)
    if "|" in text:
        return [each.strip() for each in text.split("|") if each.strip()]
    return text.split()


@lru_cache(maxsize=32)
def _steps(_: str, text: str) -> Steps:
    """Cached: most rows share a few values, and validating them dominates a row's cost."""
    return tuple(parse_then_shorthand(text))


def _conversion(field: Field) -> Callable[[str, str], Any] | None:
    """The conversion from text to the field's type; None: it stays text."""
    if field.name in ("then", "assets"):
        return _steps if field.name == "then" else _word_or_json
    if field.many:
        return _pictures
    return {int: _whole, bool: _boolean, str: None}.get(field.type, _json)


#: By field name: a name has the same type in every kind.
_CONVERSIONS = {
    name: conversion
    for model in MODELS.values()
    for name, field in fields_of(model).items()
    if (conversion := _conversion(field))
}
