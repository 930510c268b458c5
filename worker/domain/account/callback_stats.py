"""PURE. How an account calls back, learnt from counting; and the polling that follows from it.

Some providers call back about every change, some strip the hook, some finish upscales within the
submit and never call back about those. There is no way to ask them which they do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from worker.domain.account.parent_lag import NO_LAG, ParentLag
from worker.domain.account.task_list import History
from worker.domain.events import Policy
from worker.domain.job import Job
from worker.domain.job_spec import Kind
from worker.domain.presence import Presence
from worker.domain.retry_policy import look_after

#: After this many polled ends in a row, callbacks count as not arriving.
_SILENT_ENDS = 3
#: From this share of polled ends on, an account is mixed.
_MIXED_SHARE = 0.05
#: Proxies that store a task before they answer its submit: one that they do not know is gone.
_STORES_FIRST = frozenset({"novicezk", "trueai"})
#: Such a task counts as lost after this many seconds, and three looks.
_GONE_AFTER_S = 6.0
#: How long a task runs at most while nothing was measured, in seconds.
_PICTURE_S = 180.0
_FILM_S = 900.0
#: Polling may notice the end of a task so much later than usual.
_NOTICED_S = 10.0
#: Some providers finish picking an image of a grid at once, unlike all other buttons, such as a
#: real upscale (``::upsample_v6_2x_subtle::``).
_PICK = "::upsample::"
_PICKS = frozenset({"U1", "U2", "U3", "U4"})  #: by name, on providers without buttons


class Source(StrEnum):
    """How a committed change was learnt."""

    CALLBACK = "callback"  #: matched by the URL's token
    CALLBACK_WITH_STATE = "callback_with_state"  #: with our ``state`` in the body
    ASKED = "asked"  #: the end, by polling


@dataclass(frozen=True, slots=True)
class Sample:
    """What a commit shows about its account's callbacks."""

    how: Source
    at: float  #: seconds since the epoch
    sort: str  #: of the job, see ``sort_of``
    ended: bool = False  #: whether it reported the task's end
    lag_s: float | None = None  #: since the previous report about the same job
    took_s: float | None = None  #: of a success: since its POST left


@dataclass(frozen=True, slots=True)
class CallbackStats:
    """How an account has reported its tasks so far."""

    callbacks: int = 0  #: that were applied
    with_state: int = 0  #: of them, those that carried our ``state``
    told: int = 0  #: ends reported by callback
    asked: int = 0  #: ends found by polling
    silent: int = 0  #: of them, those since the last callback
    recent: str = ""  #: the last ten ends, oldest first: ``t`` told, ``a`` asked for
    by_sort: Mapping[str, int] = field(default_factory=dict)  #: callbacks by sort of job
    lag_s: float | None = None  #: mean time between two reports about one job
    lag_deviation_s: float = 0.0
    called_back_at: float | None = None
    presence: Presence | None = None  #: what proofs show of the way to us; None: none is sent
    dialect: str | None = None  #: as detected from its replies
    parent_lag: ParentLag = NO_LAG
    #: Whether it came to know a task again that it had called unknown, like two servers in turn.
    came_back: bool = False
    #: Seconds from a POST to its task's success, by sort of job: their mean and deviation.
    took_s: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    task_list: History = field(default_factory=History)


class TrackingMode(StrEnum):
    """How an account's jobs are tracked."""

    CALLBACKS = "callbacks"
    MIXED = "mixed"
    POLLING = "polling"


def tracking_mode(stats: CallbackStats, *, hooked: bool) -> tuple[TrackingMode, str]:
    """The account's tracking mode, and the reason. ``hooked``: submits carry our callback URL."""
    told, asked, of = _recent_ends(stats)
    if not hooked:
        return TrackingMode.POLLING, "no public URL is set, so submits carry no hook"
    if stats.silent >= _SILENT_ENDS:
        came = "callbacks stopped" if stats.callbacks else "no callback ever came"
        return TrackingMode.POLLING, f"{came}: the last {stats.silent} ends had to be asked for"
    if not stats.callbacks:
        return TrackingMode.MIXED, "nothing is known yet: it is asked, and listened to"
    if asked and asked / (told + asked) >= _MIXED_SHARE:
        return TrackingMode.MIXED, f"{asked} of {of} ends had to be asked for"
    return TrackingMode.CALLBACKS, f"{told} of {of} ends were told by callback"


def _recent_ends(stats: CallbackStats) -> tuple[int, int, str]:
    """Those told, those asked for, and all of them in words; every end, where none is recent."""
    if not stats.recent:
        return stats.told, stats.asked, str(stats.told + stats.asked)
    asked = stats.recent.count("a")
    return len(stats.recent) - asked, asked, f"the last {len(stats.recent)}"


def flow(stats: CallbackStats, *, hooked: bool) -> bool | None:
    """Whether callbacks arrive; None while that is unknown."""
    if tracking_mode(stats, hooked=hooked)[0] is TrackingMode.POLLING:
        return False
    return True if stats.callbacks else None


def policy_for(
    sort: str, rules: Policy, stats: CallbackStats, *, hooked: bool, dialect: str | None = None
) -> Policy:
    """``rules``, completed with what is known of the account and its callbacks about such jobs.

    ``sort``: see ``sort_of``.
    ``dialect``: as set; None: as detected.
    """
    flows, calls_back = flow(stats, hooked=hooked), bool(stats.by_sort.get(sort))
    lag_s = None if stats.lag_s is None else stats.lag_s + 4 * stats.lag_deviation_s
    first_look_s = rules.first_look_s
    if flows and calls_back:  # then none is over at once and in silence
        first_look_s = look_after(0.0, 0.0, callbacks_flow=True, lag_s=lag_s)
    stores_first = (dialect or stats.dialect) in _STORES_FIRST and not stats.came_back
    lost_after_s = min(_GONE_AFTER_S, rules.lost_after_s) if stores_first else rules.lost_after_s
    return replace(
        rules,
        first_look_s=first_look_s,
        stores_first=stores_first,
        lost_after_s=lost_after_s,
        parent_lag=stats.parent_lag,
        callbacks_flow=flows,
        calls_back=calls_back,
        lag_s=lag_s,
        called_back_at=stats.called_back_at,
        presence=stats.presence,
        runs_for_s=runs_for_s(stats, sort),
    )


def runs_for_s(stats: CallbackStats, sort: str) -> float:
    """How long a task of this sort runs at most, plausibly, counted from its POST.

    As measured, with room for its end to be noticed by polling; a sort that has not succeeded yet
    counts as an imagine. If it runs for longer, the account runs one task too many for a while.
    """
    like = "imagine" if sort != Kind.VIDEO else sort
    if measured := stats.took_s.get(sort) or stats.took_s.get(like):
        mean, deviation = measured
        return _NOTICED_S + mean + 4 * deviation
    return _FILM_S if sort == Kind.VIDEO else _PICTURE_S


def sort_of(job: Job) -> str:
    """The job's kind, ``video`` for a press that makes a film, or ``upscale`` for a pick of a grid:
    they call back and cost differently.
    """
    if job.makes_film:
        return Kind.VIDEO.value
    request = job.request
    if job.kind is Kind.CHANGE:
        picks = request.get("action") == "UPSCALE"
    else:
        named = str(request.get("button", "")).strip().upper() in _PICKS
        pressed = named or _PICK in str(request.get("custom_id", ""))
        picks = job.kind is Kind.ACTION and pressed
    return "upscale" if picks else job.kind.value
