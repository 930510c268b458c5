"""Endpoints for batches. A batch's file is streamed, a row at a time."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from flask import Response, request
from pydantic import field_validator
from pydantic_core import PydanticUseDefault
from werkzeug.exceptions import RequestEntityTooLarge

from webhooks.api.calls import Calls, in_path, respond
from webhooks.context import Context
from webhooks.front.asking import want_body
from webhooks.parsing import refuse_large, strict_json
from worker.domain import numerals
from worker.domain.batch import manifest as manifests
from worker.domain.batch.progress import whole
from worker.domain.batch.records import Form
from worker.domain.batch.request import BatchRequest, ManifestQuery
from worker.domain.errors import InvalidRequest
from worker.domain.requests.base import Problem
from worker.domain.requests.queries import BatchesQuery
from worker.services.reports.answers import Batch, Batches, Changed, Taken
from worker.services.reports.batch_overview import report, reports

#: Limit of a batch's file.
MAX_FILE_BYTES = 512 * 1024 * 1024

#: File formats by content type.
FORMS: Mapping[str, Form] = {
    "application/x-ndjson": Form.NDJSON,
    "application/ndjson": Form.NDJSON,
    "application/jsonl": Form.NDJSON,
    "text/csv": Form.CSV,
    "text/tab-separated-values": Form.CSV,
    "text/plain": Form.LINES,
}
#: Content types of a manifest.
TYPES: Mapping[manifests.Form, str] = {
    manifests.Form.JSONL: "application/x-ndjson",
    manifests.Form.CSV: "text/csv; charset=utf-8",
}
_PIECE = 256 * 1024
#: Manifest lines per write.
_LINES = 200
_ID = in_path("batch_id", "The batch's id or name.", minLength=1, maxLength=200, pattern="^[^/]+$")
_ONE = "/v1/batches/<batch_id>"
_TEXT = {"type": "string"}

calls = Calls()


class BatchQuery(BatchRequest):
    """The fields of a batch in a URL; ``form`` may also follow from the content type."""

    @field_validator("form", mode="before")
    @classmethod
    def _form(cls, given: Any) -> Any:
        return given or FORMS.get(request.mimetype)

    @field_validator("budget", mode="before")
    @classmethod
    def _number(cls, text: str) -> float:
        if not numerals.is_decimal(text):
            raise ValueError("must be a number of units")
        return float(text)

    @field_validator("strict", "permute", mode="before")
    @classmethod
    def _flag(cls, text: str) -> bool:
        if text not in ("true", "false"):
            raise ValueError("must be true or false")
        return text == "true"

    @field_validator("defaults", "notify", mode="before")
    @classmethod
    def _json(cls, text: str) -> Any:
        try:
            found = strict_json(text.encode(errors="replace"))
        except InvalidRequest as problem:
            raise ValueError("; ".join(error.message for error in problem.errors)) from None
        if found is None:
            raise PydanticUseDefault
        return found

    @classmethod
    def rules(cls, given: Mapping[str, Any]) -> Iterator[Problem]:
        """``form`` is required unless the content type implies it."""
        if not given.get("form") and request.mimetype not in FORMS:
            words = "is required where Content-Type is none of"
            yield "form", f"{words} {', '.join(FORMS)}: {', '.join(Form)}"


@calls.add(
    "POST", "/v1/batches", {202: Taken},
    body=_TEXT, body_types=tuple(FORMS), query=BatchQuery, located="batch",
)  # fmt: skip
def create_batch(context: Context, query: BatchQuery) -> Response:
    """Submit a file of jobs, of up to 512 MiB; it is streamed. Without Content-Length its last
    line must end with a line break.
    """
    taken = whole(context.desk.batches.submit(query, _pieces(MAX_FILE_BYTES)))
    place = {"Location": f"/v1/batches/{taken.batch_id}"}
    return respond(Taken.of(query.name, taken), 202, place)


@calls.add("GET", "/v1/batches", {200: Batches}, query=BatchesQuery)
def list_batches(context: Context, query: BatchesQuery) -> Batches:
    """The newest batches, newest first."""
    desk = context.desk
    return Batches(items=tuple(reports(desk.visible.store, desk.visible.batches(query.limit))))


@calls.add("GET", _ONE, {200: Batch}, parameters=(_ID,))
def show_batch(context: Context, batch_id: str) -> Batch:
    """One batch, with the first of its bad rows."""
    return report(context.services.store, context.desk.batches.find(batch_id))


@calls.add("POST", f"{_ONE}/cancel", {200: Changed}, parameters=(_ID,))
def cancel_batch(context: Context, batch_id: str) -> Changed:
    """Cancel all of its jobs that are not over."""
    desk = context.desk
    return Changed(jobs=desk.cancel_batch(desk.batches.find(batch_id)))


@calls.add("POST", f"{_ONE}/retry", {202: Changed}, parameters=(_ID,))
def retry_batch(context: Context, batch_id: str) -> Changed:
    """Retry its jobs that failed or timed out."""
    desk = context.desk
    return Changed(jobs=desk.retry_batch(desk.batches.find(batch_id)))


@calls.add("POST", f"{_ONE}/pause", {200: Batch}, parameters=(_ID,))
def pause_batch(context: Context, batch_id: str) -> Batch:
    """Start none of its jobs; submitted ones go on."""
    desk = context.desk
    desk.pause_batch(desk.batches.find(batch_id))
    return show_batch(context, batch_id)


@calls.add("POST", f"{_ONE}/resume", {200: Batch}, parameters=(_ID,))
def resume_batch(context: Context, batch_id: str) -> Batch:
    """Start its jobs again."""
    desk = context.desk
    desk.resume_batch(desk.batches.find(batch_id))
    return show_batch(context, batch_id)


@calls.add(
    "GET", f"{_ONE}/manifest", {200: _TEXT},
    answer_types=tuple(TYPES.values()), query=ManifestQuery, parameters=(_ID,),
)  # fmt: skip
def manifest(context: Context, batch_id: str, query: ManifestQuery) -> Response:
    """A line per job: row, status, images, cost, error; in the order of the file."""
    batches = context.desk.batches
    pipelines = batches.jobs(batches.find(batch_id))
    location = context.services.storage.result_location
    lines = manifests.manifest(pipelines, query.format, location, raw=query.raw)
    return Response(in_pieces(lines), content_type=TYPES[query.format])


def _pieces(limit: int) -> Iterator[bytes]:
    """The body in pieces. Raises 413 for more than ``limit`` bytes.

    Raises ``InvalidRequest`` for a body that breaks off: a lost connection looks like its end, and
    half a line could become a paid job.
    """
    refuse_large(limit)
    want_body(request.environ, limit)
    read, last = 0, b""
    while piece := request.stream.read(_PIECE):
        read, last = read + len(piece), piece[-1:]
        if read > limit:
            raise RequestEntityTooLarge
        yield piece
    again = "Submit the file again: rows of the batch are not submitted twice"
    if read < (request.content_length or 0):
        message = f"breaks off after {read:,} of {request.content_length:,} bytes. {again}"
        raise InvalidRequest.of("file", message)
    if request.content_length is None and last not in b"\r\n":
        message = "ends within a line: without Content-Length, end the last line with a line break"
        raise InvalidRequest.of("file", f"{message}. {again}")


def in_pieces(lines: Iterator[str]) -> Iterator[bytes]:
    """The lines of a manifest, some hundred at a time."""
    while text := "".join(islice(lines, _LINES)):
        yield text.encode()
