"""SHELL. Wake-ups as Celery messages. One that is not sent is logged: the sweep does its work."""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from config.logger import get_logger
from worker.adapters.messaging.names import FILES, NOTIFY, WAKE
from worker.domain.errors import BrokerUnavailable, HooklineError

if TYPE_CHECKING:
    from celery import Celery

log = get_logger(__name__)

#: Seconds without a try after one that failed: a broker that says nothing costs a request or a
#: sweep three seconds for each.
_SILENT_S = 5.0


class CeleryWakeups:
    """``worker.domain.wakeups.Wakeups``. ``app``: gives the Celery app, which may be made then."""

    def __init__(self, app: "Callable[[], Celery]") -> None:
        self._app = app
        self._silent_until = 0.0

    def start(self, account: str) -> None:
        self._send("hookline.start", account)

    def ask(self, account: str, job_ids: Sequence[str]) -> None:
        self._send("hookline.ask", account, list(job_ids))

    def check(self, account: str) -> None:
        self._send("hookline.check", account)

    def store_assets(self, job_id: str) -> None:
        self._send("hookline.store_assets", job_id, queue=FILES)

    def ask_seeds(self, account: str, job_ids: Sequence[str]) -> None:
        self._send("hookline.ask_seeds", account, list(job_ids))

    def read_ledger(self, account: str) -> None:
        self._send("hookline.read_ledger", account)

    def choose(self, job_id: str) -> None:
        self._send("hookline.choose", job_id)

    def tidy(self) -> None:
        self._send("hookline.tidy")

    def notify(self, notification_id: str) -> None:
        self._send("hookline.notify", notification_id, queue=NOTIFY)

    def _send(self, task: str, *args: Any, queue: str = WAKE) -> None:
        # Imported when something is sent: Celery costs a command a third of its start.
        from worker.adapters.messaging.broker import send  # noqa: PLC0415

        if monotonic() < self._silent_until:
            return
        try:
            send(self._app(), task, queue, args=args)
        except HooklineError as error:
            if isinstance(error, BrokerUnavailable):
                self._silent_until = monotonic() + _SILENT_S
            log.warning("wakeup.not_sent", task=task, error=str(error))
