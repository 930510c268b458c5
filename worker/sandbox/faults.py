"""Faults on demand: each has its rate among the options, and a branch here.

Whether one occurs depends only on the seed, the fault's name and the number of the submission, task
or callback, so runs are reproducible whatever the threads do.
"""

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from worker.sandbox.dialects import Dialect
from worker.sandbox.ledger import Stats
from worker.sandbox.models import START_DELAY, SUCCESS, UNREADABLE, Callback, Reply, Task, now_ms
from worker.sandbox.options import SandboxOptions
from worker.sandbox.rng import seeded_rng

#: The query field with the time at which a link expires, in epoch milliseconds.
EXPIRY = "ex"
_LINKS = ("imageUrl", "imageUrls", "videoUrl", "videoUrls")
_FRONT_TITLES = {
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}


class Faults:
    """The faults of one sandbox."""

    def __init__(self, options: SandboxOptions, dialect: Dialect, stats: Stats) -> None:
        self._options = options
        self._dialect = dialect
        self._stats = stats
        self._links = defaultdict[int, Iterator[int]](partial(itertools.count, 1))
        self._downloads = defaultdict[int, Iterator[int]](partial(itertools.count, 1))

    def before_accept(self, path: str, number: int) -> Reply | None:
        """A reply that refuses submission `number`, or None."""
        if rng := self._occurs("refusals", number):
            return rng.choice(self._dialect.busy(path))
        if rng := self._occurs("errors_before", number):
            return self._server_error(rng.choice((500, 502, 503, 504)))
        return None

    def after_accept(self, reply: Reply, number: int, tasks: Sequence[Task]) -> Reply:
        """The reply to accepted submission `number`; may also change the fate of its tasks."""
        if rng := self._occurs("errors_after", number):
            # No 503: it says that nothing was accepted.
            reply = self._server_error(rng.choice((500, 502, 504)))
        if rng := self._occurs("slow_replies", number):
            reply = replace(reply, delay=rng.uniform(*self._options.slow_seconds))
        if self._occurs("cut_replies", number):
            reply = replace(reply, cut=True)
        if self._occurs("callbacks_early", number):
            reply = replace(reply, delay=max(reply.delay, START_DELAY + 0.05))
        if self._occurs("failures", number):
            for task in tasks:
                task.failure = task.failure or UNREADABLE
        if rng := self._occurs("late_successes", number):
            for task in tasks:
                if task.failure is None:
                    task.failure = self._dialect.timeout_text
                    task.late_success = rng.uniform(*self._options.late_success_seconds)
        return reply

    def callbacks(self, callback: Callback) -> list[Callback]:
        """What is sent instead of this callback."""
        sent, subject = [callback], (callback.number, callback.index)
        if self._occurs("callbacks_lost", *subject):
            return []
        if self._occurs("callbacks_doubled", *subject):
            sent *= 2
        if rng := self._occurs("callbacks_shuffled", *subject):
            sent = [replace(c, delay=c.delay + rng.uniform(0, c.seconds)) for c in sent]
        if rng := self._occurs("callbacks_late", *subject):
            late = self._options.late_seconds
            sent = [replace(c, delay=c.delay + rng.uniform(*late)) for c in sent]
        if self._occurs("callbacks_without_state", *subject):
            body = {key: value for key, value in callback.body.items() if key != "state"}
            sent = [replace(c, body=body) for c in sent]
        done = callback.body.get("status") == SUCCESS and "buttons" in callback.body
        if self._occurs("callbacks_without_buttons", *subject) and done:
            sent = [replace(c, body=c.body | {"buttons": []}) for c in sent]
        return sent

    def download(self, data: bytes, content_type: str, task: Task | None) -> Reply:
        """The reply to a download of a task's file; uploads belong to no task and never fail."""
        reply = Reply(data, content_type=content_type)
        if task is None:
            return reply
        subject = task.number, next(self._downloads[task.number])
        if rng := self._occurs("pictures_failed", *subject):
            reply = replace(reply, body=b"", status=rng.choice((500, 502, 503)))
        if rng := self._occurs("pictures_cut", *subject):
            size = len(reply.body)
            reply = replace(reply, body=reply.body[: rng.randrange(size or 1)])
            if rng.random() >= 0.5:  # else: a proxy cached the half and announces its size
                reply = replace(reply, content_length=size)
        return reply

    def links(self, view: dict[str, Any], task_number: int) -> dict[str, Any]:
        """The task object, maybe with links that expire, like those that Discord signs."""
        rng = self._occurs("links_expired", task_number, next(self._links[task_number]))
        if rng is None:
            return view
        lifetime = rng.uniform(*self._options.link_seconds)
        mark = f"{EXPIRY}={now_ms() + round(lifetime * 1000)}"
        return {k: _marked(value, mark) if k in _LINKS else value for k, value in view.items()}

    def _occurs(self, rate: str, *subject: int) -> random.Random | None:
        """Randomness for the fault if it occurs, else None."""
        share: float = getattr(self._options, rate)
        if not share:
            return None
        rng = seeded_rng(self._options.seed, rate, *subject)
        if rng.random() >= share:
            return None
        self._stats.count(rate, "faults")
        return rng

    def _server_error(self, status: int) -> Reply:
        """The provider's own HTTP 500, or a page by the web server in front of it."""
        if status == 500:
            return self._dialect.crashed
        title = _FRONT_TITLES[status]
        head = f"<html>\n<head><title>{title}</title></head>\n"
        return Reply(f"{head}<body><h1>{title}</h1></body>\n</html>\n", status, "text/html")


def _marked(value: Any, mark: str) -> Any:
    match value:
        case str() if value.startswith("http"):
            return f"{value}{'&' if '?' in value else '?'}{mark}"
        case dict():
            return {key: _marked(each, mark) for key, each in value.items()}
        case list():
            return [_marked(each, mark) for each in value]
        case _:
            return value
