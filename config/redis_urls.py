"""PURE. The Redis addresses that Hookline understands, and the same for Celery.

    redis://[user:password@]host:port/db             rediss:// likewise, with TLS
    unix://[user:password@]/path/to/socket?db=0
    sentinel://[user:password@]host:port,host:port/master/db

Celery writes sockets and sentinels differently: `broker_for` translates. Everything here raises
`ValueError` for an address that cannot be read.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

SCHEMES = ("redis", "rediss", "unix", "sentinel")

#: A Redis has 16 databases unless it is told otherwise.
_DATABASES = 16


class Broker(NamedTuple):
    """What Celery is told: `broker_url`, and what to add to `broker_transport_options`."""

    url: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sentinel:
    """A Redis found through its sentinels; user and password are those of the Redis."""

    hosts: tuple[tuple[str, int], ...]
    master: str
    db: int
    username: str | None
    #: As written in the address, so still percent-encoded where it was.
    password: str | None = field(repr=False)


def check(url: str) -> None:
    """Raise `ValueError`, in words for a person, unless `url` is one of the forms above."""
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
    """Read a `sentinel://` address; a port left out is 26379, a database left out 0."""
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
    """Celery's broker on the same Redis, in the next database: the job store keeps its own."""
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
    # urlunsplit would drop the empty host of a socket's address.
    options = f"?{urlencode(query, safe='/')}" if query else ""
    return Broker(f"{parts.scheme}://{parts.netloc}{parts.path}{options}", {})


def as_broker(url: str) -> Broker:
    """A broker address that somebody chose: ours are translated, Celery's own pass unchanged."""
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
    """The database of an address: `?db=`, else the path of a `redis://` one, else 0."""
    named = parse_qs(parts.query).get("db", [""])[-1]
    if not named and parts.scheme != "unix":
        named = parts.path.strip("/")
    if named and not named.isdigit():
        raise ValueError("the database must be a number")
    return int(named or 0)


def _next(db: int) -> int:
    return (db + 1) % _DATABASES
