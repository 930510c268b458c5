"""PURE. How times are written for people and other programs."""

from datetime import UTC, datetime


def rfc3339(seconds: float | None) -> str | None:
    """Seconds since the epoch as RFC 3339 in UTC, as ``2026-11-22T12:00:00.000Z``; None stays."""
    if seconds is None:
        return None
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
