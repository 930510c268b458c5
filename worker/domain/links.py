"""PURE. The links of a result as we can follow them.

A provider writes its own pictures' links from its own idea of its address: as ``localhost`` (a
gateway whose server address was never set), as a path, or without a scheme. Only the account's URL
says where it really is. What comes out is still an untrusted address, which
``worker.adapters.http.safe`` checks before any connection.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import SplitResult, urlsplit, urlunsplit

from worker.domain.account import Account
from worker.domain.events import Event, LinksRenewed, Observed, Replied
from worker.domain.job import Job, changed
from worker.domain.result import Result

#: The mode at the end of an account's URL. Pictures are the same without it.
_MODE = re.compile(r"/mj-[a-z]+\Z")
_SPACE = re.compile(r"\s")  #: no host has any
_PORTS = {"http": 80, "https": 443}


def absolute(event: Event, job: Job, accounts: Mapping[str, Account]) -> Event:
    """``event`` with its result's links resolved against the account that it came from."""
    if not isinstance(event, Observed | Replied | LinksRenewed):
        return event
    number = None if isinstance(event, LinksRenewed) else event.attempt
    submitted_to = next((a.account for a in job.attempts if a.number == number), "")
    account = accounts.get(submitted_to or job.account)
    if account is None:
        return event
    if isinstance(event, LinksRenewed):
        return replace(event, result=of_result(event.result, account.url))
    if isinstance(event, Observed):
        result = of_result(event.snapshot.result, account.url)
        if result is event.snapshot.result:
            return event
        return replace(event, snapshot=replace(event.snapshot, result=result))
    if event.verdict.result is None:
        return event
    result = of_result(event.verdict.result, account.url)
    return replace(event, verdict=replace(event.verdict, result=result))


def of_result(result: Result, account_url: str) -> Result:
    """``result`` with all its links resolved; itself if it has none."""
    if not (result.image_url or result.image_urls or result.video_urls):
        return result

    def all_of(urls: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(resolved(url, account_url) for url in urls))

    return changed(
        result,
        image_url=result.image_url and resolved(result.image_url, account_url),
        image_urls=all_of(result.image_urls),
        video_urls=all_of(result.video_urls),
    )


def resolved(url: str, account_url: str) -> str:
    """The address that a provider at ``account_url`` means by ``url``.

    - A path, or an address of the provider's own machine (``localhost``, 127.x, ``::1``, or
      0.0.0.0, which servers listen on): on the account's host. The loopback of a remote provider is
      never its answer; that of a provider on this machine is the provider if the port is the same.
    - ``//host/path``: with the account's scheme.
    - The account's own host over plain http: as the account is reached.

    Anything else is returned as it is.
    """
    try:
        account = urlsplit(account_url)
        link = urlsplit(f"//{url}" if _begins_with_host(url, account) else url)
        scheme = link.scheme or account.scheme
        if scheme not in _PORTS or (link.scheme and not link.netloc) or _SPACE.search(link.netloc):
            return url
        if not link.netloc or _is_own(link, account):
            return _on_account(account, link)
    except ValueError:
        return url
    if (link.hostname, scheme) == (account.hostname, "http") and link.port in (None, 80):
        return urlunsplit((account.scheme, account.netloc, link.path, link.query, ""))
    return url if link.scheme else urlunsplit(link._replace(scheme=scheme))


def _begins_with_host(url: str, account: SplitResult) -> bool:
    """Whether ``url`` lacks only its scheme: an address that was configured without one."""
    first = urlsplit(f"//{url.partition('/')[0]}")
    return bool(first.netloc) and (first.netloc == account.netloc or _is_loopback(first.hostname))


def _is_own(link: SplitResult, account: SplitResult) -> bool:
    """Whether ``link`` is the provider's name for itself."""
    if not _is_loopback(link.hostname):
        return False
    return not _is_loopback(account.hostname) or _port(link, account) == _port(account, account)


def _port(link: SplitResult, account: SplitResult) -> int:
    return link.port or _PORTS[link.scheme or account.scheme]


def _on_account(account: SplitResult, link: SplitResult) -> str:
    """``/mj/...`` is where the account's own ``/mj`` is; other paths begin at the host."""
    base, path = _MODE.sub("", account.path), link.path
    if not path.startswith("/"):
        path = f"{base}/{path}" if not link.netloc else "/"
    elif path.startswith("/mj/"):
        path = base + path
    return urlunsplit((account.scheme, account.netloc, path, link.query, ""))


def _is_loopback(host: str | None) -> bool:
    name = (host or "").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    if ":" not in name and not name[-1:].isdigit():  # no address, which most hosts are not
        return False
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    inner = getattr(address, "ipv4_mapped", None) or address
    return inner.is_loopback or inner.is_unspecified
