"""Whether people who look on slow the receiver down, and what the first page of the gallery costs.

Callbacks leave at their pace as long as one of the connections is free, as a provider's client
sends them. So where the machine cannot keep the pace, latencies are those of a full receiver.
"""

import random
import re
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from multiprocessing import get_context
from selectors import EVENT_READ, DefaultSelector
from statistics import median
from time import monotonic, perf_counter

from tests.bench.filling import fill
from tests.bench.load import Connection, Target
from tests.bench.rows import Row
from tests.bench.seeds import STORY, Seeds
from tests.bench.stage import Stage
from webhooks.pages.visits import SESSION_COOKIE
from worker.adapters.sessions import Sessions

VIEWERS, CALLBACKS_PER_S = 200, 500
#: Seconds between two polls of a page, as its script has it.
_EVERY_S = 3.0
_CONNECTIONS = 16
#: What a page asks again with, in what it was answered.
_CARD = re.compile(rb'data-id="(\w+)" data-job="\w+" data-v="(\d+)"')
_TAG = re.compile(rb"\r\netag: *([^\r]+)", re.IGNORECASE)


@dataclass
class _Viewer:
    """One page that is open in a browser."""

    cookie: str
    pipeline: str = ""  #: empty: the gallery
    cards: dict[bytes, bytes] = field(default_factory=dict)
    tag: bytes = b""

    def request(self) -> bytes:
        """As its script asks."""
        known = b"%20".join(b"%s.%s" % card for card in list(self.cards.items())[:24])
        path = f"/live/pipelines/{self.pipeline}?job={self.pipeline}".encode()
        path = path if self.pipeline else b"/live/gallery?known=" + known
        tag = b"If-None-Match: %s\r\n" % self.tag if self.tag else b""
        head = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Live: 1\r\nCookie: %s=%s\r\n%s\r\n"
        return head % (path, SESSION_COOKIE.encode(), self.cookie.encode(), tag)

    def take(self, answer: bytes) -> None:
        """Remember what it shows now; the newest cards come first."""
        self.cards = dict(_CARD.findall(answer)) | self.cards
        if found := _TAG.search(answer):
            self.tag = found[1]


@dataclass(frozen=True, slots=True)
class _Paced:
    """What became of a load: seconds until each answer, sorted, and how long all of it took."""

    latencies: tuple[float, ...]
    refused: int
    seconds: float

    @property
    def p99(self) -> float:
        return self.latencies[int(0.99 * len(self.latencies))]


