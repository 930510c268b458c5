"""The configurations of docs/deployment, as they stand there but for names and ports."""

import re
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.neighbours import servers
from tests.neighbours.conftest import Seen
from tests.support.ports import free_port
from tests.support.processes import ROOT
from tests.support.web import AUTH
from tests.support.webprocess import WebProcess

_DOCS = ROOT / "docs" / "deployment"
_NAME = "hooks.example.com"
TOLD = {"id": "t1", "status": "IN_PROGRESS", "progress": "40%"}


def nginx(folder: Path, ours: int, port: int) -> AbstractContextManager[str]:
    site = (_DOCS / "nginx.conf").read_text()
    site = site.replace("127.0.0.1:8000", f"127.0.0.1:{ours}")
    site = site.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    return servers.nginx(folder, re.sub(r"ssl_.*;", "", site), port)


def caddy(folder: Path, ours: int, port: int) -> AbstractContextManager[str]:
    text = (_DOCS / "Caddyfile").read_text()
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{ours}")
    text = text.replace(f"\n{_NAME} {{", f"\nhttp://{_NAME}:{port} {{")
    return servers.caddy(folder, text.replace("\n{\n", "\n{\n\tadmin off\n", 1), port)


class Behind:
    """A web process and the proxy in front of it."""

    def __init__(self, web: WebProcess, port: int, version: str) -> None:
        self.web = web
        self.port = port
        self.version = version

    def post(self, path: str, **given: object) -> requests.Response:
        headers = {"Host": _NAME, **given.pop("headers", {})}  # type: ignore[dict-item]
        url = f"http://127.0.0.1:{self.port}{path}"
        return requests.post(url, headers=headers, timeout=120, **given)  # type: ignore[arg-type]

    def calls_back(self) -> bool:
        path = urlsplit(self.web.hook(self.web.running())).path
        return self.post(path, json=TOLD).text == '{"status":"applied"}'


@pytest.fixture(params=[nginx, caddy])
def behind(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Iterator[Behind]:
    name = request.param.__name__
    servers.program(name, {"nginx": "nginx-light"}.get(name, name))  # before anything starts
    port = free_port()
    web = WebProcess(
        tmp_path, redis_url,
        HOOKLINE_PUBLIC_URL=f"https://{_NAME}", HOOKLINE_SECRET="a secret of the tests",
    )  # fmt: skip
    try:
        with request.param(tmp_path / "proxy", web.port, port) as version:
            yield Behind(web, port, version)
    finally:
        assert web.stop() == 0


def test_through_the_documented_proxy(behind: Behind, seen: Seen) -> None:
    assert behind.calls_back()
    rows = b"".join(b"fox %d%b\n" % (number, b" in the snow" * 80) for number in range(1000))
    batch = behind.post(
        "/v1/batches?name=behind", headers={**AUTH, "Content-Type": "text/plain"},
        data=iter([rows[n : n + 65536] for n in range(0, len(rows), 65536)]),
    )  # fmt: skip
    assert (batch.status_code, batch.json()["rows"]) == (202, 1000), batch.text
    assert behind.post("/healthz").status_code == 404, "strangers need not see it"

    head = (
        f"POST {urlsplit(behind.web.hook(behind.web.running())).path} HTTP/1.1\r\nHost: {_NAME}\r\n"
        'Content-Type: application/json\r\nContent-Length: 900000\r\n\r\n{"a": "'
    )
    with ExitStack() as links:
        for number in range(500):
            link = socket.create_connection(("127.0.0.1", behind.port), timeout=20)
            links.enter_context(link)
            if number % 5 == 0:
                link.sendall(head.encode())
        assert behind.calls_back()
        assert behind.web.is_up(20)
    seen(
        case="500 idle connections and 100 slow bodies at the reverse proxy of docs/deployment",
        server=behind.version,
        result="callbacks and a batch's file of 1 MB pass",
    )
