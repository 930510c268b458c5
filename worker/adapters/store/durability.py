"""How durable a Redis is, how full and how fast, as far as it says."""

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from worker.adapters.store.connection import unavailable

#: Round trips of which the median counts: a single one may meet a busy moment.
_ROUND_TRIPS = 15


@dataclass(frozen=True, slots=True)
class Durability:
    """A server's version and settings for durability; None: it does not say."""

    version: str | None
    appendonly: bool | None
    appendfsync: str | None  #: always, everysec or no
    maxmemory_policy: str | None
    replicas: int | None = None  #: that are in step with it


@dataclass(frozen=True, slots=True)
class Vitals:
    """How fast a server answers, and how full it is; None: it does not say."""

    latency_ms: float  #: of a round trip; the median of some
    used_bytes: int | None
    limit_bytes: int | None  #: 0: none


def read_vitals(client: "redis.Redis") -> Vitals:
    """Ask the server. Raises ``StoreUnavailable``."""
    info = _info(client)
    try:
        latency_ms = sorted(_ping_ms(client) for _ in range(_ROUND_TRIPS))[_ROUND_TRIPS // 2]
    except RedisError as error:
        raise unavailable(error) from error
    return Vitals(latency_ms, info.get("used_memory"), info.get("maxmemory"))


def _ping_ms(client: "redis.Redis") -> float:
    began = perf_counter()
    client.ping()
    return 1000 * (perf_counter() - began)


def read_durability(client: "redis.Redis") -> Durability:
    """Ask the server, which may keep all of it to itself. Raises ``StoreUnavailable``."""
    info = _info(client)
    aof = info.get("aof_enabled")
    return Durability(
        version=info.get("redis_version"),
        appendonly=None if aof is None else bool(aof),
        appendfsync=_setting(client, "appendfsync"),
        maxmemory_policy=info.get("maxmemory_policy") or _setting(client, "maxmemory-policy"),
        replicas=_replicas(client),
    )


def _replicas(client: "redis.Redis") -> int | None:
    """WAIT for none of them counts them; a managed server may refuse it."""
    try:
        return int(client.wait(0, 1))
    except ResponseError:
        return None
    except RedisError as error:
        raise unavailable(error) from error


def _info(client: "redis.Redis") -> dict[str, Any]:
    """What INFO says; nothing if the user may not ask."""
    try:
        info: dict[str, Any] = client.info()
    except NoPermissionError:
        return {}
    except RedisError as error:
        raise unavailable(error) from error
    return info


def _setting(client: "redis.Redis", name: str) -> str | None:
    """A setting of the server; hosted ones often keep theirs to themselves."""
    try:
        found: Any = client.config_get(name)
    except ResponseError:
        return None
    except RedisError as error:
        raise unavailable(error) from error
    value = found.get(name)
    return None if value is None else str(value)
