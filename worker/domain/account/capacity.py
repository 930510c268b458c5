"""PURE. How many and which jobs an account may start now.

Combines the account's settings, the budgets and its circuit breaker.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from worker.domain.job import Job
from worker.domain.money import Amount


class Pool(StrEnum):
    """Videos have slots of their own, because they take far longer."""

    IMAGE = "image"
    VIDEO = "video"


def pool_of(job: Job) -> Pool:
    """The pool of the job's slot."""
    return Pool.VIDEO if job.makes_film else Pool.IMAGE


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one account may start."""

    account: str
    image_slots: int = 0  #: concurrent jobs, not counting videos
    video_slots: int = 0  #: concurrent videos
    starts_per_minute: int | None = None
    modes: frozenset[str] = frozenset()  #: empty: any
    prices: Mapping[str, Amount] = field(default_factory=dict)  #: as ``Account.prices``
    budget: Amount | None = None  #: of the account
    day_budget: Amount | None = None  #: of all accounts today
    tenant_budgets: Mapping[str, Amount] = field(default_factory=dict)  #: as ``Budgets.tenants``
    today: str = ""  #: the day, UTC, as ``2026-11-22``
    #: The rest after which one job tries the account, whatever runs there; slots are 1 or 0 then.
    trial: float | None = None

    def slots(self, pool: Pool) -> int:
        """Concurrent jobs of the pool."""
        return self.video_slots if pool is Pool.VIDEO else self.image_slots

    @property
    def all_slots(self) -> int:
        """Concurrent jobs of all pools."""
        return self.image_slots + self.video_slots

    def price(self, sort: str) -> Amount:
        """The price of a submission of this sort; 0 if ``sort`` is empty: it is paid for."""
        return self.prices.get(sort, self.prices.get("default", 0)) if sort else 0

    @property
    def one_by_one(self) -> bool:
        """Whether each start changes what may start next, beyond a slot less."""
        return self.trial is not None or self.starts_per_minute is not None

    @property
    def burst(self) -> int:
        """Starts allowed at once after a pause; the minute's others are spread out."""
        return max(1, (self.starts_per_minute or 0) // 10)

    @property
    def interval_s(self) -> float | None:
        """Average seconds between starts that keep any minute within the limit; None: no limit."""
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
            "trial": self.trial,
        }
