"""The endpoint for jobs in doubt."""

from webhooks.api.calls import Calls
from webhooks.context import Context
from worker.domain.requests.queries import DoubtsQuery
from worker.services.reports.answers import Doubts
from worker.services.reports.doubts import list_doubts as listed

calls = Calls()


@calls.add("GET", "/v1/doubts", {200: Doubts}, query=DoubtsQuery)
def list_doubts(context: Context, query: DoubtsQuery) -> Doubts:
    """List jobs in doubt, newest first: their submits, and what evidence there is."""
    return listed(context.services.orchestrator, context.desk.visible, query)
