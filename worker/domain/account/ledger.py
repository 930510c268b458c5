"""PURE. A gateway's own ledger: what its tasks cost, what is left on the key, and when to ask.

Facts from the sources of new-api: it counts quota, 500,000 to a unit. The calls for a key's log and
balance share a limit of 20 in 20 minutes per address that asks, and a login at its pages counts
too; the list of a user's tasks may be read once a second.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from worker.domain.account import Account
from worker.domain.money import Amount, in_words
from worker.domain.provider_reports import TaskStatus

#: Seconds after a job's end before its charge is looked for: a gateway looks at its provider every
#: 15 s, and refunds then.
SETTLED_S = 5.0
#: How long a refund, or a charge that is not there yet, is waited for.
PATIENCE_S = 900.0
#: How long a call is not made again that this provider does not have, that refused us, or failed.
ABSENT_S = 86_400.0
REFUSED_S = 600.0
FAILED_S = 60.0
#: The share of what was granted below which the balance is low.
_LOW = 0.1


class Call(StrEnum):
    """A call to the ledger."""

    TASKS = "tasks"  #: the user's tasks, with ``ledger_token``
    LOG = "log"  #: the key's charges and refunds, without it
    BALANCE = "balance"


#: Seconds between two calls of a kind for one account; of the last two times the accounts that
#: share the provider's address.
EVERY_S = {Call.TASKS: 5.0, Call.LOG: 150.0, Call.BALANCE: 300.0}


@dataclass(frozen=True, slots=True)
class TaskCharge:
    """What the ledger says of one task, as ``events.Charged`` has it."""

    task_id: str
    kept: Amount
    charged: Amount | None = None


@dataclass(frozen=True, slots=True)
class LedgerTask:
    """A row of the user's tasks."""

    row: str  #: its own id: a task may have several rows
    task_id: str
    submitted_at: float  #: seconds since the epoch, by the clock of the gateway or its provider
    status: TaskStatus
    state: str | None  #: our ``state``; None until the gateway first looked at its provider
    looked_at: bool  #: whether it did
    kept: Amount | None = None  #: None: it does not say


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left on the account's key."""

    available: Amount
    granted: Amount
    read_at: float
    unlimited: bool = False


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is known of one account's ledger. Times are seconds since the epoch."""

    balance: Balance | None = None
    not_before: Mapping[str, float] = field(default_factory=dict)  #: when a call is made again
    trouble: Mapping[str, str] = field(default_factory=dict)  #: why a call failed last
    absent: tuple[str, ...] = ()  #: calls that the provider does not have
    logged_at: float = 0.0  #: when the key's log was read
    strangers: tuple[str, ...] = ()  #: its newest tasks that no job of ours was known to have
    settings: str = ""  #: hash of the account's settings; new ones forget all of this

    def may(self, call: Call, now: float) -> bool:
        """Whether it is time for the call."""
        return now >= self.not_before.get(call, 0.0)

    def works(self, call: Call) -> bool:
        """Whether the call did not fail when it was made last."""
        return call not in self.trouble and call not in self.absent


def is_gateway(account: Account, dialect: str | None) -> bool | None:
    """Whether the provider is a gateway; None while that is unknown. ``dialect``: as learnt."""
    known = account.dialect if account.dialect != "auto" else dialect
    if account.ledger_token:
        return True
    return None if known in (None, "auto") else known in ("gateway", "crazyrouter")


def calls(account: Account, dialect: str | None) -> frozenset[Call]:
    """The calls that this account wants and its provider may have; asking shows which it has."""
    if is_gateway(account, dialect) is False:
        return frozenset()
    return frozenset({Call.TASKS if account.ledger_token else Call.LOG, Call.BALANCE})


def costs_by(account: Account, wanted: frozenset[Call]) -> Call | None:
    """The call that shows what tasks cost; None if the price list counts."""
    if account.costs == "prices":
        return None
    return next((call for call in (Call.TASKS, Call.LOG) if call in wanted), None)


def answered(ledger: Ledger, call: Call, now: float, *, sharing: int = 1) -> Ledger:
    """After an answer. ``sharing``: accounts at the same address."""
    every = EVERY_S[call] * (1 if call is Call.TASKS else sharing)
    return _after(ledger, call, now + every)


def failed(ledger: Ledger, call: Call, why: str, now: float, wait_s: float) -> Ledger:
    """After a call that failed; ``wait_s``: seconds until the next one."""
    after = _after(ledger, call, now + wait_s)
    return replace(after, trouble={**after.trouble, call: why})


def lacking(ledger: Ledger, call: Call, now: float) -> Ledger:
    """The provider has no such call."""
    after = _after(ledger, call, now + ABSENT_S)
    return replace(after, absent=(*after.absent, call.value))


def _after(ledger: Ledger, call: Call, not_before: float) -> Ledger:
    return replace(
        ledger,
        not_before={**ledger.not_before, call: not_before},
        trouble={name: why for name, why in ledger.trouble.items() if name != call},
        absent=tuple(name for name in ledger.absent if name != call),
    )


def look_again(age_s: float) -> float | None:
    """Seconds until a charge that is not final is looked for again; None: not any more.

    ``age_s``: since the job's end.
    """
    return None if age_s >= PATIENCE_S else max(10.0, age_s / 2)


def warning(balance: Balance | None, waiting: Amount) -> str | None:
    """Why the balance needs a person; ``waiting``: the price of the jobs that wait."""
    return next(_warnings(balance, waiting), None) if balance and not balance.unlimited else None


def _warnings(balance: Balance, waiting: Amount) -> Iterator[str]:
    left = in_words(max(0, balance.available))
    if balance.available <= 0:
        yield "nothing is left: the gateway refuses every call of this key, results included"
    if balance.available < waiting:
        yield f"{left} left, and the jobs that wait cost {in_words(waiting)}"
    if balance.available < _LOW * balance.granted:
        yield f"{left} left of {in_words(balance.granted)}"
