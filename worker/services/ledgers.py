"""SHELL. Reads the ledgers of gateways: what is left on a key, and what tasks really cost.

No job waits for it, and everything read is repeated: the sweep sends a message per account, not per
job, and a ledger that does not answer is asked again later.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

from config.logger import get_logger
from worker.adapters.limiter import Limiter
from worker.adapters.provider.ledger import charges_of
from worker.domain.account import ledger
from worker.domain.account.billing import unbooked
from worker.domain.account.ledger import Call, Ledger, LedgerTask, TaskCharge
from worker.domain.errors import HooklineError, NoLedger, NotFound, ProviderUnavailable
from worker.domain.events import Charged
from worker.domain.job import Job
from worker.services.orchestrator import Orchestrator

if TYPE_CHECKING:  # `requests` is slow to import, and reports only read what is stored
    from worker.adapters.provider.ledger_client import LedgerClient

log = get_logger(__name__)

#: Jobs whose charges are read at a time, pages read for them, and tasks looked up singly.
JOBS = 200
PAGES = 5
SINGLY = 10
#: Tasks of a key's log that are looked at for jobs in doubt: as many as one call fetches.
STRANGERS = 100
#: Seconds by which the gateway's clock, or its provider's, may be behind ours.
SKEW_S = 600.0
#: How far back a list goes, in seconds: what it is believed about needs older tasks as well.
BEFORE_S = 86_400.0

#: Seconds for which one reading of the tasks counts as new.
FRESH_S = 2.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TaskListing:
    """One reading of a user's tasks, newest first."""

    read_at: float  #: when it began
    since: float  #: at least those submitted since then are there
    tasks: Sequence[LedgerTask]


def wanted(orchestrator: Orchestrator, account: str) -> bool:
    """Whether there is something to read for the account now."""
    now, ledger_ = orchestrator.clock(), known(orchestrator, account)
    costs, calls = orchestrator.costs_by(account), orchestrator.ledger_calls(account)
    if Call.BALANCE in calls and ledger_.may(Call.BALANCE, now):
        return True
    due = bool(orchestrator.store.ledgers.unbooked(account, now, 1))
    return due and (costs is None or costs in ledger_.absent or ledger_.may(costs, now))


def known(orchestrator: Orchestrator, account: str) -> Ledger:
    """What is known of the account's ledger, unless its settings changed since."""
    stored, owner = orchestrator.store.ledgers.get(account), orchestrator.accounts[account]
    written = f"{owner.url}\n{owner.key}\n{owner.ledger_token}\n{owner.ledger_user}"
    settings = blake2b(written.encode(), digest_size=8).hexdigest()
    return stored if stored.settings == settings else Ledger(settings=settings)


