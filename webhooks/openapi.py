"""The OpenAPI 3.1 document of the HTTP calls, made from the models that check what is handed in.

A call is one entry of ``_CALLS``; a test holds the entries and the app's routes together.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from itertools import starmap
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from webhooks import openapi_answers as answers
from webhooks import openapi_batches
from webhooks.batches import FORMS, LISTED, MAX_LISTED, TYPES
from worker.bootstrap import HOOK_PATH
from worker.job import SUBMITTED_KINDS, Kind, Status
from worker.schema.base import Model
from worker.schema.kinds import MODELS, Request
from worker.schema.requests import _Press, _Resolve

#: How many jobs a page may have, and has.
MAX_PAGE, PAGE = 200, 50

JSON = dict[str, Any]

_REF = "#/components/schemas/{model}"
_JSON, _PROBLEM = "application/json", "application/problem+json"


class Press(_Press):
    """A follow-up by hand."""


class Resolve(_Resolve):
    """How a job in doubt ends; ``task_id`` exactly when it was accepted."""


_ANSWERS: tuple[type[BaseModel], ...] = (
    answers.Job,
    answers.Page,
    answers.Items,
    answers.Pipeline,
    answers.Accounts,
    answers.Paused,
    answers.Quote,
    *openapi_batches.MODELS,
    answers.Received,
    answers.Alive,
    answers.Ready,
    answers.Problem,
)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call: what it takes, and what it answers besides errors that any call may have."""

    method: str
    path: str
    name: str  #: the view's
    summary: str
    answers: Mapping[int, str | JSON]  #: a schema, or its name
    body: str | JSON | None = None
    errors: tuple[int, ...] = ()
    parameters: tuple[JSON, ...] = ()
    public: bool = False  #: whether it answers without the API token
    body_types: tuple[str, ...] = (_JSON,)
    answer_types: tuple[str, ...] = (_JSON,)


def _ref(name: str) -> JSON:
    return {"$ref": _REF.format(model=name)}


def _in_path(name: str, description: str, **schema: Any) -> JSON:
    schema = {"type": "string", **schema}
    place = {"in": "path", "name": name, "required": True}
    return {**place, "description": description, "schema": schema}


def _in_query(name: str, description: str, **schema: Any) -> JSON:
    return {"in": "query", "name": name, "description": description, "schema": schema}


_JOB_ID = _in_path("job_id", "The job's id.", pattern="^[0-9a-f]{32}$")
_PIPELINE_ID = _in_path("pipeline_id", "The root job's id.", pattern="^[0-9a-f]{32}$")
_TOKEN = _in_path("token", "What the submit's hook ended with.", minLength=1, pattern="^[^/]+$")
_KEY: JSON = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "Makes a repeat harmless: the same key and body give the same job.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
}
_FILTERS = (
    _in_query("status", "Only jobs in this status.", enum=[each.value for each in Status]),
    _in_query("kind", "Only jobs of this kind.", enum=[each.value for each in Kind]),
    _in_query("account", "Only jobs of this account.", type="string"),
    _in_query("batch", "Only jobs of this batch.", type="string"),
    _in_query("double_payments", "`true`: only jobs that were paid for twice.", type="boolean"),
    _in_query(
        "limit", "How many at most.", type="integer", minimum=1, maximum=MAX_PAGE, default=PAGE
    ),
    _in_query("cursor", "The `next_cursor` of the page before.", type="string"),
)
_NEW_JOB: JSON = {
    "oneOf": [_ref(model.__name__) for model in MODELS.values()],
    "discriminator": {
        "propertyName": "kind",
        "mapping": {
            kind.value: _REF.format(model=model.__name__) for kind, model in MODELS.items()
        },
    },
}
_CHILDREN: JSON = {"anyOf": [_ref("Job"), _ref("Items")]}
_REPEAT_OR_QUOTE: JSON = {"anyOf": [_ref("Job"), _ref("Quote")]}
_DRY_RUN = _in_query(
    "dry_run", "`true`: check and price the request, and store nothing.", type="boolean"
)
_ACCOUNT = _in_path("name", "The account's name.", minLength=1, maxLength=64, pattern="^[^/]+$")
_KIND = _in_path("name", "A kind of job.", enum=[each.value for each in SUBMITTED_KINDS])

