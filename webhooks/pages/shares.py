"""One pipeline for somebody without a token: its pictures and their lineage, by a link that ends.

The link works while the API token that made it does, and shows what that one sees.
"""

from typing import Any

from flask import Response, request

from webhooks.api.scopes import NEEDS
from webhooks.pages import rendering
from webhooks.pages.pictures import sent
from webhooks.pages.registry import Pages
from webhooks.pages.shown import chosen, tree
from webhooks.pages.visits import Visit, Visitors
from worker.adapters.sessions import SHARE_S, Share
from worker.adapters.store.trees import Tree
from worker.domain.access import Caller
from worker.domain.errors import Forbidden, InvalidRequest, NotFound

_DAY_S = 86_400
#: For how many days a link may be made.
DAYS = (1, 7, SHARE_S // _DAY_S)
#: Jobs that are shown.
_MOST = 400
#: Seconds for which a browser may show a picture without asking again.
_KEPT_S = 3600

pages = Pages()


@pages.post("/pipelines/<job:pipeline_id>/share", "pipeline")
def share(visit: Visit, pipeline_id: str) -> Response:
    """Make a link that shows this pipeline to anybody, for some days."""
    days = request.form.get("days", "")
    if days not in map(str, DAYS):
        raise InvalidRequest.of("days", f"is one of {', '.join(map(str, DAYS))}")
    until = visit.services.clock() + int(days) * _DAY_S
    visit.desk.share(pipeline_id, until)
    visitors = visit.visitors
    token = visitors.sessions.share(Share(visit.session.digest, pipeline_id, until))
    link = f"{visitors.address()}/shared/{token}"
    part = request.headers.get("HX-Request") == "true"
    name = "share_part.html" if part else "share.html"
    return visit.page(name, link=link, until=until, pipeline_id=pipeline_id)


@pages.get("/shared/<token>", "")
def shared(visitors: Visitors, token: str) -> Response:
    """The pipeline of this link: pictures and lineage, nothing else."""
    place = f"/shared/{token}"
    of = tree(_found(visitors, token), {}, place)
    values: dict[str, Any] = {
        "tree": of,
        "one": chosen(of.jobs, request.args.get("job")),
        "place": place,
        "shared": True,
        "visit": None,
        "here": place,
    }
    answer = rendering.page("shared.html", values)
    # Its address is all that it takes to see it.
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@pages.get("/shared/<token>/<job:job_id>/<int:number>-<digest>", "")
def shared_picture(
    visitors: Visitors, token: str, job_id: str, number: int, digest: str
) -> Response:
    """A picture of the link's pipeline."""
    jobs = _found(visitors, token).jobs
    job = next((each for each in jobs if each.id == job_id), None)
    if job is None:
        raise NotFound("This link shows no such picture.")
    return sent(visitors.context.services.storage, job, number, digest, keep_s=_KEPT_S)


def _found(visitors: Visitors, token: str) -> Tree:
    """What the link shows. Raises ``NotFound``, whatever is wrong with it."""
    services = visitors.context.services
    share = visitors.sessions.read_share(token, services.clock())
    caller = visitors.holder_of(share.digest) if share else None
    found = list[Tree]()
    if share and caller and _may_read(caller):
        found = services.desk(caller).visible.trees([share.pipeline_id], _MOST)
    if found:
        return found[0]
    raise NotFound("This link is not valid, or not any more. Ask for another where you got it.")


def _may_read(caller: Caller) -> bool:
    try:
        NEEDS["pipeline"].check(caller)
    except Forbidden:
        return False
    return True
