"""The servers that the other tests stand on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
import redis
from kombu import Connection

from tests.neighbours import rows, servers
from tests.neighbours.rows import Row
from tests.support.certificates import Certificates


def test_a_redis_with_tls_answers_those_who_know_its_authority(
    tmp_path: Path, tls: Certificates
) -> None:
    with servers.redis_server(tmp_path, "requirepass secret", tls=tls) as server:
        url = server.url(":secret", query=f"ssl_ca_certs={tls.authority}")
        with redis.Redis.from_url(url) as client:
            assert client.ping()


def test_a_sentinel_knows_its_master(tmp_path: Path) -> None:
    with (
        servers.redis_server(tmp_path / "redis") as master,
        servers.sentinel_server(tmp_path / "sentinel", master) as sentinel,
        redis.Redis(port=sentinel.port) as client,
    ):
        found = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinel.master)
        assert [part.decode() for part in found] == ["127.0.0.1", str(master.port)]


def test_a_rabbitmq_takes_messages(rabbitmq: servers.RabbitMQ) -> None:
    assert rabbitmq.version.startswith(("RabbitMQ 3.", "RabbitMQ 4."))
    with Connection(rabbitmq.url) as connection:
        queue = connection.SimpleQueue("a-queue-of-this-test")
        queue.put("hello")
        assert queue.get(timeout=10).payload == "hello"
        queue.close()


def test_two_processes_share_a_server_and_the_last_one_ends_it(tmp_path: Path) -> None:
    events: list[str] = []
    entered = Event()

    @contextmanager
    def server(_: Path) -> Iterator[str]:
        events.append("started")
        yield "a server"
        events.append("ended")

    def second() -> None:
        with servers.shared(tmp_path, server) as found:
            events.append(found)
            entered.set()

    other = Thread(target=second)
    with servers.shared(tmp_path, server) as found:
        assert found == "a server"
        other.start()
        assert entered.wait(10)
    other.join()
    assert events == ["started", "a server", "ended"]


def test_the_table_replaces_only_what_is_between_its_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- neighbours -->\nold\n<!-- /neighbours -->\nafter\n")
    rows.write([Row("a case", "a server", "what was seen")], page)
    text = page.read_text()
    assert "| a case | a server | what was seen |" in text
    assert "old" not in text
    assert (text.splitlines()[0], text.splitlines()[-1]) == ("before", "after")


def test_a_page_without_markers_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("no table\n")
    with pytest.raises(ValueError, match="lacks"):
        rows.write([], page)
    assert page.read_text() == "no table\n"
