"""PURE. How values are written for people: statuses, amounts, times, what a job does."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from webhooks.pages.languages import gettext as _
from webhooks.pages.languages import ngettext
from worker.domain import money
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind
from worker.domain.printable import clean_line
from worker.domain.redaction import without_tokens
from worker.services.reports.answers.jobs import without_query

#: The colour that shows what a status means.
_TONES: Mapping[Status, str] = {
    Status.QUEUED: "waits",
    Status.SUBMITTING: "runs",
    Status.SUBMITTED: "runs",
    Status.IN_PROGRESS: "runs",
    Status.AWAITING_MODAL: "asks",
    Status.IN_DOUBT: "asks",
    Status.OVERDUE: "asks",
    Status.SUCCEEDED: "good",
    Status.FAILED: "bad",
    Status.TIMED_OUT: "bad",
    Status.CANCELLED: "gone",
}
#: With the look-behind a word is looked at once, not from each of its letters.
_LINK = re.compile(r"(?<!\w)\w+://\S+")
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def status(of: Status | str) -> str:
    """The status in words."""
    return {
        Status.QUEUED: _("queued"),
        Status.SUBMITTING: _("submitting"),
        Status.SUBMITTED: _("submitted"),
        Status.IN_PROGRESS: _("in progress"),
        Status.AWAITING_MODAL: _("needs an answer"),
        Status.IN_DOUBT: _("in doubt"),
        Status.OVERDUE: _("overdue"),
        Status.SUCCEEDED: _("succeeded"),
        Status.FAILED: _("failed"),
        Status.CANCELLED: _("cancelled"),
        Status.TIMED_OUT: _("timed out"),
    }[Status(of)]


def tone(of: Status | str) -> str:
    """What the status means: the name of its colour."""
    return _TONES[Status(of)]


def ago(seconds: float | None, now: float) -> str:
    """How long ago, in one unit."""
    if seconds is None:
        return ""
    past = max(0, round(now - seconds))
    if past < _MINUTE_S:
        return _("just now")
    if past < _HOUR_S:
        return ngettext("%(num)d min ago", "%(num)d min ago", past // _MINUTE_S) % {
            "num": past // _MINUTE_S
        }
    if past < _DAY_S:
        return ngettext("%(num)d h ago", "%(num)d h ago", past // _HOUR_S) % {
            "num": past // _HOUR_S
        }
    days = past // _DAY_S
    return ngettext("%(num)d day ago", "%(num)d days ago", days) % {"num": days}


def lasting(seconds: float | None) -> str:
    """A duration: ``0.4 s``, ``12 s``, ``3:05 min``, ``2:10 h``."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{int(seconds) // 60}:{int(seconds) % 60:02} min"
    return f"{int(seconds) // 3600}:{int(seconds) % 3600 // 60:02} h"


def moment(seconds: float | None) -> str:
    """A time in UTC, to the second; a script writes it as the browser's own."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%F %T")


def iso(seconds: float | None) -> str:
    """A time for ``<time datetime>``."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%FT%TZ")


def does(job: Job) -> str:
    """What the job does: its prompt, or the button that it presses."""
    request = job.request
    if job.kind is Kind.ACTION:
        return clean_line(str(request.get("button") or request.get("custom_id") or "action"))
    words = request.get("prompt") or request.get("choose") or request.get("action") or job.kind
    return clean_line(str(words))


def shareable(job: Job) -> str:
    """What the job does, without links and tokens: they may open what is not shared."""
    return without_tokens(_LINK.sub(_("[link]"), does(job)))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "status": status,
    "tone": tone,
    "ago": ago,
    "lasting": lasting,
    "moment": moment,
    "iso": iso,
    "does": does,
    "shareable": shareable,
    "money": money.in_words,
    "address": without_query,
}
