"""Our own Celery tasks: thin, with ids as arguments, idempotent; the sweep repeats lost ones."""

from collections.abc import Callable
from typing import Any

from celery import Celery

from config.logger import get_logger
from worker.bootstrap import Services
from worker.domain.errors import ServiceUnavailable

log = get_logger(__name__)


def register(celery: Celery, services: Services) -> None:
    """Register our wake-ups."""
    wakeups: dict[str, Callable[..., object]] = {
        "start": services.starter.wake,
        "ask": services.poller.poll,
        "check": services.poller.check,
        "store_assets": services.assets.store,
        "ask_seeds": services.seeds.ask,
        "read_ledger": services.ledgers.read,
        "choose": services.chooser.choose,
        "tidy": services.retention.tidy,
        "notify": services.notifier.send,
        "ping": services.roster.answer,
    }
    for name, do in wakeups.items():
        _register_wakeup(celery, name, do)


def _register_wakeup(celery: Celery, name: str, do: Callable[..., object]) -> None:
    @celery.task(name=f"hookline.{name}", shared=False)
    def run(*args: Any) -> None:
        try:
            do(*args)
        except ServiceUnavailable as error:  # the sweep repeats it once Redis is back
            log.warning("task.left_to_sweep", task=name, error=str(error))
