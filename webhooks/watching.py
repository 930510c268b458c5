"""Sends alerts while no worker runs, which otherwise does."""

from threading import Event

from config.logger import get_logger
from webhooks.context import Context
from worker.domain.errors import HooklineError
from worker.services.alerts import EVERY_S

log = get_logger(__name__)


class Watcher:
    """That of one process."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def run(self) -> None:
        """Look every few seconds, for ever."""
        pause = Event()
        while not pause.wait(EVERY_S):
            self.watch()

    def watch(self) -> None:
        """Look once, and send what waits for a worker."""
        try:
            services = self._context.services
            if services.roster.workers():
                return
            services.alerts.look_now_and_then()
            if services.store.once("alerts_sent", EVERY_S):
                for notification_id in services.alerts.waiting():
                    services.notifier.send(notification_id)
        except HooklineError as error:
            log.debug("alerts.delayed", error=str(error))
        except Exception:  # the next look may go well
            log.exception("alerts.failed")