class Ledgers:
    """Reads one account's ledger at a time."""

    def __init__(self, orchestrator: Orchestrator, clients: Mapping[str, "LedgerClient"]) -> None:
        self._orchestrator = orchestrator
        self._store = orchestrator.store.ledgers
        self._clients = clients
        self._limiter = Limiter(self._read, per_key=1, max_waiting=0)
        self._read_last: dict[str, TaskListing] = {}

    def read(self, account: str) -> None:
        """Read what is due; do nothing while this process reads the same account."""
        if account in self._clients:
            self._limiter.run(account, account)

    def tasks(self, account: str, since: float) -> TaskListing | None:
        """The user's tasks, newest first, at least those since then; None if there is no such list.

        For jobs in doubt, so it does not wait for its time if the call worked before. Jobs that ask
        within ``FRESH_S`` get the same reading.
        """
        if not self._asks(account, Call.TASKS):
            return None
        now, last = self._orchestrator.clock(), self._read_last.get(account)
        if last and last.since <= since and 0 <= now - last.read_at < FRESH_S:
            return last
        pages = self._pages(self._clients[account], since)
        found = self._call(account, Call.TASKS, lambda: [task for page in pages for task in page])
        if found is None:
            return None
        self._read_last[account] = TaskListing(now, since - SKEW_S, found)
        return self._read_last[account]

    def charged_tasks(self, account: str, since: float) -> Sequence[str]:
        """Newest tasks in the key's log that no job of ours is known to have, if it was read after
        ``since``, by whichever process; it is read again if it is time.
        """
        if not self._asks(account, Call.LOG):
            return ()
        if self._known(account).may(Call.LOG, self._orchestrator.clock()):
            self._read_log(account)
        found = self._known(account)
        return self._unknown(account, found.strangers) if found.logged_at > since else ()

    def _read_log(self, name: str) -> None:
        """Read the key's log: for what jobs cost, and for those in doubt."""
        now = self._orchestrator.clock()
        found = self._call(name, Call.LOG, self._clients[name].log)
        if found is None:
            return
        strangers = tuple(self._unknown(name, list(found))[:STRANGERS])
        self._store.save(name, replace(self._known(name), logged_at=now, strangers=strangers))
        if self._orchestrator.costs_by(name) is Call.LOG:
            self._record(name, self._store.unbooked(name, now, JOBS), found)

    def _unknown(self, name: str, task_ids: Sequence[str]) -> list[str]:
        ours = self._orchestrator.store.jobs.known_tasks(name, task_ids)
        return [task_id for task_id in task_ids if task_id not in ours]

    def _asks(self, account: str, call: Call) -> bool:
        if account not in self._clients or call not in self._orchestrator.ledger_calls(account):
            return False
        known_ = self._known(account)
        return known_.works(call) or known_.may(call, self._orchestrator.clock())

    def _read(self, name: str) -> None:
        now, costs = self._orchestrator.clock(), self._orchestrator.costs_by(name)
        asked = Call.BALANCE in self._orchestrator.ledger_calls(name)
        if asked and self._known(name).may(Call.BALANCE, now):
            self._read_balance(name)
        due = self._store.unbooked(name, now, JOBS)
        if not due:
            return
        if costs is None or costs in self._known(name).absent:
            self._store.book(name, {}, due)
        elif self._known(name).may(costs, now):
            self._read_costs(name, costs, due)

    def _read_balance(self, name: str) -> None:
        if balance := self._call(name, Call.BALANCE, self._clients[name].balance):
            self._store.save(name, replace(self._known(name), balance=balance))

    def _read_costs(self, name: str, costs: Call, due: Sequence[str]) -> None:
        client = self._clients[name]
        if costs is Call.LOG:
            self._read_log(name)
            return
        found = self._call(name, costs, lambda: self._charges(name, client, due))
        if found is not None:
            self._record(name, due, found)

    def _charges(
        self, name: str, client: "LedgerClient", due: Sequence[str]
    ) -> Mapping[str, TaskCharge]:
        """From the newest pages of the user's tasks; the rest is asked for one by one."""
        jobs = self._orchestrator.store.jobs.get_many(due)
        since = min((_sent_at(job) for job in jobs), default=0.0)
        missing = {task_id for job in jobs for task_id in _tasks(job, name)}
        rows: list[LedgerTask] = []
        for page in self._pages(client, since):
            rows += page
            missing -= {task.task_id for task in page}
            if not missing:
                break
        for task_id in sorted(missing)[:SINGLY]:
            rows += client.task(task_id)
        return {charge.task_id: charge for charge in charges_of(rows)}

    def _pages(self, client: "LedgerClient", since: float) -> Iterator[Sequence[LedgerTask]]:
        """The newest pages, back to what was submitted before ``since``."""
        from worker.adapters.provider.ledger_client import PAGE  # noqa: PLC0415  # as above

        for number in range(1, PAGES + 1):
            page = client.tasks(since - BEFORE_S, number)
            yield page
            if len(page) < PAGE or page[-1].submitted_at < since - SKEW_S:
                break

    def _record(self, name: str, due: Sequence[str], found: Mapping[str, TaskCharge]) -> None:
        now, later = self._orchestrator.clock(), dict[str, float]()
        for job in self._orchestrator.store.jobs.get_many(due):
            after = self._charged(job, name, found)
            if after is not None and _tasks(after, name):
                wait_s = ledger.look_again(now - (after.finished_at or now))
                later |= {} if wait_s is None else {job.id: now + wait_s}
        self._store.book(name, later, [job_id for job_id in due if job_id not in later])

    def _charged(self, job: Job, name: str, found: Mapping[str, TaskCharge]) -> Job | None:
        """The job with its charges; None if it is gone."""
        for task_id in _tasks(job, name):
            if charge := found.get(task_id):
                event = Charged(task_id, charge.kept, charge.charged)
                try:
                    job = self._orchestrator.record(job, event).job
                except NotFound:  # deleted meanwhile
                    return None
        return job

    def _call(self, name: str, call: Call, do: Callable[[], T]) -> T | None:
        """Make the call, and note how it went; None if it failed."""
        now = self._orchestrator.clock()
        try:
            found = do()
        except NoLedger:
            self._lacks(name, call, now)
        except ProviderUnavailable as error:
            self._failed(name, call, error, now, max(ledger.FAILED_S, ledger.EVERY_S[call]))
        except HooklineError as error:
            if self._orchestrator.is_gateway(name):
                self._failed(name, call, error, now, ledger.REFUSED_S)
            else:  # some refuse every path that they do not know
                self._lacks(name, call, now)
        else:
            # Known as it is now: other calls may have ended meanwhile.
            after = ledger.answered(self._known(name), call, now, sharing=self._sharing(name))
            self._store.save(name, after)
            return found
        return None

    def _lacks(self, name: str, call: Call, now: float) -> None:
        log.info("ledger.absent", account=name, call=call.value)
        self._store.save(name, ledger.lacking(self._known(name), call, now))

    def _failed(
        self, name: str, call: Call, error: HooklineError, now: float, wait_s: float
    ) -> None:
        log.warning("ledger.unavailable", account=name, call=call.value, error=str(error))
        self._store.save(name, ledger.failed(self._known(name), call, str(error), now, wait_s))

    def _known(self, name: str) -> Ledger:
        return known(self._orchestrator, name)

    def _sharing(self, name: str) -> int:
        """How many accounts are at the same address: they share its limits."""
        url = self._orchestrator.accounts[name].url
        return sum(each.url == url for each in self._orchestrator.accounts.values())


def _tasks(job: Job, account: str) -> frozenset[str]:
    """Its tasks whose charges are not known for good."""
    return frozenset(task_id for name, task_id in unbooked(job) if name == account)


def _sent_at(job: Job) -> float:
    return min(attempt.posted_at or attempt.started_at for attempt in job.attempts)
