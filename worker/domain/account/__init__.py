"""PURE. An account: one provider address and key, with its dialect, limits and prices."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from worker.domain.job_spec import Notify
from worker.domain.money import Amount

#: How the key travels: `Authorization: Bearer KEY`, `mj-api-secret: KEY` or `Authorization: KEY`.
Auth = Literal["bearer", "mj-api-secret", "raw"]
#: The provider's protocol; `auto` is detected from its replies.
Dialect = Literal["auto", "novicezk", "trueai", "gateway", "crazyrouter"]
#: Whose figures a job's cost has once they are known: the provider's ledger's, or the price list's.
Costs = Literal["provider", "prices"]


@dataclass(frozen=True, slots=True)
class Account:
    """The settings of one account."""

    name: str
    #: Base before `/mj`, no trailing slash; may end in a mode prefix such as `/mj-relax`.
    url: str
    #: The provider's key; empty if it needs none. Never shown.
    key: str = field(default="", repr=False)
    auth: Auth = "bearer"
    dialect: Dialect = "auto"
    max_running: int = 3  #: concurrent jobs, 1-10,000, not counting videos
    max_running_video: int = 1  #: concurrent videos, 0-10,000
    max_starts_per_minute: int | None = None  #: over all processes; None: no limit
    modes: frozenset[str] = frozenset()  #: allowed here (`fast`, `relax`, `turbo`); empty: any
    weight: float = 1.0  #: new jobs go to the account with the most free slots x weight; above 0
    #: Of a submission, by `callback_stats.sort_of` the job (a kind, or `upscale`); `default` for
    #: all others, or 0.
    prices: Mapping[str, Amount] = field(default_factory=dict)
    budget: Amount | None = None  #: for all time; None: no limit
    refunds_failures: bool = False  #: whether the provider refunds accepted tasks that failed
    max_picture_bytes: int = 4 * 1024 * 1024  #: larger images are scaled down or refused
    #: Hosts, in lower case, whose images may use plain http or a private address.
    allowed_hosts: frozenset[str] = frozenset()
    notify: Notify | None = None  #: for jobs that name no receiver
    #: The access token and id of the gateway's user, which open the user's own list of tasks.
    ledger_token: str = field(default="", repr=False)
    ledger_user: str = ""
    costs: Costs = "prices"

    def price(self, sort: str) -> Amount:
        """The price of a submission of this sort."""
        return self.prices.get(sort, self.prices.get("default", 0))


@dataclass(frozen=True, slots=True)
class Budgets:
    """Budgets in addition to each account's own; None or missing: no limit."""

    day: Amount | None = None  #: of all accounts together, per day UTC
    tenants: Mapping[str, Amount] = field(
        default_factory=dict
    )  #: by name; ``*``: each of the others

    def tenant(self, name: str) -> Amount | None:
        """The tenant's budget for all time."""
        return self.tenants.get(name, self.tenants.get("*"))
