"""What is no request of ours, byte by byte: shapes that two servers in a row read differently.

Each is sent as it stands over a socket. What is refused closes the connection, so that nothing
behind it is ever read as a request.
"""

from collections.abc import Iterator
from typing import Any
from wsgiref.types import StartResponse

import pytest

from tests.support.front import Served, one, rest, served
from webhooks.front.limits import MAX_FIELDS, MAX_HEAD

POST = b"POST /a HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
BEHIND = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def echo(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
    """Answers with what it was asked."""
    body = environ["wsgi.input"].read()
    said = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} ".encode("latin-1") + body
    start("200 OK", [("Content-Length", str(len(said)))])
    return [said]


@pytest.fixture(scope="module")
def front() -> Iterator[Served]:
    with served(echo) as found:
        yield found


REFUSED = {
    "bare LF at the end of lines": b"GET / HTTP/1.1\nHost: x\n\n",
    "bare LF behind a field": b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
    "bare LF at the end of the head": b"GET / HTTP/1.1\r\nHost: x\r\n\n",
    "bare CR in the head": b"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
    "a folded field": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "a folded Transfer-Encoding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a first field that is folded": b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
    "a space before the colon": POST + b"Content-Length : 1\r\n\r\na",
    "a name with a bracket": POST + b"A(: b\r\n\r\n",
    "a field without a colon": POST + b"abc\r\n\r\n",
    "a length and chunks": POST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "the same length twice": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "a list of lengths": POST + b"Content-Length: 1, 1\r\n\r\na",
    "a length with a sign": POST + b"Content-Length: +1\r\n\r\na",
    "a negative length": POST + b"Content-Length: -1\r\n\r\na",
    "a length in hexadecimal": POST + b"Content-Length: 0x1\r\n\r\na",
    "an empty length": POST + b"Content-Length:\r\n\r\na",
    "an endless length": POST + b"Content-Length: 99999999999999999999\r\n\r\na",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding behind chunked": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    "a coding before chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a hidden coding": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n",
    "a chunk's size before a bare LF": CHUNKED + b"1\na\r\n0\r\n\r\n",
    "a chunk before a bare LF": CHUNKED + b"1\r\na\n0\r\n\r\n",
    "a chunk's extension before a bare LF": CHUNKED + b"1;x\n\r\na\r\n0\r\n\r\n",
    "a chunk's size with a prefix": CHUNKED + b"0x1\r\na\r\n0\r\n\r\n",
    "a negative chunk": CHUNKED + b"-1\r\na\r\n0\r\n\r\n",
    "an endless chunk": CHUNKED + b"fffffffffffffffff\r\na\r\n0\r\n\r\n",
    "a chunk longer than it says": CHUNKED + b"1\r\nab\r\n0\r\n\r\n",
    "a length behind the chunks": CHUNKED + b"1\r\na\r\n0\r\nContent-Length: 3\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "HTTP/2 with prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "a proxy's CONNECT": b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n",
    "a target without a slash": b"GET a HTTP/1.1\r\nHost: x\r\n\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a PROXY line": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + BEHIND,
    "a large head": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * MAX_HEAD + b"\r\n\r\n",
    "a head without end": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * MAX_HEAD,
    "a long target": b"GET /" + b"a" * MAX_HEAD + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "many fields": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * MAX_FIELDS + b"\r\n",
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED.keys())
def test_refused(front: Served, sent: bytes) -> None:
    said = front.ask(sent + BEHIND)
    assert said.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")), said
    assert said.count(b"HTTP/1.1 ") == 1, "one answer, and the end"
    assert b"smuggled" not in said
    assert b"\r\nConnection: close\r\n" in said
    assert b"\r\nContent-Type: application/problem+json\r\n" in said


TAKEN = {
    "a length": (POST + b"Content-Length: 2\r\n\r\nab", b"POST /a ab"),
    "chunks": (CHUNKED + b"1\r\na\r\n2;x=y\r\nbc\r\n0\r\nX: y\r\n\r\n", b"POST /a abc"),
    "chunks in capitals": (POST + b"TRANSFER-ENCODING: Chunked\r\n\r\n0\r\n\r\n", b"POST /a "),
    "no body": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / "),
    "a line before": (b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / "),
    "HTTP/1.0 without Host": (b"GET / HTTP/1.0\r\n\r\n", b"GET / "),
    "an absolute target": (b"GET http://x/a HTTP/1.1\r\nHost: y\r\n\r\n", b"GET /a "),
    "percent escapes": (b"GET /%61%2F HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /a/ "),
    "a double slash": (b"GET //a HTTP/1.1\r\nHost: x\r\n\r\n", b"GET //a "),
    "h2c, which is declined": (
        POST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
        b"Content-Length: 2\r\n\r\nab",
        b"POST /a ab",
    ),
    "h2c without a body": (
        b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b"GET /a ",
    ),
    "h2c with chunks": (
        POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nab\r\n0\r\n\r\n",
        b"POST /a ab",
    ),
    "a websocket, which is declined": (
        b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"GET /a ",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "body"), TAKEN.values(), ids=TAKEN.keys())
def test_taken_whole_and_byte_by_byte(front: Served, sent: bytes, body: bytes) -> None:
    for pieces in ([sent], [sent[n : n + 1] for n in range(len(sent))]):
        with front.connect() as link:
            for piece in pieces:
                link.sendall(piece)
            head, said = one(link)
        assert head.startswith(b"HTTP/1.1 200 OK"), head
        assert said == body


def test_a_request_behind_another_is_not_read(front: Served) -> None:
    """Who sends it before the answer must be ready to send it again (RFC 9112, 9.3.2)."""
    said = front.ask(b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n" + BEHIND)
    assert said.endswith(b"GET /first ")
    assert said.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in said


def test_one_after_the_other_on_one_connection(front: Served) -> None:
    with front.connect() as link:
        for number in range(3):
            link.sendall(b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na" % number)
            head, body = one(link)
            assert body == b"POST /%d a" % number
            assert b"Connection: close" not in head
        link.sendall(b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert rest(link).endswith(b"GET /last ")


def test_names_that_only_look_alike_and_the_environment_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_AUTHORIZATION", "Bearer x")

    def tell(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        said = repr(sorted(name for name in environ if name.startswith("HTTP_"))).encode()
        start("200 OK", [("Content-Length", str(len(said)))])
        return [said]

    with served(tell) as front:
        said = front.ask(
            b"GET / HTTP/1.1\r\nHost: x\r\nX_A: 1\r\nContent_Length: 9\r\nX-B: 2\r\n\r\n"
        )
    assert said.endswith(b"['HTTP_HOST', 'HTTP_X_B']")
