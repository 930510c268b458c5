"""Fixtures for tests beside other people's servers and programs, and the rows that they report."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from tests.neighbours import rows, servers
from tests.support.certificates import Certificates, certificates

#: Says what was seen in a case; it becomes a row of docs/neighbours.md if the test passes.
Seen = Callable[..., None]


@pytest.fixture
def seen(record_property: Callable[[str, object], None]) -> Seen:
    """``seen(case=..., server=..., result=...)``: one short sentence each."""

    def report(*, case: str, server: str, result: str) -> None:
        # Plain, because pytest-xdist sends it to another process.
        record_property(rows.PROPERTY, [case, server, result])

    return report


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.RabbitMQ]:
    """One RabbitMQ for all tests of the run; each uses queues, or a virtual host, of its own."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # the one folder that all processes of the run share
    with servers.shared(folder / "rabbitmq", servers.rabbitmq) as running:
        yield running


@pytest.fixture
def virtual_host(rabbitmq: servers.RabbitMQ) -> str:
    """The address of a virtual host of this test alone."""
    return rabbitmq.virtual_host(uuid4().hex)


@pytest.fixture
def store(plain_redis: servers.RedisServer) -> str:
    """The address of an empty database for jobs."""
    with redis.Redis.from_url(plain_redis.url()) as client:
        client.flushall()
    return plain_redis.url()


@pytest.fixture(scope="session")
def plain_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.RedisServer]:
    """One Redis without password for all tests of this process."""
    with servers.redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def tls(tmp_path: Path) -> Certificates:
    """Certificates that this machine's names are issued for, by an authority of this test."""
    return certificates(tmp_path / "tls")
