"""A new job: its form beside the same request as JSON, curl and Python, with its tree and price."""

from typing import Any
from uuid import uuid4

from flask import Response, request

from webhooks.api.jobs import MAX_BYTES
from webhooks.pages import job_form
from webhooks.pages.registry import Pages
from webhooks.pages.visits import Visit, back
from webhooks.problems import facts_of
from worker.domain import numerals
from worker.domain.errors import InvalidRequest

#: Where a picture is not sent with a preview, this many at most are counted.
_MOST_PICTURES = 20

pages = Pages()


@pages.get("/new", "create")
def new_job(visit: Visit) -> Response:
    """The form, empty or as it would submit the job `from` again."""
    form = {"as": "form", "kind": "imagine"}
    if earlier := request.args.get("from"):
        form |= job_form.form_of(visit.desk.visible.job(earlier))
    return _page(visit, form, _preview(visit, form, []) if earlier else _nothing())


@pages.post("/new/preview", "create", counted=False)
def preview(visit: Visit) -> Response:
    """What the form would submit, and what it would cost."""
    form = request.form.to_dict()
    chosen = form.get("chosen", "0")
    count = min(_MOST_PICTURES, int(chosen)) if numerals.is_whole(chosen) else 0
    return visit.page("new_preview.html", **_preview(visit, form, [job_form.STAND_IN] * count))


@pages.post("/new", "create", limit=MAX_BYTES)
def submit(visit: Visit) -> Response:
    """Submit the form; its key makes a repeat harmless."""
    form = request.form.to_dict()
    try:
        asked = job_form.request_of(form, _chosen())
        job, _ = visit.desk.enqueuer.submit(asked, key=form.get("key"))
    except InvalidRequest as error:
        return _page(visit, form, {**_nothing(), "failure": facts_of(error)}, 400)
    return back(f"/pipelines/{job.spec.pipeline_id}?job={job.id}")


def _chosen() -> list[str]:
    files = (each for each in request.files.getlist("pictures") if each.filename)
    return [job_form.data_url(each.read(), each.mimetype) for each in files]


def _page(visit: Visit, form: dict[str, str], found: dict[str, Any], status: int = 200) -> Response:
    return visit.page(
        "new.html",
        status,
        form=form,
        kinds=job_form.KINDS,
        accounts=list(visit.services.accounts),
        key=uuid4().hex,
        **found,
    )


def _nothing() -> dict[str, Any]:
    return {"asked": None, "quote": None, "failure": None}


def _preview(visit: Visit, form: dict[str, str], pictures: list[str]) -> dict[str, Any]:
    found = _nothing()
    try:
        asked = job_form.request_of(form, pictures)
        short = job_form.shortened(asked)
        found["asked"] = {
            "json": job_form.written(short),
            "curl": job_form.as_curl(asked, request.host_url.rstrip("/")),
            "python": job_form.as_python(asked),
        }
        found["quote"] = visit.desk.enqueuer.quote(asked)
    except InvalidRequest as error:
        found["failure"] = facts_of(error)
    return found
