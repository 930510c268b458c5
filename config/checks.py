"""PURE. What settings may look like: each by itself, and `across` all of them.

A check of one setting returns the value, or raises `ValueError` in words that complete "NAME: ..."
and do not repeat the value, which may be a secret.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from pydantic import SecretStr

from config import redis_urls
from worker.domain.errors import FieldError
from worker.domain.job import Status

_SHORTEST_SECRET = 16
#: The characters of a URL without query and fragment that no proxy or provider rewrites.
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9._~:\[\]-]+(/[A-Za-z0-9._~/-]*)?", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9._:-]+", re.ASCII)
_PRINTABLE = re.compile(r"[!-~]*", re.ASCII)
#: The usual names of this machine itself.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_BROKERS = ("amqp", "amqps", "redis+socket", *redis_urls.SCHEMES)


_TIME = re.compile(r"(?P<number>[1-9][0-9]{0,4})(?P<unit>[hd])", re.ASCII)
_SECONDS = {"h": 3600.0, "d": 86_400.0}
_ENDS = tuple(status for status in Status if status.terminal)


def retention(value: str) -> dict[Status, float | None]:
    """How long to keep what ended with each status: ``30d``, or ``30d, failed=90d``."""
    general, special = "", dict[str, str]()
    for part in map(str.strip, value.split(",")):
        name, equals, time = part.partition("=")
        if equals:
            special[name.strip()] = time.strip()
        elif not general:
            general = part
        else:
            raise ValueError("names two times for all; write it like 30d, failed=90d")
    if unknown := special.keys() - set(_ENDS):
        known = ", ".join(_ENDS)
        raise ValueError(f"names {', '.join(sorted(unknown))}; jobs end as {known}")
    return {end: _time(special.get(end, general or "30d")) for end in _ENDS}


def _time(text: str) -> float | None:
    if text == "forever":
        return None
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError("must be a time such as 30d or 12h, or forever; or like 30d, failed=90d")
    return int(found["number"]) * _SECONDS[found["unit"]]


def host_of(url: str) -> str:
    """The host of a URL in lower case; empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def password_of(url: str) -> str | None:
    """The password inside a URL, if any, as it is written there."""
    try:
        return urlsplit(url).password
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine to itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_remote(url: str) -> bool:
    """Whether a URL names a host that is not this machine; False where it names none."""
    host = host_of(url)
    return bool(host) and not is_loopback(host)


def picture_hosts(provider: str, hosts: Iterable[str]) -> frozenset[str]:
    """Hosts whose pictures may be fetched: those named, and a provider on this machine itself."""
    own = host_of(provider)
    named = {host.lower() for host in hosts}
    return frozenset(named | ({own} if is_loopback(own) else set()))


def lower(value: object) -> object:
    """Case does not matter."""
    return value.lower() if isinstance(value, str) else value


def words(value: object) -> object:
    """A comma separated list."""
    if not isinstance(value, str):
        return value
    return tuple(word.strip() for word in value.split(",") if word.strip())


def host(value: str) -> str:
    """A name or address to listen on."""
    if not _HOST.fullmatch(value):
        raise ValueError("must be a host name or an address")
    return value


def header_safe(value: SecretStr) -> SecretStr:
    """A secret that travels in a header."""
    if not _PRINTABLE.fullmatch(value.get_secret_value()):
        raise ValueError("must be plain characters without spaces")
    return value


def api_token(value: SecretStr) -> SecretStr:
    """The bearer token of the API."""
    return _long_enough(header_safe(value))


def signing_secrets(values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    """One or more secrets, newest first."""
    if not values:
        raise ValueError("must hold at least one secret")
    return tuple(_long_enough(value) for value in values)


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value) < _SHORTEST_SECRET:
        raise ValueError(f"must have at least {_SHORTEST_SECRET} characters")
    return value


def notify_secrets(values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    """One or more secrets of Standard Webhooks, newest first: 24 to 64 bytes each."""
    if not values:
        raise ValueError("must hold at least one secret")
    return tuple(map(_notify_secret, values))


def _notify_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError("must be whsec_ followed by 24 to 64 bytes in base64")
    return value


def public_url(value: str) -> str:
    """An http(s) base that can be put before a path; a trailing slash is dropped."""
    if not _PLAIN_URL.fullmatch(value) or not host_of(value):
        raise ValueError(
            "must be http:// or https://, a host, perhaps a path; no user, query or fragment"
        )
    _ = urlsplit(value).port  # raises ValueError for a port that is none
    return value.rstrip("/")


def provider_url(value: str) -> str:
    """The base of the provider's API."""
    url = public_url(value)
    if url.endswith("/mj"):
        raise ValueError('must be the base before "/mj": leave out the "/mj" at its end')
    return url


def redis_url(value: str) -> str:
    """The job store."""
    redis_urls.check(value)
    return value


def broker_url(value: str) -> str:
    """Celery's broker: one of our Redis forms, Celery's own form of a socket, or RabbitMQ."""
    scheme = urlsplit(value).scheme
    if scheme in redis_urls.SCHEMES and ";" not in value:
        redis_urls.check(value)
    elif scheme not in _BROKERS:
        raise ValueError("must begin with " + ", ".join(f"{name}://" for name in _BROKERS))
    return value


def storage_url(value: str) -> str:
    """An address that fsspec knows how to open."""
    # Here, because only this check needs it and it is slow to import.
    from fsspec import available_protocols  # noqa: PLC0415

    scheme, mark, _ = value.partition("://")
    if not mark or scheme not in available_protocols():
        raise ValueError("must be an fsspec URL such as file://./output or s3://bucket/folder")
    return value


ACCOUNTS = "HOOKLINE_ACCOUNTS"
#: What it replaces.
ONE_ACCOUNT = (
    "HOOKLINE_PROVIDER_URL",
    "HOOKLINE_PROVIDER_KEY",
    "HOOKLINE_PROVIDER_AUTH",
    "HOOKLINE_PROVIDER_DIALECT",
    "HOOKLINE_MAX_RUNNING",
)


def across(values: Mapping[str, str]) -> Iterator[FieldError]:
    """The rules between settings. A value that is wrong by itself breaks none of them."""
    if ACCOUNTS in values:
        reason = "cannot stand beside HOOKLINE_ACCOUNTS, whose file has it for each account"
        yield from (FieldError(name, reason) for name in ONE_ACCOUNT if name in values)
    else:
        yield from _one_account(values)
    public = is_remote(values.get("HOOKLINE_PUBLIC_URL", ""))
    exposed = not is_loopback(values.get("HOOKLINE_HOST", "127.0.0.1"))
    if (public or exposed) and "HOOKLINE_SECRET" not in values:
        where = "HOOKLINE_PUBLIC_URL" if public else "HOOKLINE_HOST"
        yield FieldError("HOOKLINE_SECRET", f"must be set when {where} is not this machine's own")
    if exposed and "HOOKLINE_API_TOKEN" not in values:
        yield FieldError(
            "HOOKLINE_API_TOKEN", "must be set when HOOKLINE_HOST is not this machine's own"
        )


def _one_account(values: Mapping[str, str]) -> Iterator[FieldError]:
    provider = values.get("HOOKLINE_PROVIDER_URL")
    if provider and is_remote(provider) and "HOOKLINE_PROVIDER_KEY" not in values:
        yield FieldError("HOOKLINE_PROVIDER_KEY", "is needed with HOOKLINE_PROVIDER_URL")
    if not provider and "HOOKLINE_PROVIDER_KEY" in values:
        yield FieldError("HOOKLINE_PROVIDER_URL", "is needed with HOOKLINE_PROVIDER_KEY")
