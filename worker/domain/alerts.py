"""PURE. Alerts for operators: one when a trouble begins, and one when it ends.

Each look compares what is wrong now with what was known. A trouble that comes and goes raises an
alert only if it lasted as long as its kind asks for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from worker.domain.money import Amount

#: Seconds after its POST from which a job in doubt is an old one.
OLD_DOUBT_S = 3600.0
#: Seconds for which an account may rest, and no worker run, before there is an alert.
RESTS_S, NO_WORKER_S = 600.0, 120.0
#: Seconds after the last double payment of an account at which the alert ends.
PAID_TWICE_S = 3600.0
#: The share of a budget below which it is low.
LOW = 0.1


class AlertKind(StrEnum):
    """What is wrong. The rules in deploy/alerts.yml have the same names."""

    ACCOUNT_CLOSED = "account_closed"
    OLD_DOUBT = "old_doubt"
    BUDGET_LOW = "budget_low"
    DOUBLE_PAYMENT = "double_payment"
    NO_WORKER = "no_worker"


class AlertState(StrEnum):
    """Which of its two edges an alert reports."""

    BEGAN = "began"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong now. ``hold_s``: how long before there is an alert."""

    kind: AlertKind
    about: str  #: the account, or the budget's scope; empty: the whole installation
    message: str
    advice: str
    hold_s: float = 0.0

    @property
    def key(self) -> str:
        """The same for the same trouble, whatever it says."""
        return f"{self.kind}:{self.about}"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A condition that lasts. ``since``: seconds since the epoch."""

    kind: AlertKind
    about: str
    message: str
    advice: str
    since: float
    told: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """What a notification reports. Times are seconds since the epoch."""

    kind: AlertKind
    about: str
    state: AlertState
    since: float
    message: str
    advice: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """The double payments of an account, as counted; ``at``: when the last new one came."""

    count: int
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one trouble; ``after`` None: it is over. ``alert``: what to send."""

    key: str
    after: Trouble | None
    alert: Alert | None = None


def look(
    known: Mapping[str, Trouble], wrong: Mapping[str, Condition], now: float
) -> Iterator[Change]:
    """What changed since the last look."""
    for key, condition in wrong.items():
        before = known.get(key)
        trouble = before or Trouble(
            condition.kind, condition.about, condition.message, condition.advice, now
        )
        if not trouble.told and now - trouble.since >= condition.hold_s:
            told = replace(trouble, message=condition.message, advice=condition.advice, told=True)
            yield Change(key, told, _alert(told))
        elif before is None:
            yield Change(key, trouble)
    for key, trouble in known.items():
        if key not in wrong:
            yield Change(key, None, _alert(trouble, until=now) if trouble.told else None)


def counted(known: Mapping[str, Paid], counts: Mapping[str, int], now: float) -> dict[str, Paid]:
    """By account, what is to be remembered of its double payments where it changed.

    What was there at the first look is no news.
    """
    return {
        account: Paid(count, now if account in known else None)
        for account, count in counts.items()
        if account not in known or known[account].count != count
    }


def paid_twice(paid: Mapping[str, Paid], now: float) -> Iterator[Condition]:
    """Accounts on which a job was paid for twice within the hour."""
    for account, each in paid.items():
        if each.at is not None and now - each.at < PAID_TWICE_S:
            yield Condition(
                AlertKind.DOUBLE_PAYMENT,
                account,
                f"a job was paid for twice on {account}",
                "`hookline jobs --double-payments` lists such jobs; docs/reliability.md says how "
                "it can happen.",
            )


def budget_low(scope: str, budget: Amount, used: Amount) -> Iterator[Condition]:
    """Whether less than a tenth of a budget is left."""
    if budget > 0 and budget - used < LOW * budget:
        yield Condition(
            AlertKind.BUDGET_LOW,
            scope,
            f"less than a tenth of the budget {scope} is left",
            "Jobs wait once it is used up. See docs/accounts.md.",
        )


def old_doubts(account: str, posted: Mapping[str, float], now: float) -> Iterator[Condition]:
    """Whether jobs of an account have been in doubt for long. ``posted``: when, by job."""
    old = [job_id for job_id, at in posted.items() if now - at > OLD_DOUBT_S]
    if old:
        yield Condition(
            AlertKind.OLD_DOUBT,
            account,
            f"{len(old)} of {account}'s jobs have been in doubt for more than an hour, the oldest: "
            f"{min(old, key=lambda job_id: posted[job_id])}",
            "`hookline doubts` has the evidence, `hookline resolve ID` settles one.",
        )


def no_worker(workers: int, queued: int) -> Iterator[Condition]:
    """Whether jobs wait and nothing runs them."""
    if queued and not workers:
        yield Condition(
            AlertKind.NO_WORKER,
            "",
            "jobs wait, and no worker runs",
            "Start one: `hookline worker`, or `hookline up`.",
            NO_WORKER_S,
        )


def _alert(trouble: Trouble, until: float | None = None) -> Alert:
    state = AlertState.BEGAN if until is None else AlertState.ENDED
    return Alert(
        trouble.kind, trouble.about, state, trouble.since, trouble.message, trouble.advice, until
    )
