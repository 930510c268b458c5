"""The calls under ``/v1/deliveries``: what callers were told, and what could not be told."""

from collections.abc import Callable, Mapping

from flask import Flask, Response, jsonify, request

from webhooks.parsing import whole_parameter
from worker.bootstrap import Services
from worker.domain.errors import InvalidRequest
from worker.domain.notifications import State
from worker.services.reports.present import deliveries_json, delivery_json

#: The query parameters of the views that take any.
PARAMETERS: Mapping[str, tuple[str, ...]] = {"list_deliveries": ("state", "limit", "cursor")}

#: How many deliveries a page may have, and has.
MAX_PAGE, PAGE = 200, 50

Answer = Response | tuple[Response, int]


class DeliveryCalls:
    """The views."""

    def __init__(self, find: Callable[[], Services]) -> None:
        self._find = find

    def add_to(self, app: Flask) -> None:
        """Put the calls into ``app``."""
        one = "/v1/deliveries/<delivery_id>"
        for rule, method, view in (
            ("/v1/deliveries", "GET", self.list_deliveries),
            (one, "GET", self.show_delivery),
            (f"{one}/replay", "POST", self.replay_delivery),
        ):
            app.add_url_rule(rule, view.__name__, view, methods=[method])

    def list_deliveries(self) -> Answer:
        """A page of deliveries, newest first."""
        state, states = request.args.get("state"), [*State]
        if state is not None and state not in states:
            raise InvalidRequest.of("state", f"must be one of {', '.join(states)}")
        wanted = None if state is None else State(state)
        limit, cursor = whole_parameter("limit", PAGE, MAX_PAGE), request.args.get("cursor")
        page = self._find().store.outbox.page(wanted, limit, cursor)
        return jsonify(deliveries_json(page))

    def show_delivery(self, delivery_id: str) -> Answer:
        """One delivery, with its last tries."""
        return jsonify(delivery_json(self._find().deliveries.find(delivery_id)))

    def replay_delivery(self, delivery_id: str) -> Answer:
        """202 and the delivery, which waits to be sent once more."""
        return jsonify(delivery_json(self._find().deliveries.replay(delivery_id))), 202
