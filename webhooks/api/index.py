"""What is where, for programs and for people who typed the address."""

from importlib.metadata import version

from webhooks.api.calls import Calls
from webhooks.context import Context
from worker.services.reports.answers import Answer

calls = Calls()

_LINKS = {
    "api": "/v1",
    "openapi": "/v1/openapi.json",
    "jobs": "/v1/jobs",
    "batches": "/v1/batches",
    "accounts": "/v1/accounts",
    "health": "/healthz",
    "ready": "/readyz",
}


class Index(Answer):
    """What runs here, and where its parts are. Calls under `/v1` need an API token."""

    about: str
    version: str
    links: dict[str, str]


def index() -> Index:
    """The same at `/` and at `/v1`."""
    about = "Hookline runs paid, slow, asynchronous image jobs"
    return Index(about=about, version=version("hookline"), links=_LINKS)


@calls.add("GET", "/", {200: Index}, offline=True)
def root(_context: Context) -> Index:
    """What runs here, and where its parts are."""
    return index()


@calls.add("GET", "/v1", {200: Index}, offline=True)
def v1(_context: Context) -> Index:
    """The parts of the API."""
    return index()
