"""What came out of one check of `hookline doctor`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """What was checked, how it is, and what to do about it."""

    name: str
    verdict: Literal["ok", "warn", "fail"]
    message: str
    advice: str | None = None
