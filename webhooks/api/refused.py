"""The endpoint for requests that were refused at the Celery door."""

from webhooks.api.calls import Calls
from webhooks.context import Context
from worker.domain.requests.queries import RefusedQuery
from worker.services.reports.answers import RefusedPage
from worker.services.reports.listing import list_refused as listed

calls = Calls()


@calls.add("GET", "/v1/refused", {200: RefusedPage}, query=RefusedQuery)
def list_refused(context: Context, query: RefusedQuery) -> RefusedPage:
    """List requests that were sent as Celery tasks and refused, newest first."""
    return RefusedPage.model_validate(listed(context.services.store, query))
