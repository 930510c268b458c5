import contextlib
import shutil
import socket
import ssl
import subprocess
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_port
from tests.support.rawserver import http, says, serving
from worker.adapters.http import proxying
from worker.adapters.storage.fetching import check_url, fetch, fetch_into
from worker.domain.errors import PictureError

BODY = b"picture" * 1000
OK = http(BODY, Content_Length=str(len(BODY)))
LOOPBACK = frozenset({"127.0.0.1"})


def get(
    url: str, *, hosts: frozenset[str] = LOOPBACK, max_bytes: int = 100_000, deadline_s: float = 5.0
) -> bytes:
    return fetch(url, allowed_hosts=hosts, max_bytes=max_bytes, deadline_s=deadline_s)


def refused(url: str, **how: Any) -> PictureError:
    with pytest.raises(PictureError) as caught:
        get(url, **how)
    return caught.value


def test_a_picture_of_an_allowed_host_comes_over_plain_http() -> None:
    with serving(says(OK)) as (port, asked):
        assert get(f"http://127.0.0.1:{port}/a b/ü.png?x=1#part") == BODY
    head = asked[0].decode()
    assert head.startswith("GET /a%20b/%C3%BC.png?x=1 HTTP/1.1\r\n")
    assert f"\r\nHost: 127.0.0.1:{port}\r\n" in head
    assert "authorization" not in head.lower()
    assert "cookie" not in head.lower()


def test_the_environment_s_proxies_and_logins_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(says(OK)) as (port, asked):
        assert get(f"http://127.0.0.1:{port}/") == BODY
    assert b"uthorization" not in asked[0]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "https"),
        ("x.png", "https"),
        ("ftp://example.com/x", "https"),
        ("file:///x.png", "https"),
        ("https:///x.png", "https"),
        ("https://[::1/x.png", "not a readable URL"),
        ("https://example.com:99999/", "not a readable URL"),
        ("https://" + "ü" * 70 + ".example/", "not a readable URL"),
        ("http://example.com/x.png", "plain http is not allowed on example.com"),
        ("https://me:secret@example.com/", "user name or password"),
        ("https://@example.com/", "user name or password"),
        ("https://127.0.0.1/", "not a public address"),
        ("https://[::1]/", "not a public address"),
        ("https://[::ffff:10.0.0.1]/", "not a public address"),
        ("https://[64:ff9b::7f00:1]/", "not a public address"),
        ("https://169.254.169.254/latest/meta-data/", "not a public address"),
    ],
)
def test_what_needs_no_asking_is_refused_at_once(url: str, problem: str) -> None:
    with pytest.raises(PictureError, match=problem) as caught:
        check_url(url, allowed_hosts=frozenset())
    assert not caught.value.retryable
    assert "secret" not in str(caught.value)


def test_an_allowed_host_may_be_private_and_plain() -> None:
    check_url("http://127.0.0.1:8080/x.png", allowed_hosts=LOOPBACK)
    check_url("http://LOCALHOST/x.png", allowed_hosts={"localhost"})
    check_url("https://example.com/x.png", allowed_hosts=frozenset())


@pytest.mark.parametrize("host", ["2130706433", "0177.0.0.1", "0x7f.1", "127.1", "localhost", "0"])
def test_other_spellings_of_the_loopback_are_refused(host: str) -> None:
    error = refused(f"https://{host}/x.png")
    assert "not a public address" in str(error)
    assert not error.retryable


