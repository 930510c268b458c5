"""SHELL. The calls to a gateway's own ledger.

They cost nothing and may be repeated. Each raises ``ProviderUnavailable`` if a repeat can help,
``NoLedger`` if the provider has no such call, and ``HooklineError`` if it refuses us.
"""

import re
from collections.abc import Callable, Mapping
from time import time
from typing import Any, TypeVar
from urllib.parse import urlencode

from config.proxies import DIRECT, Proxies
from worker.adapters.http.deadline import within
from worker.adapters.http.session import Connections, new_session
from worker.adapters.provider.ledger import read_balance, read_log, read_refusal, read_tasks
from worker.adapters.provider.transport import TROUBLE, body_of
from worker.adapters.provider.wire import read_json, words_of
from worker.domain.account import Account
from worker.domain.account.ledger import Balance, LedgerTask, TaskCharge
from worker.domain.errors import HooklineError, NoLedger, ProviderUnavailable
from worker.domain.redaction import HIDDEN, shown

PAGE = 100  #: tasks per call

#: Seconds for a whole call, and for its connection.
_DEADLINE_S = 20.0
_CONNECT_S = 5.0
_MAX_WORDS = 500  #: characters of what it says, in our errors
#: What may follow the gateway's own address: `/mj`, and a mode before it.
_SURPLUS = re.compile(r"(/mj-[a-z]+)?(/mj)?/*\Z")

T = TypeVar("T")


class LedgerClient:
    """The ledger of one account's gateway; may be shared by threads."""

    def __init__(
        self,
        account: Account,
        deadline_s: float = _DEADLINE_S,
        clock: Callable[[], float] = time,
        *,
        proxies: Proxies = DIRECT,
    ) -> None:
        self._base = _SURPLUS.sub("", account.url)
        self._secrets = tuple(filter(None, (account.ledger_token, account.key)))
        self._deadline_s = deadline_s
        self._clock = clock
        self._proxies = proxies
        self._key = {"Authorization": f"Bearer {account.key}"} if account.key else {}
        self._user = {"Authorization": account.ledger_token, "New-Api-User": account.ledger_user}

    def tasks(self, since: float, page: int = 1) -> tuple[LedgerTask, ...]:
        """A page of the user's tasks that were submitted after ``since``, newest first."""
        asked = {"p": page, "page_size": PAGE, "start_timestamp": int(since * 1000)}
        return self._known(read_tasks(self._get("/api/mj/self", self._user, asked)))

    def task(self, task_id: str) -> tuple[LedgerTask, ...]:
        """The rows of one task."""
        asked = {"p": 1, "page_size": PAGE, "mj_id": task_id}
        return self._known(read_tasks(self._get("/api/mj/self", self._user, asked)))

    def log(self) -> Mapping[str, TaskCharge]:
        """The newest 1,000 charges and refunds of the key, by task."""
        return self._known(read_log(self._get("/api/log/token", self._key)))

    def balance(self) -> Balance:
        """What is left on the key."""
        return self._known(read_balance(self._get("/api/usage/token/", self._key), self._clock()))

    def _known(self, found: T | None) -> T:
        if found is None:
            raise NoLedger
        return found

    def _get(self, path: str, auth: Mapping[str, str], asked: Mapping[str, Any] = {}) -> Any:
        """The JSON of a successful answer; anything else means that there is no such call."""
        query = f"?{urlencode(asked)}" if asked else ""
        try:
            status, body = self._exchange(self._base + path + query, auth)
        except TROUBLE as error:
            raise ProviderUnavailable(self._shown(str(error) or type(error).__name__)) from None
        value = read_json(body)
        words = self._shown(words_of(value)[0] or "no explanation")
        if status in (401, 403):
            raise HooklineError(f"refused (HTTP {status}): {words}")
        if status in (407, 429) or status >= 500:
            raise ProviderUnavailable(f"HTTP {status}: {words}")
        if status != 200:
            raise NoLedger
        if refusal := read_refusal(value):
            raise HooklineError(f"refused: {self._shown(refusal)}")
        return value

    def _exchange(self, url: str, auth: Mapping[str, str]) -> tuple[int, bytes]:
        headers = {"Accept": "application/json", "User-Agent": "hookline", **auth}
        with (
            within(self._deadline_s),
            new_session(Connections(self._proxies)) as session,
            session.get(
                url,
                headers=headers,
                auth=_headers_only,
                timeout=(min(_CONNECT_S, self._deadline_s / 2), self._deadline_s),
                allow_redirects=False,  # the key would go to another host
                stream=True,
            ) as response,
        ):
            return response.status_code, body_of(response)

    def _shown(self, words: str) -> str:
        for secret in self._secrets:
            words = words.replace(secret, HIDDEN)
        return shown(words, _MAX_WORDS)


def _headers_only(request: Any) -> Any:
    """As the request's ``auth`` it keeps an entry of ``~/.netrc`` from replacing the key."""
    return request
