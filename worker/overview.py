"""SHELL. How each account stands: what it has to do, how it calls back, what needs a person."""

from dataclasses import dataclass

from worker.account import Account
from worker.habits import Delivery, Mode
from worker.job import Status
from worker.orchestrator import Orchestrator
from worker.store import Filter, Load, Store

#: Jobs read in one go to be counted; there are few that are in doubt, or were paid for twice.
_PAGE = 2000


@dataclass(frozen=True, slots=True)
class Report:
    """One account as it is now. ``account`` knows the key, which is never shown."""

    account: Account
    load: Load
    in_doubt: int  #: jobs of which nobody knows yet whether they were accepted
    double_payments: int  #: jobs that were paid for twice, ever
    delivery: Delivery
    mode: Mode
    why: str  #: this mode


def reports(orchestrator: Orchestrator) -> list[Report]:
    """All accounts. Raises ``StoreUnavailable``."""
    return [_report(orchestrator, account) for account in orchestrator.accounts.values()]


def _report(orchestrator: Orchestrator, account: Account) -> Report:
    store, name = orchestrator.store, account.name
    delivery, mode, why = orchestrator.delivery(name)
    return Report(
        account=account,
        load=store.load(name),
        in_doubt=_count(store, Filter(status=Status.IN_DOUBT, account=name)),
        double_payments=_count(store, Filter(account=name, double_payments=True)),
        delivery=delivery,
        mode=mode,
        why=why,
    )


def _count(store: Store, wanted: Filter) -> int:
    count, cursor = 0, None
    while True:
        page = store.list_jobs(wanted, _PAGE, cursor)
        count += len(page.jobs)
        if (cursor := page.cursor) is None:
            return count