class Names:
    """A resolver of the test's own; counts how often it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **names: list[str]) -> None:
        self.asked: list[str] = []
        self._names = {name.replace("_", "."): found for name, found in names.items()}
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: str, port: int, *rest: Any, **more: Any) -> Any:
        self.asked.append(host)
        if host not in self._names:
            return self._real(host, port, *rest, **more)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in self._names[host]
        ]


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, mixed_test=["8.8.8.8", "127.0.0.1"])
    assert "mixed.test is not a public address" in str(refused("https://mixed.test/"))


def test_a_name_is_resolved_once_and_its_address_used(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, pictures_test=["127.0.0.1"])
    with serving(says(OK)) as (port, asked):
        assert get(f"http://pictures.test:{port}/", hosts=frozenset({"pictures.test"})) == BODY
    assert names.asked.count("pictures.test") == 1
    assert f"Host: pictures.test:{port}".encode() in asked[0]


def test_a_name_may_have_letters_of_its_language(monkeypatch: pytest.MonkeyPatch) -> None:
    ascii_name = "xn--bcher-kva.test"
    Names(monkeypatch, **{ascii_name: ["127.0.0.1"]})
    with serving(says(OK)) as (port, asked):
        assert get(f"http://bücher.test:{port}/", hosts=frozenset({ascii_name})) == BODY
    assert f"Host: {ascii_name}".encode() in asked[0]


def test_a_name_that_is_none_is_refused() -> None:
    assert "not a name of a machine" in str(refused("https://" + "a" * 70 + ".test/"))


def test_the_next_address_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def two_places(host: str, port: int, *rest: Any, **more: Any) -> Any:
        found = real("127.0.0.1", port, *rest, **more)
        closed = [(*found[0][:4], ("127.0.0.1", free_port()))]
        return closed + found if host == "pictures.test" else found

    monkeypatch.setattr(socket, "getaddrinfo", two_places)
    with serving(says(OK)) as (port, _):
        assert get(f"http://pictures.test:{port}/", hosts=frozenset({"pictures.test"})) == BODY


@pytest.mark.parametrize(
    ("errno", "retryable"), [(socket.EAI_AGAIN, True), (socket.EAI_NONAME, False)]
)
def test_a_name_that_cannot_be_found(
    monkeypatch: pytest.MonkeyPatch, errno: int, retryable: bool
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise socket.gaierror(errno, "no")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    error = refused("https://nowhere.test/")
    assert "nowhere.test cannot be found" in str(error)
    assert error.dead_link, "another link of a paid result may lead elsewhere"
    assert error.retryable is retryable


def test_redirects_are_followed_three_times() -> None:
    hop = says(http(status="302 Found", Location="/next"))
    with serving(hop, hop, hop, says(OK)) as (port, asked):
        assert get(f"http://127.0.0.1:{port}/") == BODY
        assert [r.split()[1] for r in asked] == [b"/", b"/next", b"/next", b"/next"]
    with serving(hop) as (port, asked):
        assert "redirects more than 3 times" in str(refused(f"http://127.0.0.1:{port}/"))
        assert len(asked) == 4


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("http://localhost/x", "plain http is not allowed on localhost"),
        ("https://localhost/x", "localhost is not a public address"),
        ("https://[::ffff:127.0.0.1]/", "not a public address"),
        ("//10.0.0.1/", "plain http is not allowed"),
        ("file:///x", "must be https"),
        ("https://a:b@example.com/", "password"),
    ],
)
def test_every_hop_is_looked_at(location: str, problem: str) -> None:
    with serving(says(http(status="307 Temporary Redirect", Location=location))) as (port, _):
        error = refused(f"http://127.0.0.1:{port}/")
    assert problem in str(error)
    assert not error.retryable


@pytest.mark.parametrize(
    ("reply", "problem", "retryable"),
    [
        (http(status="404 Not Found"), "answered 404", False),
        (http(status="403 Forbidden"), "answered 403", False),
        (http(status="204 No Content"), "answered 204", False),
        (http(status="302 Found"), "answered 302", False),
        (http(status="429 Too Many Requests"), "answered 429", True),
        (http(status="503 Service Unavailable"), "answered 503", True),
        (http(status="500 Internal Server Error"), "answered 500", True),
        (http(status="521 Web Server Is Down"), "answered 521", True),
        (http(b"x" * 200_000), "MiB", False),
        (http(Content_Length="200000"), "MiB", False),
        (http(b"186A1\r\n" + b"x" * 100_001 + b"\r\n0\r\n\r\n", Transfer_Encoding="chunked"),
         "MiB", False),
        (http(b"abc", Content_Length="10"), "broke off", True),
        (http(b"5\r\nabc", Transfer_Encoding="chunked"), "IncompleteRead", True),
        (http(b"zz\r\n", Transfer_Encoding="chunked"), "did not deliver", True),
        (b"", "did not deliver", True),
        (b"no http\r\n\r\n", "did not deliver", True),
    ],
)  # fmt: skip
def test_bad_replies(reply: bytes, problem: str, retryable: bool) -> None:
    with serving(says(reply)) as (port, _):
        error = refused(f"http://127.0.0.1:{port}/")
    assert problem in str(error)
    assert error.retryable is retryable


@pytest.mark.parametrize(
    "reply",
    [
        http(BODY),
        http(BODY + b"more", Content_Length=str(len(BODY))),
        http(b"1B58\r\n" + BODY + b"\r\n0\r\n\r\n", Transfer_Encoding="chunked"),
    ],
)
def test_the_length_is_known_in_several_ways(reply: bytes) -> None:
    with serving(says(reply)) as (port, _):
        assert get(f"http://127.0.0.1:{port}/", max_bytes=len(BODY)) == BODY


def test_nobody_listens() -> None:
    assert refused(f"http://127.0.0.1:{free_port()}/").retryable


def drip(sock: socket.socket, _: bytes) -> None:
    sock.sendall(http())
    while True:
        sock.sendall(b"x")
        time.sleep(0.02)


def drip_headers(sock: socket.socket, _: bytes) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        sock.sendall(b"x")
        time.sleep(0.02)


def silence(sock: socket.socket, _: bytes) -> None:
    sock.recv(1)


@pytest.mark.parametrize("script", [drip, drip_headers, silence])
def test_the_deadline_covers_everything(script: Any) -> None:
    started = time.monotonic()
    with serving(script) as (port, _):
        error = refused(f"http://127.0.0.1:{port}/", deadline_s=0.3)
    assert "in time" in str(error)
    assert error.retryable
    assert time.monotonic() - started < 2


def endless(sock: socket.socket, _: bytes) -> None:
    sock.sendall(http())
    while True:
        sock.sendall(b"x" * 65536)


def test_an_endless_body_is_left() -> None:
    with serving(endless) as (port, _):
        assert "MiB" in str(refused(f"http://127.0.0.1:{port}/"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key, for pictures.test."""
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl command")
    place = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=pictures.test", "-addext", "subjectAltName=DNS:pictures.test",
         "-keyout", place / "key.pem", "-out", place / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return place


