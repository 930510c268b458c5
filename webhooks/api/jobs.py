"""Endpoints for jobs and pipelines."""

import re
from typing import Any

from flask import Response, request
from pydantic import Field
from werkzeug.wsgi import wrap_file

from webhooks.api.calls import JSON, Calls, in_path, ref, respond
from webhooks.context import Context
from webhooks.parsing import read_body, strict_json
from worker.domain import buttons
from worker.domain.errors import InvalidRequest, NotFound
from worker.domain.requests.kinds import MODELS
from worker.domain.requests.queries import Flag, JobsQuery, Query
from worker.domain.requests.requests import Press, Resolve
from worker.domain.wording import counted
from worker.services.reports.answers import Answer, History, Items, Job, Page, Pipeline, Quote
from worker.services.reports.history import histories
from worker.services.reports.listing import list_jobs as listed
from worker.services.reports.waits import waiting_for

#: Fits five images of 4 MiB as data URLs.
MAX_BYTES = 32 * 1024 * 1024

#: What is stored (``worker.adapters.decoding.media``).
MIME_TYPES = (
    "image/png", "image/jpeg", "image/webp", "image/gif", "video/mp4", "video/webm",
    "video/quicktime",
)  # fmt: skip

_KEY = re.compile(r"[\x20-\x7e]{1,200}")

KEY: JSON = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "Makes a repeat harmless: the same key and body give the same job.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
}
NEW_JOB: JSON = {
    "oneOf": [ref(model) for model in MODELS.values()],
    "discriminator": {
        "propertyName": "kind",
        "mapping": {kind.value: ref(model)["$ref"] for kind, model in MODELS.items()},
    },
}
JOB_ID = in_path("job_id", "The job's id.", pattern="^[0-9a-f]{32}$")
NUMBER = in_path("number", "Its place in `result.files`, from 0.", pattern="^[0-9]{1,4}$")
PIPELINE_ID = in_path("pipeline_id", "The root job's id.", pattern="^[0-9a-f]{32}$")
ONE = "/v1/jobs/<job:job_id>"

calls = Calls()


class NewJobQuery(Query):
    """The query of a new job."""

    dry_run: Flag = Field(
        default=False,
        description="`true`: check and price the request, and store nothing.",
        examples=[True],
    )


@calls.add(
    "POST", "/v1/jobs", {202: Job, 200: (Job, Quote)},
    body=NEW_JOB, query=NewJobQuery, parameters=(KEY,), errors=(409, 422), located="job",
    example={"kind": "imagine", "prompt": "a lighthouse in fog", "then": [{"press": "U1"}]},
)  # fmt: skip
def create(context: Context, query: NewJobQuery) -> Response:
    """Enqueue a job. 200: a repeat, the answer to a window, or the quote of a dry run."""
    enqueuer = context.desk.enqueuer
    if query.dry_run:
        quote = enqueuer.quote(_body(), key=_idempotency_key())
        return respond(Quote.model_validate(quote), 200)
    job, new = enqueuer.submit(_body(), key=_idempotency_key())
    place = {"Location": f"/v1/jobs/{job.id}"}
    return respond(Job.of(job, context.services.accounts), 202 if new else 200, place)


@calls.add("GET", "/v1/jobs", {200: Page}, query=JobsQuery)
def list_jobs(context: Context, query: JobsQuery) -> Page:
    """List jobs, newest first."""
    return Page.of(listed(context.desk.visible, query), context.services.accounts)


@calls.add("GET", ONE, {200: Job}, parameters=(JOB_ID,))
def show(context: Context, job_id: str) -> Job:
    """One job."""
    services, desk = context.services, context.desk
    job = desk.visible.job(job_id)
    held = waiting_for(desk.caller, services.orchestrator, job, services.roster)
    return Job.of(job, services.accounts, waiting=held)


@calls.add("GET", f"{ONE}/history", {200: History}, parameters=(JOB_ID,))
def show_history(context: Context, job_id: str) -> History:
    """What happened to a job, and when it reached which stage."""
    visible = context.desk.visible
    job = visible.job(job_id)
    return History.of(job.id, histories(visible, [job])[job.id])


@calls.add(
    "POST", f"{ONE}/press", {202: (Job, Items)},
    body=Press, parameters=(JOB_ID, KEY), errors=(409, 422), example={"button": "U1"},
)  # fmt: skip
def press(context: Context, job_id: str) -> Answer:
    """Press a button of a succeeded job. A glob may give several children: `items`."""
    asked, accounts = _body(), context.services.accounts
    children = context.desk.enqueuer.press(job_id, asked, key=_idempotency_key())
    if buttons.is_glob(str(asked["button"])):
        return Items.of(children, accounts)
    return Job.of(children[0], accounts)


@calls.add("POST", f"{ONE}/cancel", {200: Job}, parameters=(JOB_ID,), errors=(409,))
def cancel(context: Context, job_id: str) -> Job:
    """Cancel a job, and its unstarted descendants."""
    return Job.of(context.desk.cancel(job_id), context.services.accounts)


@calls.add("POST", f"{ONE}/retry", {202: Job}, parameters=(JOB_ID,), errors=(409,))
def retry(context: Context, job_id: str) -> Job:
    """Retry a job that did not succeed."""
    return Job.of(context.desk.retry(job_id), context.services.accounts)


@calls.add("POST", f"{ONE}/assets", {202: Job}, parameters=(JOB_ID,), errors=(409,))
def fetch_assets(context: Context, job_id: str) -> Job:
    """Fetch the files of a succeeded job again, with the provider's present links."""
    return Job.of(context.desk.fetch_assets(job_id), context.services.accounts)


@calls.add(
    "GET", f"{ONE}/files/<int:number>", {200: {"type": "string", "format": "binary"}},
    parameters=(JOB_ID, NUMBER), answer_types=tuple(MIME_TYPES),
)  # fmt: skip
def read_file(context: Context, job_id: str, number: int) -> Response:
    """The bytes of one of a job's stored files."""
    files = context.desk.visible.job(job_id).result.files
    if number >= len(files):
        raise NotFound(f"The job has {counted(len(files), 'file')}, numbered from 0.")
    file = files[number]
    opened = context.services.storage.open_result(file.path)
    body = wrap_file(request.environ, opened)
    made = Response(body, content_type=file.type, direct_passthrough=True)
    made.content_length = file.bytes
    made.set_etag(file.sha256)
    return made


@calls.add("POST", f"{ONE}/resolve", {200: Job}, body=Resolve, parameters=(JOB_ID,), errors=(409,))
def resolve(context: Context, job_id: str) -> Job:
    """Resolve a job in doubt."""
    return Job.of(context.desk.resolve(job_id, _body()), context.services.accounts)


@calls.add("GET", "/v1/pipelines/<job:pipeline_id>", {200: Pipeline}, parameters=(PIPELINE_ID,))
def pipeline(context: Context, pipeline_id: str) -> Pipeline:
    """A root job and its descendants."""
    return Pipeline.of(context.desk.visible.pipeline(pipeline_id), context.services.accounts)


def _body() -> Any:
    return strict_json(read_body(MAX_BYTES))


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidRequest.of("Idempotency-Key", "must have 1 to 200 printable ASCII characters")
    return key
