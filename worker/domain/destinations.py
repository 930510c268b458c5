"""PURE. Which Celery tasks and queues of other programs a message of ours may go to.

On a Redis broker a queue is a key of the database, and so is everything that Celery and kombu, the
library below it, keep there. A message to the queue `unacked` makes a list of what should be a
hash, and from then on no worker on that database can take a message.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from worker.domain.errors import FieldError, InvalidRequest
from worker.domain.job_spec import Notify

#: Between a queue's name and a priority, in the keys of kombu; see ``sep`` among its options.
SEPARATOR = "\x06\x16"
#: Celery's queue for tasks without one.
DEFAULT_QUEUE = "celery"

_QUEUE = re.compile(r"[A-Za-z0-9_{][A-Za-z0-9_.:/@#+{}-]{0,199}", re.ASCII)
_TASK = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/#+-]{0,199}", re.ASCII)
_CHARACTERS = "letters, digits and _ . : / # + -, at most 200"
_OWN_TASK = re.compile(r"(hookline|celery)(\..*)?", re.DOTALL)

_YOURS = "name the queue that your worker takes from"
_RESERVED = {
    # Our queues, with a priority too, and the keys of the job store.
    r"hookline([^A-Za-z0-9_-].*)?": f"is one of Hookline's own: {_YOURS}",
    # Apps may have a prefix of their own, so the ends of names count.
    r".*unacked(_index|_mutex)?|.*_kombu\..*": f"is a name that kombu keeps for itself: {_YOURS}",
    r".*(celery-task(set)?-meta-|chord-unlock-).*": f"is a name of Celery's results: {_YOURS}",
    r".*(celery\.pidbox|celeryev|celery_delayed).*": f"is a name of Celery's own: {_YOURS}",
    r"amq\..*": f"is a name of RabbitMQ's own: {_YOURS}",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": f"is a name of a queue of replies: {_YOURS}",
    r".*[\x00-\x1f\x7f].*": "must not contain control characters",
}
_RESERVED_NAMES = [(re.compile(name, re.DOTALL), why) for name, why in _RESERVED.items()]


def reserved(queue: str) -> str | None:
    """Why no message may go to this queue, exchange or routing key, in words that follow its name;
    None if it may.
    """
    return next((why for name, why in _RESERVED_NAMES if name.fullmatch(queue)), None)


def check_queue(name: str) -> str:
    """The name of another program's queue. Raises ``ValueError``."""
    if why := reserved(name):
        raise ValueError(why)
    if not _QUEUE.fullmatch(name):
        raise ValueError(f"must be the name of a queue: {_CHARACTERS}, or @ {{ }}")
    return name


def check_task(name: str) -> str:
    """The name of another program's Celery task. Raises ``ValueError``."""
    if found := _OWN_TASK.fullmatch(name):
        whose = found[1].capitalize()
        raise ValueError(f"is a task of {whose}'s own: name one of your program")
    if not _TASK.fullmatch(name):
        raise ValueError(f"must be the name of a Celery task: {_CHARACTERS}")
    return name


def check_pattern(text: str) -> str:
    """A name, or the beginning of names followed by ``*``. Raises ``ValueError``."""
    if text != "*" and not _QUEUE.fullmatch(text.removesuffix("*")):
        raise ValueError("must be names, or beginnings of names followed by *, such as shop.*")
    return text


@dataclass(frozen=True, slots=True)
class Destinations:
    """The Celery tasks and queues that notifications may go to, by ``check_pattern``.

    ``separator``: kombu's, between a queue's name and a priority.
    """

    tasks: Sequence[str] = ("*",)
    queues: Sequence[str] = ("*",)
    separator: str = SEPARATOR

    def check(self, target: Notify) -> None:
        """Raise ``InvalidRequest`` for a Celery task or a queue that messages may not go to."""
        if problems := list(self._problems(target)):
            raise InvalidRequest(problems)

    def _problems(self, target: Notify) -> Iterator[FieldError]:
        if target.celery_task is None:
            return
        queue = target.queue or DEFAULT_QUEUE
        try:
            check_task(target.celery_task)
        except ValueError as error:
            yield FieldError("notify.celery_task", str(error))
        try:
            check_queue(queue)
        except ValueError as error:
            yield FieldError("notify.queue", str(error))
        if self.separator in queue:
            why = f"must not contain {self.separator!r}, which separates priorities at this broker"
            yield FieldError("notify.queue", why)
        if not _is_among(target.celery_task, self.tasks):
            yield FieldError("notify.celery_task", _unlisted(target.celery_task, "TASKS"))
        if not _is_among(queue, self.queues):
            yield FieldError("notify.queue", _unlisted(queue, "QUEUES"))


ANYWHERE = Destinations()


def _is_among(name: str, patterns: Sequence[str]) -> bool:
    return any(
        name.startswith(each[:-1]) if each.endswith("*") else name == each for each in patterns
    )


def _unlisted(name: str, setting: str) -> str:
    return f"{name!r} is not allowed: it is not in the setting HOOKLINE_NOTIFY_{setting}"
