"""What we learned about each account, and the sums of money."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from worker.adapters.store import codec
from worker.adapters.store.base import Part
from worker.adapters.store.places import read_accepted
from worker.adapters.store.presence import name_of
from worker.domain.account.callback_stats import CallbackStats
from worker.domain.account.calls import Calls
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.account.parent_lag import ParentLag
from worker.domain.account.task_list import Accepted, History
from worker.domain.money import Amount
from worker.domain.presence import Presence


class AccountStore(Part):
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def money(self, scopes: Sequence[str]) -> list[Mapping[str, Amount]]:
        """The sums of each scope by ``worker.domain.account.billing.Standing``.

        Scopes are ``account:<name>``, ``tenant:<name>``, ``batch:<id>`` and ``day:<2026-11-22>``.
        """
        pipe = self._redis.pipeline(transaction=False)
        for scope in scopes:
            pipe.hgetall(f"{self._prefix}money:{scope}")
        return [{k.decode(): int(v) for k, v in sums.items()} for sums in self._ask(pipe.execute)]

    def breaker(self, account: str) -> CircuitBreaker:
        """The account's circuit breaker."""
        doc = self._ask(self._redis.hget, f"{self._prefix}account:{account}", "health")
        return codec.breakers.load(doc) if doc else CircuitBreaker()

    def save_breaker(self, account: str, breaker: CircuitBreaker, known: CircuitBreaker) -> bool:
        """Replace ``known`` by ``breaker``; False if the stored one is not ``known`` any more."""
        docs = codec.breakers.dump(breaker), codec.breakers.dump(known)
        return bool(self._run("save_breaker", account, *docs))

    def tried_by(self, account: str) -> str | None:
        """The id of the job that tried the account last, after a rest."""
        job_id = self._ask(self._redis.hget, f"{self._prefix}account:{account}", "trial")
        return job_id.decode() if job_id else None

    def callback_stats(self, account: str, way: str = "") -> CallbackStats:
        """How the account's results have arrived so far, and what proofs show of the ``way``."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(f"{self._prefix}account:{account}")
        pipe.get(f"{self._prefix}{name_of(way)}")
        stats, presence = self._ask(pipe.execute)
        return _callback_stats(
            {name.decode(): value.decode() for name, value in stats.items()},
            codec.presences.load(presence) if presence else None,
        )

    def accepted(self, account: str) -> list[Accepted]:
        """The account's newest accepted tasks, oldest first."""
        return self._accepted(account, 0)

    def newest_accepted(self, account: str) -> Accepted | None:
        """The task that was accepted last."""
        return next(iter(self._accepted(account, -1)), None)

    def _accepted(self, account: str, first: int) -> list[Accepted]:
        key = f"{self._prefix}accepted:{account}"
        found = self._ask(self._redis.zrange, key, first, -1, withscores=True)
        return [read_accepted(text.decode(), at) for text, at in found]

    def learn_task_list(self, account: str, history: History) -> None:
        """Store what the account's task list was like."""
        learnt = {f"list_{name}": value for name, value in asdict(history).items()}
        self._ask(self._redis.hset, f"{self._prefix}account:{account}", mapping=learnt)

    def learn_dialect(self, account: str, dialect: str) -> None:
        """Store the dialect that the account's replies show, for all processes."""
        self._ask(self._redis.hset, f"{self._prefix}account:{account}", "dialect", dialect)

    def learn_parent_lag(self, account: str, lag: ParentLag) -> None:
        """Store how long after a task's end the provider takes presses on it."""
        known = {"parent_lag": f"{lag.mean_s:.3f}", "parent_deviation": f"{lag.deviation_s:.3f}"}
        self._ask(self._redis.hset, f"{self._prefix}account:{account}", mapping=known)

    def learn_came_back(self, account: str) -> None:
        """Store that the provider knew a task again that it had called unknown."""
        self._ask(self._redis.hset, f"{self._prefix}account:{account}", "came_back", 1)

    def calls(self, account: str, settings: str) -> Calls:
        """The calls that the provider has and lacks, learnt under these settings."""
        stats = self._ask(self._redis.hgetall, f"{self._prefix}account:{account}")
        known = {name.decode(): value.decode() for name, value in stats.items()}
        return Calls(
            taken=frozenset(_named(known, f"has:{settings}:")),
            lacking={n: float(at) for n, at in _named(known, f"lacks:{settings}:").items()},
        )

    def learn_call(
        self, account: str, settings: str, call: str, *, lacking_since: float | None = None
    ) -> None:
        """Store that the provider has the call, or lacks it since then."""
        key, what = f"{self._prefix}account:{account}", "has" if lacking_since is None else "lacks"
        self._ask(self._redis.hset, key, f"{what}:{settings}:{call}", repr(lacking_since or 1))

    def forget_calls(self, account: str) -> None:
        """Forget what the provider lacks."""
        key = f"{self._prefix}account:{account}"
        names = self._ask(self._redis.hkeys, key)
        if lacking := [name for name in names if name.startswith((b"lacks:", b"seedless"))]:
            self._ask(self._redis.hdel, key, *lacking)

    def count_seedless(self, account: str, *, gave: bool = False) -> int:
        """Count a job whose seed was refused; ``gave``: start again from 0. Returns the count."""
        key = f"{self._prefix}account:{account}"
        if gave:
            self._ask(self._redis.hdel, key, "seedless")
            return 0
        return int(self._ask(self._redis.hincrby, key, "seedless", 1))


def _named(stats: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The fields whose names start with ``prefix``, by the rest of their names."""
    found = stats.items()
    return {name.removeprefix(prefix): v for name, v in found if name.startswith(prefix)}


def _callback_stats(stats: dict[str, str], presence: Presence | None) -> CallbackStats:
    """Parse the account's counts, which ``lua/commit.lua`` keeps."""
    sorts = {name: int(n) for name, n in _named(stats, "sort:").items()}
    without, with_state, told, asked, silent = (
        int(stats.get(name, 0))
        for name in ("callback", "callback_with_state", "told", "asked", "silent")
    )
    lag = stats.get("lag")
    return CallbackStats(
        callbacks=without + with_state,
        with_state=with_state,
        told=told,
        asked=asked,
        silent=silent,
        by_sort=sorts,
        lag_s=float(lag) if lag else None,
        lag_deviation_s=float(stats.get("deviation", 0)),
        called_back_at=_moment(stats, "called_back_at"),
        presence=presence,
        dialect=stats.get("dialect"),
        recent=stats.get("ends", ""),
        parent_lag=ParentLag(
            float(stats.get("parent_lag", 0)), float(stats.get("parent_deviation", 0))
        ),
        came_back="came_back" in stats,
        took_s={
            name.removeprefix("took:"): (float(mean), float(stats.get(f"spread:{name[5:]}", 0)))
            for name, mean in stats.items()
            if name.startswith("took:")
        },
        task_list=History(
            lacked_at=float(stats.get("list_lacked_at", 0)),
            prompt_at=float(stats.get("list_prompt_at", 0)),
            rows=int(stats.get("list_rows", 0)),
            rows_at=float(stats.get("list_rows_at", 0)),
            room_at=float(stats.get("list_room_at", 0)),
        ),
    )


def _moment(stats: dict[str, str], name: str) -> float | None:
    return float(stats[name]) if name in stats else None
