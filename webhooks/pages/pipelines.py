"""One pipeline: its pictures, why it waits, when what happened, and everything to do with it."""

import json
from typing import Any
from uuid import uuid4

from flask import Response, request

from webhooks.pages import spans
from webhooks.pages.cards import card_of
from webhooks.pages.job_form import data_url
from webhooks.pages.registry import Pages
from webhooks.pages.shares import DAYS
from webhooks.pages.shown import chosen, doubt_prices, priced, shown, tree
from webhooks.pages.visits import Visit, back
from worker.domain.errors import NotFound
from worker.domain.job import Job, Status
from worker.services.reports.answers import History as HistoryAnswer
from worker.services.reports.answers import Job as JobAnswer
from worker.services.reports.gallery import SHOWN
from worker.services.reports.history import histories
from worker.services.reports.waits import waiting_for

#: Jobs of one pipeline that its page shows; the largest seen had about a hundred.
_MOST = 400
#: Seconds after which an open pipeline is drawn again though nothing was committed: what it waits
#: for may have changed.
_AGAIN_S = 10
#: Bytes of a form with a mask.
_MASK_FORM = 8 * 1024 * 1024
#: What a retry is for, and what can be cancelled.
RETRIED = frozenset({Status.FAILED, Status.TIMED_OUT, Status.CANCELLED})

pages = Pages()


@pages.get("/pipelines/<job:pipeline_id>", "pipeline")
def pipeline(visit: Visit, pipeline_id: str) -> Response:
    """The pipeline, with one of its jobs chosen: `job` in the URL, else the root."""
    return visit.page("pipeline.html", **_values(visit, pipeline_id, request.args.get("job")))


@pages.get("/jobs/<job:job_id>", "show")
def job(visit: Visit, job_id: str) -> Response:
    """To the job in its pipeline."""
    return back(_place(visit.desk.visible.job(job_id)))


@pages.get("/jobs/<job:job_id>/history", "show_history")
def job_history(visit: Visit, job_id: str) -> Response:
    """What happened to the job, with what the provider said, and its whole record."""
    one = visit.desk.visible.job(job_id)
    found = histories(visit.desk.visible, [one])[one.id]
    part = request.headers.get("HX-Request") == "true"
    return visit.page(
        "history_part.html" if part else "history.html",
        job=one,
        history=HistoryAnswer.of(one.id, found),
        record=_record(one, visit.services.accounts),
    )


