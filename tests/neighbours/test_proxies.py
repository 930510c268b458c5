"""Every call goes through the proxy that is set, and keeps its promises there."""

import json
import re
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from config.proxies import DIRECT, Proxies, read_proxies
from tests.neighbours.conftest import Seen
from tests.neighbours.http_proxy import HttpProxy, http_proxy
from tests.support.certificates import Certificates, certificates, server_side
from tests.support.ports import free_port
from tests.support.processes import hookline, up, wait_for
from tests.support.rawserver import http, says, serving
from worker.adapters.provider.client import ProviderClient
from worker.adapters.provider.ledger_client import LedgerClient
from worker.adapters.provider.payloads import Submission
from worker.adapters.storage.fetching import fetch
from worker.domain.account import Account
from worker.domain.errors import (
    HooklineError,
    PictureError,
    ProviderUnavailable,
    ProxyUnavailable,
)
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import Outcome
from worker.sandbox.options import SandboxOptions
from worker.sandbox.server import Sandbox

SERVER = "an HTTP proxy of the test"
PASSWORD = "hunter2secret"
LOGIN = "Basic bWU6aHVudGVyMnNlY3JldA=="  #: me and the password
BODY = b"picture" * 100
OK = http(BODY, Content_Length=str(len(BODY)))
PUBLIC = "8.8.8.8"
NAMES = ("pictures.test", "provider.test", "127.0.0.1", "localhost")


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """Certificates for ``NAMES`` by an authority that is trusted."""
    made = certificates(tmp_path / "tls", *NAMES)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.authority))
    return made


