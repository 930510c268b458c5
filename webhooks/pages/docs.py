"""The API's own description, to read and to try. Its calls are made as who is signed in here."""

from flask import Response

from webhooks.api.openapi import openapi as described
from webhooks.pages.registry import Pages
from webhooks.pages.visits import Visit

pages = Pages()


@pages.get("/docs", "openapi")
def docs(visit: Visit) -> Response:
    """The OpenAPI document as a page."""
    return visit.page("docs.html")


@pages.get("/docs/openapi.json", "openapi", counted=False)
def docs_document(visit: Visit) -> Response:
    """The document itself, for the page."""
    return described(visit.visitors.context)
