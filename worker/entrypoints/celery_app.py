"""The worker process: Celery tasks in threads, and the sweep in a thread of its own."""

import logging
import warnings
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from signal import SIGINT
from threading import Event, Thread
from time import time
from typing import Any

from celery import signals
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning

from config.logger import get_logger
from worker.adapters.local.memory import return_memory
from worker.adapters.messaging.names import QUEUES, WAKE
from worker.adapters.messaging.starting import prepare_broker
from worker.adapters.messaging.transports import bound_decompression
from worker.adapters.storage.filing import clear_left_behind
from worker.adapters.store.clock import TOLERATED_S
from worker.bootstrap import Services
from worker.domain.errors import HooklineError
from worker.entrypoints.consumer import RefusingConsumer, keep_expired
from worker.entrypoints.door import register_kinds
from worker.entrypoints.tasks import register
from worker.services import assets
from worker.services.notify import AT_ONCE
from worker.services.sweep import BATCH

log = get_logger(__name__)

#: Seconds between two sweeps of one worker.
SWEEP_EVERY_S = 0.5
#: Threads that may wait for one provider's answers to questions; POSTs have threads of their own.
_QUESTIONS = 3
#: Threads in addition to those, and to those that may wait for a download or a receiver.
_SPARE = 6


def run_worker(
    services: Services,
    queues: Collection[str] = tuple(QUEUES),
    on_ready: Callable[[], None] = lambda: None,
) -> int:
    """Work until SIGTERM or SIGINT, finish the running tasks, and return the exit code: 130 after
    SIGINT.

    Raises ``QueueRefused`` and ``SettingsError`` if the broker would never let it.

    ``queues``: names from ``QUEUES``. Tasks run in threads, because they wait for HTTP.
    ``on_ready`` is called when everything is imported, before the first task.
    """
    return_memory()
    # Celery warns about root because of pickle; only JSON is accepted here.
    warnings.simplefilter("ignore", SecurityWarning)
    # It also warns about tasks that run on while the broker is away; ours are safe to run twice.
    warnings.simplefilter("ignore", CPendingDeprecationWarning)
    signals.setup_logging.connect(_keep_our_logging, weak=False)
    clear_left_behind(time())
    bound_decompression()
    celery = services.celery
    names = [QUEUES[name] for name in queues]
    prepare_broker(celery, names)
    register(celery, services)
    register_kinds(celery, services)
    keep_expired(services.refusals)
    celery.conf.worker_consumer = partial(RefusingConsumer, services.refusals)
    if WAKE in names:
        services.sweep.start = services.starter.wake
    stop = Event()
    sweeper = Thread(target=_keep_sweeping, args=(services, stop), name="sweep", daemon=True)
    signals.worker_ready.connect(lambda **_: on_ready(), weak=False)
    signals.worker_ready.connect(lambda **_: sweeper.start(), weak=False)
    signals.worker_ready.connect(_notice_signals, weak=False)
    signals.worker_shutting_down.connect(lambda **_: stop.set(), weak=False)
    told = list[str]()
    signals.worker_shutting_down.connect(lambda sig, **_: told.append(sig), weak=False)
    signals.worker_shutting_down.connect(lambda **_: services.assets.stop(), weak=False)
    signals.worker_shutdown.connect(lambda **_: _stop(services), weak=False)
    # Not by Celery's command line, whose options also come from variables such as BROKER_URL.
    worker = celery.Worker(
        pool="threads",
        concurrency=min(64, _QUESTIONS * len(services.accounts) + assets.PLACES + AT_ONCE + _SPARE),
        queues=names,
        quiet=True,  # no banner among the log lines
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    return 128 + SIGINT if told[:1] == [SIGINT.name] else int(worker.exitcode or 0)


def _keep_sweeping(services: Services, stop: Event) -> None:
    due = 0
    if abs(ahead_s := services.clock.ahead_s) > TOLERATED_S:
        log.warning("clock.differs", ahead_s=round(ahead_s, 1))
    while due == BATCH or not stop.wait(SWEEP_EVERY_S):
        try:
            services.clock.refresh()
            services.roster.appear()
            due = services.sweep.run()
        except HooklineError as error:
            due = 0
            log.warning("sweep.failed", error=str(error))
        except Exception:  # the sweep finds lost work: it must survive any defect
            due = 0
            log.exception("sweep.failed")
    with suppress(HooklineError):  # the entry expires
        services.roster.leave()


def _stop(services: Services) -> None:
    """Finish what was begun, and write what was counted since the last sweep."""
    services.starter.stop()
    with suppress(HooklineError):
        services.orchestrator.tally.flush(at_once=True)
    if services.traces:
        services.traces.flush()


def _notice_signals(sender: Any, **_: object) -> None:
    """Let Celery's loop look up every half second.

    On RabbitMQ it may wait for ten seconds, and only then does it see a SIGTERM.
    """
    if sender.hub:
        sender.hub.call_repeatedly(0.5, lambda: None)


def _keep_our_logging(**_: object) -> None:
    """Keep Celery from configuring logging; log only its warnings."""
    for name in ("celery", "kombu"):
        logging.getLogger(name).setLevel(logging.WARNING)
