"""Hookline with two accounts over a real store, with nothing real beside: its processes, its
messages, its clock, and the provider behind it (``tests/support/oracle.py``).

Every process may be killed, paused or cut off at any of its calls (``Trouble``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.interruptions import Activity, Door, Killed, Stage, Trouble
from tests.support.jobs import NOW
from tests.support.oracle import Fate, Ledger, ModelProvider, Task
from tests.support.shell import Wakeups
from tests.support.starting import start_next
from tests.support.stores import OwnStore
from worker.adapters.storage.storage import Storage
from worker.adapters.store import Filter, Openings
from worker.adapters.tokens import Tokens
from worker.domain.account import Account
from worker.domain.errors import Conflict, StoreUnavailable
from worker.domain.events import AssetsSettled, Policy
from worker.domain.job import Job
from worker.domain.notifications import DeliveryState, delivered
from worker.domain.presence import Presence
from worker.domain.result import AssetsStatus
from worker.services.callbacks import CallbackReceiver
from worker.services.enqueue import Enqueuer
from worker.services.orchestrator import Orchestrator
from worker.services.poll import Poller
from worker.services.prepare import Preparer
from worker.services.seeds import Seeds
from worker.services.submit import Submitter
from worker.services.sweep import Sweep

SLOTS = 2
#: Two of one provider: what a caller does not bind to one of them, either may take.
ACCOUNTS = ("default", "other")


@dataclass(frozen=True, slots=True)
class Setting:
    """What differs from one world to the next. ``listed``: see ``ModelProvider``."""

    policy: Policy
    hooked: bool
    listed: int
    output: str  #: a folder for files


class World:
    """``bag`` holds the wake-ups that are on their way; ``seen`` each job as last committed."""

    def __init__(self, store: OwnStore, setting: Setting) -> None:
        self.now, self.stage, self.setting = NOW, Stage(), setting
        self.store = store
        self.bag: list[tuple[Any, ...]] = []
        self.seen: dict[str, Job] = {}
        self.commits = 0
        self.told: list[Task] = []  #: those that an answered callback was about
        self.receiver_there = True
        self.coming: Trouble | None = None  #: strikes whatever runs when it is time
        self.ledger = Ledger(setting.policy, hooked=setting.hooked, now=lambda: self.now)
        self.accounts = {
            name: Account(name, "http://127.0.0.1:9", max_running=SLOTS) for name in ACCOUNTS
        }
        self.provider = ModelProvider(
            self.accounts["default"],
            self.ledger,
            lambda entering: self.stage.threshold(of_store=False, entering=entering),
            self.let_pass,
        )
        self.provider.listed = setting.listed
        self.provider.at_once = lambda: self.deliver(len(self.provider.callbacks) - 1)
        self.tokens = Tokens(["a secret for this test only"])
        self.build()
        self.counting_restarted()

    def build(self) -> None:
        """Fresh processes over the same store."""
        broker = Wakeups()
        broker.sent = self.bag
        store: Any = Door(self.stage, self.store, of_store=True, watch=self._watch)
        wakeups: Any = Door(self.stage, broker)
        self.orchestrator = Orchestrator(
            store,
            wakeups,
            self.accounts,
            hooked=self.setting.hooked,
            rules=self.setting.policy,
            clock=lambda: self.now,
        )
        storage = Storage(f"file://{self.setting.output}")
        clients = dict.fromkeys(ACCOUNTS, self.provider)
        hook_url = "http://127.0.0.1:9/hook" if self.setting.hooked else None
        self.enqueuer = Enqueuer(self.orchestrator, storage)
        self.receiver = CallbackReceiver(self.orchestrator, self.tokens)
        self.submitter = Submitter(
            self.orchestrator, clients, Preparer(self.orchestrator, self.tokens, storage, hook_url)
        )
        self.poller = Poller(self.orchestrator, clients, self.tokens)
        self.seeds = Seeds(self.orchestrator, clients, lambda _: None)
        self.sweeper = Sweep(self.orchestrator, wakeups)

    def _watch(self, call: str, args: Any, answer: Any) -> None:
        """What the store has taken is held against the truth at once."""
        if call != "commit_all":
            return
        for change, done in zip(args[0], answer, strict=True):
            if not isinstance(done, Openings):
                continue
            before = self.seen.get(change.job.id)
            self.commits += 1
            self.seen |= {each.id: each for each in (change.job, *change.children)}
            self.ledger.committed(before, change.job)

    def jobs(self) -> list[Job]:
        """All jobs as they are stored, the oldest first."""
        jobs = self.store.jobs.page(Filter(), 999).jobs
        return sorted(jobs, key=lambda job: (job.spec.created_at, job.id))

    # Time, and who is there.

    def let_pass(self, seconds: float) -> None:
        self.now += seconds
        self.store.let_pass(seconds, heard=self.receiver_there)
        if self.receiver_there:
            self._proven(self.presence.since)
        else:
            self.ledger.absent_at = self.now

    def counting_restarted(self) -> None:
        """As the receiver does when it starts, and when it had to turn a callback away."""
        self.ledger.absent_at = self.now
        if self.receiver_there:
            self._proven(self.now)

    def _proven(self, since: float) -> None:
        """Proofs came back all the while."""
        self.presence = Presence(since, {"web": self.now})
        self.store.presence.change("", lambda _: self.presence)

    # What processes do.

    def run(self, name: str, act: Callable[[], Any], trouble: Trouble | None = None) -> Activity:
        done = self.stage.run(name, act, trouble or self.coming)
        self.coming = None if trouble else done.spared
        return self._settled(done)

    def go_on(self, index: int, trouble: Trouble | None = None) -> Activity:
        return self._settled(self.stage.go_on(index, trouble))

    def _settled(self, done: Activity) -> Activity:
        """Only what may go wrong may have gone wrong."""
        if done.error and done.name == "callback":
            self.counting_restarted()
        if isinstance(done.error, Killed):
            self.build()
        elif done.error and not isinstance(done.error, (StoreUnavailable, Conflict)):
            raise done.error
        return done

    def sweep(self, trouble: Trouble | None = None) -> None:
        self.run("worker", self.sweeper.run, trouble)

    def wake(self, wakeup: tuple[Any, ...], trouble: Trouble | None = None) -> None:
        self.run("worker", lambda: self._woken(wakeup), trouble)

    def _woken(self, wakeup: tuple[Any, ...]) -> Any:
        match wakeup:
            case ("start", account):
                return start_next(self.submitter, account)
            case ("ask", account, *job_ids):
                return self.poller.poll(account, job_ids)
            case ("check", account):
                return self.poller.check(account)
            case ("ask_seeds", account, *job_ids):
                return self.seeds.ask(account, job_ids)
            case ("notify", notification_id):
                return self._tell(notification_id)
            case (_, job_id):
                job = self.orchestrator.job(job_id)
                event = AssetsSettled(("a.png",), AssetsStatus.STORED)
                return self.orchestrator.record(job, event)

    def _tell(self, notification_id: str) -> None:
        """The receiver takes everything; a claim that was lost on the way ends."""
        store = self.orchestrator.store
        if (one := store.outbox.get(notification_id)) and one.state is DeliveryState.WAITING:
            store.outbox.settle(delivered(one, self.now, "200"), self.now)

    def empty_the_bag(self) -> None:
        for _ in range(60):
            if not self.bag:
                return
            self.wake(self.bag.pop(0))

    def deliver(
        self, index: int, how: str = "both", trouble: Trouble | None = None, *, again: bool = False
    ) -> None:
        """A callback that is not answered is sent again, some day; ``again``: an answered one too.

        ``how``: it names its job in its body and its URL, or in one of them only.
        """
        if not self.receiver_there or not self.provider.callbacks:
            return
        task, body = self.provider.callbacks[index % len(self.provider.callbacks)]
        sent = {k: v for k, v in body.items() if k != "state"} if how == "url" else body
        token = self.tokens.for_account("default") if how == "state" else str(task.hook)

        def receive() -> None:
            self.receiver.receive(token.rpartition("/")[2], sent)
            task.evident = True
            self.ledger.answered_at = self.now
            self.told.append(task)

        done = self.run("callback", receive, trouble)
        if not (done.error or done.paused or again):
            left = self.provider.callbacks
            self.provider.callbacks = [each for each in left if each[1] is not body]

    def deliver_all(self, *, late: bool) -> None:
        for task, body in list(self.provider.callbacks):
            if late or not task.late:
                self.deliver([each[1] is body for each in self.provider.callbacks].index(True))

    # How it goes on, and ends.

    def take_its_course(
        self, fates: list[Fate], seconds: float, trouble: Trouble | None, *, finish: bool
    ) -> None:
        """Everybody does what is to be done, four times ``seconds`` apart."""
        self.coming = trouble
        self.provider.fates, self.provider.away = list(fates), False
        for _ in range(4):
            self.let_pass(seconds)
            self.sweep()
            self.empty_the_bag()
            for task in self.ledger.tasks.values():
                if finish and not task.late:
                    self.provider.go_on(task, "SUCCESS")
            self.deliver_all(late=False)
        self.coming = None

    def let_all_end(self, check: Callable[[], None]) -> None:
        """No more trouble, all that is late comes, and hours go by."""
        while self.stage.paused:
            self.go_on(0)
        self.provider.calm_down()
        self.receiver_there = True
        self.counting_restarted()
        self._finish(check)
        for task in self.ledger.tasks.values():
            self.provider.tell(task)  # what was lost before, too
        self._finish(check)

    def _finish(self, check: Callable[[], None]) -> None:
        for turn in range(300):
            for task in self.ledger.tasks.values():
                self.provider.go_on(task, "SUCCESS")
            self.deliver_all(late=True)
            self.sweep()
            self.empty_the_bag()
            check()
            untold = self.store.outbox.page(DeliveryState.WAITING, 1).notifications
            quiet = not self.provider.callbacks and not self.bag and not untold
            if quiet and all(job.held or is_over(job) for job in self.jobs()):
                return
            self.let_pass(3.0 + turn)


def is_over(job: Job) -> bool:
    """Whether nobody has to look at it any more."""
    return job.status.terminal and job.due_at is None
