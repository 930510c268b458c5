"""Accounts: what each takes, how its results arrive, its money, and pausing it."""

from typing import Any

from flask import Response

from webhooks.pages.registry import Pages
from webhooks.pages.visits import Visit, back
from worker.domain.errors import NotFound
from worker.domain.history.words import in_words
from worker.services.reports.last_replies import last_replies
from worker.services.reports.overview import overview

pages = Pages()


@pages.get("/accounts", "accounts")
def accounts(visit: Visit) -> Response:
    """All accounts; for a tenant only its own money."""
    return visit.page("accounts.html", **_values(visit))


@pages.get("/live/accounts", "accounts", counted=False)
def live_accounts(visit: Visit) -> Response:
    """Likewise, if they changed."""
    return visit.part("accounts_part.html", **_values(visit))


@pages.get("/accounts/<name>", "accounts")
def account(visit: Visit, name: str) -> Response:
    """What the account's provider answered last, about the caller's own jobs."""
    if name not in visit.services.accounts:
        raise NotFound(f"There is no account {name!r}.")
    replies = last_replies(visit.desk.visible, name)
    return visit.page("account.html", account=name, replies=replies, in_words=in_words)


@pages.post("/accounts/<name>/pause", "pause_account")
def pause_account(visit: Visit, name: str) -> Response:
    """Start no job on the account."""
    visit.desk.pause("account", name)
    return back("/accounts")


@pages.post("/accounts/<name>/resume", "resume_account")
def resume_account(visit: Visit, name: str) -> Response:
    """Start jobs on the account again."""
    visit.desk.resume("account", name)
    return back("/accounts")


def _values(visit: Visit) -> dict[str, Any]:
    services = visit.services
    shown = overview(services.orchestrator, visit.caller)
    problems = services.roster.problems() if visit.caller.tenant is None else []
    return {"shown": shown, "problems": problems, "now": services.clock()}
