"""Redis with replicas: what an acknowledgement is worth, and what the operator is told."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from config.broker_urls import parse_broker
from tests.neighbours import servers
from tests.neighbours.conftest import Seen
from tests.neighbours.servers import RedisServer
from tests.neighbours.test_redis import RIGHTS, SECRET
from tests.support.jobs import a_job, capacity
from tests.support.ports import free_port
from tests.support.processes import hookline, wait_for
from worker.adapters.messaging.broker import make_celery, ping
from worker.adapters.store import NotReplicated, Openings
from worker.adapters.store.connection import check_rights, connect
from worker.adapters.store.durability import read_durability
from worker.adapters.store.jobs import Change, Committed
from worker.adapters.store.store import Store
from worker.domain.errors import StaleVersion, StoreUnavailable
from worker.domain.job import Job


@contextmanager
def replica_of(folder: Path, primary: RedisServer) -> Iterator[Any]:
    """A client of a replica that is in step."""
    with (
        servers.redis_server(folder, f"replicaof 127.0.0.1 {primary.port}") as server,
        redis.Redis.from_url(server.url()) as client,
        redis.Redis.from_url(primary.url()) as of_primary,
    ):
        # WAIT counts one that has not loaded its copy yet, as nothing was written.
        wait_for(lambda: read_durability(of_primary).replicas == 1, "the replica")
        yield client


def store_of(server: RedisServer, replicas: int) -> Store:
    return Store(connect(server.url(query="timeout=1")), replicas=replicas)


def test_what_no_replica_has_is_not_acknowledged(tmp_path: Path, seen: Seen) -> None:
    with (
        servers.redis_server(tmp_path / "primary") as primary,
        replica_of(tmp_path / "replica", primary) as replica,
    ):
        assert read_durability(connect(primary.url())).replicas == 1
        store, new = store_of(primary, replicas=1), Change(a_job(), capacity())
        [stored] = store.jobs.commit_all([new], now=1.0)
        assert isinstance(stored, Openings)
        assert replica.exists(f"hookline:job:{new.job.id}")

        replica.replicaof("NO", "ONE")
        other = Change(a_job(), capacity())
        with pytest.raises(NotReplicated) as alone:
            store.jobs.commit_all([other, new], now=2.0)
        assert list(map(type, alone.value.outcomes)) == [Openings, StaleVersion]
        assert store.jobs.get(other.job.id), "it is written all the same"
        with pytest.raises(NotReplicated):  # a caller who asks again learns no more than before
            store.jobs.commit_all([other], now=3.0)
    seen(
        case="HOOKLINE_REDIS_REPLICAS=1, the replica away",
        server=primary.version,
        result="nothing is acknowledged or submitted until a replica has it",
    )


def test_a_primary_that_was_demoted_is_left(tmp_path: Path) -> None:
    with (
        servers.redis_server(tmp_path / "primary") as primary,
        servers.redis_server(tmp_path / "other") as other,
        redis.Redis.from_url(primary.url()) as admin,
    ):
        store = store_of(primary, replicas=0)
        store.jobs.commit_all([Change(a_job(), capacity())], now=1.0)
        before = connections(admin)
        admin.replicaof("127.0.0.1", str(other.port))
        with pytest.raises(StoreUnavailable):
            store.jobs.commit_all([Change(a_job(), capacity())] * 2, now=2.0)
        wait_for(lambda: not before & connections(admin), "the end of the old connections")


def connections(admin: Any) -> set[str]:
    own = str(admin.client_id())
    return {each["id"] for each in admin.client_list("normal")} - {own}


def test_a_primary_that_lost_its_replicas_to_another_is_left(tmp_path: Path) -> None:
    """It still answers us, and so does the sentinel that was cut off together with it."""
    with (
        servers.redis_server(tmp_path / "old") as old,
        servers.redis_server(tmp_path / "new") as new,
        replica_of(tmp_path / "replica", new),
        servers.sentinel_server(tmp_path / "sentinel-1", old) as beside_the_old,
        servers.sentinel_server(tmp_path / "sentinel-2", new) as other,
    ):
        hosts = f"127.0.0.1:{beside_the_old.port},127.0.0.1:{other.port}"
        store = Store(connect(f"sentinel://{hosts}/main/0"), replicas=1)
        with pytest.raises(NotReplicated):
            store.jobs.commit_all([Change(a_job(), capacity())], now=1.0)
        [stored] = store.jobs.commit_all([Change(a_job(), capacity())], now=2.0)
        assert isinstance(stored, Openings)


def test_what_was_read_of_a_forgotten_commit_changes_nothing(
    tmp_path: Path, plain_redis: RedisServer
) -> None:
    """After a fail-over the same version of a job may be another commit's."""
    store, new = store_of(plain_redis, replicas=1), a_job()
    job_key = f"hookline:job:{new.id}"

    def committed(job: Job) -> Committed:
        with pytest.raises(NotReplicated) as alone:
            store.jobs.commit_all([Change(job, capacity())], now=1.0)
        return alone.value.outcomes[0]

    def read() -> Job:
        job = store.jobs.get(new.id)
        assert job
        return job

    with redis.Redis.from_url(plain_redis.url()) as admin:
        committed(new)
        first, kept = read(), admin.dump(job_key)
        committed(replace(first, progress=10))
        forgotten = read()
        admin.restore(job_key, 0, kept, replace=True)  # what the promoted replica has
        committed(replace(first, progress=20))
    assert read().version == forgotten.version
    assert isinstance(committed(replace(forgotten, progress=30)), StaleVersion)
    assert isinstance(committed(replace(read(), progress=40)), Openings)


def test_a_sentinel_that_answers_nothing_is_passed_over(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        servers.redis_server(tmp_path / "redis") as primary,
        servers.sentinel_server(tmp_path / "sentinel", primary) as sentinel,
    ):
        hosts = f"127.0.0.1:{silent.getsockname()[1]},127.0.0.1:{sentinel.port}"
        url = f"sentinel://{hosts}/{sentinel.master}/0?timeout=0.5"
        check_rights(connect(url))
        ping(make_celery(parse_broker(url)))


def test_sentinels_that_are_away_are_reported_in_a_line() -> None:
    url = f"sentinel://127.0.0.1:{free_port()}/main/0?timeout=0.5"
    with pytest.raises(StoreUnavailable) as away:
        check_rights(connect(url))
    assert str(away.value) == "Redis does not answer: No master found for 'main'"


def test_a_user_who_may_not_wait_is_told_before_the_first_job(tmp_path: Path) -> None:
    lines = ("user default off", f"user hookline on >{SECRET} {RIGHTS} -wait")
    with servers.redis_server(tmp_path / "redis", *lines) as server:
        url = server.url(f"hookline:{SECRET}")
        assert read_durability(connect(url)).replicas is None
        check_rights(connect(url))
        said = hookline(
            tmp_path, "doctor", "--json", HOOKLINE_REDIS_URL=url, HOOKLINE_REDIS_REPLICAS="1"
        )
        with pytest.raises(StoreUnavailable, match="refuses its user a right"):
            Store(connect(url), replicas=1).jobs.commit_all([Change(a_job(), capacity())], 1.0)
    [found] = [each for each in json.loads(said.stdout) if each["name"] == "redis"]
    assert found["verdict"] == "fail"
    assert "HOOKLINE_REDIS_REPLICAS" in found["message"]
