"""SHELL. The inbox: keeps callbacks, and binds stray ones to jobs.

A callback costs an entry in a list; ``webhooks.writing`` writes all of them together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from json import loads
from threading import Lock
from uuid import uuid4

from config.logger import get_logger
from worker.adapters.provider.snapshots import read_task
from worker.adapters.store.store import Store
from worker.adapters.tokens import AccountToken, JobToken, Tokens
from worker.domain.errors import Conflict, HooklineError, NotFound
from worker.domain.events import Disposition
from worker.domain.inbox import (
    LONGEST_BODY,
    VERDICTS,
    Bound,
    Callback,
    CallbackVerdict,
    id_of,
    kept_body,
)
from worker.domain.redaction import LONGEST
from worker.services.callbacks import CallbackReceiver

log = get_logger(__name__)

#: Callbacks that may wait to be written; beyond that the oldest are left out.
MOST_WAITING = 1000


@dataclass(frozen=True, slots=True)
class _Noted:
    """A callback as it was received."""

    at: float
    verdict: CallbackVerdict
    token: str
    body: bytes
    why: str = ""


class Inbox:
    """``clock`` returns seconds since the epoch. Threads may share it."""

    def __init__(
        self, store: Store, tokens: Tokens, receiver: CallbackReceiver, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._receiver = receiver
        self._clock = clock
        self._waiting: list[_Noted] = []
        self._lock = Lock()

    def received(self, token: str, disposition: Disposition, body: bytes = b"") -> None:
        """Note a callback that came with this valid token, and was answered with 200.

        A stray one is kept before this returns, since the provider will not repeat it:
        raises ``StoreUnavailable``.
        """
        self._note(_Noted(self._clock(), VERDICTS[disposition], token, _start_of(body)))
        if disposition is Disposition.FOREIGN:
            self.write()

    def refused(self, token: str, why: str, body: bytes = b"") -> None:
        """Note a callback that came with this valid token, and was answered with an error."""
        kept = _start_of(body)
        self._note(_Noted(self._clock(), CallbackVerdict.REFUSED, token, kept, why[:LONGEST]))

    def write(self) -> None:
        """Write what was noted. Raises ``StoreUnavailable``; it is tried again then."""
        with self._lock:
            noted, self._waiting = self._waiting, []
        if not noted:
            return
        try:
            self._store.inbox.keep(_together(map(self._kept, noted)), self._clock())
        except HooklineError:
            with self._lock:
                self._waiting = [*noted, *self._waiting][-MOST_WAITING:]
            raise

    def find(self, callback_id: str) -> Callback:
        """The callback. Raises ``NotFound``."""
        found = self._store.inbox.get(callback_id)
        if found is None:
            raise NotFound(f"There is no callback {callback_id!r} in the inbox.")
        return found

    def bind(self, callback: Callback, job_id: str, by: str) -> Callback:
        """Give the callback to the job, through the receiver's door, and note that.

        Raises ``Conflict`` if it cannot be bound, or the job does not take it.
        """
        if not callback.bindable:
            raise Conflict(_why_not(callback))
        outcome = self._receiver.take(job_id, loads(callback.body), self._account_of(callback))
        if outcome in (Disposition.FOREIGN, Disposition.STALE):
            raise Conflict(
                f"Job {job_id} does not take it: it was not submitted, or follows another task. "
                f"`hookline show {job_id}` says what it waits for."
            )
        bound = Bound(job_id, by, self._clock(), outcome)
        self._store.inbox.bind(callback.id, bound)
        log.info("callback.bound", callback_id=callback.id, job_id=job_id, outcome=outcome.value)
        return replace(callback, bound=bound)

    def _account_of(self, callback: Callback) -> str:
        named = self._store.jobs.get(callback.job) if callback.job else None
        return callback.account or (named.account if named else "")

    def _note(self, one: _Noted) -> None:
        with self._lock:
            self._waiting.append(one)
            if len(self._waiting) > MOST_WAITING:
                del self._waiting[0]

    def _kept(self, noted: _Noted) -> Callback:
        body, cut = kept_body(noted.body, noted.token)
        named = self._tokens.read(noted.token)
        echoed, task_id = (
            (named, "") if isinstance(named, JobToken) else self._of_account(noted.body)
        )
        account = named.account if isinstance(named, AccountToken) else ""
        job = echoed.job_id if echoed else None
        alike = (noted.verdict, noted.why, account, job or task_id)
        new = noted.verdict is CallbackVerdict.APPLIED
        return Callback(
            id=uuid4().hex if new else id_of(*alike),
            at=noted.at,
            verdict=noted.verdict,
            why=noted.why,
            account=account,
            job=job,
            attempt=echoed.attempt if echoed else None,
            body=body,
            cut=cut or len(noted.body) >= _MOST,
        )

    def _of_account(self, body: bytes) -> tuple[JobToken | None, str]:
        """The job that the body's ``state`` names, and the task."""
        try:
            seen = read_task(loads(body))
        except (ValueError, RecursionError):
            return None, ""
        return self._tokens.job(seen.state), seen.task_id or ""


#: Bytes of a body that wait to be written.
_MOST = LONGEST_BODY + LONGEST


def _start_of(body: bytes) -> bytes:
    return body if len(body) <= _MOST else body[:_MOST]


def _together(callbacks: "map[Callback]") -> Sequence[Callback]:
    """Those alike as one: the newest, with their number."""
    found: dict[str, Callback] = {}
    for each in callbacks:
        before = found.pop(each.id, None)
        found[each.id] = replace(each, count=each.count + before.count) if before else each
    return list(found.values())


def _why_not(callback: Callback) -> str:
    if callback.verdict is not CallbackVerdict.FOREIGN:
        return f"Only a foreign callback can be bound to a job; this one is {callback.verdict}."
    return "Its body was too long to be kept as a whole, so it cannot be bound: the job is polled."
