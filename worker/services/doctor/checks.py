"""SHELL. The doctor's checks: each measures by an adapter, and has the findings decide."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import disk_usage
from tempfile import gettempdir
from time import monotonic, sleep
from typing import Protocol
from urllib.parse import urlsplit

from celery import Celery

from config.checks import host_of, is_loopback
from config.proxies import Proxies
from worker.adapters.messaging.broker import ping
from worker.adapters.messaging.keys import broken_keys
from worker.adapters.provider.client import ProviderClient
from worker.adapters.storage import fetching
from worker.adapters.storage.storage import Storage
from worker.adapters.store import Filter
from worker.adapters.store.clock import SharedClock
from worker.adapters.store.connection import check_rights, connect
from worker.adapters.store.durability import read_durability, read_vitals
from worker.adapters.store.store import Store
from worker.domain.account import Account
from worker.domain.errors import AddressError, HooklineError, ServiceUnavailable, StoreUnavailable
from worker.domain.findings import Finding
from worker.domain.job import Status
from worker.domain.presence import ANSWER_S, EVERY_S, way_of
from worker.services.doctor import account_findings, findings
from worker.services.doctor.doctor import Check
from worker.services.doctor.serving import PATIENCE_S, check_serving
from worker.services.notify import Deliveries
from worker.services.orchestrator import Orchestrator
from worker.services.presence import ProofSender
from worker.services.reports.overview import overview
from worker.services.roster import Roster

#: A task that no provider knows: fetching it costs nothing and shows whether the key is good.
_NO_TASK = "0"
_PROVIDER_S = 10.0
#: Seconds in which a web process that has just started proves that callbacks arrive.
_PROOFS_S = 2 * EVERY_S + ANSWER_S
_LOOK_EVERY_S = 0.2
#: Jobs without their files that are read to count them.
_COUNTED = 1000
#: Seconds since which a refused request is worth a warning.
_RECENT_S = 86_400.0
#: Pictures of the last jobs that are asked for, of those that ended lately: links expire.
_LINKS, _LINKS_S, _LINK_S = 5, 3600.0, 5.0
_WRITTEN = ".hookline-doctor"
_CONTENT = b"writable\n"


class _Parts(Protocol):
    """What is examined. A part that cannot be built raises a ``HooklineError`` when it is used."""

    @property
    def redis_url(self) -> str: ...
    @property
    def accounts(self) -> Mapping[str, Account]: ...
    @property
    def celery(self) -> Celery: ...
    @property
    def clock(self) -> SharedClock: ...
    @property
    def orchestrator(self) -> Orchestrator: ...
    @property
    def proof_sender(self) -> ProofSender | None: ...
    @property
    def roster(self) -> Roster: ...
    @property
    def storage(self) -> Storage: ...
    @property
    def store(self) -> Store: ...


@dataclass(frozen=True, slots=True)
class Given:
    """What the checks need to know of the settings."""

    public_url: str | None
    proxies: Proxies
    redis_place: str  #: who says where Redis is
    replicas: int  #: of Redis that must have a change before it counts
    unverified: Sequence[str]  #: settings whose servers are not asked who they are
    places: Mapping[str, tuple[str, str, str]]  #: by account: who says its url, key and auth
    hooks: Mapping[str, str]  #: by account: the address of its hook
    secrets: Mapping[str, Sequence[str]] = field(repr=False)  #: by the name of their setting


def checks_of(parts: _Parts, given: Given) -> list[Check]:
    """The table of all checks, in the order in which they are shown."""

    def row(name: str, find: Callable[[_Parts, Given], Iterator[Finding]], seconds: float) -> Check:
        return Check(name, lambda: find(parts, given), seconds)

    return [
        row("secrets", _settings, 1.0),
        row("redis", _redis, 10.0),
        row("clock", _clock, 10.0),
        row("broker", _broker, 10.0),
        *(_provider_row(parts, given, name) for name in parts.accounts),
        row("callbacks", _callbacks, 10.0),
        row("storage", _storage, 10.0),
        row("workers", _workers, PATIENCE_S + 10.0),
        row("accounts", _accounts, _PROOFS_S + 10.0),
        row("waiting", _waiting, 10.0),
        row("links", _links, _LINKS * _LINK_S + 5.0),
    ]


def _settings(_: _Parts, given: Given) -> Iterator[Finding]:
    yield from findings.unverified(given.unverified)
    yield from findings.secrets(given.secrets)


def _redis(parts: _Parts, given: Given) -> Iterator[Finding]:
    try:
        client = connect(parts.redis_url, retries=0)
        check_rights(client)
    except StoreUnavailable as error:
        advice = f"Check {given.redis_place}; see docs/deployment.md#redis."
        yield Finding("redis", "fail", str(error), advice)
        return
    yield findings.durability(read_durability(client), given.replicas)
    vitals = read_vitals(client)
    yield from findings.memory(vitals)
    yield findings.latency(vitals)


def _clock(parts: _Parts, _given: Given) -> Iterator[Finding]:
    yield from findings.clock(parts.clock.ahead_s)


def _broker(parts: _Parts, _given: Given) -> Iterator[Finding]:
    ping(parts.celery)
    yield findings.broker(broken_keys(parts.celery, shared=True))


def _provider_row(parts: _Parts, given: Given, account: str) -> Check:
    def find() -> Iterator[Finding]:
        return _provider(parts.accounts[account], given)

    return Check(f"provider {account}", find, _PROVIDER_S + 5.0)


def _provider(account: Account, given: Given) -> Iterator[Finding]:
    """Whether it answers, takes the key, and knows the time."""
    name, (url, key, auth) = f"provider {account.name}", given.places[account.name]
    client = ProviderClient(account, deadline_s=_PROVIDER_S, proxies=given.proxies)
    try:
        client.fetch(_NO_TASK)
    except ServiceUnavailable as error:
        advice = f"Check {url} ({account.url}): the base before /mj."
        yield Finding(name, "fail", str(error), advice)
    except HooklineError as error:
        advice = f"Check {key} and {auth}, and the quota of the key."
        yield Finding(name, "fail", str(error), advice)
    else:
        yield Finding(name, "ok", f"{account.url} answers, the key is not refused")
    if client.ahead_s is not None:
        yield from findings.provider_clock(account.name, client.ahead_s)


def _callbacks(parts: _Parts, given: Given) -> Iterator[Finding]:
    """A signed callback of our own goes out, and must come back through the public URL."""
    url, sender = given.public_url, parts.proof_sender
    if url is None or sender is None:
        advice = "Set HOOKLINE_PUBLIC_URL for faster answers; without it everything works, too."
        yield Finding("callbacks", "warn", "no public URL: jobs are polled", advice)
        return
    try:
        sender.probe()
    except StoreUnavailable:
        raise
    except HooklineError as error:
        yield findings.not_called_back(
            url,
            str(error),
            answered=not (isinstance(error, AddressError) and error.retryable),
            here=is_loopback(host_of(url)),
        )
        return
    yield findings.called_back(url, given.hooks)


def _storage(parts: _Parts, _given: Given) -> Iterator[Finding]:
    """Write a small file, read it, delete it."""
    storage = parts.storage
    storage.check()
    place = storage.result_location(_WRITTEN)
    made = [each for each in Path(place).parents if not each.exists()] if "://" not in place else []
    try:
        storage.put_result(_WRITTEN, _CONTENT)
        with storage.open_result(_WRITTEN) as file:
            same = file.read() == _CONTENT
        storage.remove_result(_WRITTEN)
    except ServiceUnavailable as error:
        number = error.__cause__.errno if isinstance(error.__cause__, OSError) else None
        yield findings.storage_fault(str(error), number)
        return
    if not same:
        yield findings.storage_fault("a file that was written is read differently", None)
        return
    folder = place.rpartition("/")[0]
    needed = [gettempdir()]  # downloads wait there until they are whole
    if "://" not in place:
        needed.append(folder)
    free = {each: disk_usage(each).free for each in needed}
    for each in made:  # looking leaves nothing
        each.rmdir()
    yield findings.storage(folder, free)


def _workers(parts: _Parts, _given: Given) -> Iterator[Finding]:
    versions = parts.roster.versions()
    yield from findings.workers(versions, parts.roster.problems())
    if versions:
        yield from check_serving(parts.roster, parts.celery)


def _accounts(parts: _Parts, given: Given) -> Iterator[Finding]:
    if given.public_url:
        _wait_for_proofs(parts, given.public_url)
    found = overview(parts.orchestrator)
    if given.public_url and found.items:
        yield account_findings.proofs(found.items[0].delivery, given.public_url)
    for report in found.items:
        yield from account_findings.account(report)


def _wait_for_proofs(parts: _Parts, public_url: str) -> None:
    """Give a web process that has just started the time for two proofs."""
    way, until = way_of(public_url), monotonic() + _PROOFS_S
    while monotonic() < until:
        known = parts.store.presence.get(way)
        if known is not None and known.lasts(parts.clock()):
            return
        sleep(_LOOK_EVERY_S)


def _waiting(parts: _Parts, _given: Given) -> Iterator[Finding]:
    """What waits for a person, or for a disk."""
    store = parts.store
    yield from account_findings.files(store.jobs.unsettled(_COUNTED))
    yield from account_findings.deliveries(len(Deliveries(parts.orchestrator).dead()))
    refused = store.refusals.count(parts.clock() - _RECENT_S)
    last = next(iter(store.refusals.page(1).refusals), None)
    yield from account_findings.refused(refused, last)


def _links(parts: _Parts, given: Given) -> Iterator[Finding]:
    tried = defaultdict[str, list[str | None]](list)
    since = parts.clock() - _LINKS_S
    for job in parts.store.jobs.page(Filter(status=Status.SUCCEEDED), 10 * _LINKS).jobs:
        url, account = job.result.image_url, parts.accounts.get(job.account)
        if not url or not account or (job.finished_at or 0.0) < since:
            continue
        if sum(map(len, tried.values())) >= _LINKS:
            break
        tried[urlsplit(url).netloc].append(_reached(url, account, given.proxies))
    yield from findings.links(tried)


def _reached(url: str, account: Account, proxies: Proxies) -> str | None:
    """Why the picture's server did not answer with it; None: it did."""
    try:
        fetching.reach(
            url,
            allowed_hosts=account.allowed_hosts,
            max_bytes=1,
            deadline_s=_LINK_S,
            proxies=proxies,
        )
    except HooklineError as error:
        return str(error)
    return None
