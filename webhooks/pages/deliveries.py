"""Deliveries: what callers' programs were notified of, each try's answer, and sending it again."""

from typing import Any

from flask import Response, request

from webhooks.pages.registry import Pages
from webhooks.pages.visits import Visit, back
from worker.domain.errors import Forbidden
from worker.domain.notifications import DeliveryState
from worker.domain.requests.base import validate
from worker.domain.requests.queries import DeliveriesQuery
from worker.services.reports.answers import Deliveries
from worker.services.reports.listing import list_deliveries

_PAGE = 50

pages = Pages()


@pages.get("/deliveries", "list_deliveries")
def deliveries(visit: Visit) -> Response:
    """The newest deliveries, all or in one state."""
    asked = {name: given for name in ("state", "cursor") if (given := request.args.get(name))}
    query = validate(DeliveriesQuery, {**asked, "limit": _PAGE})
    found = Deliveries.model_validate(list_deliveries(visit.desk.visible, query))
    values: dict[str, Any] = {"found": found, "state": query.state, "states": list(DeliveryState)}
    values["all_dead"] = query.state is DeliveryState.DEAD and visit.caller.tenant is None
    return visit.page("deliveries.html", now=visit.services.clock(), **values)


@pages.post("/deliveries/replay", "replay_delivery")
def replay_dead(visit: Visit) -> Response:
    """Send all that were given up again, the oldest first."""
    if visit.caller.tenant is not None:
        raise Forbidden("Only the operator sends all of them again.")
    for name in visit.desk.deliveries.dead():
        visit.desk.replay(name)
    return back("/deliveries")


@pages.post("/deliveries/<name>/replay", "replay_delivery")
def replay(visit: Visit, name: str) -> Response:
    """Send a notification again."""
    visit.desk.replay(name)
    return back("/deliveries")
