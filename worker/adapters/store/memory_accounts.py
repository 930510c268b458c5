"""The store in memory: what is known of each account, its money, and what is paused."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from worker.adapters.store import ABSENCE_S
from worker.adapters.store.memory_base import MemoryBase
from worker.domain.account.billing import Standing
from worker.domain.account.callback_stats import Delivery, Heard, News
from worker.domain.account.circuit_breaker import Health
from worker.domain.money import Amount


class MemoryAccounts(MemoryBase):
    """The part of ``worker.adapters.store.Store`` that is about accounts."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._deliveries: dict[str, Delivery] = defaultdict(Delivery)
        self._receiving = (0.0, float("-inf"))  #: since when, and until when at least
        self._money: dict[str, Counter[Standing]] = defaultdict(Counter)
        self._paused: set[str] = set()
        self._health: dict[str, Health] = {}

    def money(self, scopes: Sequence[str]) -> list[Mapping[str, Amount]]:
        with self._lock:
            return [{k.value: v for k, v in self._money[scope].items()} for scope in scopes]

    def pause(self, what: str) -> None:
        self._paused.add(what)

    def resume(self, what: str) -> None:
        self._paused.discard(what)

    def paused(self) -> frozenset[str]:
        return frozenset(self._paused)

    def health(self, account: str) -> Health:
        return self._health.get(account, Health())

    def learn_health(self, account: str, health: Health, known: Health) -> bool:
        with self._lock:
            if self.health(account) != known:
                return False
            self._health[account] = health
            return True

    def delivery(self, account: str) -> Delivery:
        since, until = self._receiving
        there = since if self._clock() < until else None
        return replace(self._deliveries[account], receiving_since=there)

    def receiving(self, now: float, *, anew: bool = False) -> None:
        since, until = self._receiving
        if anew or self._clock() >= until:
            since = now
        self._receiving = (since, self._clock() + ABSENCE_S)

    def learn_dialect(self, account: str, dialect: str) -> None:
        self._deliveries[account] = replace(self._deliveries[account], dialect=dialect)

    def _note(self, account: str, news: News) -> None:
        known = self._deliveries[account]
        if news.how is Heard.ASKED:
            known = replace(known, silent=known.silent + 1, asked=known.asked + 1)
            self._deliveries[account] = known
            return
        count = known.by_sort.get(news.sort, 0) + 1
        self._deliveries[account] = replace(
            known,
            callbacks=known.callbacks + 1,
            with_state=known.with_state + (news.how is Heard.CALLBACK_WITH_STATE),
            told=known.told + news.ended,
            silent=0,
            by_sort={**known.by_sort, news.sort: count},
            called_back_at=round(news.at, 3),
        )
        if news.lag_s is not None:
            self._learn_lag(account, news.lag_s)

    def _learn_lag(self, account: str, seconds: float) -> None:
        known = self._deliveries[account]
        first = known.lag_s is None
        mean = seconds if known.lag_s is None else known.lag_s
        deviation = seconds / 2 if first else known.lag_deviation_s
        deviation += (abs(seconds - mean) - deviation) / 4
        self._deliveries[account] = replace(
            known,
            lag_s=round(mean + (seconds - mean) / 8, 3),
            lag_deviation_s=round(deviation, 3),
        )