@pytest.fixture
def _public_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names are found here, at a public address."""
    real = socket.getaddrinfo

    def found(host: str, port: int, *rest: Any, **more: Any) -> Any:
        if not host.endswith(".test"):
            return real(host, port, *rest, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, port))]

    monkeypatch.setattr(socket, "getaddrinfo", found)


def accepts(sock: socket.socket, request: bytes) -> None:
    """A provider that reads the whole job before it answers."""
    while not request.endswith(b"}"):
        request += sock.recv(65536)
    body = json.dumps({"code": 1, "result": "7"}).encode()
    sock.sendall(http(body, Content_Length=str(len(body)), Content_Type="application/json"))


def download(url: str, proxies: Proxies, *hosts: str, deadline_s: float = 10.0) -> bytes:
    return fetch(
        url, allowed_hosts=hosts, max_bytes=100_000, deadline_s=deadline_s, proxies=proxies
    )


def through(proxy: HttpProxy, login: str = "") -> Proxies:
    return read_proxies(proxy.url.replace("://", f"://{login}"), {})


def test_a_whole_job_through_a_proxy(tmp_path: Path, seen: Seen) -> None:
    place = f"provider.test:{free_port()}"
    options = SandboxOptions(task_seconds=(0.2, 0.5), public_url=f"http://{place}")
    with ExitStack() as running:
        sandbox = running.enter_context(Sandbox(options))
        told, notified = running.enter_context(serving(says(http(b"", "204 No Content"))))
        places = {
            place: int(sandbox.url.rpartition(":")[2]),
            f"receiver.test:{told}": told,
        }
        proxy = running.enter_context(http_proxy(HttpProxy(places, login=LOGIN)))
        env = {
            "HTTP_PROXY": f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}",
            "HOOKLINE_PROVIDER_URL": f"http://{place}",
            "HOOKLINE_PROVIDER_KEY": "a-key",
            "HOOKLINE_ALLOWED_HOSTS": "provider.test,receiver.test",
        }
        running.enter_context(up(tmp_path, **env))
        notify = f"http://receiver.test:{told}/hook"
        done = hookline(tmp_path, "imagine", "a fox", "--notify", notify, "--wait", "--json", **env)
        assert done.returncode == 0, done.stderr
        [name] = json.loads(done.stdout)["jobs"][0]["result"]["assets"]
        assert (tmp_path / "output" / name).stat().st_size
        checked = hookline(tmp_path, "doctor", "--json", **env)
        findings = {each["name"]: each for each in json.loads(checked.stdout)}
        assert findings["provider default"]["verdict"] == "ok"
        assert f"127.0.0.1:{proxy.port}" in findings["proxy"]["message"]
        wait_for(lambda: notified, "the notification")
    wanted = re.compile(r"(GET|POST) http://([a-z.]+):\d+/(mj/submit)?.*")
    calls = {wanted.sub(r"\1 \2 \3", line) for line in proxy.asked}
    assert calls >= {"POST provider.test mj/submit", "GET provider.test ", "POST receiver.test "}
    written = [path.read_text(errors="replace") for path in tmp_path.rglob("*.log")]
    written += [done.stdout, done.stderr, checked.stdout, (tmp_path / "up.out").read_text()]
    assert not [text for text in written if PASSWORD in text]
    seen(
        case="`HTTP_PROXY` with a password",
        server=SERVER,
        result="The submit, the polls, the picture and the notification went through it; the "
        "password is in no log.",
    )


@pytest.mark.parametrize("tls_to_proxy", [False, True], ids=["http proxy", "https proxy"])
def test_submits_and_downloads_tunnel_alike(
    trusted: Certificates, tls_to_proxy: bool, seen: Seen
) -> None:
    tls = server_side(trusted)
    with (
        serving(says(OK), tls=tls) as (pictures, _),
        serving(accepts, tls=tls) as (provider, posted),
        http_proxy(HttpProxy({}, login=LOGIN, tls=tls if tls_to_proxy else None)) as proxy,
    ):
        names = {f"pictures.test:{pictures}": pictures, f"provider.test:{provider}": provider}
        proxy.places = names
        proxies = through(proxy, f"me:{PASSWORD}@")
        url = f"https://pictures.test:{pictures}/a.png"
        assert download(url, proxies, "pictures.test") == BODY

        account = Account("main", f"https://provider.test:{provider}", "a-key")
        client = ProviderClient(account, deadline_s=10.0, proxies=proxies)
        verdict = client.submit(Kind.IMAGINE, Submission("/mj/submit/imagine", {"prompt": "a"}))
        assert (verdict.outcome, verdict.task_id) == (Outcome.ACCEPTED, "7")
    assert [line.split()[:2] for line in proxy.asked] == [["CONNECT", name] for name in names]
    assert b"a-key" in posted[0], "the key goes to the provider, inside of the tunnel"
    kind = "https" if tls_to_proxy else "http"
    seen(
        case=f"A proxy at `{kind}://`, targets at `https://`",
        server=SERVER,
        result="Submits and downloads ask it for a tunnel (CONNECT) with the same login.",
    )


@pytest.mark.usefixtures("_public_names")
def test_the_proxy_is_asked_for_the_address_that_was_checked(trusted: Certificates) -> None:
    with (
        serving(says(OK), tls=server_side(trusted)) as (port, _),
        http_proxy(HttpProxy({f"{PUBLIC}:{port}": port})) as proxy,
    ):
        assert download(f"https://pictures.test:{port}/", through(proxy)) == BODY
    assert proxy.asked == [f"CONNECT {PUBLIC}:{port} HTTP/1.1"]


@pytest.mark.usefixtures("_public_names")
def test_a_proxy_that_only_takes_names_gets_the_name(trusted: Certificates, seen: Seen) -> None:
    with (
        serving(says(OK), tls=server_side(trusted)) as (port, _),
        http_proxy(HttpProxy({f"pictures.test:{port}": port})) as proxy,
    ):
        proxy.refused = {f"{PUBLIC}:{port}": 403}
        assert download(f"https://pictures.test:{port}/", through(proxy)) == BODY
    assert len(proxy.asked) == 2
    seen(
        case="A proxy that refuses addresses and takes names",
        server=SERVER,
        result="It is asked for the checked address first, then for the name.",
    )


@pytest.mark.usefixtures("_public_names", "trusted")
def test_a_name_that_the_proxy_leads_elsewhere_gets_nothing(tmp_path: Path, seen: Seen) -> None:
    other = server_side(certificates(tmp_path / "other", "10.0.0.7"))
    with (
        serving(says(OK), tls=other) as (port, asked),
        http_proxy(HttpProxy({f"pictures.test:{port}": port})) as proxy,
        pytest.raises(PictureError, match="certificate that is not valid"),
    ):
        download(f"https://pictures.test:{port}/", through(proxy))
    assert asked == [], "no request was sent"
    seen(
        case="A name that the proxy resolves to another machine (DNS rebinding)",
        server=SERVER,
        result="Refused for its certificate; no request was sent.",
    )


@pytest.mark.parametrize(
    "url", ["https://localhost/", "https://10.0.0.7/", "http://pictures.test/"]
)
def test_what_is_refused_without_a_proxy_is_refused_with_one(url: str) -> None:
    with http_proxy(HttpProxy({})) as proxy, pytest.raises(PictureError):
        download(url, through(proxy))
    assert proxy.asked == []


def test_this_machine_is_never_asked_for_through_a_proxy(seen: Seen) -> None:
    with serving(says(OK)) as (port, _), http_proxy(HttpProxy({})) as proxy:
        for host in ("127.0.0.1", "localhost"):
            assert download(f"http://{host}:{port}/", through(proxy), host) == BODY
            account = Account("main", f"http://{host}:{port}")
            client = ProviderClient(account, deadline_s=5.0, proxies=through(proxy))
            client.submit(Kind.IMAGINE, Submission("/mj/submit/imagine", {"prompt": "a"}))
    assert proxy.asked == []
    seen(
        case="A proxy is set, the target is `127.0.0.1` or `localhost`",
        server=SERVER,
        result="It is connected to directly.",
    )


@pytest.mark.parametrize(
    ("status", "error", "problem"),
    [
        (407, ProxyUnavailable, "wants a user name and password"),
        (403, ProxyUnavailable, "refuses connections to pictures.test"),
        (503, PictureError, "is not reached by the proxy"),
    ],
)
def test_a_refusal_names_the_proxy_and_may_be_tried_again(
    status: int, error: type[HooklineError], problem: str
) -> None:
    with http_proxy(HttpProxy({}, refused={"pictures.test:443": status})) as proxy:
        with pytest.raises(error, match=problem) as caught:
            download("https://pictures.test/", through(proxy, f"me:{PASSWORD}@"), "pictures.test")
        assert f"http://127.0.0.1:{proxy.port}" in str(caught.value)
    assert caught.value.retryable
    assert PASSWORD not in str(caught.value)


def test_plain_http_wants_the_login_as_well() -> None:
    account = Account("main", "http://provider.test", "a-key")
    with http_proxy(HttpProxy({}, login=LOGIN)) as proxy:
        client = ProviderClient(account, deadline_s=5.0, proxies=through(proxy))
        verdict = client.submit(Kind.IMAGINE, Submission("/mj/submit/imagine", {"prompt": "a"}))
        assert verdict.outcome is Outcome.TRY_LATER, "the proxy handed nothing on"
        for ask in (LedgerClient(account, proxies=through(proxy)).balance, client.task_list):
            with pytest.raises(ProviderUnavailable, match="HTTP 407"):
                ask()
    with (
        http_proxy(HttpProxy({}, login=LOGIN)) as proxy,
        pytest.raises(ProxyUnavailable, match="wants a user name and password"),
    ):
        download("http://pictures.test/", through(proxy), "pictures.test")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_away_is_named(scheme: str) -> None:
    proxies = read_proxies(f"http://me:{PASSWORD}@127.0.0.1:{free_port()}", {})
    with pytest.raises(ProxyUnavailable, match=r"The proxy http://127.0.0.1:\d+ is not reached"):
        download(f"{scheme}://pictures.test/", proxies, "pictures.test")
    account = Account("main", f"{scheme}://provider.test")
    client = ProviderClient(account, deadline_s=5.0, proxies=proxies)
    verdict = client.submit(Kind.IMAGINE, Submission("/mj/submit/imagine", {"prompt": "a"}))
    assert verdict.outcome is Outcome.TRY_LATER, "nothing was sent"
    assert verdict.error
    assert PASSWORD not in verdict.error.message


def _drips(sock: socket.socket, _request: bytes) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 60:
        sock.sendall(bytes([byte]))
        time.sleep(0.1)


@pytest.mark.parametrize("tls_to_proxy", [False, True], ids=["http proxy", "https proxy"])
def test_a_proxy_that_drips_is_cut_in_time(trusted: Certificates, tls_to_proxy: bool) -> None:
    tls = server_side(trusted) if tls_to_proxy else None
    with serving(_drips, tls=tls) as (port, _):
        proxies = read_proxies(f"http{'s' if tls_to_proxy else ''}://127.0.0.1:{port}", {})
        asks: list[Callable[[], Any]] = [
            lambda: download("https://pictures.test/", proxies, "pictures.test", deadline_s=0.6),
            lambda: ProviderClient(
                Account("main", "https://provider.test"), deadline_s=0.6, proxies=proxies
            ).fetch("1"),
        ]
        for ask in asks:
            started = time.monotonic()
            with pytest.raises(HooklineError, match="in time"):
                ask()
            assert time.monotonic() - started < 3


def _drips_its_handshake(sock: socket.socket, _hello: bytes) -> None:
    sock.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KiB
    for _ in range(60):
        sock.sendall(b"\x02")
        time.sleep(0.1)


@pytest.mark.parametrize("in_tls", [True, False], ids=["answer", "handshake"])
@pytest.mark.parametrize("tls_to_proxy", [False, True], ids=["http proxy", "https proxy"])
def test_a_target_that_drips_in_its_tunnel_is_cut_in_time(
    trusted: Certificates, tls_to_proxy: bool, in_tls: bool
) -> None:
    tls = server_side(trusted)
    script, target_tls = (_drips, tls) if in_tls else (_drips_its_handshake, None)
    with (
        serving(script, tls=target_tls) as (port, _),
        http_proxy(HttpProxy({}, tls=tls if tls_to_proxy else None)) as proxy,
    ):
        proxy.places = {f"pictures.test:{port}": port, f"provider.test:{port}": port}
        proxies = through(proxy)
        url, provider = f"https://pictures.test:{port}/", f"https://provider.test:{port}"
        account = Account("main", provider)
        asks: list[Callable[[], Any]] = [
            lambda: download(url, proxies, "pictures.test", deadline_s=1.0),
            lambda: ProviderClient(account, deadline_s=1.0, proxies=proxies).fetch("1"),
        ]
        for ask in asks:
            started = time.monotonic()
            with pytest.raises(HooklineError):
                ask()
            assert time.monotonic() - started < 4


def test_socks_is_refused_at_start(tmp_path: Path, seen: Seen) -> None:
    answer = hookline(tmp_path, "up", ALL_PROXY=f"socks5://me:{PASSWORD}@127.0.0.1:1080")
    assert answer.returncode == 2
    assert "ALL_PROXY of the environment is a SOCKS proxy, which is not supported" in answer.stderr
    assert PASSWORD not in answer.stderr
    assert not (tmp_path / ".hookline").exists()
    asked = hookline(tmp_path, "doctor", HOOKLINE_PROXY="socks5h://127.0.0.1:1080")
    assert asked.returncode == 2
    assert "HOOKLINE_PROXY: is a SOCKS proxy" in asked.stdout
    seen(
        case="`ALL_PROXY=socks5://...`",
        server="none",
        result="`hookline up` does not start and names the variable.",
    )


def test_a_certificate_that_requests_trusts_is_trusted_for_downloads(
    trusted: Certificates,
) -> None:
    with serving(says(OK), tls=server_side(trusted)) as (port, _):
        assert download(f"https://localhost:{port}/", DIRECT, "localhost") == BODY
