"""PURE. Redis URLs that Hookline accepts, and their translation for Celery.

    redis://[user:password@]host:port/db             rediss:// likewise, with TLS
    unix://[user:password@]/path/to/socket?db=0
    sentinel://[user:password@]host:port,host:port/master/db

Celery writes sockets and sentinels differently. All functions raise `ValueError` for a URL that
they cannot parse.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

SCHEMES = ("redis", "rediss", "unix", "sentinel")

#: The default number of databases of a Redis.
_DATABASES = 16


class Broker(NamedTuple):
    """Celery's `broker_url`, and additions to `broker_transport_options`."""

    url: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sentinel:
    """A Redis behind sentinels; user and password are the Redis's."""

    hosts: tuple[tuple[str, int], ...]
    master: str
    db: int
    username: str | None
    #: As in the URL, still percent-encoded.
    password: str | None = field(repr=False)


def check(url: str) -> None:
    """Raise `ValueError`, worded for people, unless `url` has one of the forms above."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ValueError("must begin with " + ", ".join(f"{scheme}://" for scheme in SCHEMES))
    if parts.scheme == "sentinel":
        parse_sentinel(url)
        return
    _ = _database(parts), parts.port
    if parts.scheme == "unix" and not parts.path.strip("/"):
        raise ValueError("must name the socket: unix:///path/to/socket")
    if parts.scheme != "unix" and not parts.hostname:
        raise ValueError("must name a host")


def parse_sentinel(url: str) -> Sentinel:
    """Parse a `sentinel://` URL; the default port is 26379, the default database 0."""
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    master, _, db = parts.path.strip("/").partition("/")
    if not hosts or not master or not (db or "0").isdigit():
        raise ValueError("must look like sentinel://host:26379,host:26379/master/0")
    pairs = tuple(urlsplit(f"//{host}") for host in hosts.split(","))
    return Sentinel(
        hosts=tuple((pair.hostname or "", pair.port or 26379) for pair in pairs),
        master=master,
        db=int(db or 0),
        username=username or None,
        password=password or None,
    )


def broker_for(redis_url: str) -> Broker:
    """Celery's broker on the same Redis, in the database after the job store's."""
    parts = urlsplit(redis_url)
    if parts.scheme == "sentinel":
        sentinel = parse_sentinel(redis_url)
        return _sentinel_broker(sentinel, _next(sentinel.db))
    db = _next(_database(parts))
    query = {name: values[-1] for name, values in parse_qs(parts.query).items() if name != "db"}
    if parts.scheme == "unix":
        query["virtual_host"] = str(db)
        parts = parts._replace(scheme="redis+socket")
    else:
        parts = parts._replace(path=f"/{db}")
    # urlunsplit would drop the empty host of a socket's URL.
    options = f"?{urlencode(query, safe='/')}" if query else ""
    return Broker(f"{parts.scheme}://{parts.netloc}{parts.path}{options}", {})


def as_broker(url: str) -> Broker:
    """A configured broker URL: our forms are translated, Celery's own pass unchanged."""
    parts = urlsplit(url)
    if parts.scheme == "sentinel":
        sentinel = parse_sentinel(url)
        return _sentinel_broker(sentinel, sentinel.db)
    if parts.scheme == "unix":
        query = urlencode({"virtual_host": _database(parts)})
        return Broker(f"redis+socket://{parts.netloc}{parts.path}?{query}", {})
    return Broker(url, {})


def _sentinel_broker(sentinel: Sentinel, db: int) -> Broker:
    credentials = ""
    if sentinel.password:
        credentials = f"{sentinel.username or ''}:{sentinel.password}@"
    hosts = ((f"[{host}]" if ":" in host else host, port) for host, port in sentinel.hosts)
    urls = (f"sentinel://{credentials}{host}:{port}/{db}" for host, port in hosts)
    return Broker(";".join(urls), {"master_name": sentinel.master})


def _database(parts: SplitResult) -> int:
    """The database of a URL: `?db=`, else the path of a `redis://` URL, else 0."""
    named = parse_qs(parts.query).get("db", [""])[-1]
    if not named and parts.scheme != "unix":
        named = parts.path.strip("/")
    if named and not named.isdigit():
        raise ValueError("the database must be a number")
    return int(named or 0)


def _next(db: int) -> int:
    return (db + 1) % _DATABASES
