"""What is wrong here, and what to do about it: the page of `hookline doctor`."""

from typing import Any

from flask import Response

from webhooks.pages.registry import Pages
from webhooks.pages.visits import Visit, back

pages = Pages()


@pages.get("/doctor", "show_metrics")
def doctor(visit: Visit) -> Response:
    """The last examination; the first one begins when somebody looks."""
    if visit.services.rounds.latest() is None:
        visit.services.rounds.begin()
    return visit.page("doctor.html", **_values(visit))


@pages.get("/live/doctor", "show_metrics", counted=False)
def live_doctor(visit: Visit) -> Response:
    """Likewise, if more was found."""
    return visit.part("doctor_part.html", **_values(visit))


@pages.post("/doctor", "pause_account")
def examine(visit: Visit) -> Response:
    """Examine again, in the background."""
    visit.services.rounds.begin()
    return back("/doctor")


def _values(visit: Visit) -> dict[str, Any]:
    report, now = visit.services.rounds.latest(), visit.services.clock()
    return {"report": report, "runs": bool(report and report.runs(now)), "now": now}
