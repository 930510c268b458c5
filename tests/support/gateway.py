"""A gateway's own ledger that says what a test wants."""

from collections.abc import Mapping

from tests.support.jobs import NOW
from worker.adapters.provider.ledger_client import PAGE, LedgerClient
from worker.domain.account import Account
from worker.domain.account.ledger import Balance, LedgerTask, TaskCharge
from worker.domain.errors import HooklineError


class Gateway(LedgerClient):
    """Has ``rows`` and ``charges``, or is in ``trouble``; ``asked``: the calls that were made."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.asked: list[str] = []
        self.rows: list[LedgerTask] = []
        self.charges: dict[str, TaskCharge] = {}
        self.trouble: dict[str, HooklineError] = {}

    def _ask(self, call: str) -> None:
        self.asked.append(call)
        if error := self.trouble.get(call.split(maxsplit=1)[0]):
            raise error

    def tasks(self, since: float, page: int = 1) -> tuple[LedgerTask, ...]:
        self._ask(f"tasks {page}")
        newer = [row for row in self.rows if row.submitted_at >= since]
        return tuple(newer[(page - 1) * PAGE : page * PAGE])

    def task(self, task_id: str) -> tuple[LedgerTask, ...]:
        self._ask(f"task {task_id}")
        return tuple(row for row in self.rows if row.task_id == task_id)

    def log(self) -> Mapping[str, TaskCharge]:
        self._ask("log")
        return self.charges

    def balance(self) -> Balance:
        self._ask("balance")
        return Balance(5, 10, NOW)
