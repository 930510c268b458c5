"""SHELL. Finds out who is behind a secret, and keeps callers within their token's limits."""

from collections.abc import Callable
from math import ceil
from threading import Lock
from time import monotonic

from worker.adapters.store.store import Store
from worker.domain import money
from worker.domain.access import Caller
from worker.domain.account.billing import day_of
from worker.domain.api_tokens import ApiToken, digest_of, is_secret
from worker.domain.errors import TooMuch
from worker.domain.money import Amount

#: Seconds after which a process reads a token again, and so notices that it was revoked.
AGE_S = 1.0
#: Tokens in the cache; beyond that it starts again.
_MOST = 1000
_MINUTE_S, _DAY_S = 60, 86_400


class Access:
    """Known tokens are cached for ``AGE_S``; unknown secrets are not, so they cannot fill it."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[float, ApiToken]] = {}
        self._lock = Lock()

    def caller(self, secret: str) -> Caller | None:
        """Who has this secret; None if nobody does. At most one read of the store.

        Raises ``StoreUnavailable``.
        """
        return self.caller_of(digest_of(secret)) if is_secret(secret) else None

    def caller_of(self, digest: str) -> Caller | None:
        """Likewise, by the secret's hash."""
        now = monotonic()
        read_at, token = self._known.get(digest, (0.0, None))
        if token is None or now - read_at > AGE_S:
            token = self._store.api_tokens.find(digest)
            self._keep(digest, now, token)
        return token.caller if token and token.accepts(digest, self._clock()) else None

    def count(self, caller: Caller) -> None:
        """Count one request of the caller.

        Raises ``TooMuch`` beyond its limit, and ``StoreUnavailable``; a caller without a limit
        costs nothing.
        """
        limit = caller.limits.requests_per_minute
        if limit is None:
            return
        minute, into_s = divmod(self._clock(), _MINUTE_S)
        what = f"requests:{caller.name}:{int(minute)}"
        if not self._store.api_tokens.spend(what, 1, limit, 2 * _MINUTE_S):
            again_s = max(1, ceil(_MINUTE_S - into_s))
            raise TooMuch(
                f"Token {caller.name} may make {limit} requests a minute. Wait {again_s} s, or ask "
                "the operator for a token with a higher limit.",
                again_s=again_s,
            )

    def _keep(self, digest: str, now: float, token: ApiToken | None) -> None:
        with self._lock:
            if token is None:
                self._known.pop(digest, None)
                return
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[digest] = (now, token)


def afford(store: Store, caller: Caller, price: Amount, now: float) -> None:
    """Take ``price`` from what the caller may still submit today.

    Raises ``TooMuch`` if it is more than what is left; nothing is taken then.
    """
    limit = caller.limits.budget_per_day
    if limit is None or not price:
        return
    if store.api_tokens.spend(_spending(caller, now), price, limit, 2 * _DAY_S):
        return
    again_s = _DAY_S - now % _DAY_S
    raise TooMuch(
        f"Token {caller.name} may submit jobs for {money.in_words(limit)} a day (UTC), and not "
        f"enough is left for {money.in_words(price)}. Submit fewer, wait until midnight UTC, or "
        "ask the operator for a token with a larger budget.",
        again_s=again_s,
    )


def spent_today(store: Store, caller: Caller, now: float) -> Amount:
    """What the caller's budget of the day was used for; 0 for one without a budget."""
    return store.api_tokens.spent(_spending(caller, now))


def _spending(caller: Caller, now: float) -> str:
    return f"spent:{caller.name}:{day_of(now)}"
