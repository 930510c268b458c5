"""The app around its calls: health, starting without Redis, and the web process's own decisions."""

import pickle
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support.web import AUTH, Web, web_settings
from webhooks import server
from webhooks.app import create_app
from webhooks.front.limits import Limits
from webhooks.server import Loader, run_web
from worker.adapters.messaging import broker
from worker.domain.errors import BrokerUnavailable, SettingsError


def answering(_app: Any) -> None:
    return None


def away(_app: Any) -> None:
    raise BrokerUnavailable("The broker does not answer: not even at its secret address")


def test_the_process_lives_whatever_else_does(tmp_path: Path) -> None:
    answer = create_app(web_settings(tmp_path)).test_client().get("/healthz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


def test_ready_when_redis_and_broker_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webhooks.health.ping", answering)
    answer = Web(tmp_path).client.get("/readyz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ready"})


def test_who_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off() -> Web:
        web = Web(tmp_path)
        web.store.line.cut = "a secret reason"
        return web

    def missing(web: Web) -> list[str]:
        answer = web.client.get("/readyz")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert b"secret" not in answer.data
        return [error["field"] for error in answer.get_json()["errors"]]

    monkeypatch.setattr("webhooks.health.ping", away)
    assert missing(Web(tmp_path)) == ["broker"]
    assert missing(cut_off()) == ["redis", "broker"]
    monkeypatch.setattr("webhooks.health.ping", answering)
    assert missing(cut_off()) == ["redis"]


def test_it_starts_without_redis_and_answers_503(tmp_path: Path) -> None:
    client = create_app(web_settings(tmp_path)).test_client()
    assert client.get("/readyz").status_code == 503
    assert client.get("/v1/jobs", headers=AUTH).status_code == 503


def test_a_private_redis_may_come_later(tmp_path: Path) -> None:
    settings = web_settings(tmp_path, HOOKLINE_REDIS_URL="")
    client = create_app(settings).test_client()
    for path in ("/readyz", "/v1/jobs"):
        assert client.get(path, headers=AUTH).status_code == 503
    assert client.post("/webhooks/midjourney/x").status_code == 503


def test_settings_that_cannot_work_stop_the_start(tmp_path: Path) -> None:
    settings = web_settings(tmp_path, HOOKLINE_PROVIDER_URL="")
    with pytest.raises(SettingsError, match="HOOKLINE_PROVIDER_URL"):
        create_app(settings)


def test_settings_reach_a_worker_that_is_spawned(tmp_path: Path) -> None:
    loader = Loader(web_settings(tmp_path))
    copied: Loader = pickle.loads(pickle.dumps(loader))
    assert copied.settings == loader.settings


def test_the_real_broker_check_names_the_broker(tmp_path: Path) -> None:
    with pytest.raises(BrokerUnavailable):
        broker.ping(Web(tmp_path).services.celery)


def test_the_connections_of_a_peer_are_shared_among_the_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = list[Limits]()
    monkeypatch.setattr(server, "keep_running", lambda serve, *_: limits.append(serve.args[-1]))
    monkeypatch.setattr("gc.freeze", lambda: None)
    env = {"HOOKLINE_MAX_CONNECTIONS_PER_PEER": "7", "HOOKLINE_WEB_PROCESSES": "2"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        run_web(web_settings(tmp_path, **env), listener)
    assert [each.per_peer for each in limits] == [4]
