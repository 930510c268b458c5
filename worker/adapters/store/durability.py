"""How durable a Redis is, as far as it says."""

from dataclasses import dataclass
from typing import Any

import redis
from redis.exceptions import RedisError, ResponseError

from worker.domain.errors import StoreUnavailable


@dataclass(frozen=True, slots=True)
class Durability:
    """A server's settings for durability; None: it does not say."""

    version: str
    appendonly: bool | None
    appendfsync: str | None  #: always, everysec or no
    maxmemory_policy: str | None


def read_durability(client: "redis.Redis") -> Durability:
    """Ask the server. Raises ``StoreUnavailable``."""
    try:
        info: dict[str, Any] = client.info()
    except RedisError as error:
        raise StoreUnavailable(f"Redis does not answer: {error}") from error
    aof = info.get("aof_enabled")
    return Durability(
        version=str(info.get("redis_version")),
        appendonly=None if aof is None else bool(aof),
        appendfsync=_setting(client, "appendfsync"),
        maxmemory_policy=info.get("maxmemory_policy") or _setting(client, "maxmemory-policy"),
    )


def _setting(client: "redis.Redis", name: str) -> str | None:
    """A setting of the server; hosted ones often keep theirs to themselves."""
    try:
        found: Any = client.config_get(name)
    except ResponseError:
        return None
    except RedisError as error:
        raise StoreUnavailable(f"Redis does not answer: {error}") from error
    value = found.get(name)
    return None if value is None else str(value)
