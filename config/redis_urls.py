"""PURE. Redis URLs that Hookline accepts: one parsed value makes the store's client and the broker.

    redis://[user:password@]host[:port][/db]         rediss:// likewise, with TLS
    unix://[user:password@]/path/to/socket[?db=0]
    sentinel://[user:password@]host[:port],host[:port]/master[/db]

followed by options, as in ``?timeout=5&ssl_ca_certs=/etc/ssl/redis.pem``. No message repeats a
value: it may be a part of a password.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote

from worker.domain import numerals

SCHEMES = ("redis", "rediss", "unix", "sentinel")

CertReqs = Literal["required", "optional", "none"]

ENCODE = (
    "cannot be read: percent-encode special characters of its user and password, "
    "%23 for #, %2F for /, %3F for ?, %40 for @"
)
_PORT, _SENTINEL_PORT = 6379, 26379
_SHORTEST_TIMEOUT_S, _LONGEST_TIMEOUT_S = 0.1, 60.0


@dataclass(frozen=True, slots=True)
class Tls:
    """How a TLS connection is checked. The default trusts the system's authorities."""

    cert_reqs: CertReqs = "required"
    check_hostname: bool = True
    ca_certs: str | None = None  #: file with the authorities to trust instead
    certfile: str | None = None  #: our own certificate, for servers that ask for one
    keyfile: str | None = None  #: its key, unless ``certfile`` has it as well

    @property
    def verified(self) -> bool:
        """Whether the server has to prove who it is."""
        return self.cert_reqs != "none" and self.check_hostname

    @property
    def files(self) -> dict[str, str]:
        """The files that it names, by option."""
        named = {
            "ssl_ca_certs": self.ca_certs,
            "ssl_certfile": self.certfile,
            "ssl_keyfile": self.keyfile,
        }
        return {option: path for option, path in named.items() if path}


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """Where a Redis is, and how to talk to it. User and password are decoded."""

    hosts: tuple[tuple[str, int], ...] = ()  #: one, or all sentinels; none for a socket
    socket: str | None = None
    master: str | None = None  #: the name that the sentinels know it by
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    tls: Tls | None = None
    protocol: Literal[2, 3] | None = None
    timeout_s: float | None = None  #: for connecting, and for an answer of the store


def parse(url: str) -> RedisUrl:
    """Parse one of the forms above. Raises `ValueError` in words that complete "NAME: ..."."""
    scheme, mark, rest = url.partition("://")
    if not mark or scheme not in SCHEMES:
        raise ValueError("must begin with " + ", ".join(f"{known}://" for known in SCHEMES))
    authority, path, query = _split(rest, socket=scheme == "unix")
    credentials, _, place = authority.rpartition("@")
    username, _, password = credentials.partition(":")
    options = _options(query, scheme)
    found = _Where(place, path, options)
    where = {"unix": found.socket, "sentinel": found.sentinel}.get(scheme, found.server)()
    tls = tls_of(options) if scheme == "rediss" or options.get("ssl") else None
    return RedisUrl(
        **where,
        username=unquote(username) or None,
        password=unquote(password) or None,
        sentinel_username=options.get("sentinel_username"),
        sentinel_password=options.get("sentinel_password"),
        tls=tls,
        protocol=options.get("protocol"),
        timeout_s=options.get("timeout"),
    )


def split_authority(rest: str) -> tuple[str, str]:
    """What follows ``scheme://``, as authority and tail. Raises `ValueError` with a hint.

    An unencoded #, / or ? of a password would end the authority too early, and a part of the
    password would be taken for a port, a path or an option, and be repeated in messages.
    """
    end = min((at for mark in "/?#" if (at := rest.find(mark)) >= 0), default=len(rest))
    authority, tail = rest[:end], rest[end:]
    if "#" in tail or ("@" in tail and authority):
        raise ValueError(ENCODE)
    return authority, tail


def host_and_port(place: str, default: int) -> tuple[str, int]:
    """Parse ``host``, ``host:port`` or ``[address]:port``. Raises `ValueError`."""
    host, colon, port = place.rpartition(":")
    if not colon or place.endswith("]"):
        host, port = place, ""
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise ValueError(f"{ENCODE}; the port must be a number from 1 to 65535")
    name = unquote(host.removeprefix("[").removesuffix("]"))
    if not name or (":" in name and not host.startswith("[")):
        raise ValueError("must name a host")
    return name, int(port or default)


