"""Callbacks to the notifyHook: a few threads send them, tasks never wait (protocol: notifyHook).

Unsigned and without order, as all providers send them; a refusal is not repeated unless the
dialect says so.
"""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from functools import partial
from queue import SimpleQueue

import requests

from worker.sandbox.base import Dialect
from worker.sandbox.faults import Callback, Faults
from worker.sandbox.ledger import Stats
from worker.sandbox.options import SandboxOptions
from worker.sandbox.scheduler import Scheduler

#: Callbacks under way at once; the providers use ten as well.
POOL = 10


class Notifier:
    """Sends callbacks in the background."""

    def __init__(
        self, options: SandboxOptions, dialect: Dialect, scheduler: Scheduler, stats: Stats
    ) -> None:
        self._options = options
        self._dialect = dialect
        self._scheduler = scheduler
        self._stats = stats
        self._faults = Faults(options, stats)
        self._due: SimpleQueue[Callback | None] = SimpleQueue()
        for n in range(POOL):
            threading.Thread(target=self._run, name=f"sandbox-callback-{n}", daemon=True).start()

    @property
    def forwards(self) -> bool:
        """Whether a notifyHook reaches the upstream at all."""
        chosen = self._options.forward_hook
        return self._dialect.forwards_hook if chosen is None else chosen

    def tell(self, callback: Callback) -> None:
        """Send one callback, after whatever the faults make of it."""
        for sent in self._faults.callbacks(callback):
            if sent.delay:
                self._scheduler.after(sent.delay, partial(self._due.put, sent))
            else:
                self._due.put(sent)

    def stop(self) -> None:
        """Let the threads end when they have sent what is due."""
        for _ in range(POOL):
            self._due.put(None)

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False  # receivers are local; a proxy setting is not meant for them
            while (callback := self._due.get()) is not None:
                if self._send(session, callback):
                    self._stats.count("callbacks_sent")
                else:
                    self._retry(callback)
                    self._stats.count("callbacks_failed")

    def _send(self, session: requests.Session, callback: Callback) -> bool:
        text = json.dumps(callback.body, ensure_ascii=self._dialect.ascii_callbacks)
        try:
            reply = session.post(
                callback.url,
                data=text.encode(),
                headers={"Content-Type": self._dialect.callback_type},
                timeout=self._dialect.callback_timeout,
                allow_redirects=self._dialect.follows_redirects,
            )
        except (requests.RequestException, ValueError):
            return False
        return 200 <= reply.status_code < 300

    def _retry(self, callback: Callback) -> None:
        pauses = self._dialect.callback_pauses
        if callback.attempt >= len(pauses):
            return
        pause = pauses[callback.attempt] * self._options.callback_retry_scale
        again = replace(callback, attempt=callback.attempt + 1)
        self._stats.count("callbacks_retried")
        self._scheduler.after(pause, partial(self._due.put, again))
