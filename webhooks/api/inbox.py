"""Endpoints for the inbox: what providers called back, and what became of it."""

from typing import Any

from webhooks.api.calls import Calls, in_path
from webhooks.context import Context
from webhooks.parsing import read_body, strict_json
from worker.domain.requests.base import validate
from worker.domain.requests.queries import InboxQuery
from worker.domain.requests.requests import Bind
from worker.services.reports.answers import InboxPage, WholeCallback
from worker.services.reports.inbox import whole
from worker.services.reports.listing import list_inbox as listed

_MAX_BYTES = 10_000
_ID = in_path("callback_id", "Its id.", minLength=1, maxLength=200, pattern="^[^/]+$")
_ONE = "/v1/callbacks/<callback_id>"

calls = Calls()


@calls.add("GET", "/v1/callbacks", {200: InboxPage}, query=InboxQuery)
def list_callbacks(context: Context, query: InboxQuery) -> InboxPage:
    """List what providers called back within the last days, newest first."""
    return InboxPage.of(listed(context.services.store, query))


@calls.add("GET", _ONE, {200: WholeCallback}, parameters=(_ID,))
def show_callback(context: Context, callback_id: str) -> WholeCallback:
    """One callback with its body, and the jobs to which it may belong."""
    return whole(context.services.orchestrator, context.desk.inbox.find(callback_id))


@calls.add(
    "POST", f"{_ONE}/bind", {200: WholeCallback}, body=Bind, parameters=(_ID,), errors=(409,)
)  # fmt: skip
def bind_callback(context: Context, callback_id: str) -> WholeCallback:
    """Bind a foreign callback to a job, which continues as if the callback had named it."""
    data: Any = strict_json(read_body(_MAX_BYTES))
    bound = context.desk.bind(callback_id, validate(Bind, data).job_id)
    return whole(context.services.orchestrator, bound)
