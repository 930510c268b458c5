"""PURE. What an examination of an installation finds."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "fail"]

#: Seconds after which an examination that is not over was broken off with its process.
_LONGEST_S = 60.0


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check, and what to do about it."""

    name: str
    verdict: Verdict
    message: str
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """An examination, as far as it has come. Times are seconds since the epoch."""

    started_at: float
    findings: tuple[Finding, ...] = ()
    over_at: float | None = None

    def runs(self, now: float) -> bool:
        """Whether more will be found."""
        return self.over_at is None and now - self.started_at < _LONGEST_S

    def count(self, verdict: Verdict) -> int:
        """How many findings have the verdict."""
        return sum(each.verdict == verdict for each in self.findings)
