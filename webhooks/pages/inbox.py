"""The inbox: what providers called back, what became of it, and binding a stray one to its job."""

import json
from typing import Any

from flask import Response, request

from webhooks.pages.registry import Pages
from webhooks.pages.visits import Visit, back
from worker.domain.inbox import CallbackVerdict
from worker.domain.job_ids import plain_id
from worker.domain.requests.base import validate
from worker.domain.requests.queries import InboxQuery
from worker.domain.requests.requests import Bind
from worker.services.reports.answers import InboxPage
from worker.services.reports.inbox import whole
from worker.services.reports.listing import list_inbox

_PAGE = 50

pages = Pages()


@pages.get("/inbox", "list_callbacks")
def inbox(visit: Visit) -> Response:
    """The callbacks of the last days, all or of one verdict."""
    return visit.page("inbox.html", verdicts=list(CallbackVerdict), **_values(visit))


@pages.get("/live/inbox", "list_callbacks", counted=False)
def live_inbox(visit: Visit) -> Response:
    """Likewise, if there are others."""
    return visit.part("inbox_part.html", **_values(visit))


@pages.get("/inbox/<name>", "show_callback")
def show_callback(visit: Visit, name: str) -> Response:
    """A callback with its body; a stray one with the jobs to which it may belong."""
    one = whole(visit.services.orchestrator, visit.desk.inbox.find(name))
    jobs = {each.job: visit.desk.visible.find(each.job) for each in one.suggestions}
    return visit.page(
        "callback.html", one=one, jobs=jobs, body=_readable(one.body), now=visit.services.clock()
    )


@pages.post("/inbox/<name>/bind", "bind_callback")
def bind(visit: Visit, name: str) -> Response:
    """Give a stray callback to a job, and go there."""
    asked = validate(Bind, {"job_id": plain_id(request.form.get("job_id", "").strip())})
    visit.desk.bind(name, asked.job_id)
    return back(f"/jobs/{asked.job_id}")


def _values(visit: Visit) -> dict[str, Any]:
    asked = {name: given for name in ("verdict", "cursor") if (given := request.args.get(name))}
    query = validate(InboxQuery, {**asked, "limit": _PAGE})
    return {
        "found": InboxPage.of(list_inbox(visit.services.store, query)),
        "verdict": query.verdict,
        "first": query.cursor is None,
        "now": visit.services.clock(),
    }


def _readable(body: str) -> str:
    """The body by lines, if it is JSON."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body
