"""Callbacks to the notifyHook: a few threads send them, so tasks never wait.

Unsigned and unordered, as all providers send them; a failed one is not retried unless the dialect
says so.
"""

import json
import threading
from dataclasses import replace
from functools import partial
from queue import SimpleQueue

import requests

from worker.sandbox.environment import Environment
from worker.sandbox.models import Callback

#: Callbacks in progress at once; the providers use ten as well.
THREADS = 10


class CallbackSender:
    """Sends callbacks in the background. `enabled`: whether hooks reach the upstream at all."""

    def __init__(self, env: Environment) -> None:
        chosen, dialect = env.options.forward_hook, env.dialect
        self.enabled = dialect.forwards_hook if chosen is None else chosen
        self._env = env
        self._dialect = dialect
        scale = env.options.callback_retry_scale
        self._pauses = [pause * scale for pause in dialect.callback_pauses]
        # Daemon threads, since an executor's would keep the process until slow receivers answer.
        self._due: SimpleQueue[Callback | None] = SimpleQueue()
        for n in range(THREADS):
            threading.Thread(target=self._run, name=f"sandbox-callback-{n}", daemon=True).start()

    def send(self, callback: Callback) -> None:
        """Send one callback, or whatever the faults make of it."""
        for each in self._env.faults.callbacks(callback):
            self._env.scheduler.after(each.delay, partial(self._due.put, each))

    def stop(self) -> None:
        """Let the threads end once they have sent what is due."""
        for _ in range(THREADS):
            self._due.put(None)

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False  # receivers are local: no proxy
            while (callback := self._due.get()) is not None:
                if self._post(session, callback):
                    self._env.stats.count("callbacks_sent")
                    continue
                if callback.attempt < len(self._pauses):
                    self._env.stats.count("callbacks_retried")
                    retry = replace(callback, attempt=callback.attempt + 1)
                    pause = self._pauses[callback.attempt]
                    self._env.scheduler.after(pause, partial(self._due.put, retry))
                self._env.stats.count("callbacks_failed")

    def _post(self, session: requests.Session, callback: Callback) -> bool:
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