def viewers(stage: Stage, seconds: float, rounds: int) -> list[Row]:
    """The receiver's p99 with viewers and without, by turns."""
    stage.clear()
    seeds = Seeds(stage.services, stage.provider.url)
    alone, beside, polls = list[_Paced](), list[_Paced](), list[_Paced]()
    lookers = ProcessPoolExecutor(1, get_context("spawn"))
    with stage.running("web") as targets, lookers:
        web = targets["web"]
        _callbacks(stage, seeds, web, 3.0)
        for _ in range(rounds):
            alone.append(_callbacks(stage, seeds, web, seconds))
            watched = [seeds.submitted().id for _ in range(VIEWERS // 2)]
            looking = lookers.submit(_look, web, _cookie(stage), watched, seconds)
            beside.append(_callbacks(stage, seeds, web, seconds))
            polls.append(looking.result())
    with_, without = ([1000 * each.p99 for each in found] for found in (beside, alone))
    ratio = median(one / other for one, other in zip(with_, without, strict=True))
    pages = sorted(each for one in polls for each in one.latencies)
    return [
        Row(
            f"p99 of {CALLBACKS_PER_S} callbacks a second beside {VIEWERS} viewers, not alone",
            "ms",
            median(with_),
            median(without),
            ratio,
            note=f"{len(pages)} polls, their median {1000 * median(pages):.0f} ms;"
            f" {sum(one.refused for one in polls)} turned away;"
            f" {_rate(beside):.0f} callbacks a second, alone {_rate(alone):.0f}",
        ).below_ratio(1.5)
    ]


def _rate(found: list[_Paced]) -> float:
    return median(len(each.latencies) / each.seconds for each in found)


def first_page(stage: Stage, jobs: int, requests: int = 20) -> list[Row]:
    """The gallery as it is opened, with so many jobs stored."""
    stage.clear()
    fill(stage, jobs)
    with stage.running("web") as targets:
        connection = HTTPConnection("127.0.0.1", targets["web"].port, timeout=20)
        headers = {"Cookie": f"{SESSION_COOKIE}={_cookie(stage)}", "Accept": "text/html"}
        times, sizes = list[float](), list[int]()
        for _ in range(requests):
            began = perf_counter()
            connection.request("GET", "/", headers=headers)
            answer = connection.getresponse()
            sizes.append(len(answer.read()))
            times.append((perf_counter() - began) * 1000)
            if answer.status != 200:
                raise RuntimeError(f"the gallery is answered with {answer.status}")
        connection.close()
    what = f"first page of the gallery, {jobs:,} stored"
    return [
        Row(what, "ms", median(times)).below(100),
        Row(what, "KiB", max(sizes) / 1024).below(60),
    ]


def _cookie(stage: Stage) -> str:
    settings = stage.services.settings
    secrets = [secret.get_secret_value() for secret in settings.secrets]
    return Sessions(secrets, settings.api_token.get_secret_value()).start("")


def _callbacks(stage: Stage, seeds: Seeds, web: Target, seconds: float) -> _Paced:
    jobs = [seeds.submitted() for _ in range(int(seconds * CALLBACKS_PER_S / len(STORY)))]
    requests = [seeds.callback(job, *step) for step in STORY for job in jobs]
    found = stage.client.submit(_send, web, requests).result()
    if found.refused:
        raise RuntimeError(f"{found.refused} callbacks were refused")
    return found


def _send(web: Target, requests: list[bytes]) -> _Paced:
    """Send them at their pace over some connections; each takes the next that is due."""
    free = deque(Connection(web.port) for _ in range(_CONNECTIONS))
    latencies, refused, sent, began = list[float](), 0, 0, monotonic()
    with DefaultSelector() as selector:
        while len(latencies) < len(requests):
            while sent < len(requests) and free and monotonic() >= began + sent / CALLBACKS_PER_S:
                connection = free.popleft()
                selector.register(connection.socket, EVENT_READ, (connection, monotonic()))
                connection.socket.sendall(requests[sent])
                sent += 1
            for key, _ in selector.select(0.0005 if free else 1.0):
                connection, began_at = key.data
                if (answer := connection.receive()) is None:
                    continue
                latencies.append(monotonic() - began_at)
                refused += answer[9:12] != b"200"
                selector.unregister(connection.socket)
                free.append(connection)
    for connection in free:
        connection.close()
    return _Paced(tuple(sorted(latencies)), refused, monotonic() - began)


def _look(web: Target, cookie: str, watched: list[str], seconds: float) -> _Paced:
    """Half of the viewers look at the gallery, half at a pipeline each."""
    pages = [*(_Viewer(cookie) for _ in watched), *(_Viewer(cookie, each) for each in watched)]
    connections = [Connection(web.port) for _ in pages]
    dice, began = random.Random(1), monotonic()
    latencies = list[float]()
    asked: list[float] = [0.0] * len(pages)
    next_at = [began + dice.random() * _EVERY_S for _ in pages]
    refused = 0
    with DefaultSelector() as selector:
        for number, connection in enumerate(connections):
            selector.register(connection.socket, EVENT_READ, number)
        while monotonic() < began + seconds:
            now = monotonic()
            for number, at in enumerate(next_at):
                if not asked[number] and at <= now:
                    connections[number].socket.sendall(pages[number].request())
                    asked[number] = now
            for key, _ in selector.select(0.005):
                number = key.data
                answer = connections[number].receive()
                if answer is None:
                    continue
                refused += answer[9:12] not in (b"200", b"204", b"304")
                latencies.append(monotonic() - asked[number])
                pages[number].take(answer)
                # A script waits after each answer.
                asked[number], next_at[number] = 0.0, monotonic() + _EVERY_S
    for connection in connections:
        connection.close()
    return _Paced(tuple(sorted(latencies)), refused, monotonic() - began)