def test_tls_is_for_the_name_though_the_address_is_dialled(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch, pictures_test=["127.0.0.1"], other_test=["127.0.0.1"])
    hosts = frozenset({"pictures.test", "other.test"})
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    wanted: list[str | None] = []
    server.sni_callback = lambda _sock, name, _context: wanted.append(name)

    with serving(says(OK), tls=server) as (port, _):
        stranger = refused(f"https://pictures.test:{port}/", hosts=hosts)
        assert "certificate that is not valid" in str(stranger)
        assert stranger.dead_link
        assert not stranger.retryable

        trusting = ssl.create_default_context(cafile=certificate / "cert.pem")
        monkeypatch.setattr(proxying, "tls_context", lambda: trusting)
        assert get(f"https://pictures.test:{port}/", hosts=hosts) == BODY
        error = refused(f"https://other.test:{port}/", hosts=hosts)
        assert "certificate that is not valid" in str(error)
    assert wanted == ["pictures.test", "pictures.test", "other.test"]


class Changing:
    """A resolver whose answer for pictures.test is another one each time; the last one stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        self.asked = 0
        self._answers, self._real = answers, socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: str, port: int, *rest: Any, **more: Any) -> Any:
        if host != "pictures.test":
            return self._real(host, port, *rest, **more)
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answer, port))]


def dialled_here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whom connections are made to, all of which end on this machine."""
    dialled: list[str] = []
    real = socket.create_connection

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        dialled.append(address[0])
        return real(("127.0.0.1", address[1]), timeout)

    monkeypatch.setattr(socket, "create_connection", connect)
    return dialled


def test_a_name_that_means_another_machine_a_moment_later_is_not_asked_again(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, dialled = Changing(monkeypatch, "8.8.8.8", "127.0.0.1"), dialled_here(monkeypatch)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    trusting = ssl.create_default_context(cafile=certificate / "cert.pem")
    monkeypatch.setattr(proxying, "tls_context", lambda: trusting)
    with serving(says(OK), tls=server) as (port, _):
        assert get(f"https://pictures.test:{port}/", hosts=frozenset()) == BODY
    assert (names.asked, dialled) == (1, ["8.8.8.8"]), "what was looked at is what is dialled"


def test_a_name_that_turns_private_on_the_way_through_redirects_is_refused(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, dialled = Changing(monkeypatch, "8.8.8.8", "127.0.0.1"), dialled_here(monkeypatch)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    trusting = ssl.create_default_context(cafile=certificate / "cert.pem")
    monkeypatch.setattr(proxying, "tls_context", lambda: trusting)
    with serving(says(http(status="302 Found", Location="/next")), tls=server) as (port, asked):
        error = refused(f"https://pictures.test:{port}/", hosts=frozenset())
    assert "pictures.test is not a public address" in str(error)
    assert (names.asked, dialled, len(asked)) == (2, ["8.8.8.8"], 1)


def test_a_body_goes_into_the_file_a_piece_at_a_time(tmp_path: Path) -> None:
    body = b"x" * 24 * 2**20
    with (
        serving(says(http(body))) as (port, _),
        (tmp_path / "file").open("wb") as file,
        traced() as peak,
    ):
        url = f"http://127.0.0.1:{port}/"
        fetch_into(file, url, allowed_hosts=LOOPBACK, max_bytes=len(body), deadline_s=20)
        most = peak()
    assert (tmp_path / "file").stat().st_size == len(body)
    assert most < 4 * 2**20, "not in memory whole"


@pytest.mark.parametrize("announced", [None, "10", "999999999999"])
def test_neither_memory_nor_disk_takes_more_than_the_limit(
    tmp_path: Path, announced: str | None
) -> None:
    """Of an endless body, whatever its head announces."""
    head = http() if announced is None else http(Content_Length=announced)

    def endlessly(sock: socket.socket, _: bytes) -> None:
        sock.sendall(head)
        while True:
            sock.sendall(b"x" * 65536)

    limit = 8 * 2**20
    with (
        serving(endlessly) as (port, _),
        (tmp_path / "file").open("wb") as file,
        traced() as peak,
    ):
        with contextlib.suppress(PictureError):
            url = f"http://127.0.0.1:{port}/"
            fetch_into(file, url, allowed_hosts=LOOPBACK, max_bytes=limit, deadline_s=20)
        assert peak() < 4 * 2**20
    size = (tmp_path / "file").stat().st_size
    assert size <= limit
    assert size == 10 or announced != "10", "what is announced is the end"


@contextlib.contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """The most memory, in bytes, that Python took within."""
    tracemalloc.start()
    try:
        start = tracemalloc.get_traced_memory()[0]
        yield lambda: tracemalloc.get_traced_memory()[1] - start
    finally:
        tracemalloc.stop()
