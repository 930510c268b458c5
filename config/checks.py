"""PURE. The types of single settings, and the rules `across` all of them.

A check of one setting returns the value, or raises `ValueError` in words that complete "NAME: ..."
and do not repeat the value, which may be a secret.
"""

import base64
import binascii
import ipaddress
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from config import broker_options, broker_urls, redis_urls
from worker.domain import destinations
from worker.domain.assets import naming
from worker.domain.errors import FieldError
from worker.domain.job import Status

_SHORTEST_SECRET = 16
#: A URL without query and fragment, in characters that no proxy or provider rewrites.
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9._~:\[\]-]+(/[A-Za-z0-9._~/-]*)?", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9._:-]+", re.ASCII)
_TASK = re.compile(r"(?P<task>[^@\s]+)(@(?P<queue>[^@\s]+))?")
_PRINTABLE = re.compile(r"[!-~]*", re.ASCII)
_TIME = re.compile(r"(?P<number>[1-9][0-9]{0,4})(?P<unit>[hd])", re.ASCII)
_SECONDS = {"h": 3600.0, "d": 86_400.0}
_ENDS = tuple(status for status in Status if status.terminal)


def host_of(url: str) -> str:
    """The host of a URL in lower case; empty if it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def passwords_in(url: str) -> frozenset[str]:
    """The passwords in a URL, percent-encoded as they are written, and decoded."""
    _, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest)[0]
    written = [authority.rpartition("@")[0].partition(":")[2]]
    written += re.findall(r"[?&]sentinel_password=([^&]*)", rest)
    return frozenset(filter(None, (*written, *map(unquote, written))))


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_remote(url: str) -> bool:
    """Whether a URL names a host that is not this machine."""
    host = host_of(url)
    return bool(host) and not is_loopback(host)


def picture_hosts(provider: str, hosts: Iterable[str]) -> frozenset[str]:
    """The hosts whose pictures may be fetched: ``hosts``, and a provider on this machine."""
    own = host_of(provider)
    named = {host.lower() for host in hosts}
    return frozenset(named | ({own} if is_loopback(own) else set()))


def _retention(value: str) -> dict[Status, float | None]:
    """Parse ``30d``, or ``30d, failed=90d``."""
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


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _words(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _celery_task(value: str) -> str:
    found = _TASK.fullmatch(value)
    if not found:
        raise ValueError("must be the name of a Celery task, or NAME@QUEUE")
    for part, check in (("task", destinations.check_task), ("queue", destinations.check_queue)):
        try:
            check(found[part] or destinations.DEFAULT_QUEUE)
        except ValueError as error:
            raise ValueError(f"its {part} {error}") from None
    return value


def _patterns(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(destinations.check_pattern, values))


def _host(value: str) -> str:
    if not _HOST.fullmatch(value) or value.count(":") == 1:
        raise ValueError("must be a host name or an address")
    return value


def _header_text(value: str) -> str:
    if not _PRINTABLE.fullmatch(value):
        raise ValueError("must be plain characters without spaces")
    return value


def _header_safe(value: SecretStr) -> SecretStr:
    _header_text(value.get_secret_value())
    return value


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value) < _SHORTEST_SECRET:
        raise ValueError(f"must have at least {_SHORTEST_SECRET} characters")
    return value


def _webhook_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError("must be whsec_ followed by 24 to 64 bytes in base64")
    return value


def _any(values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if not values:
        raise ValueError("must hold at least one secret")
    return values


def _base_url(value: str) -> str:
    if not _PLAIN_URL.fullmatch(value) or not host_of(value):
        raise ValueError(
            "must be http:// or https://, a host, perhaps a path; no user, query or fragment"
        )
    _ = urlsplit(value).port  # raises ValueError for an impossible port
    return value.rstrip("/")


def _provider_url(value: str) -> str:
    url = _base_url(value)
    if url.endswith("/mj"):
        raise ValueError('must be the base before "/mj": leave out the "/mj" at its end')
    return url


def _redis_url(value: str) -> str:
    _readable(redis_urls.parse(value).tls)
    return value


def _broker_url(value: str) -> str:
    _readable(broker_urls.parse_broker(value).tls)
    return value


def _readable(tls: redis_urls.Tls | None) -> None:
    for option, path in tls.files.items() if tls else ():
        if not os.access(path, os.R_OK) or not Path(path).is_file():
            raise ValueError(f"its option {option} must name a file that can be read")


def _storage_url(value: str) -> str:
    # Imported here because it is slow to import.
    from fsspec import available_protocols  # noqa: PLC0415

    scheme, mark, _ = value.partition("://")
    if not mark or scheme not in available_protocols():
        raise ValueError("must be an fsspec URL such as file://./output or s3://bucket/folder")
    return value


CeleryTask = Annotated[str, AfterValidator(_celery_task)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
NamePatterns = Annotated[Words, AfterValidator(_patterns)]
Lower = BeforeValidator(_lower)
Host = Annotated[str, AfterValidator(_host)]
Hosts = Annotated[tuple[Host, ...], BeforeValidator(_words)]
HeaderText = Annotated[str, AfterValidator(_header_text)]
HeaderSecret = Annotated[SecretStr, AfterValidator(_header_safe)]
ApiToken = Annotated[HeaderSecret, AfterValidator(_long_enough)]
_LongSecret = Annotated[SecretStr, AfterValidator(_long_enough)]
_WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]
SigningSecrets = Annotated[tuple[_LongSecret, ...], BeforeValidator(_words), AfterValidator(_any)]
WebhookSecrets = Annotated[
    tuple[_WebhookSecret, ...], BeforeValidator(_words), AfterValidator(_any)
]
PublicUrl = Annotated[str, AfterValidator(_base_url)]
ProviderUrl = Annotated[str, AfterValidator(_provider_url)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
BrokerUrl = Annotated[str, AfterValidator(_broker_url)]
BrokerOptions = Annotated[Mapping[str, Any], BeforeValidator(broker_options.parse)]
StorageUrl = Annotated[str, AfterValidator(_storage_url)]
AssetNames = Annotated[str, AfterValidator(naming.check)]
AbsolutePath = Annotated[Path, AfterValidator(Path.absolute)]
Retention = Annotated[Mapping[Status, float | None], BeforeValidator(_retention)]

ACCOUNTS = "HOOKLINE_ACCOUNTS"
#: What it replaces.
ONE_ACCOUNT = (
    "HOOKLINE_PROVIDER_URL",
    "HOOKLINE_PROVIDER_KEY",
    "HOOKLINE_PROVIDER_AUTH",
    "HOOKLINE_PROVIDER_DIALECT",
    "HOOKLINE_MAX_RUNNING",
    "HOOKLINE_LEDGER_TOKEN",
    "HOOKLINE_LEDGER_USER",
)


def across(values: Mapping[str, str]) -> Iterator[FieldError]:
    """The rules between settings. A value that is invalid itself breaks none of them."""
    if ACCOUNTS in values:
        reason = "cannot be combined with HOOKLINE_ACCOUNTS, whose file sets it for each account"
        yield from (FieldError(name, reason) for name in ONE_ACCOUNT if name in values)
    else:
        yield from _one_account(values)
    yield from _broker(values)
    public = is_remote(values.get("HOOKLINE_PUBLIC_URL", ""))
    exposed = not is_loopback(values.get("HOOKLINE_HOST", "127.0.0.1"))
    if (public or exposed) and "HOOKLINE_SECRET" not in values:
        where = "HOOKLINE_PUBLIC_URL" if public else "HOOKLINE_HOST"
        yield FieldError("HOOKLINE_SECRET", f"must be set when {where} is not this machine's own")
    if exposed and "HOOKLINE_API_TOKEN" not in values:
        yield FieldError(
            "HOOKLINE_API_TOKEN", "must be set when HOOKLINE_HOST is not this machine's own"
        )


def _broker(values: Mapping[str, str]) -> Iterator[FieldError]:
    """Options that the broker does not have would be ignored."""
    scheme = values.get("HOOKLINE_BROKER_URL", "redis:").partition(":")[0]
    name, kind, priority = (
        "HOOKLINE_BROKER_OPTIONS",
        "HOOKLINE_QUEUE_TYPE",
        "HOOKLINE_QUEUE_MAX_PRIORITY",
    )
    with suppress(ValueError):  # reported for the setting itself
        problems = broker_options.misplaced(broker_options.parse(values.get(name, "{}")), scheme)
        yield from (FieldError(name, problem) for problem in problems)
    if scheme not in broker_options.RABBITMQ:
        reason = "is for RabbitMQ, and HOOKLINE_BROKER_URL does not begin with amqp:// or amqps://"
        yield from (FieldError(each, reason) for each in (kind, priority) if each in values)
    elif priority in values and values.get(kind) == "quorum":
        yield FieldError(priority, f"cannot be combined with {kind}=quorum: RabbitMQ refuses it")


def _one_account(values: Mapping[str, str]) -> Iterator[FieldError]:
    provider = values.get("HOOKLINE_PROVIDER_URL")
    if provider and is_remote(provider) and "HOOKLINE_PROVIDER_KEY" not in values:
        yield FieldError("HOOKLINE_PROVIDER_KEY", "is needed with HOOKLINE_PROVIDER_URL")
    for secret in ("HOOKLINE_PROVIDER_KEY", "HOOKLINE_LEDGER_TOKEN"):
        if not provider and secret in values:
            yield FieldError("HOOKLINE_PROVIDER_URL", f"is needed with {secret}")
    token, user = "HOOKLINE_LEDGER_TOKEN", "HOOKLINE_LEDGER_USER"
    if token in values and user not in values:
        yield FieldError(user, f"is needed with {token}")
    if user in values and token not in values:
        yield FieldError(token, f"is needed with {user}")
