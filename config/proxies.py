"""PURE. Which HTTP proxy a request goes through.

HOOKLINE_PROXY is `environment`, `none`, or the URL of a proxy. In the environment, HTTP_PROXY is
for `http` targets, HTTPS_PROXY for `https`, ALL_PROXY for both where these are unset, and NO_PROXY
lists targets without a proxy; the lower-case spelling wins, as in curl and requests.
"""

import ipaddress
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import PlainValidator, ValidationInfo

from config.checks import is_loopback

_SCHEMES = ("http", "https")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and the setting or the variable that names it."""

    url: str = field(repr=False)
    name: str

    @property
    def parts(self) -> SplitResult:
        """The URL in parts."""
        return urlsplit(self.url)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = self.parts
        return parts.hostname or "", parts.port or _PORTS[parts.scheme]

    @property
    def place(self) -> str:
        """Scheme, host and port, for people: without user and password."""
        return f"{self.parts.scheme}://{self.parts.netloc.rpartition('@')[2]}"

    @property
    def headers(self) -> dict[str, str]:
        """What a request to the proxy needs in addition: the login, if it has one."""
        parts = self.parts
        if not parts.username and not parts.password:
            return {}
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        return {"Proxy-Authorization": f"Basic {b64encode(login.encode()).decode()}"}


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies by the scheme of their targets; none: everything is connected to directly."""

    by_scheme: Mapping[str, Proxy] = field(default_factory=dict)
    bypass: str = ""  #: NO_PROXY

    def to(self, url: str) -> Proxy | None:
        """The proxy for a request to ``url``; never one to this machine itself."""
        parts = urlsplit(url)
        proxy, host = self.by_scheme.get(parts.scheme), parts.hostname or ""
        if proxy is None or is_loopback(host):
            return None
        return None if self._is_bypassed(host, parts.port or _PORTS[parts.scheme]) else proxy

    def secrets(self) -> Iterator[str]:
        """The passwords, as written and decoded."""
        for proxy in self.by_scheme.values():
            if password := proxy.parts.password:
                yield from (password, unquote(password))

    def _is_bypassed(self, host: str, port: int) -> bool:
        entries = self.bypass.lower().replace(",", " ").split()
        return any(_covers(entry, host, port) for entry in entries)


#: No proxy at all.
DIRECT = Proxies()


def _from_setting(value: str, info: ValidationInfo) -> Proxies:
    """``info.context`` is the environment; without it there is none."""
    return read_proxies(value, info.context or {})


#: The type of the setting.
ProxiesSetting = Annotated[Proxies, PlainValidator(_from_setting, json_schema_input_type=str)]


def read_proxies(value: str, env: Mapping[str, str]) -> Proxies:
    """The proxies of the setting. Raises ``ValueError``, worded for people, without a password."""
    if value == "none":
        return DIRECT
    if value == "environment":
        return _of_environment(env)
    _check(value)
    proxy = Proxy(value, "HOOKLINE_PROXY")
    return Proxies(dict.fromkeys(_SCHEMES, proxy), _variable(env, "NO_PROXY")[1])


def _of_environment(env: Mapping[str, str]) -> Proxies:
    found: dict[str, Proxy] = {}
    for scheme in _SCHEMES:
        name, value = _variable(env, f"{scheme.upper()}_PROXY")
        if not value:
            name, value = _variable(env, "ALL_PROXY")
        if not value:
            continue
        url = value if "://" in value else f"http://{value}"
        try:
            _check(url)
        except ValueError as error:
            raise ValueError(f"{name} of the environment {error}") from None
        found[scheme] = Proxy(url, name)
    return Proxies(found, _variable(env, "NO_PROXY")[1])


def _variable(env: Mapping[str, str], name: str) -> tuple[str, str]:
    """The variable as it is spelt, and its value."""
    spelt = name.lower() if name.lower() in env else name
    return spelt, env.get(spelt, "").strip()


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(_FORM) from None
    if parts.scheme.startswith("socks"):
        raise ValueError(_SOCKS)
    more = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in _SCHEMES or not host or more:
        raise ValueError(_FORM)


_FORM = (
    "must be http://host:port or https://host:port, perhaps with user:password@ before the host "
    "(percent-encode what is special in them); or set HOOKLINE_PROXY=none"
)
_SOCKS = (
    "is a SOCKS proxy, which is not supported: name an HTTP proxy as HOOKLINE_PROXY=http://host:port"
    ", or set HOOKLINE_PROXY=none to connect directly"
)


def _covers(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY means this host: a domain, an address or a network."""
    name = entry.removeprefix("*").removeprefix(".")
    if entry == "*" or name in (host, f"{host}:{port}") or host.endswith(f".{name}"):
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False
