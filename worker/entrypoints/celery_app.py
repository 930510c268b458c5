"""The worker process: Celery's tasks in threads, and the sweep beside them."""

import logging
import warnings
from collections.abc import Collection
from threading import Event, Thread
from time import time

import structlog
from celery import signals
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning

from worker.adapters.messaging.broker import QUEUES
from worker.adapters.storage.filing import clear_left_behind
from worker.bootstrap import Services
from worker.domain.errors import HooklineError
from worker.entrypoints.tasks import register
from worker.services import assets
from worker.services.notify import AT_ONCE
from worker.services.sweep import BATCH, Sweep

log = structlog.get_logger(__name__)

#: Seconds between two sweeps of one worker; what is due waits at most this long.
SWEEP_EVERY_S = 0.5
#: Threads beside those that may each wait for a POST, for files, or for a receiver.
_SPARE_THREADS = 6


def run_worker(services: Services, queues: Collection[str] = tuple(QUEUES)) -> None:
    """Work until SIGTERM or SIGINT; what runs then is finished first.

    ``queues``: those that this worker serves, by the names of ``broker.QUEUES``.

    Threads, because the work is waiting for HTTP; the chatter between workers is off (see
    ``worker.adapters.messaging.broker``).
    """
    # Celery warns whoever runs it as root because of pickle; only JSON is taken here.
    warnings.simplefilter("ignore", SecurityWarning)
    # And whoever lets tasks run on while the broker is away; ours are safe to run twice.
    warnings.simplefilter("ignore", CPendingDeprecationWarning)
    signals.setup_logging.connect(_keep_our_logging, weak=False)
    clear_left_behind(time())
    celery = services.celery
    register(celery, services)
    stop = Event()
    sweeper = Thread(target=_keep_sweeping, args=(services.sweep, stop), name="sweep", daemon=True)
    signals.worker_ready.connect(lambda **_: sweeper.start(), weak=False)
    signals.worker_shutting_down.connect(lambda **_: stop.set(), weak=False)
    signals.worker_shutting_down.connect(lambda **_: services.assets.stop(), weak=False)
    accounts = services.accounts.values()
    running = sum(account.max_running + account.max_running_video for account in accounts)
    celery.worker_main(
        [
            "--quiet",  # no banner among the log lines
            "worker",
            "--pool=threads",
            f"--concurrency={min(64, running + assets.PLACES + AT_ONCE + _SPARE_THREADS)}",
            f"--queues={','.join(QUEUES[name] for name in queues)}",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
    )


def _keep_sweeping(sweep: Sweep, stop: Event) -> None:
    due = 0
    while due == BATCH or not stop.wait(SWEEP_EVERY_S):
        try:
            due = sweep.run()
        except HooklineError as error:
            due = 0
            log.warning("sweep.failed", error=str(error))
        except Exception:  # the sweep is what finds lost work: it must outlive any defect
            due = 0
            log.exception("sweep.failed")


def _keep_our_logging(**_: object) -> None:
    """Logging is set up already; of Celery's own lines only the warnings are wanted."""
    for name in ("celery", "kombu"):
        logging.getLogger(name).setLevel(logging.WARNING)
