"""The calls under ``/v1``: each view parses, delegates to the intake or the store, and answers."""

import re
from collections.abc import Callable, Collection, Mapping
from hmac import compare_digest
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.routing import BaseConverter

from webhooks.api import batches, deliveries
from webhooks.api.openapi import document
from webhooks.api.openapi_calls import MAX_PAGE, PAGE
from webhooks.parsing import read_body, strict_json
from webhooks.problems import Unauthorized
from worker.adapters.store import Filter
from worker.bootstrap import Services
from worker.domain import buttons
from worker.domain.account import Account
from worker.domain.errors import FieldError, InvalidRequest, NotFound
from worker.domain.job import Job, Kind, Status
from worker.domain.requests.base import suggestion
from worker.services.pause import pause, resume
from worker.services.reports.overview import overview
from worker.services.reports.present import (
    accounts_json,
    job_json,
    one_job_json,
    page_json,
    pipeline_json,
    quote_json,
)
from worker.services.reports.waits import waiting

#: Room for five pictures of 4 MiB as data URLs.
MAX_BYTES = 32 * 1024 * 1024

_KEY = re.compile(r"[\x20-\x7e]{1,200}")
_WHOLE = re.compile(r"[0-9]{1,3}")
#: The query parameters of the views that take any.
_PARAMETERS = {
    "list_jobs": ("status", "kind", "account", "batch", "double_payments", "limit", "cursor"),
    "create": ("dry_run",),
    **batches.PARAMETERS,
    **deliveries.PARAMETERS,
}

Answer = Response | tuple[Response, int] | tuple[Response, int, dict[str, str]]


class JobId(BaseConverter):
    """What an id looks like; a path with anything else is not ours."""

    regex = "[0-9a-f]{32}"


class Api:
    """The views. ``token`` is what callers must bring."""

    def __init__(self, find: Callable[[], Services], token: str) -> None:
        self._find = find
        self._token = token.encode()

    def add_to(self, app: Flask) -> None:
        """Put the calls, and the guard before them, into ``app``."""
        app.url_map.converters["job"] = JobId
        app.before_request(self.concurrency_key)
        job = "/v1/jobs/<job:job_id>"
        for rule, method, view in (
            ("/v1/jobs", "POST", self.create),
            ("/v1/jobs", "GET", self.list_jobs),
            (job, "GET", self.show),
            (f"{job}/press", "POST", self.press),
            (f"{job}/cancel", "POST", self.cancel),
            (f"{job}/retry", "POST", self.retry),
            (f"{job}/resolve", "POST", self.resolve),
            ("/v1/pipelines/<job:pipeline_id>", "GET", self.pipeline),
            ("/v1/accounts", "GET", self.accounts),
            ("/v1/accounts/<name>/pause", "POST", self.pause_account),
            ("/v1/accounts/<name>/resume", "POST", self.resume_account),
            ("/v1/kinds/<name>/pause", "POST", self.pause_kind),
            ("/v1/kinds/<name>/resume", "POST", self.resume_kind),
            ("/v1/openapi.json", "GET", self.openapi),
        ):
            app.add_url_rule(rule, view.__name__, view, methods=[method])

    def concurrency_key(self) -> None:
        """Nothing under ``/v1``, not even a 404, without the token."""
        if not request.path.startswith("/v1/"):
            return
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        same = compare_digest(given.strip().encode(), self._token)
        if scheme.lower() != "bearer" or not same:
            raise Unauthorized
        _refuse_unknown(_PARAMETERS.get(request.endpoint or "", ()))

    def create(self) -> Answer:
        """202 and the job; 200 for a repeat, for the answer to a job's window, and a dry run."""
        enqueuer, dry_run = self._find().enqueuer, _is_dry_run()
        if dry_run:
            return jsonify(quote_json(enqueuer.quote(_body(), key=_idempotency_key())))
        job, new = enqueuer.submit(_body(), key=_idempotency_key())
        return self._job(job), 202 if new else 200, {"Location": f"/v1/jobs/{job.id}"}

    def list_jobs(self) -> Answer:
        """A page of jobs, newest first."""
        wanted, limit = _listing()
        page = self._find().store.jobs.page(wanted, limit, request.args.get("cursor"))
        return jsonify(page_json(page, self._accounts))

    def show(self, job_id: str) -> Answer:
        """The job, and why it waits."""
        orchestrator = self._find().orchestrator
        job = orchestrator.job(job_id)
        return jsonify(one_job_json(job, self._accounts, waiting(orchestrator, job)))

    def pipeline(self, pipeline_id: str) -> Answer:
        """The pipeline with its jobs."""
        pipeline = self._find().store.jobs.pipeline(pipeline_id)
        if pipeline is None:
            raise NotFound(f"There is no pipeline {pipeline_id!r}.")
        return jsonify(pipeline_json(pipeline, self._accounts))

    def accounts(self) -> Answer:
        """How each account stands."""
        return jsonify(accounts_json(overview(self._find().orchestrator)))

    def pause_account(self, name: str) -> Answer:
        """200 and all that is paused."""
        return jsonify(paused=pause(self._find().orchestrator, "account", name))

    def resume_account(self, name: str) -> Answer:
        """200 and all that is paused still."""
        return jsonify(paused=resume(self._find().orchestrator, "account", name))

    def pause_kind(self, name: str) -> Answer:
        """200 and all that is paused."""
        return jsonify(paused=pause(self._find().orchestrator, "kind", name))

    def resume_kind(self, name: str) -> Answer:
        """200 and all that is paused still."""
        return jsonify(paused=resume(self._find().orchestrator, "kind", name))

    def openapi(self) -> Answer:
        """What can be called, and how."""
        return jsonify(document())

    def press(self, job_id: str) -> Answer:
        """202 and the child. A glob may have several, so its answer is ``{"items": [...]}``."""
        asked = _body()
        children = self._find().enqueuer.press(job_id, asked, key=_idempotency_key())
        if buttons.is_glob(asked["button"]):
            return jsonify(items=[job_json(child, self._accounts) for child in children]), 202
        return self._job(children[0]), 202

    def cancel(self, job_id: str) -> Answer:
        """200 and the job, given up."""
        return self._job(self._find().enqueuer.cancel(job_id))

    def retry(self, job_id: str) -> Answer:
        """202 and the job, which is tried again."""
        return self._job(self._find().enqueuer.retry(job_id)), 202

    def resolve(self, job_id: str) -> Answer:
        """200 and the job, no longer in doubt."""
        return self._job(self._find().enqueuer.resolve(job_id, _body()))

    @property
    def _accounts(self) -> Mapping[str, Account]:
        return self._find().accounts

    def _job(self, job: Job) -> Response:
        return jsonify(job_json(job, self._accounts))


