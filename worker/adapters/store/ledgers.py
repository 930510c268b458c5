"""What is known of the accounts' own ledgers, and the jobs whose charges are still to be read."""

from collections.abc import Mapping, Sequence

from worker.adapters.store import codec
from worker.adapters.store.base import Part
from worker.domain.account.ledger import Ledger


class LedgerStore(Part):
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def get(self, account: str) -> Ledger:
        """What is known of the account's ledger."""
        doc = self._ask(self._redis.hget, f"{self._prefix}account:{account}", "ledger")
        return codec.ledgers.load(doc) if doc else Ledger()

    def save(self, account: str, ledger: Ledger) -> None:
        """Replace it; one process at a time asks an account, so the last one wins."""
        doc = codec.ledgers.dump(ledger)
        self._ask(self._redis.hset, f"{self._prefix}account:{account}", "ledger", doc)

    def unbooked(self, account: str, now: float, limit: int) -> list[str]:
        """Ids of jobs whose charges are due to be read, longest due first.

        ``commit`` adds a job when it ends. Jobs that retention removed are still among them.
        """
        key = f"{self._prefix}unbooked:{account}"
        return [i.decode() for i in self._ask(self._redis.zrangebyscore, key, 0, now, 0, limit)]

    def book(self, account: str, later: Mapping[str, float], done: Sequence[str]) -> None:
        """Look again at the jobs ``later`` at their time, and not any more at those that are
        ``done``.
        """
        key = f"{self._prefix}unbooked:{account}"
        pipe = self._redis.pipeline(transaction=False)
        if later:
            pipe.zadd(key, dict(later), xx=True)
        if done:
            pipe.zrem(key, *done)
        self._ask(pipe.execute)
