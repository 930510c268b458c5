"""The store in memory: what is known of each account, its money, and what is paused."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from worker.adapters.store import ABSENCE_S
from worker.adapters.store.memory_base import MemoryBase
from worker.domain.account.billing import Standing
from worker.domain.account.callback_stats import CallbackStats, Sample, Source
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.money import Amount


class MemoryAccounts(MemoryBase):
    """The part of ``worker.adapters.store.Store`` that is about accounts."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._callback_stats_cache: dict[str, CallbackStats] = defaultdict(CallbackStats)
        self._receiving = (0.0, float("-inf"))  #: since when, and until when at least
        self._money: dict[str, Counter[Standing]] = defaultdict(Counter)
        self._paused: set[str] = set()
        self._breaker: dict[str, CircuitBreaker] = {}

    def money(self, scopes: Sequence[str]) -> list[Mapping[str, Amount]]:
        with self._lock:
            return [{k.value: v for k, v in self._money[scope].items()} for scope in scopes]

    def pause(self, what: str) -> None:
        self._paused.add(what)

    def resume(self, what: str) -> None:
        self._paused.discard(what)

    def paused(self) -> frozenset[str]:
        return frozenset(self._paused)

    def breaker(self, account: str) -> CircuitBreaker:
        return self._breaker.get(account, CircuitBreaker())

    def save_breaker(self, account: str, breaker: CircuitBreaker, known: CircuitBreaker) -> bool:
        with self._lock:
            if self.breaker(account) != known:
                return False
            self._breaker[account] = breaker
            return True

    def callback_stats(self, account: str) -> CallbackStats:
        since, until = self._receiving
        there = since if self._clock() < until else None
        return replace(self._callback_stats_cache[account], receiving_since=there)

    def beat(self, now: float, *, anew: bool = False) -> None:
        since, until = self._receiving
        if anew or self._clock() >= until:
            since = now
        self._receiving = (since, self._clock() + ABSENCE_S)

    def learn_dialect(self, account: str, dialect: str) -> None:
        self._callback_stats_cache[account] = replace(
            self._callback_stats_cache[account], dialect=dialect
        )

    def _note(self, account: str, sample: Sample) -> None:
        known = self._callback_stats_cache[account]
        if sample.how is Source.ASKED:
            known = replace(known, silent=known.silent + 1, asked=known.asked + 1)
            self._callback_stats_cache[account] = known
            return
        count = known.by_sort.get(sample.sort, 0) + 1
        self._callback_stats_cache[account] = replace(
            known,
            callbacks=known.callbacks + 1,
            with_state=known.with_state + (sample.how is Source.CALLBACK_WITH_STATE),
            told=known.told + sample.ended,
            silent=0,
            by_sort={**known.by_sort, sample.sort: count},
            called_back_at=round(sample.at, 3),
        )
        if sample.lag_s is not None:
            self._learn_lag(account, sample.lag_s)

    def _learn_lag(self, account: str, seconds: float) -> None:
        known = self._callback_stats_cache[account]
        first = known.lag_s is None
        mean = seconds if known.lag_s is None else known.lag_s
        deviation = seconds / 2 if first else known.lag_deviation_s
        deviation += (abs(seconds - mean) - deviation) / 4
        self._callback_stats_cache[account] = replace(
            known,
            lag_s=round(mean + (seconds - mean) / 8, 3),
            lag_deviation_s=round(deviation, 3),
        )
