"""The gallery: pipelines as trees, the newest first, and what changed in it since."""

from typing import Any

from flask import Response, request

from webhooks.api.index import answer_index
from webhooks.pages.cards import card_of, drawn
from webhooks.pages.registry import Pages
from webhooks.pages.rendering import HEADERS, HTML
from webhooks.pages.visits import Visit
from worker.domain.job import Status
from worker.domain.requests.base import validate
from worker.domain.requests.queries import JobsQuery
from worker.services.reports.gallery import newest, recent

#: Pipelines on one page: about three screens.
_PAGE = 24
#: New ones that one poll finds at most; the next one has the rest.
_NEW = 4
#: Seconds for which nobody else looks for them.
_LOOKED_S = 1.0
#: What a search may name; anything else in the URL is ignored.
_FIELDS = ("status", "account", "batch", "tenant", "metadata", "prompt")

pages = Pages()


@pages.get("/", "list_jobs", programs=answer_index)
def gallery(visit: Visit) -> Response:
    """The newest pipelines, or those that a search finds."""
    values = _found(visit)
    if request.headers.get("HX-Request"):
        return visit.page("gallery_more.html", **values)
    accounts = list(visit.services.accounts)
    return visit.page("gallery.html", statuses=list(Status), accounts=accounts, **values)


@pages.get("/live/gallery", "list_jobs", counted=False)
def live_gallery(visit: Visit) -> Response:
    """The cards that changed: of those in ``known`` (``id.version``), and new ones."""
    known = dict(
        each.split(".", 1) for each in request.args.get("known", "").split() if "." in each
    )
    new = [each for each in _newest(visit) if each not in known]
    versions = visit.services.store.trees.versions([*new, *known])
    changed = [name for name, version in versions.items() if str(version) != known.get(name)]
    cards = drawn(visit, {name: versions[name] for name in changed})
    return Response(cards, headers=HEADERS, content_type=HTML) if cards else Response(status=204)


def _newest(visit: Visit) -> list[str]:
    """The ids of the newest pipelines that the search wants; who else looks gets the same."""
    shared, key = visit.visitors.shared, ("newest", visit.caller.tenant, *_search().items())
    found: list[str] | None = shared.find(key)
    if found is None:
        found = shared.keep(key, newest(visit.desk.visible, _query(_NEW)), _LOOKED_S)
    return found


def _found(visit: Visit) -> dict[str, Any]:
    page = recent(visit.desk.visible, _query(_PAGE, request.args.get("cursor")))
    cards = [card_of(visit, each) for each in page.trees]
    return {
        "cards": cards,
        "cursor": page.cursor,
        "searched_to": page.searched_to,
        "search": _search(),
        "now": visit.services.clock(),
    }


def _query(limit: int, cursor: str | None = None) -> JobsQuery:
    asked: dict[str, Any] = {**_search(), "limit": limit}
    return validate(JobsQuery, {**asked, "cursor": cursor} if cursor else asked)


def _search() -> dict[str, str]:
    return {name: given for name in _FIELDS if (given := request.args.get(name, "").strip())}
