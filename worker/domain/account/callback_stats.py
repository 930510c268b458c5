"""PURE. How an account calls back, learnt from what came; and how patient that makes us with it.

Some providers call back about every change, some strip the hook, some finish upscales within the
submit and never call back about those. Nobody is told which: the store counts what came.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from worker.domain.events import Policy
from worker.domain.job import Job, Kind

#: So many ends in a row that we had to ask for mean that callbacks do not come.
_SILENT_ENDS = 3
#: From this share of ends that had to be asked for on, an account is called mixed.
_MIXED_SHARE = 0.05
#: Picking a picture of a grid is finished at once by some providers, unlike all other presses; a
#: real upscale (``::upsample_v6_2x_subtle::``) is one of those.
_PICK = "::upsample::"
_PICKS = frozenset({"U1", "U2", "U3", "U4"})  #: by name, where the provider has no buttons


class Source(StrEnum):
    """How we learnt what is committed."""

    CALLBACK = "callback"  #: by callback, matched by the URL's token
    CALLBACK_WITH_STATE = "callback_with_state"  #: by callback, with our ``state`` in it
    ASKED = "asked"  #: an end that we had to ask for


@dataclass(frozen=True, slots=True)
class Sample:
    """What a commit teaches about its account: how it was heard of, and how quickly."""

    how: Source
    at: float  #: seconds since the epoch
    sort: str  #: of the job, as ``sort_of`` tells it
    ended: bool = False  #: whether it told of the task's end
    lag_s: float | None = None  #: since the news before it about the same job


@dataclass(frozen=True, slots=True)
class CallbackStats:
    """How an account has told us about its tasks so far."""

    callbacks: int = 0  #: applied so far
    with_state: int = 0  #: of them, those that carried our ``state``
    told: int = 0  #: ends told by callback
    asked: int = 0  #: ends that we had to ask for
    silent: int = 0  #: of them, those since the last callback
    by_sort: Mapping[str, int] = field(default_factory=dict)  #: callbacks by sort of job
    lag_s: float | None = None  #: mean time between two news about one job
    lag_deviation_s: float = 0.0
    called_back_at: float | None = None
    receiving_since: float | None = None  #: since when our receiver missed no callback; None: away
    dialect: str | None = None  #: as learnt from its replies


class TrackingMode(StrEnum):
    """How an account's jobs are heard of."""

    CALLBACKS = "callbacks"
    MIXED = "mixed"
    POLLING = "polling"


def tracking_mode(callback_stats: CallbackStats, *, hooked: bool) -> tuple[TrackingMode, str]:
    """The account's tracking mode, and why. ``hooked``: whether submits carry our hook."""
    ends = callback_stats.told + callback_stats.asked
    if not hooked:
        return TrackingMode.POLLING, "no public URL is set, so submits carry no hook"
    if callback_stats.silent >= _SILENT_ENDS:
        came = "callbacks stopped" if callback_stats.callbacks else "no callback ever came"
        return (
            TrackingMode.POLLING,
            f"{came}: the last {callback_stats.silent} ends had to be asked for",
        )
    if not callback_stats.callbacks:
        return TrackingMode.MIXED, "nothing is known yet: it is asked, and listened to"
    if ends and callback_stats.asked / ends >= _MIXED_SHARE:
        return TrackingMode.MIXED, f"{callback_stats.asked} of {ends} ends had to be asked for"
    return TrackingMode.CALLBACKS, f"{callback_stats.told} of {ends} ends were told by callback"


def flow(callback_stats: CallbackStats, *, hooked: bool) -> bool | None:
    """Whether callbacks come; None while nothing is known."""
    if tracking_mode(callback_stats, hooked=hooked)[0] is TrackingMode.POLLING:
        return False
    return True if callback_stats.callbacks else None


def policy_for(job: Job, rules: Policy, callback_stats: CallbackStats, *, hooked: bool) -> Policy:
    """``rules``, with what is known of the account's callbacks about jobs like ``job``."""
    lag = callback_stats.lag_s
    return replace(
        rules,
        callbacks_flow=flow(callback_stats, hooked=hooked),
        calls_back=bool(callback_stats.by_sort.get(sort_of(job))),
        lag_s=None if lag is None else lag + 4 * callback_stats.lag_deviation_s,
        called_back_at=callback_stats.called_back_at,
        receiving_since=callback_stats.receiving_since,
    )


def sort_of(job: Job) -> str:
    """Jobs that a provider calls back about alike: those of one kind, picks apart."""
    request = job.request
    if job.kind is Kind.CHANGE:
        picks = request.get("action") == "UPSCALE"
    else:
        named = str(request.get("button", "")).strip().upper() in _PICKS
        pressed = named or _PICK in str(request.get("custom_id", ""))
        picks = job.kind is Kind.ACTION and pressed
    return "upscale" if picks else job.kind.value
