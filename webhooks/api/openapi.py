"""The OpenAPI 3.1 document, generated from the endpoints and their models."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from itertools import starmap
from typing import Any, Literal

from flask import Response
from pydantic import BaseModel, TypeAdapter, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from webhooks import callbacks, health, metrics
from webhooks.api import accounts, batches, deliveries, doubts, inbox, index, jobs, refused, tokens
from webhooks.api.calls import JSON, JSON_TYPE, REF, Call, Calls, Shape, ref
from webhooks.context import Context
from webhooks.problems import PROBLEM_TYPE, Problem
from worker.domain.job_spec import Kind
from worker.domain.notifications import Topic
from worker.domain.requests.base import Model
from worker.domain.requests.kinds import MODELS
from worker.domain.requests.notify import BatchNotify
from worker.domain.requests.options import Options
from worker.services.reports.answers import (
    AlertMessage,
    Answer,
    BatchMessage,
    JobMessage,
    PipelineMessage,
    RefusedMessage,
)

#: Model and summary of each notification, by topic.
_SENT: Mapping[Topic, tuple[type[BaseModel], str]] = {
    Topic.JOB_PROGRESS: (JobMessage, "A job's progress changed; tried once only."),
    Topic.JOB_SUCCEEDED: (JobMessage, "The provider finished a job."),
    Topic.JOB_FAILED: (JobMessage, "A job failed, was cancelled or timed out."),
    Topic.PIPELINE_FINISHED: (PipelineMessage, "A job and its descendants are over."),
    Topic.BATCH_FINISHED: (BatchMessage, "All jobs of a batch are over."),
    Topic.REQUEST_REFUSED: (
        RefusedMessage,
        "A request sent as a Celery task was refused; see HOOKLINE_REFUSED_NOTIFY.",
    ),
    Topic.ALERT_ACCOUNT_CLOSED: (AlertMessage, "An account takes no jobs."),
    Topic.ALERT_OLD_DOUBT: (AlertMessage, "Jobs have been in doubt for more than an hour."),
    Topic.ALERT_BUDGET_LOW: (AlertMessage, "Less than a tenth of a budget is left."),
    Topic.ALERT_DOUBLE_PAYMENT: (AlertMessage, "A job was paid for twice."),
    Topic.ALERT_NO_WORKER: (AlertMessage, "Jobs wait, and no worker runs."),
}
#: The headers of https://github.com/standard-webhooks/standard-webhooks/blob/main/spec
_HEADERS = {
    "webhook-id": "The same for every try, to recognise repeats.",
    "webhook-timestamp": "When this try was sent, in seconds since the epoch.",
    "webhook-signature": "One `v1,...` per secret, separated by spaces.",
}

calls = Calls()


@calls.add(
    "GET", "/v1/openapi.json",
    {200: {"type": "object", "required": ["openapi", "info", "paths"]}}, offline=True,
)  # fmt: skip
def openapi(_context: Context) -> Response:
    """This document."""
    text = json.dumps(document(), separators=(",", ":"))
    return Response(f"{text}\n", content_type=JSON_TYPE)


CALLS: tuple[Call, ...] = (
    *jobs.calls,
    *accounts.calls,
    *batches.calls,
    *deliveries.calls,
    *doubts.calls,
    *inbox.calls,
    *refused.calls,
    *tokens.calls,
    *calls,
    *metrics.calls,
    *callbacks.calls,
    *health.calls,
    *index.calls,
)


@cache
def document() -> JSON:
    """The whole document; cached, so do not modify it."""
    paths: dict[str, JSON] = {}
    for call in CALLS:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", call.rule)
        paths.setdefault(path, {})[call.method.lower()] = _operation(call)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hookline",
            "version": version("hookline"),
            "description": "Paid, slow, asynchronous image jobs. Wherever a field may be left out, "
            "null means the same. Answers may get further fields. `security` names the scope "
            "that a token needs; the scope `admin` includes all others.",
        },
        "paths": paths,
        "webhooks": {
            topic.value: {"post": _message(topic, *sent)} for topic, sent in _SENT.items()
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }


def _operation(call: Call) -> JSON:
    _, _, place = call.rule.partition("/v1/")
    tag = place.partition("/")[0] if place and not place.startswith("openapi") else "service"
    shown: JSON = {"operationId": call.name, "summary": call.summary, "tags": [tag]}
    if parameters := [*call.parameters, *_parameters(call)]:
        shown["parameters"] = parameters
    if call.body is not None:
        content = _content(call.body, call.body_types)
        if call.example is not None:
            content[call.body_types[0]]["example"] = call.example
        shown["requestBody"] = {"required": True, "content": content}
    shown["security"] = [{"token": [call.need.scope.value]}] if call.need else []
    if call.need and call.need.shared:
        shown["description"] = "Needs a token without a tenant."
    answers = {
        str(status): _answer(status, _content(shape, call.answer_types))
        for status, shape in call.answers.items()
    }
    problem = _content(Problem, [PROBLEM_TYPE])
    shown["responses"] = answers | {str(code): _answer(code, problem) for code in _errors(call)}
    if call.located:
        answers["202"]["headers"] = {
            "Location": {"description": f"The {call.located}'s path.", "schema": {"type": "string"}}
        }
    return shown


def _errors(call: Call) -> list[int]:
    """The error statuses: declared, and implied by the other fields."""
    found = {
        *call.errors,
        *(() if call.public else (400, 401, 403, 421, 429)),
        *((404,) if "<" in call.rule else ()),
        *((413,) if call.body is not None else ()),
        *(() if call.offline else (503,)),
    }
    return sorted(found)


def _answer(status: int, content: JSON) -> JSON:
    return {"description": HTTPStatus(status).phrase, "content": content}


def _content(shape: Shape, types: Iterable[str]) -> JSON:
    return {each: {"schema": _shown(shape)} for each in types}


def _shown(shape: Shape) -> JSON:
    if isinstance(shape, dict):
        return shape
    return {"anyOf": list(map(ref, shape))} if isinstance(shape, tuple) else ref(shape)


def _parameters(call: Call) -> Iterable[JSON]:
    """The query parameters."""
    if call.query is None:
        return
    made = call.query.model_json_schema(ref_template=REF, schema_generator=_QueryGenerator)
    for name, schema in made["properties"].items():
        shown = {"in": "query", "name": name, "description": schema.pop("description")}
        if name in made.get("required", ()):
            shown["required"] = True
        if examples := schema.pop("examples", None):
            shown["example"] = examples[0]
        is_json = schema.get("type") == "object" or "$ref" in schema
        as_json = {"content": {JSON_TYPE: {"schema": schema}}}
        yield {**shown, **(as_json if is_json else {"schema": schema})}


def _message(topic: Topic, model: type[BaseModel], summary: str) -> JSON:
    """The request that a receiver gets, and the meaning of its response."""
    headers: list[Any] = [
        {"in": "header", "name": name, "required": True, "description": text,
         "schema": {"type": "string"}}
        for name, text in _HEADERS.items()
    ]  # fmt: skip
    return {
        "operationId": f"told_{topic.value.replace('.', '_')}",
        "summary": summary,
        "security": [],
        "parameters": headers,
        "requestBody": {"required": True, "content": _content(model, [JSON_TYPE])},
        "responses": {
            "2XX": {"description": "Delivered. Anything else is retried for more than a day."},
            "410": {"description": "Unwanted: it is not retried."},
        },
    }


class _Generator(GenerateJsonSchema):
    """Pydantic's, with what our request models check by themselves."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Unknown fields are refused, and null means the default."""
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
        """Answers contain every field of a dataclass, even one with a default."""
        return field["type"] == "dataclass-field" or super().field_is_required(field, total)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # for overriding
        """No titles: they only repeat the names."""
        return False


