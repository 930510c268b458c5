"""Errors as pages: what went wrong, field by field, and what to do next."""

from flask import Response, request

from webhooks.pages import rendering
from webhooks.problems import facts_of


def shown(error: Exception) -> Response:
    """The error as a page; as a part of one, where the browser asked for a part."""
    facts = facts_of(error)
    part = request.headers.get("HX-Request") == "true"
    values = {"facts": facts, "visit": None, "here": request.path}
    made = rendering.page("failure_part.html" if part else "failure.html", values, facts.status)
    made.headers.extend(facts.headers or {})
    if part:  # whatever it was to replace stays
        made.headers["HX-Retarget"], made.headers["HX-Reswap"] = "#messages", "innerHTML"
    return made
