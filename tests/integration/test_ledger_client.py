"""The calls to a gateway's own ledger, against sockets that misbehave."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.rawserver import Script, http, says, serving
from worker.adapters.provider.ledger_client import LedgerClient
from worker.domain.account import Account
from worker.domain.errors import HooklineError, NoLedger, ProviderUnavailable

KEY, TOKEN = "sk-secret-key", "secret-access-token"
CALLS: dict[str, Callable[[LedgerClient], Any]] = {
    "tasks": lambda client: client.tasks(1000.5, 2),
    "task": lambda client: client.task("17 1"),
    "log": lambda client: client.log(),
    "balance": lambda client: client.balance(),
}


def client(port: int, path: str = "", auth: Any = "bearer") -> LedgerClient:
    account = Account(
        "main", f"http://127.0.0.1:{port}{path}", KEY, auth, ledger_token=TOKEN, ledger_user="7"
    )
    return LedgerClient(account, deadline_s=2.0)


def answer(value: Any, status: str = "200 OK") -> Script:
    return says(http(json.dumps(value).encode(), status))


def asked(call: str, body: Any, path: str = "", auth: Any = "bearer") -> str:
    with serving(answer(body)) as (port, requests):
        CALLS[call](client(port, path, auth))
    [request] = requests
    return request.decode()


@pytest.mark.parametrize("path", ["", "/mj-relax", "/gw", "/gw/mj-fast", "/mj"])
def test_the_ledger_is_at_the_gateways_own_address(path: str) -> None:
    root = path.removesuffix("/mj-relax").removesuffix("/mj-fast").removesuffix("/mj")
    line, _, head = asked("log", {"success": True, "data": []}, path).partition("\r\n")
    assert line == f"GET {root}/api/log/token HTTP/1.1"
    assert f"authorization: bearer {KEY}" in head.lower()


@pytest.mark.parametrize("auth", ["bearer", "mj-api-secret", "raw"])
def test_the_balance_wants_a_bearer(auth: str) -> None:
    request = asked("balance", {"data": {"total_available": 1}}, auth=auth)
    assert request.startswith("GET /api/usage/token/ HTTP/1.1")
    assert f"Authorization: Bearer {KEY}\r\n" in request


def test_the_users_list_wants_the_users_token_and_id() -> None:
    page: dict[str, Any] = {"success": True, "data": {"total": 0, "items": []}}
    request = asked("tasks", page)
    query = "p=2&page_size=100&start_timestamp=1000500"
    assert request.startswith(f"GET /api/mj/self?{query} HTTP/1.1")
    assert f"Authorization: {TOKEN}\r\n" in request
    assert "New-Api-User: 7\r\n" in request
    assert KEY not in request
    assert "mj_id=17+1 " in asked("task", page)


def trouble(call: str, script: Script) -> HooklineError:
    with serving(script) as (port, _), pytest.raises(HooklineError) as caught:
        CALLS[call](client(port))
    assert KEY not in str(caught.value)
    assert TOKEN not in str(caught.value)
    return caught.value


PAGE = http(b"<!doctype html><html><title>New API</title></html>", content_type="text/html")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "reply",
    [PAGE, http(b"", "404 Not Found"), http(b"[]"), http(b"null"), http(b"{}"), http(b""),
     http(b"", "302 Found", location="http://127.0.0.1:1/"), http(b"", "400 Bad Request")],
)  # fmt: skip
def test_anything_else_than_a_ledger_is_none(call: str, reply: bytes) -> None:
    assert isinstance(trouble(call, says(reply)), NoLedger)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", ["429 Too Many", "500 Oops", "502 Bad", "503 Busy"])
def test_what_passes_is_asked_again(call: str, status: str) -> None:
    found = trouble(call, answer({"message": f"wrong {KEY} or {TOKEN}"}, status))
    assert isinstance(found, ProviderUnavailable)
    assert status[:3] in str(found)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "200 OK"])
def test_a_refusal_is_said(call: str, status: str) -> None:
    refusal = {"success": False, "message": f"no such token {TOKEN} {KEY}"}
    found = trouble(call, answer(refusal, status))
    assert not isinstance(found, NoLedger | ProviderUnavailable)
    assert "no such token" in str(found)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("script", [lambda sock, _: None, lambda sock, _: sock.sendall(b"HTT")])
def test_a_connection_that_breaks(call: str, script: Script) -> None:
    assert isinstance(trouble(call, script), ProviderUnavailable)


def test_nobody_listens() -> None:
    with serving(says(b"")) as (port, _):
        pass
    with pytest.raises(ProviderUnavailable):
        client(port).log()
