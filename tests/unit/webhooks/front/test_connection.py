"""Slow, silent, absent and greedy peers; none of them holds a thread."""

import gc
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Event
from typing import Any
from wsgiref.types import StartResponse

import pytest

from tests.support.front import one, rest, served
from tests.support.processes import wait_for
from webhooks.front import calling
from webhooks.front.asking import HEAD_ONLY, is_first, want_body
from webhooks.front.connection import Connection
from webhooks.front.limits import PACE, PATIENCE, SMALL_BODY, Limits, Phase
from webhooks.front.reader import Reader
from webhooks.front.wire import Wire

App = Callable[[dict[str, Any], StartResponse], Any]
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = 4 * PACE


def head(length: int, *more: bytes) -> bytes:
    lines = (b"POST / HTTP/1.1", b"Host: x", b"Content-Length: %d" % length, *more, b"", b"")
    return b"\r\n".join(lines)


def size(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
    """Answers with the length of the body, of which it wants at most ``LARGE`` bytes."""
    want_body(environ, LARGE)
    said = b"%d" % len(environ["wsgi.input"].read())
    start("200 OK", [("Content-Length", str(len(said)))])
    return [said]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """All deadlines are over soon, but for those of idle connections."""
    for phase in (Phase.HEAD, Phase.BODY, Phase.SENDING, Phase.LEAVING):
        monkeypatch.setitem(PATIENCE, phase, 0.3)
    monkeypatch.setattr("webhooks.front.front._LOOK_EVERY_S", 0.05)


def test_a_silent_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PATIENCE, Phase.SILENT, 0.1)
    monkeypatch.setitem(PATIENCE, Phase.KEPT, 0.1)
    monkeypatch.setattr("webhooks.front.front._LOOK_EVERY_S", 0.05)
    with served(size) as front, front.connect() as silent, front.connect() as kept:
        kept.sendall(GET)
        assert one(kept)[1] == b"0"
        assert rest(silent) == rest(kept) == b""


@pytest.mark.parametrize(
    "sent", [b"G", GET[:-2], head(5), head(5) + b"abcd", head(LARGE) + b"a" * SMALL_BODY]
)
@pytest.mark.usefixtures("hasty")
def test_a_slow_request_is_ended(sent: bytes) -> None:
    with served(size) as front, front.connect() as link:
        link.sendall(sent)
        said = rest(link)
    assert said.startswith(b"HTTP/1.1 408 Request Timeout\r\n"), said


