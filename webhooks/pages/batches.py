"""Batches: the list, one with its contact sheet, a new one from a file, and steering them."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from flask import Response, request

from webhooks.api.batches import TYPES, in_pieces
from webhooks.pages.cards import card_of
from webhooks.pages.registry import Pages
from webhooks.pages.visits import Visit, back
from webhooks.problems import facts_of
from worker.domain import numerals
from worker.domain.batch import manifest as manifests
from worker.domain.batch.progress import Progress, whole
from worker.domain.batch.records import Form
from worker.domain.batch.request import BatchRequest
from worker.domain.errors import InvalidRequest
from worker.domain.job import Status
from worker.domain.requests.base import validate
from worker.domain.requests.steps import parse_then_shorthand
from worker.services.reports.answers import Batch, ListedBatch
from worker.services.reports.batch_overview import report, reports, why_waiting
from worker.services.reports.gallery import SHOWN

#: Batches of the list, and pipelines of one part of a contact sheet.
_LISTED, _SHEET = 50, 48
#: Bytes of a file that a browser sends; larger ones go through `/v1/batches` or the command line.
_MAX_FILE = 16 * 1024 * 1024
#: Bytes of a file that the form shows again after a check, and rows of it that are shown.
_SHOWN_AGAIN, _FIRST_ROWS = 64 * 1024, 8
#: Seconds of work before a rate says anything.
_LEAST_S = 5.0

pages = Pages()


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a batch moves, on average since it began."""

    per_minute: float
    left_s: float | None  #: until all that is planned is over


@pages.get("/batches", "list_batches")
def batches(visit: Visit) -> Response:
    """The newest batches."""
    return visit.page("batches.html", **_list(visit))


@pages.get("/live/batches", "list_batches", counted=False)
def live_batches(visit: Visit) -> Response:
    """Likewise, if they changed."""
    return visit.part("batches_part.html", **_list(visit))


@pages.get("/batches/new", "create_batch")
def new_batch(visit: Visit) -> Response:
    """The form for a file."""
    return _form(visit, {"format": Form.LINES.value})


@pages.post("/batches/new", "create_batch", limit=_MAX_FILE)
def create_batch(visit: Visit) -> Response:
    """Check the file, or submit it."""
    form, data = request.form.to_dict(), _data()
    try:
        asked = _asked(form)
        if form.get("do") != "submit":
            found = whole(visit.desk.batches.check(asked, [data]))
            return _form(visit, form, data, progress=found)
        taken = whole(visit.desk.batches.submit(asked, [data]))
    except InvalidRequest as error:
        return _form(visit, form, data, failure=facts_of(error), status=400)
    return back(f"/batches/{taken.batch_id}")


@pages.get("/batches/<name>", "show_batch")
def batch(visit: Visit, name: str) -> Response:
    """One batch, with its contact sheet."""
    found = visit.desk.batches.find(name)
    start = request.args.get("start", "0")
    first = max(0, int(start)) if numerals.is_whole(start) else 0
    roots = visit.services.store.batches.roots(found.id, first, _SHEET)
    trees = visit.desk.visible.trees([root.id for root in roots], SHOWN)
    sheet: dict[str, Any] = {
        "cards": [card_of(visit, each) for each in trees],
        "more": f"/batches/{found.id}?start={first + _SHEET}" if len(roots) == _SHEET else None,
        "now": visit.services.clock(),
    }
    if request.headers.get("HX-Request"):
        return visit.page("sheet.html", **sheet)
    return visit.page("batch.html", **sheet, **_one(visit, found))


@pages.get("/live/batches/<name>", "show_batch", counted=False)
def live_batch(visit: Visit, name: str) -> Response:
    """Its figures, if they changed."""
    return visit.part("batch_part.html", **_one(visit, visit.desk.batches.find(name)))


@pages.post("/batches/<name>/cancel", "cancel_batch")
def cancel_batch(visit: Visit, name: str) -> Response:
    """Cancel all of its jobs that are not over."""
    found = visit.desk.batches.find(name)
    visit.desk.cancel_batch(found)
    return back(f"/batches/{found.id}")


