"""PURE. An account: one provider address and key, with its dialect and limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from worker.domain.job import Notify
from worker.domain.money import Amount

#: How the key travels: `Authorization: Bearer KEY`, `mj-api-secret: KEY` or `Authorization: KEY`.
Auth = Literal["bearer", "mj-api-secret", "raw"]
#: The provider's manner of speaking; `auto` is learnt from its replies.
Dialect = Literal["auto", "novicezk", "trueai", "gateway", "crazyrouter"]


@dataclass(frozen=True, slots=True)
class Account:
    """Where jobs of one account are submitted, and how many at once."""

    name: str
    #: Base before `/mj`, no trailing slash; may end in a mode prefix such as `/mj-relax`.
    url: str
    #: The provider's key; empty for a provider that wants none. Never shown.
    key: str = field(default="", repr=False)
    auth: Auth = "bearer"
    dialect: Dialect = "auto"
    #: Jobs running at once, 1-100; films are counted apart.
    max_running: int = 3
    #: Films running at once, 0-100.
    max_running_video: int = 1
    #: Submissions a minute, all processes together; None: as many as there are slots.
    max_starts_per_minute: int | None = None
    #: The modes (`fast`, `relax`, `turbo`) that jobs may ask for here; empty: any.
    modes: frozenset[str] = frozenset()
    #: New jobs go to the account with the most free slots, times this; above 0.
    weight: float = 1.0
    #: What a submission costs, by `habits.sort_of` the job (its kind, or `upscale` for the picks of
    #: a grid); `default` for all others, else nothing.
    prices: Mapping[str, Amount] = field(default_factory=dict)
    #: What may be spent on this account in all; None: no limit.
    budget: Amount | None = None
    #: Whether the provider gives the money back for a task that failed after it was accepted.
    refunds_failures: bool = False
    #: A picture above this many bytes is made smaller or refused before it is sent.
    max_picture_bytes: int = 4 * 1024 * 1024
    #: Hosts from which pictures may come over plain http or from a private address, in lower case.
    allowed_hosts: frozenset[str] = frozenset()
    #: Who is told of jobs whose caller named nobody.
    notify: Notify | None = None

    def price(self, sort: str) -> Amount:
        """What a submission of a job of this sort costs."""
        return self.prices.get(sort, self.prices.get("default", 0))


@dataclass(frozen=True, slots=True)
class Budgets:
    """What may be spent beside each account's own budget; None and what is not named: no limit."""

    day: Amount | None = None  #: on all accounts together, from midnight to midnight UTC
    tenants: Mapping[str, Amount] = field(default_factory=dict)  #: by name; ``*`` for all others

    def tenant(self, name: str) -> Amount | None:
        """What the tenant may spend in all."""
        return self.tenants.get(name, self.tenants.get("*"))