_BATCH_ID = _in_path(
    "batch_id", "The batch's id or name.", minLength=1, maxLength=200, pattern="^[^/]+$"
)
_BATCH = (
    {
        **_in_query(
            "name",
            "What the batch is known by, and the key that makes a repeat harmless: the same name "
            "continues the same batch, and rows that are there already are left as they are.",
            type="string", minLength=1, maxLength=200,
        ),
        "required": True,
    },
    _in_query(
        "form", "How the file is written, where Content-Type does not tell.",
        enum=["ndjson", "csv", "lines"],
    ),
    _in_query(
        "budget", "What all of its jobs may cost, in the unit of the prices.",
        type="number", minimum=0,
    ),
    _in_query("strict", "`true`: store nothing if any row is bad.", type="boolean"),
    _in_query(
        "permute", "`false`: `{red, green}` in a prompt is text, not two prompts.", type="boolean"
    ),
    {
        "in": "query",
        "name": "defaults",
        "description": "What all rows share: fields of a job, all of them optional.",
        "content": {_JSON: {"schema": {"type": "object"}}},
    },
)  # fmt: skip
_LIMIT = _in_query(
    "limit", "How many at most.", type="integer", minimum=1, maximum=MAX_LISTED, default=LISTED
)
_FORMAT = _in_query("format", "How it is written.", enum=["jsonl", "csv"], default="jsonl")
#: Views whose 202 says where it is, and what that is.
_CREATES = {"create": "job", "create_batch": "batch"}

_ONE = "/v1/jobs/{job_id}"
_ONE_BATCH = "/v1/batches/{batch_id}"
_CALLS = (
    _Call(
        "post", "/v1/jobs", "create",
        "Hand in a job. 200: a repeat, the answer to a window, or what a dry run tells.",
        {202: "Job", 200: _REPEAT_OR_QUOTE}, _NEW_JOB, (409, 413, 422), (_KEY, _DRY_RUN),
    ),
    _Call(
        "get", "/v1/jobs", "list_jobs", "List jobs, newest first.",
        {200: "Page"}, parameters=_FILTERS,
    ),
    _Call("get", _ONE, "show", "One job.", {200: "Job"}, None, (404,), (_JOB_ID,)),
    _Call(
        "post", f"{_ONE}/press", "press",
        "Press a button of a finished job. A glob may have several children: `items`.",
        {202: _CHILDREN}, "Press", (404, 409, 413, 422), (_JOB_ID, _KEY),
    ),
    _Call(
        "post", f"{_ONE}/cancel", "cancel", "Give a job up, and its unstarted descendants.",
        {200: "Job"}, None, (404, 409), (_JOB_ID,),
    ),
    _Call(
        "post", f"{_ONE}/retry", "retry", "A further attempt of a job that did not succeed.",
        {202: "Job"}, None, (404, 409), (_JOB_ID,),
    ),
    _Call(
        "post", f"{_ONE}/resolve", "resolve", "End the doubt about a job.",
        {200: "Job"}, "Resolve", (404, 409, 413), (_JOB_ID,),
    ),
    _Call(
        "get", "/v1/pipelines/{pipeline_id}", "pipeline", "A root job and all that grew from it.",
        {200: "Pipeline"}, None, (404,), (_PIPELINE_ID,),
    ),
    _Call(
        "get", "/v1/accounts", "accounts", "How each account stands, and how it calls back.",
        {200: "Accounts"},
    ),
    _Call(
        "post", "/v1/accounts/{name}/pause", "pause_account",
        "Start no job on the account; what runs goes on.",
        {200: "Paused"}, None, (404,), (_ACCOUNT,),
    ),
    _Call(
        "post", "/v1/accounts/{name}/resume", "resume_account",
        "Start jobs on the account again, also where it was closed or rests.",
        {200: "Paused"}, None, (404,), (_ACCOUNT,),
    ),
    _Call(
        "post", "/v1/kinds/{name}/pause", "pause_kind", "Start no job of the kind.",
        {200: "Paused"}, None, (404,), (_KIND,),
    ),
    _Call(
        "post", "/v1/kinds/{name}/resume", "resume_kind", "Start jobs of the kind again.",
        {200: "Paused"}, None, (404,), (_KIND,),
    ),
    _Call(
        "post", "/v1/batches", "create_batch",
        "Hand in a file of jobs, of up to 512 MiB; it is read as it comes. Without Content-Length "
        "its last line must end with a line break.",
        {202: "Taken"}, {"type": "string"}, (413,), _BATCH, body_types=tuple(FORMS),
    ),
    _Call(
        "get", "/v1/batches", "list_batches", "The newest batches, newest first.",
        {200: "Batches"}, parameters=(_LIMIT,),
    ),
    _Call(
        "get", _ONE_BATCH, "show_batch", "One batch, and the first of its bad rows.",
        {200: "Batch"}, None, (404,), (_BATCH_ID,),
    ),
    _Call(
        "post", f"{_ONE_BATCH}/cancel", "cancel_batch", "Give up all of its jobs that go on.",
        {200: "Changed"}, None, (404,), (_BATCH_ID,),
    ),
    _Call(
        "post", f"{_ONE_BATCH}/retry", "retry_batch",
        "A further attempt of each of its jobs that failed or timed out.",
        {202: "Changed"}, None, (404,), (_BATCH_ID,),
    ),
    _Call(
        "post", f"{_ONE_BATCH}/pause", "pause_batch", "Start none of its jobs; what runs goes on.",
        {200: "Batch"}, None, (404,), (_BATCH_ID,),
    ),
    _Call(
        "post", f"{_ONE_BATCH}/resume", "resume_batch", "Start its jobs again.",
        {200: "Batch"}, None, (404,), (_BATCH_ID,),
    ),
    _Call(
        "get", f"{_ONE_BATCH}/manifest", "manifest",
        "A line for each of its jobs: row, status, pictures, cost, error; in the file's order.",
        {200: {"type": "string"}}, None, (404,), (_BATCH_ID, _FORMAT),
        answer_types=tuple(TYPES.values()),
    ),
    _Call(
        "get", "/v1/openapi.json", "openapi", "This document.",
        {200: {"type": "object", "required": ["openapi", "info", "paths"]}},
    ),
    _Call(
        "post", f"{HOOK_PATH}/{{token}}", "callback",
        "The provider's door: what happened to a task. The token is all the proof it needs.",
        {200: "Received"}, {"type": "object"}, (400, 401, 404, 413), (_TOKEN,), public=True,
    ),
    _Call("get", "/healthz", "healthz", "The process lives.", {200: "Alive"}, public=True),
    _Call("get", "/readyz", "readyz", "Redis and the broker answer.", {200: "Ready"}, public=True),
)  # fmt: skip