@pages.post("/batches/<name>/retry", "retry_batch")
def retry_batch(visit: Visit, name: str) -> Response:
    """Retry its jobs that failed or timed out."""
    found = visit.desk.batches.find(name)
    visit.desk.retry_batch(found)
    return back(f"/batches/{found.id}")


@pages.post("/batches/<name>/pause", "pause_batch")
def pause_batch(visit: Visit, name: str) -> Response:
    """Start none of its jobs."""
    found = visit.desk.batches.find(name)
    visit.desk.pause_batch(found)
    return back(f"/batches/{found.id}")


@pages.post("/batches/<name>/resume", "resume_batch")
def resume_batch(visit: Visit, name: str) -> Response:
    """Start its jobs again."""
    found = visit.desk.batches.find(name)
    visit.desk.resume_batch(found)
    return back(f"/batches/{found.id}")


@pages.get("/batches/<name>/manifest", "manifest")
def batch_manifest(visit: Visit, name: str) -> Response:
    """A line per job, as a file."""
    found = visit.desk.batches.find(name)
    form = manifests.Form.CSV
    jobs, locate = visit.desk.batches.jobs(found), visit.services.storage.result_location
    made = Response(in_pieces(manifests.manifest(jobs, form, locate)), content_type=TYPES[form])
    made.headers["Content-Disposition"] = f'attachment; filename="{found.id}.csv"'
    return made


def _list(visit: Visit) -> dict[str, Any]:
    found = visit.desk.visible.batches(_LISTED)
    return {
        "batches": [(each, shares(each)) for each in reports(visit.desk.visible.store, found)],
        "now": visit.services.clock(),
    }


def _one(visit: Visit, found: Any) -> dict[str, Any]:
    shown: Batch = report(visit.services.store, found)
    waiting = why_waiting(visit.services.orchestrator, shown) if not visit.caller.tenant else None
    return {
        "batch": shown,
        "shares": shares(shown),
        "pace": pace(shown, visit.services.clock()),
        "waiting": waiting,
        "reasons": sorted(shown.errors.items(), key=lambda item: -item[1]),
    }


def shares(of: ListedBatch) -> list[tuple[Status, int, int, int]]:
    """Each status that its jobs have, with their number, and their place in thousandths."""
    found, start = list[tuple[Status, int, int, int]](), 0
    for status in (Status.SUCCEEDED, *(s for s in reversed(Status) if s is not Status.SUCCEEDED)):
        if count := of.count(status):
            length = max(3, round(1000 * count / max(1, of.planned)))
            found.append((status, count, start, length))
            start += length
    return found


def pace(of: ListedBatch, now: float) -> Pace | None:
    """How fast it moves; None while nothing is over, or if all is."""
    elapsed = now - of.created_at
    if not of.over or of.status != "running" or elapsed < _LEAST_S:
        return None
    per_s = of.over / elapsed
    return Pace(per_s * 60, (of.planned - of.over) / per_s)


def _asked(form: dict[str, str]) -> BatchRequest:
    """Raises ``InvalidRequest``."""
    asked: dict[str, Any] = {"name": form.get("name", "").strip(), "form": form.get("format")}
    if then := form.get("then", "").strip():
        asked["defaults"] = {"then": parse_then_shorthand(then)}
    if budget := form.get("budget", "").strip():
        if not numerals.is_decimal(budget):
            raise InvalidRequest.of("budget", "must be a number of units")
        asked["budget"] = float(budget)
    return validate(BatchRequest, asked)


def _data() -> bytes:
    """The chosen file, else what was typed."""
    file = request.files.get("file")
    typed = request.form.get("rows", "").replace("\r\n", "\n").encode()
    return file.read() if file and file.filename else typed


def _form(
    visit: Visit,
    form: dict[str, str],
    data: bytes = b"",
    *,
    progress: Progress | None = None,
    failure: Any = None,
    status: int = 200,
) -> Response:
    text = data.decode(errors="replace") if len(data) <= _SHOWN_AGAIN else ""
    return visit.page(
        "new_batch.html",
        status,
        form={**form, "rows": text},
        formats=list(Form),
        first=list(_first(data.decode(errors="replace").splitlines())),
        progress=progress,
        failure=failure,
    )


def _first(lines: Iterable[str]) -> Iterable[str]:
    return islice((line for line in lines if line.strip()), _FIRST_ROWS)
