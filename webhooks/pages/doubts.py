"""Doubts: jobs of which nobody knows yet whether they were accepted, and what settles each."""

from typing import Any

from flask import Response, request

from webhooks.pages.registry import Pages
from webhooks.pages.shown import doubt_prices
from webhooks.pages.visits import Visit
from worker.domain.requests.base import validate
from worker.domain.requests.queries import DoubtsQuery
from worker.services.reports.doubts import list_doubts

_PAGE = 20

pages = Pages()


@pages.get("/doubts", "list_doubts")
def doubts(visit: Visit) -> Response:
    """The newest doubts: their submits side by side, the evidence, and three ways out."""
    asked = {name: given for name in ("account", "cursor") if (given := request.args.get(name))}
    query = validate(DoubtsQuery, {**asked, "limit": _PAGE})
    services = visit.services
    found = list_doubts(services.orchestrator, visit.desk.visible, query)
    jobs = services.store.jobs.get_many([each.id for each in found.items])
    values: dict[str, Any] = {
        "found": found,
        "jobs": {job.id: job for job in jobs},
        "prices": {job.id: doubt_prices(job, services.accounts) for job in jobs},
    }
    return visit.page("doubts.html", now=services.clock(), **values)
