"""SHELL. Remembers for all processes which calls each account's provider has."""

from collections.abc import Callable
from time import monotonic

from config.logger import get_logger
from worker.adapters.store.store import Store
from worker.domain.account.calls import SEED, SEEDLESS_JOBS, Calls

log = get_logger(__name__)

#: What is known is cached for this many seconds.
_AGE_S = 5.0


class KnownCalls:
    """``settings_of``: a hash of an account's address and key; under another one all is open."""

    def __init__(
        self, store: Store, settings_of: Callable[[str], str], clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._settings_of = settings_of
        self._clock = clock
        self._known: dict[str, tuple[float, Calls]] = {}

    def of(self, account: str) -> Calls:
        """What is known of the account's calls."""
        read_at, known = self._known.get(account, (float("-inf"), Calls()))
        if monotonic() - read_at > _AGE_S:
            known = self._store.accounts.calls(account, self._settings_of(account))
            self._known[account] = (monotonic(), known)
        return known

    def lacks(self, account: str, call: str) -> bool:
        """Whether the provider is known to lack the call."""
        return self.of(account).lacks(call, self._clock())

    def took(self, account: str, call: str) -> None:
        """The call took a job, so the provider has it."""
        if call not in self.of(account).taken:
            self._store.accounts.learn_call(account, self._settings_of(account), call)
            self._known.pop(account, None)

    def missing(self, account: str, call: str, why: str) -> None:
        """The provider lacks the call."""
        if self.lacks(account, call):
            return
        now, settings = self._clock(), self._settings_of(account)
        self._store.accounts.learn_call(account, settings, call, lacking_since=now)
        self._known.pop(account, None)
        log.warning("account.lacks_call", account=account, call=call, error=why)

    def gave_seed(self, account: str) -> None:
        """The provider has seeds."""
        self._store.accounts.count_seedless(account, gave=True)

    def refused_seed(self, account: str, why: str) -> None:
        """The seed of one job was refused to the end; after some in a row there are none."""
        if self._store.accounts.count_seedless(account) >= SEEDLESS_JOBS:
            self.missing(account, SEED, why)

    def forget(self, account: str) -> None:
        """Try everything again, on a person's request."""
        self._store.accounts.forget_calls(account)
        self._known.pop(account, None)
