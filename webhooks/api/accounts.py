"""Endpoints for accounts, and for pausing."""

from webhooks.api.calls import Calls, in_path
from webhooks.context import Context
from worker.domain.job_spec import SUBMITTED_KINDS
from worker.services.reports.answers import Accounts, Paused
from worker.services.reports.overview import overview

_ACCOUNT = in_path("name", "The account's name.", minLength=1, maxLength=64, pattern="^[^/]+$")
_KIND = in_path("name", "A kind of job.", enum=[each.value for each in SUBMITTED_KINDS])

calls = Calls()


@calls.add("GET", "/v1/accounts", {200: Accounts})
def accounts(context: Context) -> Accounts:
    """The state of each account, and how its results arrive; for a tenant only its own money."""
    return overview(context.services.orchestrator, context.desk.caller)


@calls.add("POST", "/v1/accounts/<name>/pause", {200: Paused}, parameters=(_ACCOUNT,))
def pause_account(context: Context, name: str) -> Paused:
    """Start no job on the account; submitted ones go on."""
    return Paused(paused=context.desk.pause("account", name))


@calls.add("POST", "/v1/accounts/<name>/resume", {200: Paused}, parameters=(_ACCOUNT,))
def resume_account(context: Context, name: str) -> Paused:
    """Start jobs on the account again, even if it is closed or resting."""
    return Paused(paused=context.desk.resume("account", name))


@calls.add("POST", "/v1/kinds/<name>/pause", {200: Paused}, parameters=(_KIND,))
def pause_kind(context: Context, name: str) -> Paused:
    """Start no job of the kind."""
    return Paused(paused=context.desk.pause("kind", name))


@calls.add("POST", "/v1/kinds/<name>/resume", {200: Paused}, parameters=(_KIND,))
def resume_kind(context: Context, name: str) -> Paused:
    """Start jobs of the kind again."""
    return Paused(paused=context.desk.resume("kind", name))