@cache
def document() -> JSON:
    """The whole document. The same object each time: not to be changed."""
    paths: dict[str, JSON] = {}
    for call in _CALLS:
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
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }


def _operation(call: _Call) -> JSON:
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


def _errors(call: _Call) -> Iterable[int]:
    """All may find Redis away but one; all under ``/v1`` want the token and no odd parameters."""
    general = set() if call.public else {400, 401}
    if call.name not in ("healthz", "openapi"):
        general.add(503)
    return sorted({*call.errors, *general})


def _answer(status: int, schema: str | JSON, types: Iterable[str]) -> JSON:
    return {"description": HTTPStatus(status).phrase, "content": _content(schema, types)}


def _problem(status: int) -> JSON:
    phrase = HTTPStatus(status).phrase
    return {"description": phrase, "content": {_PROBLEM: {"schema": _ref("Problem")}}}


def _content(schema: str | JSON, types: Iterable[str]) -> JSON:
    shown = _ref(schema) if isinstance(schema, str) else schema
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
    models: list[type[Model]] = [*starmap(_with_kind, MODELS.items()), Press, Resolve]
    adapters: list[tuple[str, Literal["validation", "serialization"], TypeAdapter[Any]]] = [
        *((model.__name__, "validation", TypeAdapter(model)) for model in models),
        *((each.__name__, "serialization", TypeAdapter(each)) for each in _ANSWERS),
    ]
    _, found = TypeAdapter.json_schemas(adapters, ref_template=_REF, schema_generator=_Generator)
    schemas: JSON = found["$defs"]
    return {name: schemas[name] for name in sorted(schemas)}
