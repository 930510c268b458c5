"""SHELL. Keeps the requests that are refused at the Celery door, and notifies of them."""

from collections.abc import Callable
from time import time

from config.logger import get_logger
from worker.adapters.store.store import Store
from worker.domain.job_spec import Notify
from worker.domain.refusals import RefusalReason, Sent, notification_of, reason_of, refuse

log = get_logger(__name__)


class Refusals:
    """``target``: the Celery task that is notified; None: nobody is."""

    def __init__(
        self, store: Store, target: Notify | None = None, clock: Callable[[], float] = time
    ) -> None:
        self._store = store
        self._target = target
        self._clock = clock

    def keep(self, sent: Sent, error: Exception, reason: RefusalReason | None = None) -> None:
        """Keep what was refused, and why; once, if its message is delivered twice.

        Raises ``StoreUnavailable``.
        """
        one = refuse(sent, reason or reason_of(error), error, self._clock())
        log.warning(
            "task.request_refused",
            task=one.task,
            message_id=one.message_id,
            origin=one.origin,
            reason=one.reason.value,
            error=one.message,
        )
        self._store.refusals.keep(one, notification_of(one, self._target) if self._target else None)
