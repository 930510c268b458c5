"""Connections that die without a word: dropped on the way, or the network is partitioned."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from kombu import Exchange, Queue

from config.broker_urls import parse_broker
from tests.chaos.proxy import Proxy
from tests.neighbours import servers
from tests.neighbours.apps import Hookline, Shop
from tests.neighbours.conftest import Seen
from tests.support.processes import wait_for
from tests.support.web import AUTH
from tests.support.webprocess import WebProcess
from worker.adapters.messaging.broker import make_celery, send_ping
from worker.adapters.messaging.names import WAKE
from worker.adapters.store.connection import connect
from worker.domain.errors import BrokerUnavailable

#: Of the store, in seconds, and what a busy machine adds to it.
_TIMEOUT_S, _BUSY_S = 0.5, 2.0
_QUORUM = Queue("hookline", Exchange(""), "hookline", queue_arguments={"x-queue-type": "quorum"})


@pytest.fixture
def store_via(plain_redis: servers.RedisServer) -> Iterator[Proxy]:
    with Proxy("127.0.0.1", plain_redis.port) as proxy:
        yield proxy


def client_of(proxy: Proxy) -> Any:
    return connect(f"redis://127.0.0.1:{proxy.port}/0?timeout={_TIMEOUT_S}")


def took_s(client: Any) -> float:
    began = time.monotonic()
    client.ping()
    return time.monotonic() - began


def test_forgotten_connections_of_the_pool_are_replaced(store_via: Proxy) -> None:
    client = client_of(store_via)
    held = [client.connection_pool.get_connection() for _ in range(3)]
    for each in held:
        client.connection_pool.release(each)
    store_via.fall_silent()
    assert max(took_s(client) for _ in held) < _TIMEOUT_S + _BUSY_S


def test_a_partitioned_store_costs_a_call_seconds(store_via: Proxy) -> None:
    client = client_of(store_via)
    client.ping()
    began = time.monotonic()
    with store_via.partitioned(), pytest.raises(redis.TimeoutError):
        client.ping()
    # A try may begin until the end of the patience: 2 s after the first timeout.
    assert time.monotonic() - began < _TIMEOUT_S + 2 + _TIMEOUT_S + _BUSY_S
    assert client.ping()


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="no such option on this system")
def test_idle_connections_stay_known_to_those_on_the_way(
    store_via: Proxy, plain_redis: servers.RedisServer
) -> None:
    with make_celery(parse_broker(plain_redis.url(db=1))).connection_for_write() as broker:
        channel: Any = broker.default_channel
        for client in (client_of(store_via), channel.client):
            held = client.connection_pool.get_connection()
            idle_s = held._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)  # noqa: SLF001
            client.connection_pool.release(held)
            assert idle_s <= 60


def test_doors_answer_while_the_store_is_partitioned(
    tmp_path: Path, store_via: Proxy, seen: Seen, plain_redis: servers.RedisServer
) -> None:
    server = WebProcess(tmp_path, f"redis://127.0.0.1:{store_via.port}/0")
    try:
        job = {"kind": "imagine", "prompt": "a red fox"}
        hook = server.hook(server.running())

        def hand_in() -> requests.Response:
            return requests.post(f"{server.url}/v1/jobs", json=job, headers=AUTH, timeout=30)

        assert hand_in().status_code == 202
        with store_via.partitioned():
            refused, called = hand_in(), requests.post(hook, json={"id": "t1"}, timeout=30)
            health = requests.get(f"{server.url}/healthz", timeout=30)
        for answer in (refused, called):
            assert answer.status_code == 503
            assert "Retry-After" in answer.headers
            assert answer.elapsed.total_seconds() < 10
        assert health.elapsed.total_seconds() < 1
        wait_for(lambda: hand_in().status_code == 202, "the store's return")
    finally:
        server.stop()
    seen(
        case="the way to Redis partitioned silently",
        server=plain_redis.version,
        result="503 with Retry-After within 10 s, /healthz at once; back by itself",
    )


def _blocked(server: "redis.Redis", since: int) -> list[dict[str, str]]:
    """The calls that wait, of clients that came after the one with this number."""
    clients = server.client_list()
    return [each for each in clients if "b" in each["flags"] and int(each["id"]) > since]


def test_a_worker_leaves_a_redis_broker_that_fell_silent(
    tmp_path: Path, store: str, plain_redis: servers.RedisServer, seen: Seen
) -> None:
    with Proxy("127.0.0.1", plain_redis.port) as proxy:
        shop = Shop(tmp_path / "shop", plain_redis.url(db=1))
        hookline = Hookline(tmp_path / "hookline", store, f"redis://127.0.0.1:{proxy.port}/1")
        with redis.Redis.from_url(store) as direct:
            first = direct.client_id()  # other tests had theirs before
            with hookline.working():
                shop.wish()
                wait_for(lambda: hookline.jobs() == 1, "the first job")
                with proxy.partitioned():
                    # Redis would give a message to a call that still waits, and forget it.
                    wait_for(lambda: not _blocked(direct, since=first), "the end of calls")
                    for _ in range(3):
                        shop.wish()
                wait_for(lambda: hookline.jobs() == 4, "the jobs from the partition", 60)
    seen(
        case="the way to a Redis broker partitioned silently",
        server=plain_redis.version,
        result="workers connect again within two health checks (11 s); every job is made once",
    )


def test_rabbitmq_partitioned(
    tmp_path: Path, store: str, rabbitmq: servers.RabbitMQ, virtual_host: str, seen: Seen
) -> None:
    with Proxy("127.0.0.1", rabbitmq.port) as proxy:
        via = virtual_host.replace(f":{rabbitmq.port}/", f":{proxy.port}/")
        options = {"broker_transport_options": {"confirm_publish": True}}
        hookline = Hookline(tmp_path / "hookline", store, via, HOOKLINE_QUEUE_TYPE="quorum")
        shop, ours = (
            Shop(tmp_path / "shop", virtual_host, **options),
            make_celery(parse_broker(via)),
        )
        with hookline.working():
            shop.wish(queue=_QUORUM)
            send_ping(ours, "before", WAKE)
            wait_for(lambda: hookline.jobs() == 1, "the first job")
            with proxy.partitioned():
                for _ in range(3):
                    shop.wish(queue=_QUORUM)
                began = time.monotonic()
                with pytest.raises(BrokerUnavailable):
                    send_ping(ours, "partition", WAKE)
                assert time.monotonic() - began < 3 + _BUSY_S, "that long a confirmation may take"
            send_ping(ours, "after", WAKE)  # over a new connection
            wait_for(lambda: hookline.jobs() == 4, "the jobs from the partition", 120)
    seen(
        case="the way to RabbitMQ partitioned silently",
        server=rabbitmq.version,
        result="senders give up after 3 s; workers connect again after two heartbeats (20 s); "
        "every job that was confirmed is made once",
    )
