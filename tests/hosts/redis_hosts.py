"""A primary with two replicas, each on a host with a sentinel, set up as the docs say."""

from collections.abc import Sequence
from contextlib import suppress

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.hosts.host import Host
from worker.adapters.local.private_redis import find_server

NAME = "main"
PORT = 6379
_SENTINEL_PORT = 26379
#: Seconds of silence after which a sentinel calls a server dead.
DOWN_S = 5
_PASSWORD = "canary-redis-password"

_REDIS = """\
bind {address}
port {port}
requirepass {password}
masterauth {password}
dir {folder}
save ""
appendonly yes
appendfsync always
maxmemory-policy noeviction
repl-diskless-sync-delay 0
"""
_SENTINEL = """\
bind {address}
port {port}
dir {folder}
sentinel monitor {name} {primary} {redis} 2
sentinel auth-pass {name} {password}
sentinel down-after-milliseconds {name} {down_ms}
sentinel failover-timeout {name} 60000
sentinel parallel-syncs {name} 1
"""


class RedisHosts:
    """The servers and sentinels of these hosts; the first is the primary in the beginning."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self.hosts = {host.address: host for host in hosts}
        primary = hosts[0].address
        for number, host in enumerate(hosts, start=1):
            text = _REDIS.format(
                address=host.address, port=PORT, password=_PASSWORD, folder=host.folder
            )
            follows = "" if host is hosts[0] else f"replicaof {primary} {PORT}\n"
            (host.folder / "redis.conf").write_text(text + follows)
            (host.folder / "sentinel.conf").write_text(
                _SENTINEL.format(
                    address=host.address,
                    port=_SENTINEL_PORT,
                    folder=host.folder,
                    name=NAME,
                    primary=primary,
                    redis=PORT,
                    password=_PASSWORD,
                    down_ms=DOWN_S * 1000,
                )
            )
            host.run(f"redis-{number}", (find_server(), str(host.folder / "redis.conf")))
            host.run(f"sentinel-{number}", ("redis-sentinel", str(host.folder / "sentinel.conf")))

    def url(self) -> str:
        """The address of the store: that of the sentinels."""
        asked = ",".join(f"{address}:{_SENTINEL_PORT}" for address in self.hosts)
        return f"sentinel://:{_PASSWORD}@{asked}/{NAME}/0"

    def primary(self) -> Host:
        """As two of the sentinels agree. Raises ``RedisError``."""
        said = list(filter(None, map(_primary_of, self.hosts)))
        agreed = max(set(said), key=said.count, default="")
        if said.count(agreed) < 2:
            raise redis.ConnectionError("the sentinels do not agree")
        return self.hosts[agreed]

    def in_step(self) -> bool:
        """Whether the primary has two replicas, and all sentinels know it."""
        with suppress(redis.RedisError):
            primary = self.primary().address
            if any(_primary_of(address) != primary for address in self.hosts):
                return False
            with client(primary) as asked:
                return bool(asked.wait(2, 100) == 2)
        return False

    def moved_from(self, before: Host) -> bool:
        """Whether another server takes writes now."""
        with suppress(redis.RedisError):
            now = self.primary()
            if now is before:
                return False
            with client(now.address) as asked:
                return bool(asked.set("moved", 1, px=1))
        return False


def client(address: str) -> "redis.Redis":
    """Of one of the servers; it tries nothing twice."""
    return _client(address, PORT, _PASSWORD)


def _client(address: str, port: int, password: str | None = None) -> "redis.Redis":
    once = Retry(NoBackoff(), 0)
    return redis.Redis(address, port, password=password, socket_timeout=2, retry=once)


def _primary_of(sentinel: str) -> str | None:
    with suppress(redis.RedisError), _client(sentinel, _SENTINEL_PORT) as asked:
        said = asked.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return str(said[0].decode()) if said else None
    return None