def _split(rest: str, *, socket: bool) -> tuple[str, str, str]:
    authority, tail = split_authority(rest)
    path, _, query = tail.partition("?")
    if "@" in query or ("@" in path and not socket):
        raise ValueError(ENCODE)
    return authority, unquote(path), query


@dataclass(frozen=True, slots=True)
class _Where:
    """The place of a Redis, for each form of URL."""

    place: str
    path: str
    options: Mapping[str, Any]

    def server(self) -> dict[str, Any]:
        named = self.path.strip("/")
        db = self.options.get("db", _number(named))
        return {"hosts": (host_and_port(self.place, _PORT),), "db": db}

    def socket(self) -> dict[str, Any]:
        if self.place or not self.path.strip("/"):
            raise ValueError("must name the socket: unix:///path/to/socket")
        return {"socket": self.path, "db": self.options.get("db", 0)}

    def sentinel(self) -> dict[str, Any]:
        master, _, db = self.path.strip("/").partition("/")
        if not self.place or not master:
            raise ValueError("must look like sentinel://host:26379,host:26379/master/0")
        hosts = tuple(host_and_port(each, _SENTINEL_PORT) for each in self.place.split(","))
        return {"hosts": hosts, "master": master, "db": self.options.get("db", _number(db))}


def _number(text: str) -> int:
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError("the database must be a number")
    return int(text or 0)


def _protocol(text: str) -> int:
    if text not in ("2", "3"):
        raise ValueError("must be 2 or 3")
    return int(text)


def _timeout(text: str) -> float:
    seconds = float(text) if numerals.is_decimal(text) else 0.0
    if not _SHORTEST_TIMEOUT_S <= seconds <= _LONGEST_TIMEOUT_S:
        raise ValueError("must be seconds from 0.1 to 60")
    return seconds


def _cert_reqs(text: str) -> str:
    """Both spellings: redis-py's ``required`` and the ``CERT_REQUIRED`` of Celery and Python."""
    word = text.lower().removeprefix("cert_")
    if word not in ("required", "optional", "none"):
        raise ValueError("must be required, optional or none")
    return word


def _yes(text: str) -> bool:
    if text.lower() not in ("true", "false", "yes", "no", "1", "0"):
        raise ValueError("must be true or false")
    return text.lower() in ("true", "yes", "1")


_COMMON: dict[str, Callable[[str], Any]] = {"db": _number, "timeout": _timeout}
_STORE_ONLY: dict[str, Callable[[str], Any]] = {"protocol": _protocol}
TLS_OPTIONS: dict[str, Callable[[str], Any]] = {
    "ssl_cert_reqs": _cert_reqs,
    "ssl_check_hostname": _yes,
    "ssl_ca_certs": str,
    "ssl_certfile": str,
    "ssl_keyfile": str,
}
_OPTIONS: dict[str, dict[str, Callable[[str], Any]]] = {
    "redis": _COMMON | _STORE_ONLY,
    "unix": _COMMON | _STORE_ONLY,
    "rediss": _COMMON | _STORE_ONLY | TLS_OPTIONS,
    "sentinel": _COMMON
    | _STORE_ONLY
    | TLS_OPTIONS
    | {"ssl": _yes, "sentinel_username": str, "sentinel_password": str},
}


def _options(query: str, scheme: str) -> dict[str, Any]:
    options = read_options(query, _OPTIONS[scheme])
    if scheme == "sentinel" and not options.get("ssl") and options.keys() & TLS_OPTIONS.keys():
        raise ValueError("has TLS options, but not ssl=true")
    return options


def read_options(query: str, known: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """The options of a URL, each read by its function in ``known``. Raises `ValueError`."""
    options = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            secure = " (TLS needs rediss://)" if name in TLS_OPTIONS or name == "ssl" else ""
            listed = ", ".join(sorted(known)) or "none"
            raise ValueError(f"has the unknown option {name}{secure}; known here: {listed}")
        try:
            options[name] = known[name](text)
        except ValueError as error:
            raise ValueError(f"its option {name} {error}") from None
    return options


def tls_of(options: Mapping[str, Any]) -> Tls:
    """The TLS settings among the options of a URL. Raises `ValueError`."""
    named = {o.removeprefix("ssl_"): value for o, value in options.items() if o in TLS_OPTIONS}
    if "keyfile" in named and "certfile" not in named:
        raise ValueError("its option ssl_keyfile needs ssl_certfile")
    if named.get("cert_reqs") == "none":
        named["check_hostname"] = False  # of a certificate that is not checked
    return Tls(**named)