def _is_dry_run() -> bool:
    given = request.args.get("dry_run", "false")
    if given not in ("true", "false"):
        raise InvalidRequest.of("dry_run", "must be one of true, false")
    return given == "true"


def _body() -> Any:
    return strict_json(read_body(MAX_BYTES))


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidRequest.of("Idempotency-Key", "must have 1 to 200 printable ASCII characters")
    return key


def _listing() -> tuple[Filter, int]:
    """Which jobs to list, and how many; every wrong parameter is named."""
    args, errors = request.args, list[FieldError]()
    enums: dict[str, list[str]] = {
        "status": [*Status],
        "kind": [*Kind],
        "double_payments": ["true", "false"],
    }
    for name, words in enums.items():
        if name in args and args[name] not in words:
            errors.append(FieldError(name, f"must be one of {', '.join(words)}"))
    limit = args.get("limit", str(PAGE))
    if not _WHOLE.fullmatch(limit) or not 1 <= int(limit) <= MAX_PAGE:
        errors.append(FieldError("limit", f"must be a whole number from 1 to {MAX_PAGE}"))
    if errors:
        raise InvalidRequest(errors)
    wanted = Filter(
        status=Status(args["status"]) if "status" in args else None,
        kind=Kind(args["kind"]) if "kind" in args else None,
        account=args.get("account"),
        batch_id=args.get("batch"),
        double_payments=args.get("double_payments") == "true",
    )
    return wanted, int(limit)


def _refuse_unknown(known: Collection[str]) -> None:
    """Every query parameter must be ``known``, once: a mistyped filter would filter nothing."""
    hint = suggestion if known else lambda *_: "this call takes none"
    errors = [
        FieldError(name, f"is not a query parameter here; {hint(name, known)}")
        if name not in known
        else FieldError(name, "is given twice")
        for name, values in request.args.lists()
        if name not in known or len(values) > 1
    ]
    if errors:
        raise InvalidRequest(errors)
