"""SHELL. How many jobs each account may start now, and which accounts to wake for ready jobs."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from hashlib import blake2b
from time import monotonic

from config.logger import get_logger
from worker.adapters.store import Openings
from worker.adapters.store.store import Store
from worker.domain.account import Account, Budgets, circuit_breaker, reach
from worker.domain.account.billing import day_of
from worker.domain.account.capacity import Capacity
from worker.domain.account.circuit_breaker import BLIND_HINT, CircuitBreaker
from worker.domain.account.reach import Reach
from worker.domain.provider_reports import Verdict
from worker.domain.wakeups import Wakeups

log = get_logger(__name__)

#: Circuit breakers are cached for this many seconds where nothing is started.
_BREAKER_AGE_S = 2.0
_NEVER_READ = (float("-inf"), CircuitBreaker())


class Dispatch:
    """The capacity of every account, and wake-ups for those with free slots."""

    def __init__(
        self,
        store: Store,
        wakeups: Wakeups,
        accounts: Mapping[str, Account],
        budgets: Budgets,
    ) -> None:
        self.accounts = accounts
        self._store = store
        self._wakeups = wakeups
        self.budgets = budgets
        self._known: dict[str, tuple[float, CircuitBreaker]] = {}
        self._reaches: dict[str, Reach] = {}

    def capacity(self, name: str, now: float, *, fresh: bool = False) -> Capacity:
        """What the account may start now; ``fresh``: with its circuit breaker read again.

        An account that was removed from the settings may start nothing. Without a name (a job for
        any account) there are only prices, the highest of all accounts.
        """
        account = self.accounts.get(name)
        if account is None:
            return Capacity(name, prices={} if name else self._highest_prices())
        breaker = self.breaker(name, fresh=fresh)
        return Capacity(
            account=name,
            image_slots=breaker.slots(account.max_running, now),
            video_slots=breaker.slots(account.max_running_video, now),
            starts_per_minute=account.max_starts_per_minute,
            modes=account.modes,
            prices=account.prices,
            budget=account.budget,
            day_budget=self.budgets.day,
            tenant_budgets=self.budgets.tenants,
            today=day_of(now),
            trial=breaker.trial(now),
        )

    def breaker(self, name: str, *, fresh: bool = False) -> CircuitBreaker:
        """The account's circuit breaker; a changed URL or key opens a closed one."""
        read_at, known = self._known.get(name, _NEVER_READ)
        if fresh or monotonic() - read_at > _BREAKER_AGE_S:
            known = self._store.accounts.breaker(name)
            self._known[name] = (monotonic(), known)
        return self._unless_reconfigured(name, known)

    def learn(self, name: str, verdict: Verdict, now: float, *, started_at: float) -> bool:
        """Update the circuit breaker from the outcome of a submit whose job was taken at
        ``started_at``; whether the account works again.
        """
        running = self._store.queue.load(name).running if circuit_breaker.is_full(verdict) else 0
        accepted_at = self._accepted_at(name) if circuit_breaker.is_failure(verdict) else None
        self._learn_reach(name, verdict, started_at, accepted_at, now)
        learnt = partial(
            circuit_breaker.after,
            verdict=verdict,
            running=running,
            now=now,
            started_at=started_at,
            accepted_at=accepted_at,
            settings=self.settings_of(name),
        )
        if learnt(self.breaker(name)) == self.breaker(name):
            return False  # as after nearly all replies; what was read is seconds old at most
        known, present = self._change(name, learnt)
        _log(name, known, present, now)
        return known.tries_at is not None and present.tries_at is None

    def asked(
        self, name: str, now: float, *, refused: str | None = None, away: str | None = None
    ) -> None:
        """Update the circuit breaker from the outcome of a question about tasks."""
        trouble = refused is not None or away is not None
        known = self.breaker(name)
        if not (trouble or known.unseen or known.unreached):
            return
        accepted_at = self._accepted_at(name) if trouble else None
        change = partial(
            circuit_breaker.asked, now=now, refused=refused, away=away, accepted_at=accepted_at
        )
        known, present = self._change(name, change)
        _log_sight(name, known, present)
        if not trouble and known != present:
            self.wake_again(name, now)

    def most_here(self, name: str, now: float, *, trial: bool) -> int | None:
        """How many of the account's jobs this process may take now; None: any number.

        ``trial``: the account rests, and a single job tries it.
        """
        return self._reaches.get(name, Reach()).most(now, trial=trial)

    def took(self, name: str, now: float) -> None:
        """This process took jobs of the account."""
        self._reaches[name] = reach.tried(self._reaches.get(name, Reach()), now)

    def _learn_reach(
        self, name: str, verdict: Verdict, started_at: float, accepted_at: float | None, now: float
    ) -> None:
        known = self._reaches.get(name, Reach())
        present = reach.after(known, verdict, started_at, accepted_at, now)
        self._reaches[name] = present
        if present.cut_off and not known.cut_off:
            reason = verdict.error.message if verdict.error else None
            log.warning("account.left_to_others", account=name, reason=reason)
        elif known.cut_off and not present.cut_off:
            log.info("account.reached_again", account=name)

    def _accepted_at(self, name: str) -> float | None:
        """When the POST left that the account accepted last, whichever process sent it."""
        newest = self._store.accounts.newest_accepted(name)
        return newest.posted_at if newest else None

    def try_if_stuck(self, name: str, now: float) -> None:
        """Let a single job try an account whose places may all be held by what failed."""
        breaker = self.breaker(name)
        if circuit_breaker.stuck(breaker, now) == breaker:
            return
        load = self._store.queue.load(name)
        if load.ready + load.anywhere and not load.startable(self.capacity(name, now)):
            self._change(name, lambda known: circuit_breaker.stuck(known, now))

    def reopen(self, name: str) -> None:
        """Open the circuit breaker on a person's request."""
        self._change(name, circuit_breaker.opened)

    def _change(
        self, name: str, change: Callable[[CircuitBreaker], CircuitBreaker]
    ) -> tuple[CircuitBreaker, CircuitBreaker]:
        """The breaker before and after ``change``, which is repeated until it was not disturbed."""
        while True:
            stored = self._store.accounts.breaker(name)
            known = self._unless_reconfigured(name, stored)
            present = change(known)
            if present == known or self._store.accounts.save_breaker(name, present, stored):
                self._known[name] = (monotonic(), present)
                return known, present

    def wake(self, name: str, openings: Openings, now: float) -> None:
        """Wake workers for the jobs that a commit for the account ``name`` made startable."""
        if openings.calls:
            self._wakeups.start(name)
        if openings.anywhere:
            for chosen in self._spread(openings.anywhere, now):
                if self._store.queue.call(chosen):
                    self._wakeups.start(chosen)

    def wake_all(self, now: float) -> None:
        """Wake workers for every account with free slots and ready jobs."""
        for name in self.accounts:
            self.wake_again(name, now)

    def wake_again(self, name: str, now: float, start: Callable[[str], None] | None = None) -> None:
        """Wake a worker if the account could start a job: wake-ups may be lost.

        ``start``: what to do instead of sending a message.
        """
        capacity = self.capacity(name, now)
        if capacity.all_slots and self._store.queue.load(name).startable(capacity):
            (start or self._wakeups.start)(name)

    def _spread(self, count: int, now: float) -> Collection[str]:
        """The accounts that ``count`` jobs go to by free slots and weight."""
        free = {
            name: self._store.queue.load(name).free(self.capacity(name, now))
            for name in self.accounts
        }
        chosen = set()
        for _ in range(min(count, sum(free.values()))):
            best = max(free, key=lambda name: free[name] * self.accounts[name].weight)
            free[best] -= 1
            chosen.add(best)
        return chosen

    def _unless_reconfigured(self, name: str, known: CircuitBreaker) -> CircuitBreaker:
        if not known.closed or name not in self.accounts:
            return known
        changed = known.settings != self.settings_of(name)
        return circuit_breaker.opened(known) if changed else known

    def _highest_prices(self) -> dict[str, int]:
        sorts = {sort for account in self.accounts.values() for sort in account.prices}
        accounts = self.accounts.values()
        return {sort: max(account.price(sort) for account in accounts) for sort in sorts}

    def settings_of(self, name: str) -> str:
        """A hash of the account's address and key."""
        account = self.accounts[name]
        written = f"{account.url}\n{account.auth}\n{account.key}".encode()
        return blake2b(written, digest_size=8).hexdigest()


def _log(name: str, known: CircuitBreaker, learnt: CircuitBreaker, now: float) -> None:
    rest_s = round((learnt.rest_until or now) - now)
    if learnt.closed and not known.closed:
        log.error(
            "account.closed",
            account=name,
            reason=learnt.closed,
            tried_again_s=rest_s,
            hint=f"Fix it; `hookline resume {name}` tries it at once.",
        )
    elif learnt.rested_at != known.rested_at and learnt.rested_at is not None:
        log.warning("account.resting", account=name, rest_s=rest_s, reason=learnt.trouble)
    elif known.tries_at is not None and learnt.tries_at is None:
        log.info("account.works_again", account=name, after=known.trouble or known.closed)
    elif learnt.limit != known.limit and learnt.limit is not None:
        log.warning("account.full", account=name, believed_limit=learnt.limit)


def _log_sight(name: str, known: CircuitBreaker, present: CircuitBreaker) -> None:
    if present.blind and not known.blind:
        log.error("account.blind", account=name, reason=present.blind, hint=BLIND_HINT)
    elif known.blind and not present.blind:
        log.info("account.sees_again", account=name)
