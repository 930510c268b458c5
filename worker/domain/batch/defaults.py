"""PURE. The defaults of a batch: fields that all rows share, and a prompt template."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from pydantic import create_model

from worker.domain.batch.permutations import Pattern, columns_of, parse_template
from worker.domain.errors import FieldError, InvalidRequest
from worker.domain.job_spec import Kind
from worker.domain.requests.base import Problem, suggestion, validate
from worker.domain.requests.kinds import MODELS
from worker.domain.requests.options import Options
from worker.domain.requests.steps import normal_form

#: The column with the caller's own key of a row; never a default.
KEY = "key"

#: Field names by kind.
FIELDS: Mapping[Kind, frozenset[str]] = {
    kind: frozenset(model.model_fields) for kind, model in MODELS.items()
}

_KINDS: Mapping[str, Kind] = {kind.value: kind for kind in MODELS}
_MERGED = ("metadata", "then")


@dataclass(frozen=True, slots=True)
class Defaults:
    """Validated defaults; a row overrides them field by field, ``metadata`` name by name."""

    kind: Kind
    fields: Mapping[str, Any]  #: without prompt, metadata and then
    metadata: Mapping[str, Any]
    then: tuple[dict[str, Any], ...]  #: as in ``JobSpec``
    template: Pattern | None = None  #: of the prompt
    columns: frozenset[str] = frozenset()  #: used by the template


def check_defaults(given: Any, *, permute: bool = True) -> Defaults:
    """Validate the defaults: the fields of ``POST /v1/jobs``, all optional.

    Raises:
        InvalidRequest: with every bad field.
    """
    if not isinstance(given, Mapping):
        raise InvalidRequest.of("defaults", "must be an object")
    fields = {name: value for name, value in given.items() if value is not None}
    kind = kind_of(fields.pop("kind", Kind.IMAGINE.value))
    errors = [FieldError(KEY, "belongs to a row: give it as a column")] if KEY in fields else []
    fields.pop(KEY, None)
    template = None
    try:
        template = _template(fields.get("prompt"), permute=permute)
    except ValueError as problem:
        errors.append(FieldError("prompt", str(problem)))
    errors += _field_errors(kind, fields)
    if errors:
        raise InvalidRequest(errors)
    common = validate(Options, {name: fields[name] for name in _MERGED if name in fields})
    return Defaults(
        kind=kind,
        fields={k: v for k, v in fields.items() if k != "prompt" and k not in _MERGED},
        metadata=common.metadata,
        then=normal_form(common.then),
        template=template,
        columns=frozenset(columns_of(template or ())),
    )


def kind_of(value: Any) -> Kind:
    """Parse the name of a kind; raises ``InvalidRequest``."""
    named = _KINDS.get(value.strip()) if isinstance(value, str) else None
    if named:
        return named
    near = suggestion(value if isinstance(value, str) else "", _KINDS)
    raise InvalidRequest.of("kind", f"is not a kind of job; {near}")


def needed(column: str, names: Collection[str]) -> str:
    """The message for a ``column`` that the template needs, with a hint at the row's columns."""
    shown = [name[:40] for name in islice(names, 20) if name.isprintable()]
    return f"the template of the prompt asks for it; {suggestion(column, shown)}"


def required(kind: Kind) -> list[str]:
    """The required fields of a ``kind``."""
    return [name for name, field in MODELS[kind].model_fields.items() if field.is_required()]


def known_columns(shared: Defaults) -> frozenset[str]:
    """The columns that are not metadata in a row of the default kind."""
    return FIELDS[shared.kind] | shared.columns | {"kind", KEY}


def _template(text: Any, *, permute: bool) -> Pattern | None:
    return parse_template(text, permute=permute) if isinstance(text, str) else None


class _NoRules(Options):
    """Skips the cross-field rules: a row may add the missing fields."""

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:  # noqa: ARG003  # overrides
        return iter(())


@cache  # building a model takes some milliseconds
def _partial(model: type[Options]) -> type[Options]:
    return create_model("Defaults", __base__=(_NoRules, model))


def _field_errors(kind: Kind, fields: Mapping[str, Any]) -> Iterator[FieldError]:
    """Errors of the given fields; missing ones are fine."""
    try:
        validate(_partial(MODELS[kind]), dict(fields))
    except InvalidRequest as problem:
        for error in problem.errors:
            if error.field in fields or error.field not in FIELDS[kind]:
                yield error
