"""PURE. How times are written for people and other programs."""

from datetime import UTC, datetime

#: Seconds within which a time of day says enough.
_NEAR_S = 12 * 3600.0


def rfc3339(seconds: float | None) -> str | None:
    """Seconds since the epoch as RFC 3339 in UTC, as ``2026-11-22T12:00:00.000Z``; None stays."""
    if seconds is None:
        return None
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock(seconds: float | None, now: float) -> str:
    """A time for people, as ``12:30:05 UTC``; with its date unless it is within 12 hours."""
    if seconds is None:
        return "?"
    moment = datetime.fromtimestamp(seconds, UTC)
    near = abs(seconds - now) < _NEAR_S
    return moment.strftime("%H:%M:%S UTC" if near else "%Y-%m-%d %H:%M:%S UTC")
