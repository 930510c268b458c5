"""A broker of several servers, some of which are away: refused at once, or without a word."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.broker_urls import parse_broker
from tests.neighbours import servers
from tests.neighbours.conftest import Seen
from tests.support.ports import free_port
from worker.adapters.messaging.broker import make_celery, ping, send_ping, waiting
from worker.adapters.messaging.names import WAKE
from worker.domain.errors import BrokerUnavailable

#: Seconds in which a node must answer, and what a busy machine adds to it.
_ANSWERS_S, _BUSY_S = 3.0, 2.0


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a node that takes a connection and says nothing, as one without power."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield _address(server.getsockname()[1])


def _address(port: int) -> str:
    return f"amqp://guest:guest@127.0.0.1:{port}//"


def took_s(call: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(BrokerUnavailable):
        call()
    return time.monotonic() - began


@pytest.mark.parametrize("nodes", [1, 3])
def test_a_broker_that_refuses_connections_delays_no_sender(nodes: int) -> None:
    app = make_celery(parse_broker(";".join(_address(free_port()) for _ in range(nodes))))
    assert took_s(lambda: send_ping(app, "away", WAKE)) < _BUSY_S


def test_a_sender_leaves_a_silent_node_for_the_next(
    rabbitmq: servers.RabbitMQ, virtual_host: str, silent: str, seen: Seen
) -> None:
    app = make_celery(parse_broker(f"{silent};{virtual_host}"))
    assert took_s(lambda: send_ping(app, "lost", WAKE)) < _ANSWERS_S + _BUSY_S
    send_ping(app, "sent", WAKE)
    assert waiting(app, WAKE) == 1
    seen(
        case="one of several nodes of RabbitMQ silent",
        server=rabbitmq.version,
        result="a sender gives up after 3 s, and uses the next node from then on",
    )


def test_one_node_that_answers_is_enough(virtual_host: str, silent: str) -> None:
    ping(make_celery(parse_broker(f"{silent};{_address(free_port())};{virtual_host}")))


def test_nodes_that_are_all_silent_are_asked_for_three_seconds(silent: str) -> None:
    app = make_celery(parse_broker(";".join([silent] * 3)))
    assert took_s(lambda: ping(app)) < _ANSWERS_S + _BUSY_S


def test_each_node_is_known_by_its_own_certificate(rabbitmq: servers.RabbitMQ) -> None:
    """Not by that of the first node that was asked, which has another name."""
    query = f"?ssl_ca_certs={rabbitmq.tls.authority}"
    away = f"amqps://guest:guest@127.0.0.2:{free_port()}//{query}"
    other = f"amqps://guest:guest@localhost:{rabbitmq.tls_port}//{query}"
    app = make_celery(parse_broker(f"{away};{other}"))
    ping(app)
    send_ping(app, "sent", WAKE)


def test_a_sender_passes_over_a_sentinel_that_answers_nothing(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent_one,
        servers.redis_server(tmp_path / "redis") as primary,
        servers.sentinel_server(tmp_path / "sentinel", primary) as sentinel,
    ):
        hosts = f"127.0.0.1:{silent_one.getsockname()[1]},127.0.0.1:{sentinel.port}"
        app = make_celery(parse_broker(f"sentinel://{hosts}/{sentinel.master}/0?timeout=0.5"))
        send_ping(app, "sent", WAKE)
        assert waiting(app, WAKE) == 1
