"""The client of the store's Redis, and what its errors mean."""

from contextlib import suppress
from threading import Lock
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    NoPermissionError,
    RedisError,
)
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, SentinelConnectionPool

from config import redis_urls
from worker.adapters.store.patience import Patience
from worker.adapters.store.sentinels import Sentinels
from worker.domain.errors import StoreUnavailable

#: Writes and reads a key of each type that the store uses, and leaves nothing.
_PROBE = """
local key = ARGV[1] .. 'probe'
redis.call('SET', key, '1', 'PX', 1000)
redis.call('DEL', key)
redis.call('HSET', key, 'field', '1')
redis.call('DEL', key)
redis.call('ZADD', key, 1, 'member')
redis.call('DEL', key)
redis.call('SADD', key, 'member')
redis.call('DEL', key)
return redis.call('TIME')
"""
#: How servers word a missing right inside a script, which has no class of its own.
_REFUSED_IN_SCRIPT = ("ACL failure in script", "The user executing the script")
#: Seconds to wait for Redis, unless the URL says otherwise.
_TIMEOUT_S = 3.0
#: Seconds after the first timeout in which a call is tried again: a restart takes about two.
_PATIENCE_S = 2.0
#: Seconds to wait for replicas, which take milliseconds; less than for an answer.
_REPLICAS_S = 1.0
_looking = Lock()


def connect(url: str, *, retries: int | None = None) -> "redis.Redis":
    """A client for one of the forms in ``config.redis_urls``; connects on first use.

    All waits have timeouts: without them a lost connection would block its caller forever. By
    default a failed call is tried again for some seconds, at least once: a connection of the pool
    may have been cut without a word.
    """
    to = redis_urls.parse(url)
    wait_s = to.timeout_s or _TIMEOUT_S
    options: dict[str, Any] = {
        "db": to.db,
        "username": to.username,
        "password": to.password,
        "socket_timeout": wait_s,
    }
    patience = Patience(wait_s + _PATIENCE_S)
    options["retry"] = patience if retries is None else Retry(NoBackoff(), retries)
    if to.protocol:
        options["protocol"] = to.protocol
    if to.socket is not None:
        return redis.Redis(unix_socket_path=to.socket, **options)
    over_tcp: dict[str, Any] = {"socket_connect_timeout": wait_s, "socket_keepalive": True}
    over_tcp |= _tls(to.tls)
    if to.master is None:
        [(host, port)] = to.hosts
        return redis.Redis(host=host, port=port, **options, **over_tcp)
    of_sentinels = {
        "username": to.sentinel_username,
        "password": to.sentinel_password,
        "socket_timeout": wait_s,
        "retry": Retry(NoBackoff(), 0),  # the next sentinel is asked instead
        **over_tcp,
    }
    sentinels = Sentinels(to.hosts, of_sentinels)
    client: redis.Redis = sentinels.master_for(to.master, **options, **over_tcp)  # type: ignore[no-untyped-call]
    return client


def wait_ms(client: "redis.Redis") -> int:
    """Milliseconds that ``WAIT`` may take on this client, which gives up an answer later."""
    gives_up_s = client.get_connection_kwargs().get("socket_timeout") or 2 * _REPLICAS_S
    return int(min(_REPLICAS_S, gives_up_s / 2) * 1000)


def look_for_primary(client: "redis.Redis") -> None:
    """Ask the next sentinel who the primary is; one other than before is used from now on.

    A primary that is cut off from its replicas and most sentinels, but not from us, goes on
    answering after they have replaced it. One thread asks at a time, since a sentinel that is away
    takes seconds.
    """
    pool = client.connection_pool
    if isinstance(pool, SentinelConnectionPool) and _looking.acquire(blocking=False):
        try:
            pool.sentinel_manager.ask_another()
            with suppress(MasterNotFoundError):
                pool.get_master_address()  # type: ignore[no-untyped-call]
        finally:
            _looking.release()


def check_rights(client: "redis.Redis") -> None:
    """Raise ``StoreUnavailable`` unless Redis answers and lets us do what the store does."""
    try:
        client.ping()
        client.eval(_PROBE, 0, "hookline:")
    except RedisError as error:
        raise unavailable(error) from error


def unavailable(error: RedisError) -> StoreUnavailable:
    """What an error of the driver means: no answer, or a refusal that a person has to end."""
    refused = any(words in str(error) for words in _REFUSED_IN_SCRIPT)
    if refused or isinstance(error, NoPermissionError):
        return StoreUnavailable(f"Redis refuses its user a right: {error}")
    if isinstance(error, AuthenticationError):
        return StoreUnavailable(f"Redis refuses the user or the password: {error}")
    return StoreUnavailable(f"Redis does not answer: {error}")


def _tls(tls: redis_urls.Tls | None) -> dict[str, Any]:
    """The driver's options for TLS."""
    if tls is None:
        return {}
    checked = {"ssl_cert_reqs": tls.cert_reqs, "ssl_check_hostname": tls.check_hostname}
    return {"ssl": True, **checked, **tls.files}
