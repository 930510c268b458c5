"""The endpoint that Prometheus scrapes. Any web process tells the whole truth."""

from flask import Response, request

from webhooks.api.calls import Calls
from webhooks.context import Context
from worker.adapters.exposition import exposition
from worker.services.reports.metrics import measured

calls = Calls()


@calls.add("GET", "/metrics", {200: {"type": "string"}}, answer_types=("text/plain",))
def show_metrics(context: Context) -> Response:
    """The metrics, as text for Prometheus; docs/metrics.md lists them."""
    services = context.services
    found = measured(services.orchestrator, services.roster)
    text, content_type = exposition(found, request.headers.get("Accept", ""))
    return Response(text, content_type=content_type)
