"""The gallery: pipelines as trees, the newest first, and what changed in it since."""

from typing import Any

from flask import Response, request

from webhooks.api.index import answer_index
from webhooks.pages.cards import card_of
from webhooks.pages.registry import Pages
from webhooks.pages.visits import Visit
from worker.domain.job import Status
from worker.domain.requests.base import validate
from worker.domain.requests.queries import JobsQuery
from worker.services.reports.gallery import SHOWN, newest, recent

#: Pipelines on one page: about three screens.
_PAGE = 24
#: New ones that one poll finds at most; the next one has the rest.
_NEW = 4
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
    versions = visit.services.store.trees.versions(list(known))
    changed = [name for name, version in versions.items() if str(version) != known[name]]
    visible = visit.desk.visible
    new = [each for each in newest(visible, _query(_NEW)) if each not in known]
    if not (new or changed):
        return Response(status=204)
    trees = visible.trees([*new, *changed], SHOWN)
    cards = [card_of(visit, each) for each in trees]
    return visit.page("gallery_cards.html", cards=cards, now=visit.services.clock())


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
