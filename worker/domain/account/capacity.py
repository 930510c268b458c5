"""PURE. On what terms an account takes jobs now: what is asked before each start.

Made of the account's settings, of the budgets, and of what was learnt of the account
(``worker.domain.account.circuit_breaker``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from worker.domain.job import Kind
from worker.domain.money import Amount


class Pool(StrEnum):
    """Slots are counted apart for films, which take far longer than all else."""

    IMAGE = "image"
    VIDEO = "video"


def pool_of(kind: Kind) -> Pool:
    """The pool whose slot a job of this kind takes."""
    return Pool.VIDEO if kind is Kind.VIDEO else Pool.IMAGE


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one account may take on."""

    account: str
    image_slots: int = 0  #: jobs at once, films not counted
    video_slots: int = 0  #: films at once
    starts_per_minute: int | None = None
    modes: frozenset[str] = frozenset()  #: empty: any
    prices: Mapping[str, Amount] = field(default_factory=dict)  #: by sort of job, or ``default``
    budget: Amount | None = None  #: of the account
    day_budget: Amount | None = None  #: of all accounts today
    tenant_budgets: Mapping[str, Amount] = field(default_factory=dict)  #: ``*``: not named
    today: str = ""  #: the day, UTC, as ``2026-11-22``

    def slots(self, pool: Pool) -> int:
        """Jobs of the pool at once."""
        return self.video_slots if pool is Pool.VIDEO else self.image_slots

    @property
    def all_slots(self) -> int:
        """Jobs at once, films included."""
        return self.image_slots + self.video_slots

    def price(self, sort: str) -> Amount:
        """What a submission of this sort costs; nothing once it is paid for (``sort`` empty)."""
        return self.prices.get(sort, self.prices.get("default", 0)) if sort else 0

    @property
    def burst(self) -> int:
        """Starts that may come at once after a pause; the rest of a minute's are spread over it."""
        return max(1, (self.starts_per_minute or 0) // 10)

    @property
    def interval_s(self) -> float | None:
        """Seconds between two starts in the long run, so that no minute has more than allowed."""
        if self.starts_per_minute is None:
            return None
        return 60.0 / max(1, self.starts_per_minute - self.burst)

    def as_data(self) -> dict[str, Any]:
        """As ``store/lua/scheduling.lua`` reads it."""
        return {
            "account": self.account,
            "slots": {"image": self.image_slots, "video": self.video_slots},
            "modes": dict.fromkeys(sorted(self.modes), True),
            "prices": dict(self.prices),
            "budget": self.budget,
            "day": self.day_budget,
            "today": self.today,
            "tenants": dict(self.tenant_budgets),
            "interval": self.interval_s,
            "burst": self.burst,
        }
