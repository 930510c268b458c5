"""The private Redis: started, shared, adopted and stopped; never left behind."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from kombu import Connection

from config.broker_urls import broker_beside
from config.redis_urls import parse
from tests.support.processes import wait_for
from worker.adapters.local import logfiles
from worker.adapters.local import private_redis as local_redis
from worker.adapters.local.private_redis import (
    private_redis_url,
    start_private_redis,
)
from worker.domain.errors import ServiceUnavailable

LONG = "x" * 100


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short path: a socket's may have 100 bytes only."""
    short = Path("/tmp") / f"hookline test {os.getpid()}-{time.monotonic_ns()}"
    short.symlink_to(tmp_path)
    yield short / "state"
    short.unlink()


def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True)


def test_it_runs_on_a_private_socket_and_keeps_its_data(state_dir: Path) -> None:
    with start_private_redis(state_dir) as server:
        assert server.owned
        assert server.url.startswith("unix:///tmp/hookline%20test")
        assert private_redis_url(state_dir) == server.url
        with client(server.url) as store:
            store.set("kept", "yes")
            config = store.config_get("*")
        assert config["port"] == "0"
        assert (config["appendonly"], config["appendfsync"], config["save"]) == (
            "yes",
            "always",
            "",
        )
        assert config["maxmemory-policy"] == "noeviction"
    assert private_redis_url(state_dir) is None
    open_to_others = {
        path.name for path in (state_dir, *state_dir.rglob("*")) if path.stat().st_mode & 0o077
    }
    assert open_to_others == set(), "its files, too"
    with start_private_redis(state_dir) as server, client(server.url) as store:
        assert store.get("kept") == "yes"


def test_celery_reaches_the_same_server(state_dir: Path) -> None:
    with start_private_redis(state_dir) as server:
        broker = broker_beside(parse(server.url))
        with Connection(broker.url, transport_options=broker.options) as connection:
            queue = connection.SimpleQueue("q")
            queue.put("hello")
            message = queue.get(timeout=5)
            message.ack()
            queue.close()
        assert message.payload == "hello"


def test_a_path_too_long_for_a_socket_gets_a_port_with_a_password(tmp_path: Path) -> None:
    state_dir = tmp_path / LONG
    with start_private_redis(state_dir) as server:
        assert server.url.startswith("redis://:")
        with client(server.url) as store:
            assert store.ping()
        port = int(server.url.rpartition(":")[2].split("/")[0])
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        for name in ("url", "redis.conf"):
            assert stat.S_IMODE((state_dir / "redis" / name).stat().st_mode) == 0o600


def test_the_second_uses_the_server_of_the_first_and_leaves_it(state_dir: Path) -> None:
    with start_private_redis(state_dir) as first:
        with start_private_redis(state_dir) as second:
            assert not second.owned
            assert second.url == first.url
        assert private_redis_url(state_dir) == first.url
    first.stop()  # once more does nothing


OWNER = """
import sys, time
from pathlib import Path
from worker.adapters.local.private_redis import start_private_redis
server = start_private_redis(Path(sys.argv[1]))
print(server.owned, flush=True)
time.sleep(60)
"""


def test_many_that_start_together_have_one_owner(state_dir: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(state_dir)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    try:
        said = [process.stdout.readline().strip() for process in started if process.stdout]
    finally:
        for process in started:
            process.kill()
            process.communicate()
    assert sorted(said) == ["False", "False", "False", "True"]
    # All were killed, and the server was left behind: the next owner takes it over, and ends it.
    with start_private_redis(state_dir) as server:
        assert server.owned
    assert private_redis_url(state_dir) is None


def test_a_server_that_went_by_itself_is_no_trouble(state_dir: Path) -> None:
    with start_private_redis(state_dir) as server, client(server.url) as store:
        pid = int(store.info("server")["process_id"])
        os.kill(pid, signal.SIGKILL)
    with start_private_redis(state_dir) as server:
        assert server.owned


def test_a_server_that_was_killed_comes_back_with_its_data(state_dir: Path) -> None:
    with start_private_redis(state_dir) as server:
        with client(server.url) as store:
            store.set("kept", "yes")
            os.kill(int(store.info("server")["process_id"]), signal.SIGKILL)

        def back() -> bool:
            server.look()
            return private_redis_url(state_dir) == server.url

        wait_for(back, "the server is back")
        with client(server.url) as store:
            assert store.get("kept") == "yes"
    assert private_redis_url(state_dir) is None, "and it ends with its owner"


def test_the_server_s_log_is_bounded(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfiles, "MAX_BYTES", 500)
    home = state_dir / "redis"
    with start_private_redis(state_dir) as server, client(server.url) as store:

        def rotated() -> bool:
            store.config_set("appendonly", "no")
            store.config_set("appendonly", "yes")  # the server writes lines about it
            server.look()
            return (home / f"redis.log.{logfiles.KEPT}").exists()

        wait_for(rotated, "as many files as are kept")
        (home / "redis.log").unlink(missing_ok=True)
        store.config_set("appendonly", "no")
        wait_for((home / "redis.log").exists, "the server goes on in a new file")
        store.config_set("appendonly", "yes")
        server.look()
    logs = {file.name for file in home.glob("redis.log*")}
    assert logs <= {"redis.log", *(f"redis.log.{n + 1}" for n in range(logfiles.KEPT))}


def test_a_server_that_cannot_start_is_reported_and_not_left(state_dir: Path) -> None:
    (state_dir / "redis").mkdir(parents=True)
    (state_dir / "redis" / "redis.sock").mkdir()  # in the socket's place
    with pytest.raises(ServiceUnavailable, match=r"does not start: .*redis\.log"):
        start_private_redis(state_dir)
    (state_dir / "redis" / "redis.sock").rmdir()
    with start_private_redis(state_dir) as server:
        assert server.owned


def test_a_server_that_never_answers_is_ended(
    state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid_file = tmp_path / "pid"
    fake = tmp_path / "redis-server"
    fake.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo v=7.2.0 && exit\necho $$ >{pid_file}\n'
        "exec sleep 60\n"
    )
    fake.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(local_redis, "START_S", 1.0)
    with pytest.raises(ServiceUnavailable, match="does not start"):
        start_private_redis(state_dir)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_an_old_server_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, answer in (("redis-server", "echo v=6.0.16"), ("valkey-server", "exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{answer}\n")
        (tmp_path / name).chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(local_redis, "server_in_wheel", lambda: None)
    with pytest.raises(ServiceUnavailable, match="install redis-server"):
        local_redis.find_server()


def test_without_the_wheel_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert local_redis.server_in_wheel() is None


def test_a_starting_owner_is_waited_for_only_so_long(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_redis, "START_S", 0.05)
    (state_dir / "redis").mkdir(parents=True)
    lock = local_redis.take_lock(state_dir / "redis")
    assert lock is not None
    with lock, pytest.raises(ServiceUnavailable, match="another process"):
        start_private_redis(state_dir)
