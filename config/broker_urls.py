"""PURE. What Celery has to be given for a broker: the store's Redis, another Redis, or RabbitMQ.

Brokers have the forms in `config.redis_urls`, and these:

    amqp://[user:password@]host[:port]/vhost         amqps:// likewise, with TLS; several with ;
    redis+socket://[user:password@]/path/to/socket[?virtual_host=0]
"""

import ssl
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote, urlencode

from config import redis_urls
from config.redis_urls import RedisUrl, Tls

SCHEMES = ("amqp", "amqps", "redis+socket", *redis_urls.SCHEMES)

#: The default number of databases of a Redis.
_DATABASES = 16
_CERT_REQS = {
    "required": ssl.CERT_REQUIRED,
    "optional": ssl.CERT_OPTIONAL,
    "none": ssl.CERT_NONE,
}


@dataclass(frozen=True, slots=True)
class Broker:
    """Celery's `broker_url` and `broker_use_ssl`, and additions to its transport options."""

    url: str = field(repr=False)
    options: dict[str, Any] = field(default_factory=dict, repr=False)
    use_ssl: dict[str, Any] | None = None
    tls: Tls | None = None  #: how it checks its server


def broker_beside(redis: RedisUrl) -> Broker:
    """The broker on the same Redis as the job store, in the database after it."""
    return _on_redis(replace(redis, db=(redis.db + 1) % _DATABASES))


def parse_broker(url: str) -> Broker:
    """Parse a broker's URL. Raises `ValueError` in words that complete "NAME: ..."."""
    scheme, mark, rest = url.partition("://")
    if not mark or scheme not in SCHEMES:
        raise ValueError("must begin with " + ", ".join(f"{known}://" for known in SCHEMES))
    if scheme in ("amqp", "amqps"):
        return _rabbitmq(url, scheme)
    if scheme == "redis+socket":
        rest = rest.replace("virtual_host=", "db=")
        return _on_redis(redis_urls.parse(f"unix://{rest}"))
    if ";" in rest:
        raise ValueError(
            "names several servers: only RabbitMQ may have several; "
            "sentinels are written sentinel://host,host/master/0"
        )
    return _on_redis(redis_urls.parse(url))


def _on_redis(redis: RedisUrl) -> Broker:
    credentials = _credentials(redis.username, redis.password)
    options: dict[str, Any] = {}
    if redis.timeout_s is not None:
        options["socket_connect_timeout"] = redis.timeout_s
    if redis.socket is not None:
        query = urlencode({"virtual_host": redis.db})
        path = quote(redis.socket)
        return Broker(f"redis+socket://{credentials}{path}?{query}", options)
    if redis.master is not None:
        return _on_sentinels(redis, credentials, options)
    place = _place(redis.hosts[0])
    if redis.tls is None:
        return Broker(f"redis://{credentials}{place}/{redis.db}", options)
    # In the URL, so that it can be given to any app of Celery. Without a word about certificates
    # kombu would connect to anyone, and send the password.
    query = urlencode(_tls_options(redis.tls), safe="/")
    return Broker(f"rediss://{credentials}{place}/{redis.db}?{query}", options, tls=redis.tls)


def _on_sentinels(redis: RedisUrl, credentials: str, options: dict[str, Any]) -> Broker:
    urls = (f"sentinel://{credentials}{_place(host)}/{redis.db}" for host in redis.hosts)
    known = {"username": redis.sentinel_username, "password": redis.sentinel_password}
    of_sentinels: dict[str, Any] = {name: value for name, value in known.items() if value}
    use_ssl = None
    if redis.tls:
        use_ssl = _tls_options(redis.tls)
        of_sentinels |= {"ssl": True, **use_ssl}
    options = {"master_name": redis.master, "sentinel_kwargs": of_sentinels, **options}
    return Broker(";".join(urls), options, use_ssl, redis.tls)


def _tls_options(tls: Tls) -> dict[str, Any]:
    """The names that redis-py and kombu have for them."""
    options: dict[str, Any] = {"ssl_cert_reqs": tls.cert_reqs, **tls.files}
    if not tls.check_hostname:
        options["ssl_check_hostname"] = "false"
    return options


def _rabbitmq(url: str, scheme: str) -> Broker:
    servers = [_rabbitmq_server(each, scheme) for each in url.split(";")]
    tls = servers[0][1]
    use_ssl: dict[str, Any] | None = None
    if tls:
        # py-amqp checks nothing unless it is given a server's name; None: that of the URL.
        use_ssl = {"cert_reqs": _CERT_REQS[tls.cert_reqs]}
        if tls.check_hostname:
            use_ssl["server_hostname"] = None
        use_ssl |= {option.removeprefix("ssl_"): path for option, path in tls.files.items()}
    return Broker(";".join(server for server, _ in servers), {}, use_ssl, tls)


def _rabbitmq_server(url: str, scheme: str) -> tuple[str, Tls | None]:
    """The URL without our options, and its TLS settings."""
    own, mark, rest = url.partition("://")
    if not mark or own != scheme:
        raise ValueError(f"names several servers, and not all of them with {scheme}://")
    authority, tail = redis_urls.split_authority(rest)
    path, _, query = tail.partition("?")
    credentials, _, place = authority.rpartition("@")
    host = redis_urls.host_and_port(place, 5671 if scheme == "amqps" else 5672)
    known = redis_urls.TLS_OPTIONS if scheme == "amqps" else {}
    options = redis_urls.read_options(query, known)
    username, _, password = credentials.partition(":")
    user = _credentials(unquote(username), unquote(password))
    tls = redis_urls.tls_of(options) if scheme == "amqps" else None
    return f"{scheme}://{user}{_place(host)}{path}", tls


def _credentials(username: str | None, password: str | None) -> str:
    if not username and not password:
        return ""
    return f"{quote(username or '', safe='')}:{quote(password or '', safe='')}@"


def _place(host: tuple[str, int]) -> str:
    name, port = host
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
