"""Who may be told at all, and how many at a time: one that hangs must not keep the others waiting.

``Lines`` is a value with a lock, for the threads of one process; nothing here sends anything.
"""

from collections import Counter, OrderedDict
from collections.abc import Collection, Iterator
from threading import Lock
from time import monotonic
from urllib.parse import urlsplit

from worker.adapters.http.safe import check_url
from worker.domain.errors import AddressError, InvalidRequest
from worker.domain.job import Notify

#: A receiver has so long for everything, in seconds; Svix gives as much.
DEADLINE_S = 15.0
#: For so long nobody else sends what a sweep claimed, in seconds: longer than one may wait for a
#: place here and then be sent.
CLAIM_S = 60.0
#: Notifications that one process sends at a time, and those of them to one receiver.
AT_ONCE = 6
PER_RECEIVER = 2
#: Those that may wait for places; what is above that is due again when its claim ends.
MOST_WAITING = 2000


def destination_of(target: Notify) -> str:
    """What counts as one receiver: a URL's host, or a queue of Celery's."""
    if target.url:
        return urlsplit(target.url).hostname or ""
    return f"queue {target.queue or 'celery'}"


def check_destination(target: Notify | None, hosts: Collection[str]) -> None:
    """Raise ``InvalidRequest`` for a URL to which nothing would be sent.

    ``hosts``: those that may be told by plain http, or at a private address.
    """
    if target is None or target.url is None:
        return
    try:
        check_url(target.url, allowed_hosts=hosts)
    except AddressError as error:
        message = f"{error}; hosts of your own are allowed by HOOKLINE_ALLOWED_HOSTS"
        raise InvalidRequest.of("notify.url", message) from None


class Lines:
    """What waits to be sent, by receiver, and what is being sent."""

    def __init__(self) -> None:
        self._lock = Lock()
        #: By receiver its ids, each with when it is to be given up; who was served goes to the end.
        self._waiting: OrderedDict[str, dict[str, float]] = OrderedDict()
        self._busy = Counter[str]()
        self._sending: set[str] = set()

    def join(self, receiver: str, notification_id: str, until: float) -> None:
        """Wait for a place until ``time.monotonic()`` is ``until``: then somebody else may send it.

        What waits or is sent already stays as it is.
        """
        with self._lock:
            line = self._waiting.get(receiver, {})
            full = sum(map(len, self._waiting.values())) >= MOST_WAITING
            if full or notification_id in self._sending or notification_id in line:
                return
            self._waiting.setdefault(receiver, line)[notification_id] = until

    def take(self) -> tuple[str, str] | None:
        """A receiver and what it is to be sent, and a place for that; None where there is none."""
        with self._lock:
            if found := self._next():
                receiver, notification_id = found
                self._busy[receiver] += 1
                self._sending.add(notification_id)
            return found

    def leave(self, receiver: str, notification_id: str) -> None:
        """Give the place back."""
        with self._lock:
            self._busy[receiver] -= 1
            self._busy += Counter()  # drops those at zero
            self._sending.discard(notification_id)

    def hand_on(self) -> str | None:
        """Something that could be sent now, and waits here no more: whoever is woken sends it."""
        with self._lock:
            found = self._next()
            return found[1] if found else None

    def _next(self) -> tuple[str, str] | None:
        """Who is served next, and with what; it goes out of its line."""
        if self._busy.total() >= AT_ONCE:
            return None
        for receiver in self._open():
            line = self._waiting.pop(receiver)
            notification_id = next(iter(line))
            del line[notification_id]
            if line:
                self._waiting[receiver] = line
            return receiver, notification_id
        return None

    def _open(self) -> Iterator[str]:
        """The receivers that may be sent something; what waited too long is dropped."""
        now = monotonic()
        for receiver in list(self._waiting):
            if self._busy[receiver] >= PER_RECEIVER:
                continue
            line = self._waiting[receiver]
            for late in [each for each, until in line.items() if until < now]:
                del line[late]
            if line:
                yield receiver
            else:
                del self._waiting[receiver]
