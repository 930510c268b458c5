"""What is known of each account, and the sums of money."""

from collections.abc import Mapping, Sequence

import redis

from worker.adapters.store import ABSENCE_S, codec
from worker.adapters.store.base import Part
from worker.domain.account.callback_stats import CallbackStats
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.money import Amount


class AccountStore(Part):
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def __init__(self, client: "redis.Redis", prefix: str) -> None:
        super().__init__(client, prefix)
        self._save_breaker = self._script("save_breaker")

    def money(self, scopes: Sequence[str]) -> list[Mapping[str, Amount]]:
        """The sums of each scope by ``worker.domain.account.billing.Standing``.

        Scopes are ``account:<name>``, ``tenant:<name>``, ``batch:<id>`` and ``day:<2026-11-22>``.
        """
        pipe = self._redis.pipeline(transaction=False)
        for scope in scopes:
            pipe.hgetall(f"{self._prefix}money:{scope}")
        return [{k.decode(): int(v) for k, v in sums.items()} for sums in self._ask(pipe.execute)]

    def breaker(self, account: str) -> CircuitBreaker:
        """How the account fares."""
        doc = self._ask(self._redis.hget, f"{self._prefix}account:{account}", "health")
        return codec.load_breaker(doc) if doc else CircuitBreaker()

    def save_breaker(self, account: str, breaker: CircuitBreaker, known: CircuitBreaker) -> bool:
        """Keep ``breaker``, unless it is not ``known`` any more; whether it was kept."""
        args = [self._prefix, account, codec.dump_breaker(breaker), codec.dump_breaker(known)]
        return bool(self._ask(self._save_breaker, args=args))

    def callback_stats(self, account: str) -> CallbackStats:
        """How the account has told us about its tasks so far."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(f"{self._prefix}account:{account}")
        pipe.get(f"{self._prefix}receiving")
        stats, since = self._ask(pipe.execute)
        return _callback_stats(
            {name.decode(): value.decode() for name, value in stats.items()}, since
        )

    def beat(self, now: float, *, anew: bool = False) -> None:
        """Our receiver is there at ``now``, and was all the time since the last call, unless
        ``anew``.

        To be called every second: after ``ABSENCE_S`` without a call it counts as away.
        """
        key, absence = f"{self._prefix}receiving", int(ABSENCE_S * 1000)
        pipe = self._redis.pipeline(transaction=False)
        # Once the key has gone the receiver was away, and what it missed meanwhile nobody knows.
        pipe.set(key, repr(now), px=absence, nx=not anew)
        pipe.pexpire(key, absence)
        self._ask(pipe.execute)

    def learn_dialect(self, account: str, dialect: str) -> None:
        """Keep the dialect that the account's replies betrayed, for every process."""
        self._ask(self._redis.hset, f"{self._prefix}account:{account}", "dialect", dialect)


def _callback_stats(stats: dict[str, str], since: bytes | None) -> CallbackStats:
    """The account's counts as ``lua/commit.lua`` keeps them."""
    sorts = {name.removeprefix("sort:"): int(n) for name, n in stats.items() if "sort:" in name}
    without, with_state, told, asked, silent = (
        int(stats.get(name, 0))
        for name in ("callback", "callback_with_state", "told", "asked", "silent")
    )
    lag, called_back_at = stats.get("lag"), stats.get("called_back_at")
    return CallbackStats(
        callbacks=without + with_state,
        with_state=with_state,
        told=told,
        asked=asked,
        silent=silent,
        by_sort=sorts,
        lag_s=float(lag) if lag else None,
        lag_deviation_s=float(stats.get("deviation", 0)),
        called_back_at=float(called_back_at) if called_back_at else None,
        receiving_since=float(since) if since else None,
        dialect=stats.get("dialect"),
    )
