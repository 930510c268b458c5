"""SHELL. The sweep: finds due jobs and notifications, and sends a Celery task for each.

It runs inside every worker; claims in the store make that safe, so no scheduler process can be
lost. It never waits for a provider: polling is a Celery task of its own (``services.poll``).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from config.logger import get_logger
from worker.adapters.provider.client import MAX_IDS
from worker.adapters.store.store import Store
from worker.domain import retry_policy
from worker.domain.errors import HooklineError
from worker.domain.events import TimePassed
from worker.domain.job import Job
from worker.domain.job_spec import Kind
from worker.domain.result import AssetsStatus
from worker.domain.wakeups import Wakeups
from worker.services import ledgers, notify
from worker.services.orchestrator import Orchestrator

log = get_logger(__name__)

#: Jobs claimed by one sweep, and the length of that claim in seconds.
BATCH = 500
CLAIM_S = 10.0
#: Seconds between repeated wake-ups of an account: a wake-up may be lost.
WAKE_AGAIN_S = 2.0
#: The same for an account with a limited pace, which only this wakes for the next start.
PACED_S = 0.5
#: Seconds between two questions whether an account in trouble answers.
CHECK_EVERY_S = 3.0
#: Seconds between two checks for leaked slots.
MEND_S = 60.0
#: Jobs per Celery task that asks for seeds.
SEEDS = 20
#: Seconds between two runs of retention.
TIDY_S = 10.0
#: Seconds between two looks at what an account's ledger may tell.
LEDGER_S = 5.0
#: Jobs of older versions that get their index entries at a time, and seconds in between.
STORED, STORED_S = 500, 0.5
#: Jobs that are looked at for what an older version wrote, during a rolling upgrade; and how often.
#: Redis needs less than a millisecond for them.
RELISTED, RELIST_S = 1000, 1.0
#: Notifications claimed by one sweep.
NOTIFICATIONS = 200


class Sweep:
    """Safe to run at any time, in any number of processes."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        wakeups: Wakeups,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        """``watch``: looks for what needs an alert, now and then."""
        self._orchestrator = orchestrator
        self._store: Store = orchestrator.store
        self._wakeups = wakeups
        self._watch = watch
        #: Starts what an account may start in this process; None: a worker is woken for it. So jobs
        #: go on even if the broker is away, or its queues are full of other things.
        self.start: Callable[[str], None] | None = None
        self._all_listed = False

    def run(self) -> int:
        """Sweep once; return the number of due jobs."""
        due = self._store.jobs.claim_due(self._orchestrator.clock(), BATCH, CLAIM_S)
        quiet: dict[str, list[str]] = defaultdict(list)
        seedless: dict[str, list[str]] = defaultdict(list)
        for job in due:
            try:
                looked = self._look(job)
            except HooklineError as error:  # one bad job must not stop the others
                log.warning("sweep.job_skipped", job_id=job.id, error=str(error))
                continue
            if looked.askable or looked.unidentified:
                quiet[looked.account].append(looked.id)
            elif looked.result.assets_status is AssetsStatus.PENDING:
                self._wakeups.store_assets(looked.id)
            elif looked.seed_pending:  # after the files: their links expire
                seedless[looked.account].append(looked.id)
            elif looked.waiting and looked.kind is Kind.CHOOSE:
                self._wakeups.choose(looked.id)
        for account, job_ids in _chunks(quiet, MAX_IDS):
            self._wakeups.ask(account, job_ids)
        for account, job_ids in _chunks(seedless, SEEDS):
            self._wakeups.ask_seeds(account, job_ids)
        self._wake_again()
        self._mend_slots()
        self._read_ledgers()
        if self._store.once("tidy", TIDY_S):
            self._wakeups.tidy()
        self._wake_notifiers()
        self._list_stored()
        self._orchestrator.tally.flush()
        self._watch()
        return len(due)

    def _look(self, job: Job) -> Job:
        if not job.waiting or job.kind is Kind.CHOOSE:
            return self._orchestrator.record(job, TimePassed()).job
        looked = self._orchestrator.recheck_dependencies(job)
        if looked.waiting:
            now = self._orchestrator.clock()
            next_look_at = now + retry_policy.look_at_siblings(now - looked.spec.created_at)
            self._store.jobs.reschedule(looked.id, next_look_at)
        return looked

    def _wake_again(self) -> None:
        now = self._orchestrator.clock()
        for account in self._orchestrator.accounts.values():
            paced = account.max_starts_per_minute is not None
            if self._store.once(f"wake:{account.name}", PACED_S if paced else WAKE_AGAIN_S):
                self._orchestrator.dispatch.try_if_stuck(account.name, now)
                self._release_for_trial(account.name, now)
                self._orchestrator.dispatch.wake_again(account.name, now, self.start)
            in_trouble = self._orchestrator.dispatch.breaker(account.name).in_trouble
            if in_trouble and self._store.once(f"check:{account.name}", CHECK_EVERY_S):
                self._wakeups.check(account.name)

    def _release_for_trial(self, account: str, now: float) -> None:
        """If nothing else can try a resting account, the jobs that it refused do."""
        dispatch = self._orchestrator.dispatch
        trial = dispatch.breaker(account).trial(now) is not None
        if trial and not self._store.queue.load(account).startable(dispatch.capacity(account, now)):
            self._orchestrator.release(account)

    def _read_ledgers(self) -> None:
        """One message per account whose ledger has something to tell."""
        for account in self._orchestrator.accounts:
            if not self._orchestrator.ledger_calls(account):
                continue
            due = self._store.once(f"ledger:{account}", LEDGER_S)
            if due and ledgers.wanted(self._orchestrator, account):
                self._wakeups.read_ledger(account)

    def _wake_notifiers(self) -> None:
        now = self._orchestrator.clock()
        for one in self._store.outbox.claim(now, NOTIFICATIONS, notify.CLAIM_S):
            self._wakeups.notify(one.id)

    def _list_stored(self) -> None:
        """Bring what older versions stored into the indexes behind listings, step by step."""
        if self._all_listed:
            if self._store.once("relist", RELIST_S):
                self._store.jobs.relist(RELISTED)
            return
        if not self._store.once("list_stored", STORED_S):
            return
        self._all_listed = not self._store.jobs.list_stored(STORED)
        if self._all_listed:
            log.info("listings.complete")

    def _mend_slots(self) -> None:
        """Free slots that no job holds."""
        for account in self._orchestrator.accounts:
            if self._store.once(f"mend:{account}", MEND_S):
                mended = self._store.queue.mend_slots(account)
                if mended:
                    log.error("slots.freed", account=account, count=mended)


def _chunks(job_ids: Mapping[str, Sequence[str]], size: int) -> Iterator[tuple[str, Sequence[str]]]:
    """Each account's jobs in chunks of ``size``."""
    for account, ids in job_ids.items():
        for start in range(0, len(ids), size):
            yield account, ids[start : start + size]