class _QueryGenerator(_Generator):
    """For queries: a parameter is never null."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Pydantic's own."""
        return GenerateJsonSchema.model_schema(self, schema)

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """The schema without null."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Omit trivial defaults."""
        plain = schema.get("default") in (None, True, False)
        return self.generate_inner(schema["schema"]) if plain else super().default_schema(schema)


def _or_null(field: JSON) -> JSON:
    null = {"type": "null"}
    if null in field.get("anyOf", ()):
        return field
    default = {"default": field["default"]} if "default" in field else {}
    return {"anyOf": [{k: v for k, v in field.items() if k != "default"}, null], **default}


def _with_kind(kind: Kind, model: type[Options]) -> type[Options]:
    """The kind's model with the field ``kind``."""
    field: Any = (Literal[kind.value], ...)
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, kind=field)


def _models() -> Iterable[type[BaseModel]]:
    """All models that the endpoints and notifications refer to."""
    yield from starmap(_with_kind, MODELS.items())
    yield BatchNotify  # of a query
    yield Problem
    yield from (model for model, _ in _SENT.values())
    for call in CALLS:
        for shape in (call.body, *call.answers.values()):
            if isinstance(shape, tuple):
                yield from shape
            elif isinstance(shape, type):
                yield shape


def _schemas() -> JSON:
    """The schemas of all models, by name."""
    adapters: list[tuple[str, Literal["validation", "serialization"], TypeAdapter[Any]]] = [
        (
            model.__name__,
            "serialization" if issubclass(model, Answer) else "validation",
            TypeAdapter(model),
        )
        for model in dict.fromkeys(_models())
    ]
    _, found = TypeAdapter.json_schemas(adapters, ref_template=REF, schema_generator=_Generator)
    schemas: JSON = found["$defs"]
    return {name: schemas[name] for name in sorted(schemas)}
