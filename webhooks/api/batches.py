"""The calls under ``/v1/batches``. A batch's file is read as it comes in, a row at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from webhooks.parsing import refuse_large, strict_json, whole_parameter
from worker.bootstrap import Services
from worker.domain.batch import manifest
from worker.domain.batch.progress import MOST_SHOWN, whole
from worker.domain.batch.records import Form
from worker.domain.batch.request import parse_batch
from worker.domain.errors import FieldError, InvalidRequest
from worker.domain.job import Job
from worker.services.reports.batch_overview import report, reports
from worker.services.reports.present import batch_json, one_batch_json, taken_json

#: Of a batch's file.
MAX_FILE_BYTES = 512 * 1024 * 1024

#: The query parameters of the views that take any.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "create_batch": ("name", "form", "budget", "strict", "permute", "defaults", "notify"),
    "list_batches": ("limit",),
    "manifest": ("format",),
}
#: How many batches a listing may have, and has.
MAX_LISTED, LISTED = 200, 50

#: The form of a file by its content type.
FORMS: Mapping[str, Form] = {
    "application/x-ndjson": Form.NDJSON,
    "application/ndjson": Form.NDJSON,
    "application/jsonl": Form.NDJSON,
    "text/csv": Form.CSV,
    "text/tab-separated-values": Form.CSV,
    "text/plain": Form.LINES,
}
#: The content type of a manifest.
TYPES: Mapping[manifest.Form, str] = {
    manifest.Form.JSONL: "application/x-ndjson",
    manifest.Form.CSV: "text/csv; charset=utf-8",
}
_PIECE = 256 * 1024
#: Lines of a manifest that are sent together.
_LINES = 200

Answer = Response | tuple[Response, int] | tuple[Response, int, dict[str, str]]


class BatchCalls:
    """The views. A batch is known by its id and by its name."""

    def __init__(self, find: Callable[[], Services]) -> None:
        self._find = find

    def add_to(self, app: Flask) -> None:
        """Put the calls into ``app``."""
        one = "/v1/batches/<batch_id>"
        for rule, method, view in (
            ("/v1/batches", "POST", self.create_batch),
            ("/v1/batches", "GET", self.list_batches),
            (one, "GET", self.show_batch),
            (f"{one}/cancel", "POST", self.cancel_batch),
            (f"{one}/retry", "POST", self.retry_batch),
            (f"{one}/pause", "POST", self.pause_batch),
            (f"{one}/resume", "POST", self.resume_batch),
            (f"{one}/manifest", "GET", self.manifest),
        ):
            app.add_url_rule(rule, view.__name__, view, methods=[method])

    def create_batch(self) -> Answer:
        """202 and what became of the rows; the name is the key that makes a repeat harmless."""
        asked = parse_batch(_asked())
        taken = whole(self._find().batches.submit(asked, _pieces(MAX_FILE_BYTES)))
        place = {"Location": f"/v1/batches/{taken.batch_id}"}
        return jsonify(taken_json(asked.name, taken)), 202, place

    def list_batches(self) -> Answer:
        """The newest batches."""
        store, limit = self._find().store, whole_parameter("limit", LISTED, MAX_LISTED)
        return jsonify(items=list(map(batch_json, reports(store, store.batches.newest(limit)))))

    def show_batch(self, batch_id: str) -> Answer:
        """How the batch stands."""
        services = self._find()
        found = report(services.store, services.batches.find(batch_id), bad_rows=MOST_SHOWN)
        return jsonify(one_batch_json(found))

    def cancel_batch(self, batch_id: str) -> Answer:
        """200 and how many jobs were given up."""
        batches = self._find().batches
        return _changed(batches.cancel(batches.find(batch_id)))

    def retry_batch(self, batch_id: str) -> Answer:
        """202 and how many jobs are tried again."""
        batches = self._find().batches
        return _changed(batches.retry_failed(batches.find(batch_id))), 202

    def pause_batch(self, batch_id: str) -> Answer:
        """200 and the batch, of which nothing starts any more."""
        batches = self._find().batches
        batches.pause(batches.find(batch_id))
        return self.show_batch(batch_id)

    def resume_batch(self, batch_id: str) -> Answer:
        """200 and the batch, which goes on."""
        batches = self._find().batches
        batches.resume(batches.find(batch_id))
        return self.show_batch(batch_id)

    def manifest(self, batch_id: str) -> Answer:
        """A line per job, written as it is read from the store."""
        form = manifest.Form(_word("format", [*manifest.Form], manifest.Form.JSONL))
        services = self._find()
        pipelines = services.batches.jobs(services.batches.find(batch_id))
        lines = manifest.manifest(pipelines, form, services.storage.result_location)
        return Response(_together(lines), content_type=TYPES[form])


def _changed(jobs: Iterable[Job]) -> Response:
    return jsonify(jobs=sum(1 for _ in jobs))


def _asked() -> dict[str, Any]:
    """The query as ``parse_batch`` takes it; every wrong parameter is named."""
    args, errors = request.args, list[FieldError]()
    asked: dict[str, Any] = {"name": args["name"]} if "name" in args else {}
    readers: Mapping[str, Callable[[str], Any]] = {
        "budget": _number,
        "strict": _flag,
        "permute": _flag,
        "defaults": _json,
        "notify": _json,
    }
    form = args.get("form") or FORMS.get(request.mimetype)
    if form is None:
        words = "is required where Content-Type is none of"
        errors.append(FieldError("form", f"{words} {', '.join(FORMS)}: {', '.join(Form)}"))
    asked["form"] = form
    for name in readers.keys() & args.keys():
        try:
            asked[name] = readers[name](args[name])
        except ValueError as problem:
            errors.append(FieldError(name, str(problem)))
    if errors:
        raise InvalidRequest(errors)
    return asked


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("must be a number of units") from None


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _json(text: str) -> Any:
    try:
        return strict_json(text.encode(errors="replace"))
    except InvalidRequest as problem:
        raise ValueError("; ".join(error.message for error in problem.errors)) from None


def _word(name: str, words: list[str], default: str) -> str:
    given = request.args.get(name, default)
    if given not in words:
        raise InvalidRequest.of(name, f"must be one of {', '.join(words)}")
    return given


def _pieces(limit: int) -> Iterator[bytes]:
    """The body as it comes. Raises 413 where it has more than ``limit`` bytes.

    A connection that breaks looks like the body's end here, and half a line would be a job, and be
    paid: raises ``InvalidRequest`` instead of ending.
    """
    refuse_large(limit)
    read, last = 0, b""
    while piece := request.stream.read(_PIECE):
        read, last = read + len(piece), piece[-1:]
        if read > limit:
            raise RequestEntityTooLarge
        yield piece
    again = "Hand the file in again: rows that were taken are not taken twice"
    if read < (request.content_length or 0):
        message = f"breaks off after {read:,} of {request.content_length:,} bytes. {again}"
        raise InvalidRequest.of("file", message)
    if request.content_length is None and last not in b"\r\n":
        message = "ends within a line: without Content-Length, end the last line with a line break"
        raise InvalidRequest.of("file", f"{message}. {again}")


def _together(lines: Iterator[str]) -> Iterator[bytes]:
    """Some lines at a time: each piece is a write of its own."""
    while text := "".join(islice(lines, _LINES)):
        yield text.encode()
