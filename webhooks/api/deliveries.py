"""Endpoints for deliveries."""

from webhooks.api.calls import Calls, in_path
from webhooks.context import Context
from worker.domain.requests.queries import DeliveriesQuery
from worker.services.reports.answers import Deliveries, Delivery
from worker.services.reports.listing import list_deliveries as listed

_ID = in_path("delivery_id", "Its id.", minLength=1, maxLength=200, pattern="^[^/]+$")
_ONE = "/v1/deliveries/<delivery_id>"

calls = Calls()


@calls.add("GET", "/v1/deliveries", {200: Deliveries}, query=DeliveriesQuery)
def list_deliveries(context: Context, query: DeliveriesQuery) -> Deliveries:
    """List notifications to callers' programs, newest first."""
    return Deliveries.model_validate(listed(context.desk.visible, query))


@calls.add("GET", _ONE, {200: Delivery}, parameters=(_ID,))
def show_delivery(context: Context, delivery_id: str) -> Delivery:
    """One delivery, with its last tries."""
    return Delivery.model_validate(context.desk.deliveries.find(delivery_id))


@calls.add("POST", f"{_ONE}/replay", {202: Delivery}, parameters=(_ID,), errors=(409,))
def replay_delivery(context: Context, delivery_id: str) -> Delivery:
    """Requeue a notification, even if it was delivered or is dead."""
    return Delivery.model_validate(context.desk.replay(delivery_id))
