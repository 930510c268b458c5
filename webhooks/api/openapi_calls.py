"""The HTTP calls as the OpenAPI document tells them: what each takes, and what it answers.

A test holds ``CALLS`` and the app's routes together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webhooks.api import deliveries
from webhooks.api.batches import FORMS, LISTED, MAX_LISTED, TYPES
from worker.bootstrap import HOOK_PATH
from worker.domain.job import SUBMITTED_KINDS, Kind, Status
from worker.domain.notifications import DeliveryState
from worker.domain.requests.kinds import MODELS

JSON = dict[str, Any]

REF = "#/components/schemas/{model}"
JSON_TYPE = "application/json"

#: How many jobs a page may have, and has.
MAX_PAGE, PAGE = 200, 50


@dataclass(frozen=True, slots=True)
class Call:
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
    body_types: tuple[str, ...] = (JSON_TYPE,)
    answer_types: tuple[str, ...] = (JSON_TYPE,)


def ref(name: str) -> JSON:
    """A schema of the document, by its name."""
    return {"$ref": REF.format(model=name)}


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
    "oneOf": [ref(model.__name__) for model in MODELS.values()],
    "discriminator": {
        "propertyName": "kind",
        "mapping": {kind.value: REF.format(model=model.__name__) for kind, model in MODELS.items()},
    },
}
_CHILDREN: JSON = {"anyOf": [ref("Job"), ref("Items")]}
_REPEAT_OR_QUOTE: JSON = {"anyOf": [ref("Job"), ref("Quote")]}
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
        "content": {JSON_TYPE: {"schema": {"type": "object"}}},
    },
    {
        "in": "query",
        "name": "notify",
        "description": "Who is told of the batch's end, and of what else.",
        "content": {JSON_TYPE: {"schema": ref("BatchNotify")}},
    },
)  # fmt: skip
_LIMIT = _in_query(
    "limit", "How many at most.", type="integer", minimum=1, maximum=MAX_LISTED, default=LISTED
)
_FORMAT = _in_query("format", "How it is written.", enum=["jsonl", "csv"], default="jsonl")
_DELIVERY_ID = _in_path("delivery_id", "Its id.", minLength=1, maxLength=200, pattern="^[^/]+$")
_DELIVERIES = (
    _in_query("state", "Only those in this state.", enum=[each.value for each in DeliveryState]),
    _in_query(
        "limit",
        "How many at most.",
        type="integer",
        minimum=1,
        maximum=deliveries.MAX_PAGE,
        default=deliveries.PAGE,
    ),
    _in_query("cursor", "The `next_cursor` of the page before.", type="string"),
)
#: Views whose 202 says where it is, and what that is.

_ONE = "/v1/jobs/{job_id}"
_ONE_BATCH = "/v1/batches/{batch_id}"
CALLS = (
    Call(
        "post", "/v1/jobs", "create",
        "Hand in a job. 200: a repeat, the answer to a window, or what a dry run tells.",
        {202: "Job", 200: _REPEAT_OR_QUOTE}, _NEW_JOB, (409, 413, 422), (_KEY, _DRY_RUN),
    ),
    Call(
        "get", "/v1/jobs", "list_jobs", "List jobs, newest first.",
        {200: "Page"}, parameters=_FILTERS,
    ),
    Call("get", _ONE, "show", "One job.", {200: "Job"}, None, (404,), (_JOB_ID,)),
    Call(
        "post", f"{_ONE}/press", "press",
        "Press a button of a finished job. A glob may have several children: `items`.",
        {202: _CHILDREN}, "Press", (404, 409, 413, 422), (_JOB_ID, _KEY),
    ),
    Call(
        "post", f"{_ONE}/cancel", "cancel", "Give a job up, and its unstarted descendants.",
        {200: "Job"}, None, (404, 409), (_JOB_ID,),
    ),
    Call(
        "post", f"{_ONE}/retry", "retry", "A further attempt of a job that did not succeed.",
        {202: "Job"}, None, (404, 409), (_JOB_ID,),
    ),
    Call(
        "post", f"{_ONE}/resolve", "resolve", "End the doubt about a job.",
        {200: "Job"}, "Resolve", (404, 409, 413), (_JOB_ID,),
    ),
    Call(
        "get", "/v1/pipelines/{pipeline_id}", "pipeline", "A root job and all that grew from it.",
        {200: "Pipeline"}, None, (404,), (_PIPELINE_ID,),
    ),
    Call(
        "get", "/v1/accounts", "accounts", "How each account stands, and how it calls back.",
        {200: "Accounts"},
    ),
    Call(
        "post", "/v1/accounts/{name}/pause", "pause_account",
        "Start no job on the account; what runs goes on.",
        {200: "Paused"}, None, (404,), (_ACCOUNT,),
    ),
    Call(
        "post", "/v1/accounts/{name}/resume", "resume_account",
        "Start jobs on the account again, also where it was closed or rests.",
        {200: "Paused"}, None, (404,), (_ACCOUNT,),
    ),
    Call(
        "post", "/v1/kinds/{name}/pause", "pause_kind", "Start no job of the kind.",
        {200: "Paused"}, None, (404,), (_KIND,),
    ),
    Call(
        "post", "/v1/kinds/{name}/resume", "resume_kind", "Start jobs of the kind again.",
        {200: "Paused"}, None, (404,), (_KIND,),
    ),
    Call(
        "post", "/v1/batches", "create_batch",
        "Hand in a file of jobs, of up to 512 MiB; it is read as it comes. Without Content-Length "
        "its last line must end with a line break.",
        {202: "Taken"}, {"type": "string"}, (413,), _BATCH, body_types=tuple(FORMS),
    ),
    Call(
        "get", "/v1/batches", "list_batches", "The newest batches, newest first.",
        {200: "Batches"}, parameters=(_LIMIT,),
    ),
    Call(
        "get", _ONE_BATCH, "show_batch", "One batch, and the first of its bad rows.",
        {200: "Batch"}, None, (404,), (_BATCH_ID,),
    ),
    Call(
        "post", f"{_ONE_BATCH}/cancel", "cancel_batch", "Give up all of its jobs that go on.",
        {200: "Changed"}, None, (404,), (_BATCH_ID,),
    ),
    Call(
        "post", f"{_ONE_BATCH}/retry", "retry_batch",
        "A further attempt of each of its jobs that failed or timed out.",
        {202: "Changed"}, None, (404,), (_BATCH_ID,),
    ),
    Call(
        "post", f"{_ONE_BATCH}/pause", "pause_batch", "Start none of its jobs; what runs goes on.",
        {200: "Batch"}, None, (404,), (_BATCH_ID,),
    ),
    Call(
        "post", f"{_ONE_BATCH}/resume", "resume_batch", "Start its jobs again.",
        {200: "Batch"}, None, (404,), (_BATCH_ID,),
    ),
    Call(
        "get", f"{_ONE_BATCH}/manifest", "manifest",
        "A line for each of its jobs: row, status, pictures, cost, error; in the file's order.",
        {200: {"type": "string"}}, None, (404,), (_BATCH_ID, _FORMAT),
        answer_types=tuple(TYPES.values()),
    ),
    Call(
        "get", "/v1/deliveries", "list_deliveries",
        "What callers' programs were told, or are to be told; newest first.",
        {200: "Deliveries"}, parameters=_DELIVERIES,
    ),
    Call(
        "get", "/v1/deliveries/{delivery_id}", "show_delivery", "One of them, with its last tries.",
        {200: "Notification"}, None, (404,), (_DELIVERY_ID,),
    ),
    Call(
        "post", "/v1/deliveries/{delivery_id}/replay", "replay_delivery",
        "Tell it once more, whatever became of it.",
        {202: "Notification"}, None, (404, 409), (_DELIVERY_ID,),
    ),
    Call(
        "get", "/v1/openapi.json", "openapi", "This document.",
        {200: {"type": "object", "required": ["openapi", "info", "paths"]}},
    ),
    Call(
        "post", f"{HOOK_PATH}/{{token}}", "callback",
        "The provider's door: what happened to a task. The token is all the proof it needs.",
        {200: "Received"}, {"type": "object"}, (400, 401, 404, 413), (_TOKEN,), public=True,
    ),
    Call("get", "/healthz", "healthz", "The process lives.", {200: "Alive"}, public=True),
    Call("get", "/readyz", "readyz", "Redis and the broker answer.", {200: "Ready"}, public=True),
)  # fmt: skip
