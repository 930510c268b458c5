"""The OpenAPI 3.1 document of the HTTP calls, made from the models that check what is handed in.

A call is one entry of ``openapi_calls.CALLS``; what callers are told is in ``openapi_messages``.
"""

from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from itertools import starmap
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from webhooks.api import (
    openapi_accounts,
    openapi_batches,
    openapi_deliveries,
    openapi_messages,
)
from webhooks.api import openapi_answers as answers
from webhooks.api.openapi_calls import CALLS, JSON, REF, Call, ref
from worker.domain.job import Kind
from worker.domain.requests.base import Model
from worker.domain.requests.kinds import MODELS, Request
from worker.domain.requests.notify import BatchNotify
from worker.domain.requests.requests import _Press, _Resolve

_PROBLEM = "application/problem+json"
_CREATES = {"create": "job", "create_batch": "batch"}


class Press(_Press):
    """A follow-up by hand."""


class Resolve(_Resolve):
    """How a job in doubt ends; ``task_id`` exactly when it was accepted."""


_ANSWERS: tuple[type[BaseModel], ...] = (
    answers.Job,
    answers.Page,
    answers.Items,
    answers.Pipeline,
    *openapi_accounts.MODELS,
    answers.Quote,
    *openapi_batches.MODELS,
    *openapi_deliveries.MODELS,
    *openapi_messages.MODELS,
    answers.Received,
    answers.Alive,
    answers.Ready,
    answers.Problem,
)


@cache
def document() -> JSON:
    """The whole document. The same object each time: not to be changed."""
    paths: dict[str, JSON] = {}
    for call in CALLS:
        paths.setdefault(call.path, {})[call.method] = _operation(call)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hookline",
            "version": version("hookline"),
            "description": "Paid, slow, asynchronous image jobs. Wherever a field may be left out, "
            "null means the same. Answers may get further fields.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "webhooks": openapi_messages.messages(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }


def _operation(call: Call) -> JSON:
    shown: JSON = {"operationId": call.name, "summary": call.summary}
    if call.parameters:
        shown["parameters"] = list(call.parameters)
    if call.body is not None:
        shown["requestBody"] = {"required": True, "content": _content(call.body, call.body_types)}
    if call.public:
        shown["security"] = []
    shown["responses"] = {
        **{
            str(status): _answer(status, schema, call.answer_types)
            for status, schema in call.answers.items()
        },
        **{str(status): _problem(status) for status in _errors(call)},
    }
    if call.name in _CREATES:
        what = _CREATES[call.name]
        shown["responses"]["202"]["headers"] = {
            "Location": {"description": f"The {what}'s path.", "schema": {"type": "string"}}
        }
    return shown


def _errors(call: Call) -> Iterable[int]:
    """All may find Redis away but one; all under ``/v1`` want the token and no odd parameters."""
    general = set() if call.public else {400, 401}
    if call.name not in ("healthz", "openapi"):
        general.add(503)
    return sorted({*call.errors, *general})


def _answer(status: int, schema: str | JSON, types: Iterable[str]) -> JSON:
    return {"description": HTTPStatus(status).phrase, "content": _content(schema, types)}


def _problem(status: int) -> JSON:
    phrase = HTTPStatus(status).phrase
    return {"description": phrase, "content": {_PROBLEM: {"schema": ref("Problem")}}}


def _content(schema: str | JSON, types: Iterable[str]) -> JSON:
    shown = ref(schema) if isinstance(schema, str) else schema
    return {each: {"schema": shown} for each in types}


class _Generator(GenerateJsonSchema):
    """Pydantic's, told what our models of input check by themselves."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Fields that we do not know are refused, and null counts as left out."""
        made = super().model_schema(schema)
        if issubclass(schema["cls"], Model):
            made["additionalProperties"] = False
            optional = set(made["properties"]) - set(made.get("required", ()))
            made["properties"] |= {name: _or_null(made["properties"][name]) for name in optional}
        return made

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,  # noqa: FBT001  # pydantic's own
    ) -> bool:
        """An answer has every field of a dataclass, also where it has a default."""
        return field["type"] == "dataclass-field" or super().field_is_required(field, total)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # for overriding
        """A name needs no second one with capitals."""
        return False


def _or_null(field: JSON) -> JSON:
    null = {"type": "null"}
    if null in field.get("anyOf", ()):
        return field
    default = {"default": field["default"]} if "default" in field else {}
    return {"anyOf": [{k: v for k, v in field.items() if k != "default"}, null], **default}


def _with_kind(kind: Kind, model: type[Request]) -> type[Request]:
    """The fields of a kind, and the kind itself."""
    field: Any = (Literal[kind.value], ...)
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, kind=field)


def _schemas() -> JSON:
    """All that is handed in and answered, by name."""
    own = (Press, Resolve, BatchNotify)
    models: list[type[Model]] = [*starmap(_with_kind, MODELS.items()), *own]
    adapters: list[tuple[str, Literal["validation", "serialization"], TypeAdapter[Any]]] = [
        *((model.__name__, "validation", TypeAdapter(model)) for model in models),
        *((each.__name__, "serialization", TypeAdapter(each)) for each in _ANSWERS),
    ]
    _, found = TypeAdapter.json_schemas(adapters, ref_template=REF, schema_generator=_Generator)
    schemas: JSON = found["$defs"]
    return {name: schemas[name] for name in sorted(schemas)}