@pytest.mark.usefixtures("hasty")
def test_a_large_body_has_all_the_time_that_its_pace_needs() -> None:
    with served(size) as front, front.connect() as link:
        link.sendall(head(LARGE))
        pause = Event()
        for _ in range(8):
            link.sendall(b"a" * (LARGE // 8))
            pause.wait(0.1)  # over twice the patience in all
        assert one(link)[1] == b"%d" % LARGE


def test_slow_bodies_hold_no_thread() -> None:
    with served(size, threads={"": 1}) as front, ExitStack() as links:
        for number in range(40):
            link = links.enter_context(front.connect())
            link.sendall(head(LARGE) + b"a" * (SMALL_BODY + 1 if number % 2 else 1))
        for _ in range(10):
            with front.connect() as quick:
                quick.sendall(GET)
                assert one(quick)[1] == b"0"


def streams(environ: dict[str, Any], start: StartResponse) -> Iterator[bytes]:
    if environ["PATH_INFO"] == "/short":
        start("200 OK", [("Content-Length", "2")])
        return iter([b"ok"])
    start("200 OK", [])
    return iter([b"%07d\n" % number * 1024 for number in range(2000)])


STREAM = b"GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_a_slow_reader_holds_no_thread_and_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PATIENCE, Phase.SENDING, 300.0)  # this machine may be slow
    with served(streams, threads={"": 1}) as front, front.connect() as slow:
        slow.sendall(STREAM)
        with front.connect() as quick:
            quick.sendall(GET.replace(b"/", b"/short", 1))
            assert one(quick)[1] == b"ok"
        said = rest(slow)
    assert b"\r\nTransfer-Encoding: chunked\r\n" in said
    body = b"".join(b"2000\r\n%b\r\n" % (b"%07d\n" % number * 1024) for number in range(2000))
    assert hash(said.partition(b"\r\n\r\n")[2]) == hash(body + b"0\r\n\r\n")


def test_an_old_reader_gets_the_stream_without_chunks() -> None:
    with served(streams) as front, front.connect() as link:
        link.sendall(STREAM.replace(b"HTTP/1.1", b"HTTP/1.0"))
        said = rest(link)
    assert said.partition(b"\r\n\r\n")[2] == b"".join(b"%07d\n" % n * 1024 for n in range(2000))


@pytest.mark.usefixtures("hasty")
def test_a_reader_that_stops_is_cut_off() -> None:
    with served(streams) as front, socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.settimeout(20)
        link.connect(("127.0.0.1", front.port))
        link.sendall(STREAM)
        Event().wait(1.5)  # reads nothing
        assert not rest(link).endswith(b"0\r\n\r\n")


def test_what_the_app_refuses_by_the_head_is_answered_without_the_body() -> None:
    ran: list[bool] = []

    def refuses(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        ran.append(HEAD_ONLY in environ)
        start("401 Unauthorized", [("Content-Length", "2")])
        return [b"no"]

    with served(refuses) as front, front.connect() as link:
        link.sendall(head(10**9))
        said = rest(link)
    assert said.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nConnection: close\r\n" in said
    assert ran == [True]


def test_the_answer_reaches_a_peer_that_goes_on_sending() -> None:
    def refuses(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        start("401 Unauthorized", [("Content-Length", "2")])
        return [b"no"]

    with served(refuses) as front, front.connect() as link:
        link.sendall(head(8_000_000))
        for _ in range(80):
            link.sendall(b"a" * 100_000)
        assert rest(link).endswith(b"\r\n\r\nno")


def test_a_request_that_is_run_twice_says_so() -> None:
    first: list[bool] = []

    def app(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        first.append(is_first(environ))
        return size(environ, start)

    with served(app) as front, front.connect() as link:
        link.sendall(head(4, b"Expect: 100-continue"))
        assert link.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(b"abcd")
        assert one(link)[1] == b"4"
        link.sendall(head(4) + b"abcd")
        assert one(link)[1] == b"4"
    assert first == [True, False, True]


def test_a_body_is_asked_for_only_where_it_is_wanted() -> None:
    with served(size) as front, front.connect() as link:
        link.sendall(head(4, b"Expect: 100-continue"))
        assert link.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(b"abcd")
        assert one(link)[1] == b"4"
        link.sendall(head(4, b"Expect: 100-continue") + b"abcd")
        assert one(link)[1] == b"4"


def test_the_app_sees_that_a_body_is_too_large_and_nothing_more_is_kept() -> None:
    with served(size) as front, front.connect() as link:
        link.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(10):
            link.sendall(b"10000\r\n%b\r\n" % (b"a" * 65536))
        said = rest(link)
    assert LARGE < int(said.rpartition(b"\r\n")[2]) < 2 * LARGE
    assert b"\r\nConnection: close\r\n" in said


def test_a_request_that_breaks_off_never_reaches_the_app() -> None:
    ran: list[None] = []

    def app(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        ran.append(None)
        return size(environ, start)

    with served(app) as front:
        assert front.ask(head(5) + b"abcd") == b""
        assert front.ask(GET).endswith(b"0")
    assert ran == [None]


def test_idle_connections_give_way_and_someone_is_told() -> None:
    with served(size, Limits(connections=3)) as front, ExitStack() as links:
        silent = [links.enter_context(front.connect()) for _ in range(10)]
        with front.connect() as link:
            link.sendall(GET)
            assert one(link)[1] == b"0"
            assert rest(silent[0]) == b""
            assert len(front.turned_away) == 8


def test_where_all_are_in_use_another_is_refused_and_someone_is_told() -> None:
    entered, done = Event(), Event()

    def waits(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        entered.set()
        done.wait(20)
        return size(environ, start)

    with served(waits, Limits(connections=1)) as front, front.connect() as busy:
        busy.sendall(GET)
        assert entered.wait(20)
        with front.connect() as other:
            said = rest(other)
        assert said.startswith(b"HTTP/1.1 503 ")
        assert front.turned_away == [None]
        done.set()
        assert one(busy)[1] == b"0"


def test_calls_of_one_kind_do_not_hold_up_the_others() -> None:
    done, entered = Event(), Event()

    def waits(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        if environ["PATH_INFO"] == "/slow":
            entered.set()
            done.wait(20)
        return size(environ, start)

    with served(waits, threads={"/quick": 1, "": 1}) as front, front.connect() as slow:
        slow.sendall(GET.replace(b"/", b"/slow", 1))
        assert entered.wait(20)
        assert front.ask(GET.replace(b"/", b"/quick", 1)).endswith(b"0")
        done.set()
        assert one(slow)[1] == b"0"


def test_a_failure_of_the_app_is_an_answer() -> None:
    def fails(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        raise RuntimeError

    with served(fails, threads={"": 1}) as front:
        for _ in range(2):
            assert front.ask(GET).startswith(b"HTTP/1.1 500 ")


def test_half_an_answer_does_not_look_like_a_whole_one() -> None:
    def breaks(environ: dict[str, Any], start: StartResponse) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"half"
        raise RuntimeError

    with served(breaks, threads={"": 1}) as front:
        assert not front.ask(GET).endswith(b"0\r\n\r\n")
        assert not front.ask(GET).endswith(b"0\r\n\r\n")


def test_a_peer_that_leaves_takes_its_request_along() -> None:
    entered, done, closed = Event(), Event(), Event()

    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            entered.set()
            done.wait(20)
            while True:
                yield b"a" * 1000

        def close(self) -> None:
            closed.set()

    def endless(environ: dict[str, Any], start: StartResponse) -> Pieces:
        start("200 OK", [])
        return Pieces()

    with served(endless, threads={"": 1}) as front:
        with front.connect() as link:
            link.sendall(GET)
            assert entered.wait(20)
        done.set()
        wait_for(closed.is_set, "the end of what nobody reads")


@pytest.mark.parametrize("path", ["/", "/missing"])
def test_every_answer_is_plain_data_to_a_browser(path: str) -> None:
    def finds(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        start("404 Not Found" if environ["PATH_INFO"] != "/" else "200 OK", [])
        return []

    with served(finds) as front:
        for said in (front.ask(GET.replace(b"/", path.encode(), 1)), front.ask(b"?\r\n\r\n")):
            assert b"\r\nX-Content-Type-Options: nosniff\r\n" in said
            assert b"\r\nContent-Security-Policy: default-src 'none'; " in said


def test_a_page_may_have_a_policy_of_its_own() -> None:
    def page(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        start("200 OK", [("content-security-policy", "default-src 'self'")])
        return []

    with served(page) as front:
        said = front.ask(GET).lower()
    assert said.count(b"content-security-policy") == 1


def test_answers_to_head_have_no_body() -> None:
    def page(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        start("200 OK", [("Content-Length", "5")])
        return []

    with served(page) as front, front.connect() as link:
        for _ in range(2):
            link.sendall(GET.replace(b"GET", b"HEAD"))
            said = link.recv(5000)
            assert said.endswith(b"\r\n\r\n")
            assert b"\r\nContent-Length: 5\r\n" in said


def hello(_environ: dict[str, Any], start: StartResponse) -> list[bytes]:
    start("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def test_bodies_that_never_come_make_room_for_others() -> None:
    half = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx"
    with served(hello, Limits(20, 0)) as front, ExitStack() as held:
        for _ in range(20):
            held.enter_context(front.connect()).sendall(half)
        for _ in range(3):
            assert front.ask(GET).startswith(b"HTTP/1.1 200 ")


def test_who_comes_when_too_many_wait_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "MAX_WAITING", 3)
    busy, go_on = Event(), Event()

    def slow(environ: Any, start: Any) -> list[bytes]:
        busy.set()
        go_on.wait(20)
        return hello(environ, start)

    with served(slow, threads={"": 1}) as front, ExitStack() as held:
        first, *others = [held.enter_context(front.connect()) for _ in range(6)]
        first.sendall(GET)
        assert busy.wait(20)
        for link in others:
            link.sendall(GET)
        # Which two find three others waiting, only the system's poll knows.
        refused: list[socket.socket] = []
        while len(refused) < 2:
            answered, _, _ = select.select(others, [], [], 20)
            assert answered
            refused += answered
            others = [link for link in others if link not in answered]
        for link in refused:
            assert b"Too many requests wait" in one(link)[1]
        assert len(front.turned_away) == len(refused) == 2
        go_on.set()
        for link in (first, *others):
            assert one(link)[0].startswith(b"HTTP/1.1 200 ")


def test_what_a_connection_took_is_given_back_when_it_ends() -> None:
    """And not when the garbage collector looks for cycles among all that there is."""
    gc.collect()
    before = taken()
    gc.disable()
    try:
        with served(size) as front:
            with front.connect() as half, front.connect() as done, front.connect() as body:
                half.sendall(GET[:-2])
                done.sendall(GET)
                assert one(done)[1] == b"0"
                body.sendall(head(LARGE) + b"a" * (SMALL_BODY + 1))
                wait_for(lambda: taken() > before, "the connections")
            wait_for(lambda: taken() == before, "the connections' end")
    finally:
        gc.enable()


def taken() -> int:
    """How many objects of connections there are in this process."""
    return sum(type(each) in (Connection, Reader, Wire) for each in gc.get_objects())


def test_a_peer_at_its_limit_gives_way_to_itself_and_not_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # All of the loopback is this machine itself, which has no limit.
    monkeypatch.setattr("webhooks.front.front.peer_of", str)
    with served(size, Limits(per_peer=2)) as front, ExitStack() as links:

        def connect(source: str) -> socket.socket:
            address = ("127.0.0.1", front.port)
            return links.enter_context(socket.create_connection(address, 60, (source, 0)))

        other, first, second = map(connect, ("127.0.0.3", "127.0.0.2", "127.0.0.2"))
        third = connect("127.0.0.2")
        assert rest(first) == b""
        for link in (other, second, third):
            link.sendall(GET)
            assert one(link)[1] == b"0"
    assert front.turned_away == []
