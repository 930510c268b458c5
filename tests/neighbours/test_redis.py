"""Redis as people have it: TLS, Sentinel, users with few rights, managed services."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from config.broker_urls import parse_broker
from tests.neighbours import servers
from tests.neighbours.conftest import Seen
from tests.support.certificates import Certificates, certificates
from tests.support.processes import hookline, up
from worker.adapters.messaging.broker import make_celery, ping
from worker.adapters.store.connection import check_rights, connect
from worker.domain.errors import BrokerUnavailable, StoreUnavailable

SECRET = "hunter2secret"
#: The rights that docs/deployment.md asks for.
RIGHTS = (
    "~hookline* resetchannels "
    "-@all +@read +@write +@connection +@transaction +@scripting +time "
    "-select -info -config -@dangerous"
)


def run_job(folder: Path, **env: str) -> dict[str, str]:
    """Run everything with these settings, and a job with a follow-up; what doctor says then."""
    with up(folder, "--port", "0", **env):
        told = hookline(folder, "imagine", "a red fox", "--then", "U1", "--wait", "--json", **env)
        assert told.returncode == 0, told.stderr
        said = hookline(folder, "doctor", "--json", **env)
    return {
        each["name"]: f"{each['verdict']} {each['message']}" for each in json.loads(said.stdout)
    }


def reach_store(url: str) -> None:
    check_rights(connect(url, retries=0))


def reach_broker(url: str) -> None:
    ping(make_celery(parse_broker(url)))


@pytest.mark.parametrize(
    ("scheme", "reach"),
    [
        ("rediss", reach_store),
        ("rediss", reach_broker),
        ("amqps", reach_broker),
    ],
)
def test_a_server_with_the_certificate_of_nobody_is_not_given_the_password(
    scheme: str, reach: Callable[[str], None], tls: Certificates, seen: Seen
) -> None:
    with servers.listener(tls) as (port, received):
        url = f"{scheme}://user:{SECRET}@localhost:{port}/0"
        with pytest.raises((StoreUnavailable, BrokerUnavailable), match="certificate") as refused:
            reach(url)
        assert SECRET not in str(refused.value)
    assert received == []
    seen(
        case=f"a certificate by an unknown authority, {reach.__name__.removeprefix('reach_')}",
        server=f"{scheme}://",
        result="refused before anything is sent",
    )


@pytest.mark.parametrize(
    ("scheme", "reach"),
    [("rediss", reach_store), ("rediss", reach_broker), ("amqps", reach_broker)],
)
def test_a_certificate_for_another_host_is_refused(
    scheme: str, reach: Callable[[str], None], tmp_path: Path
) -> None:
    other = certificates(tmp_path / "other", "redis.example")
    with servers.listener(other) as (port, received):
        url = f"{scheme}://user:{SECRET}@localhost:{port}/0?ssl_ca_certs={other.authority}"
        with pytest.raises((StoreUnavailable, BrokerUnavailable), match="certificate"):
            reach(url)
    assert received == []


def test_tls_with_an_authority_and_a_client_certificate_of_ones_own(
    tmp_path: Path, tls: Certificates, seen: Seen
) -> None:
    options = (
        f"ssl_ca_certs={tls.authority}&ssl_certfile={tls.client}&ssl_keyfile={tls.client_key}"
        "&ssl_cert_reqs=CERT_REQUIRED"
    )
    lines = (f"requirepass {SECRET}", "tls-auth-clients yes")
    with servers.redis_server(tmp_path / "redis", *lines, tls=tls) as redis:
        found = run_job(tmp_path, HOOKLINE_REDIS_URL=redis.url(f":{SECRET}", query=options))
    assert found["broker"] == "ok answers"
    seen(
        case="TLS, own authority, client certificates",
        server=redis.version,
        result="job and follow-up done; store and broker check the server",
    )


def test_rabbitmq_with_tls(
    tmp_path: Path,
    rabbitmq: servers.RabbitMQ,
    plain_redis: servers.RedisServer,
    seen: Seen,
) -> None:
    broker = f"amqps://guest:guest@localhost:{rabbitmq.tls_port}//"
    found = run_job(
        tmp_path,
        HOOKLINE_REDIS_URL=plain_redis.url(db=7),
        HOOKLINE_BROKER_URL=f"{broker}?ssl_ca_certs={rabbitmq.tls.authority}",
    )
    assert found["broker"] == "ok answers"
    seen(case="amqps, own authority", server=rabbitmq.version, result="job and follow-up done")


def test_sentinels_with_users_and_passwords(tmp_path: Path, seen: Seen) -> None:
    with (
        servers.redis_server(tmp_path / "redis", f"requirepass {SECRET}") as master,
        servers.sentinel_server(
            tmp_path / "sentinel",
            master,
            f"sentinel auth-pass main {SECRET}",
            "user default off",
            "user watcher on >watchword +@all",
        ) as sentinel,
    ):
        url = f"sentinel://:{SECRET}@127.0.0.1:{sentinel.port}/main/0"
        credentials = "sentinel_username=watcher&sentinel_password=watchword"
        found = run_job(tmp_path, HOOKLINE_REDIS_URL=f"{url}?{credentials}")
    assert found["broker"] == "ok answers"
    seen(
        case="Sentinel with a user and password, the master with another",
        server=sentinel.version,
        result="job and follow-up done",
    )


def test_a_user_with_few_rights_in_one_database(tmp_path: Path, seen: Seen) -> None:
    lines = ("databases 1", "user default off", f"user hookline on >{SECRET} {RIGHTS}")
    with servers.redis_server(tmp_path / "redis", *lines) as redis:
        url = redis.url(f"hookline:{SECRET}")
        found = run_job(tmp_path, HOOKLINE_REDIS_URL=url, HOOKLINE_BROKER_URL=url)
    assert found["redis"].startswith("warn answers, without its version")
    seen(
        case="a user without INFO, CONFIG and SELECT, key patterns, one database",
        server=redis.version,
        result="job and follow-up done; doctor says what it cannot know",
    )


def test_doctor_tells_a_missing_right_from_an_outage(tmp_path: Path, seen: Seen) -> None:
    lines = ("user default off", f"user hookline on >{SECRET} {RIGHTS} -@scripting")
    with servers.redis_server(tmp_path / "redis", *lines) as redis:
        env = {"HOOKLINE_REDIS_URL": redis.url(f"hookline:{SECRET}")}
        refused = hookline(tmp_path, "doctor", **env).stdout
        wrong = hookline(
            tmp_path, "doctor", HOOKLINE_REDIS_URL=redis.url(f"hookline:not-{SECRET}")
        ).stdout
        nothing_starts = hookline(tmp_path, "up", **env)
    away = hookline(tmp_path, "doctor", **env).stdout
    assert "Redis refuses its user a right" in refused
    assert "eval" in refused
    assert "Redis refuses the user or the password" in wrong
    assert "Redis does not answer" in away
    assert nothing_starts.returncode != 0
    assert nothing_starts.stderr.count("\n") == 1
    assert "Check HOOKLINE_REDIS_URL" in nothing_starts.stderr
    assert SECRET not in refused + wrong + away + nothing_starts.stderr
    seen(
        case="a missing right, a wrong password, a server that is away",
        server=redis.version,
        result="doctor says which of them; `up` says it once and starts nothing",
    )


def test_verification_that_is_off_is_mentioned(tmp_path: Path, tls: Certificates) -> None:
    with servers.redis_server(tmp_path / "redis", tls=tls) as redis:
        url = redis.url(query="ssl_cert_reqs=none")
        said = hookline(tmp_path, "doctor", HOOKLINE_REDIS_URL=url).stdout
    assert "HOOKLINE_REDIS_URL switches the check of the server's certificate off" in said
