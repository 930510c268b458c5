"""The fault proxy does to a connection what it says, and nothing else."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.chaos.proxy import Fault, Mode, Proxy, always, shares

REQUEST = b"POST /mj/submit/imagine HTTP/1.1\r\n" + b"x" * 200_000 + b"<end>"
ANSWER = b"HTTP/1.1 200 OK\r\n" + b"y" * 50_000


class Upstream:
    """Reads one request up to its end, then answers; keeps what it got."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.got: list[bytes] = []
        self.seen = threading.Event()  #: a whole request came
        self.over = threading.Event()  #: a connection ended
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        got = b""
        with connection:
            try:
                while not got.endswith(b"<end>") and (piece := connection.recv(65536)):
                    got += piece
                self.got.append(got)
                if got.endswith(b"<end>"):
                    self.seen.set()
                    connection.sendall(ANSWER)
            except OSError:
                self.got.append(got)
        self.over.set()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    yield server
    server.close()


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[Proxy]:
    with Proxy("127.0.0.1", upstream.port) as running:
        yield running


def ask(proxy: Proxy, request: bytes = REQUEST, seconds: float = 5.0) -> bytes:
    """The answer up to the connection's end."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=seconds) as client:
        client.sendall(request)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        return answer


def test_passes_both_ways_unchanged(proxy: Proxy, upstream: Upstream) -> None:
    assert ask(proxy) == ANSWER
    assert upstream.got == [REQUEST]
    assert not proxy.struck


def test_cut_forwards_the_whole_request_and_never_the_answer(
    proxy: Proxy, upstream: Upstream
) -> None:
    proxy.rule = always(Fault(Mode.CUT))
    with pytest.raises(ConnectionResetError):
        ask(proxy)
    assert upstream.seen.wait(5)
    assert upstream.got == [REQUEST]


def test_cut_can_let_a_part_of_the_answer_through(proxy: Proxy) -> None:
    proxy.rule = always(Fault(Mode.CUT, after=10))
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        client.sendall(REQUEST)
        assert client.recv(10) == ANSWER[:10]
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_reset_forwards_nothing(proxy: Proxy, upstream: Upstream) -> None:
    proxy.rule = always(Fault(Mode.RESET))
    with pytest.raises(ConnectionError):  # while sending, or while reading
        ask(proxy)
    assert upstream.over.wait(5)
    assert upstream.got == [b""]


def test_drop_forwards_exactly_so_many_bytes(proxy: Proxy, upstream: Upstream) -> None:
    proxy.rule = always(Fault(Mode.DROP, after=100_000))
    with pytest.raises(ConnectionError):
        ask(proxy)
    assert upstream.over.wait(5)
    assert upstream.got == [REQUEST[:100_000]]


def test_blackhole_says_nothing_at_all(proxy: Proxy, upstream: Upstream) -> None:
    proxy.rule = always(Fault(Mode.BLACKHOLE))
    with pytest.raises(TimeoutError):
        ask(proxy, seconds=0.3)
    assert upstream.over.wait(5)
    assert upstream.got == [b""]


def test_delay_holds_the_request_back(proxy: Proxy) -> None:
    proxy.rule = always(Fault(Mode.DELAY, seconds=0.2))
    began = time.monotonic()
    assert ask(proxy, b"short<end>") == ANSWER
    assert time.monotonic() - began > 0.2


def test_throttle_slows_the_answer(proxy: Proxy) -> None:
    proxy.rule = always(Fault(Mode.THROTTLE, rate=100_000))
    began = time.monotonic()
    assert ask(proxy) == ANSWER
    assert time.monotonic() - began > 0.3


def test_refusing_closes_the_door_and_opens_it_again(proxy: Proxy) -> None:
    with proxy.refusing(), pytest.raises(ConnectionRefusedError):
        ask(proxy)
    assert ask(proxy) == ANSWER


def test_a_rule_may_look_at_what_is_asked(proxy: Proxy) -> None:
    proxy.rule = always(Fault(Mode.CUT), start=b"POST /mj/submit/")
    assert ask(proxy, b"GET /mj/task/1/fetch<end>") == ANSWER
    with pytest.raises(ConnectionResetError):
        ask(proxy)
    assert proxy.struck == {Mode.CUT: 1}


def test_shares_repeat_with_their_seed_and_come_near_their_numbers() -> None:
    cut, reset = Fault(Mode.CUT), Fault(Mode.RESET)
    rule = shares(7, {cut: 0.2, reset: 0.1}, start=b"POST")
    struck = [rule(number, b"POST /") for number in range(2000)]
    assert struck == [shares(7, {cut: 0.2, reset: 0.1}, b"POST")(n, b"POST /") for n in range(2000)]
    assert struck != [shares(8, {cut: 0.2, reset: 0.1}, b"POST")(n, b"POST /") for n in range(2000)]
    assert 340 < struck.count(cut) < 460
    assert 150 < struck.count(reset) < 250
    assert {rule(number, b"GET /").mode for number in range(50)} == {Mode.PASS}