@pages.get("/live/pipelines/<job:pipeline_id>", "pipeline", counted=False)
def live_pipeline(visit: Visit, pipeline_id: str) -> Response:
    """What the page has of the pipeline, if it changed."""
    visit.desk.visible.job(pipeline_id)  # that another's changed is not told either
    version = visit.services.store.trees.versions([pipeline_id])[pipeline_id]
    moment = int(visit.services.clock() // _AGAIN_S)
    given = request.headers.get("If-None-Match", "")
    if given in (f'"{version}.over"', f'"{version}.{moment}"'):
        return Response(status=304)
    values = _values(visit, pipeline_id, request.args.get("job"))
    answer = visit.page("pipeline_part.html", **values)
    answer.headers["ETag"] = f'"{version}.{moment if values["tree"].open else "over"}"'
    return answer


@pages.get("/jobs/<job:job_id>/region", "press")
def region(visit: Visit, job_id: str) -> Response:
    """Where the picture is to change: a mask is drawn on it and sent with the button."""
    one = shown(visit.desk.visible.job(job_id), visit.services.accounts)
    found = [each for each in priced(one.job, visit.services.accounts) if each.region]
    if not found or one.picture is None:
        raise NotFound("This job has no picture with a button for a region.")
    return visit.page("region.html", one=one, button=found[0], key=uuid4().hex)


@pages.post("/jobs/<job:job_id>/press", "press", limit=_MASK_FORM)
def press(visit: Visit, job_id: str) -> Response:
    """Press a button; the form's key makes a repeat harmless."""
    asked: dict[str, Any] = {"button": request.form.get("button", "")}
    if modal := _window_answer():
        asked["modal"] = modal
    [child, *_] = visit.desk.enqueuer.press(job_id, asked, key=request.form.get("key"))
    if request.form.get("from") == "gallery":
        return _as_card(visit, child)
    return _changed(visit, child)


def _window_answer() -> dict[str, str]:
    """What a button's window is answered with, if it opens one."""
    found = {name: given for name in ("prompt", "mask") if (given := request.form.get(name))}
    file = request.files.get("mask_file")
    if file and file.filename:
        found["mask"] = data_url(file.read(), "image/png")
    return found


@pages.post("/jobs/<job:job_id>/cancel", "cancel")
def cancel(visit: Visit, job_id: str) -> Response:
    """Cancel the job."""
    return _changed(visit, visit.desk.cancel(job_id))


@pages.post("/jobs/<job:job_id>/retry", "retry")
def retry(visit: Visit, job_id: str) -> Response:
    """Try the job again."""
    return _changed(visit, visit.desk.retry(job_id))


@pages.post("/jobs/<job:job_id>/files", "fetch_assets")
def fetch(visit: Visit, job_id: str) -> Response:
    """Store its files again."""
    return _changed(visit, visit.desk.fetch_assets(job_id))


@pages.post("/jobs/<job:job_id>/resolve", "resolve")
def resolve(visit: Visit, job_id: str) -> Response:
    """Say what became of a submit in doubt."""
    asked = {"outcome": request.form.get("outcome", "")}
    if task_id := request.form.get("task_id", "").strip():
        asked["task_id"] = task_id
    return _changed(visit, visit.desk.resolve(job_id, asked))


@pages.post("/jobs/<job:job_id>/answer", "create")
def answer(visit: Visit, job_id: str) -> Response:
    """Answer the job's window."""
    asked = {"kind": "modal", "job_id": job_id, "prompt": request.form.get("prompt", "")}
    return _changed(visit, visit.desk.enqueuer.submit(asked)[0])


def _changed(visit: Visit, one: Job) -> Response:
    """The page with this job chosen, or the part of it that changed."""
    if not request.headers.get("HX-Request"):
        return back(_place(one))
    made = visit.page("pipeline_part.html", **_values(visit, one.spec.pipeline_id, one.id))
    made.headers["HX-Push-Url"] = _place(one)
    return made


def _as_card(visit: Visit, one: Job) -> Response:
    found = visit.desk.visible.trees([one.spec.pipeline_id], SHOWN)
    cards = [card_of(visit, each) for each in found]
    return visit.page("gallery_cards.html", cards=cards, now=visit.services.clock())


def _place(one: Job) -> str:
    return f"/pipelines/{one.spec.pipeline_id}?job={one.id}"


def _values(visit: Visit, pipeline_id: str, wanted: str | None) -> dict[str, Any]:
    services, now = visit.services, visit.services.clock()
    found = visit.desk.visible.trees([pipeline_id], _MOST)
    if not found:
        raise NotFound(f"There is no pipeline {pipeline_id!r}.")
    of, jobs = tree(found[0], services.accounts), found[0].jobs
    one = chosen(of.jobs, wanted)
    can = _can(visit, one.job)
    return {
        "tree": of,
        "one": one,
        "place": f"/pipelines/{of.id}",
        "shared": False,
        "days": DAYS,
        "now": now,
        "waiting": waiting_for(visit.caller, services.orchestrator, one.job, services.roster),
        "buttons": priced(one.job, services.accounts),
        "bars": spans.bars(
            [each.job for each in of.jobs], histories(visit.desk.visible, jobs), now
        ),
        "phases": spans.phases(),
        "can": can,
        "prices": doubt_prices(one.job, services.accounts) if can["resolve"] else None,
        "key": uuid4().hex,
    }


def _can(visit: Visit, one: Job) -> dict[str, bool]:
    """What the caller may do with the job now."""
    over, files = one.status.terminal, one.result.image_urls or one.result.image_url
    return {
        "press": visit.may("press") and one.status is Status.SUCCEEDED,
        "cancel": visit.may("cancel") and not over,
        "retry": visit.may("retry") and one.status in RETRIED and not one.draining,
        "resolve": visit.may("resolve") and one.status is Status.IN_DOUBT,
        "answer": visit.may("create") and one.status is Status.AWAITING_MODAL,
        "again": visit.may("create"),
        "fetch": visit.may("fetch_assets") and one.status is Status.SUCCEEDED and bool(files),
    }


def _record(one: Job, accounts: Any) -> str:
    """The job as `/v1` shows it."""
    return json.dumps(JobAnswer.of(one, accounts).to_dict(), indent=2, ensure_ascii=False)
