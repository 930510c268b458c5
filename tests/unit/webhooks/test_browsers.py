"""What a browser may do with each answer: no type is guessed, and nothing runs that is not ours."""

import re
from pathlib import Path

import pytest

from tests.support.browsing import Browser, browser_of
from tests.support.web import AUTH, Web
from webhooks.front.calling import head_of
from webhooks.pages.rendering import HEADERS
from worker.services.doctor.doctor import Doctor
from worker.services.doctor.rounds import Rounds

_METHODS = ("GET", "POST", "DELETE")
_POLICY = HEADERS["Content-Security-Policy"]
_SANDBOX = "default-src 'none'; frame-ancestors 'none'; sandbox"


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Web:
    monkeypatch.setattr("webhooks.health.ping", lambda _: None)
    web = Web(tmp_path)
    rounds = Rounds(Doctor([]), web.store, web.services.orchestrator.clock)
    vars(web.services)["rounds"] = rounds
    return web


def test_every_answer_of_every_route_is_closed_to_browsers(web: Web) -> None:
    """A new route is among them by itself. Most of the answers are errors."""
    rules = sorted((rule.rule for rule in web.app.url_map.iter_rules()), key=lambda r: "sign" in r)
    paths = ["/missing", "/v1/%", *(re.sub(r"<[^>]+>", "0" * 32, rule) for rule in rules)]
    clients = [
        (Browser(web).client, {}),
        (browser_of(web), {}),
        (web.app.test_client(), AUTH),
    ]
    seen = set[str]()
    for path in paths:
        for method in _METHODS:
            for client, headers in clients:
                answer = client.open(path, method=method, headers=headers)
                lines = head_of(answer.status, list(answer.headers)).decode("latin-1").splitlines()
                fields = dict(line.split(": ", 1) for line in lines[1:])
                assert fields["X-Content-Type-Options"] == "nosniff", (method, path)
                assert fields["Content-Security-Policy"] in {_SANDBOX, _POLICY}, (method, path)
                seen.add(fields["Content-Security-Policy"])
    assert seen == {_SANDBOX, _POLICY}


def test_no_page_runs_what_stands_in_it() -> None:
    assert "unsafe" not in _POLICY
    assert "script-src 'self';" in _POLICY
    assert "frame-ancestors 'none'" in _POLICY
