"""The composition root: ``Settings`` -> ``Services``. The only place where objects are built.

A part is imported and built when it is first used: most commands need the store alone. Connections
are opened on first use, too, so a process may fork after building its services.
"""

import os
from collections.abc import Callable, Mapping
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from config.logger import get_logger
from config.settings import Settings
from worker.adapters.local.private_redis import private_redis_url
from worker.adapters.store.clock import SharedClock
from worker.adapters.store.connection import connect
from worker.adapters.store.store import Store
from worker.domain.access import Caller
from worker.domain.account import Account
from worker.domain.errors import FieldError, InvalidRequest, SettingsError, StoreUnavailable
from worker.services.targets import check_destination
from worker.services.visible import Visible

if TYPE_CHECKING:
    from celery import Celery

    from worker.adapters.decoding.decoder import Decoder
    from worker.adapters.decoding.helper import Helper
    from worker.adapters.messaging.wakeups import CeleryWakeups
    from worker.adapters.provider.client import ProviderClient
    from worker.adapters.storage.storage import Storage
    from worker.adapters.tokens import Tokens
    from worker.adapters.traces import Traces
    from worker.services.access import Access
    from worker.services.alerts import Alerts
    from worker.services.api_tokens import ApiTokens
    from worker.services.assets import Assets
    from worker.services.batches import Batches
    from worker.services.callbacks import CallbackReceiver
    from worker.services.choose import Chooser
    from worker.services.desk import Desk
    from worker.services.doctor.doctor import Doctor
    from worker.services.doctor.rounds import Rounds
    from worker.services.enqueue import Enqueuer
    from worker.services.inbox import Inbox
    from worker.services.ledgers import Ledgers
    from worker.services.notify import Deliveries, Notifier
    from worker.services.orchestrator import Orchestrator
    from worker.services.poll import Poller
    from worker.services.presence import Proofs, ProofSender
    from worker.services.refusals import Refusals
    from worker.services.retention import Retention
    from worker.services.roster import Roster
    from worker.services.seeds import Seeds
    from worker.services.starter import Starter
    from worker.services.sweep import Sweep

T = TypeVar("T")

log = get_logger(__name__)

#: Results that one process decodes at a time: the largest take some hundred megabytes each.
RESULTS_DECODED = 2

#: OpenTelemetry's variables for the address that traces are sent to.
_TRACES_SENT_TO = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

HOOK_PATH = "/webhooks/midjourney"


class part(Generic[T]):  # noqa: N801  # used like `property`
    """A property that is built once, by whichever thread asks first: ``functools.cached_property``
    has no lock from Python 3.12 on.
    """

    def __init__(self, make: "Callable[[Any], T]") -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, services: None, owner: type) -> Self: ...
    @overload
    def __get__(self, services: "Services", owner: type) -> T: ...
    def __get__(self, services: "Services | None", owner: type) -> "T | Self":
        if services is None:
            return self
        with services.lock:
            built = vars(services)
            if self._name not in built:
                built[self._name] = self._make(services)
            found: T = built[self._name]
            return found


class Services:
    """Everything a process may need. Each part is built on first use."""

    def __init__(
        self,
        settings: Settings,
        accounts: Mapping[str, Account],
        picture_callers: int | None,
    ) -> None:
        self.settings = settings
        self.accounts = accounts
        self.lock = RLock()
        self._picture_callers = picture_callers

    def complete(self) -> None:
        """Build every part now, before the process forks or starts threads."""
        for name, value in vars(Services).items():
            if isinstance(value, part):
                getattr(self, name)
        self.storage.check()

    def visible(self, caller: Caller) -> Visible:
        """What this caller sees."""
        return Visible(self.store, caller)

    def desk(self, caller: Caller) -> "Desk":
        """What this caller sees and does."""
        from worker.services.desk import Desk

        return Desk(
            caller=caller,
            orchestrator=self.orchestrator,
            visible=self.visible(caller),
            enqueuer=self.enqueuer.acting_for(caller),
            batches=self.batches.acting_for(caller),
            deliveries=self.deliveries.acting_for(caller),
            inbox=self.inbox,
            tokens=self.api_tokens,
        )

    @part
    def redis_url(self) -> str:
        """Raises ``StoreUnavailable`` if none is set and no private Redis runs."""
        return _redis_url(self.settings)

    @part
    def store(self) -> Store:
        return Store(connect(self.redis_url), replicas=self.settings.redis_replicas)

    @part
    def clock(self) -> SharedClock:
        return SharedClock(connect(self.redis_url, retries=0))

    @part
    def celery(self) -> "Celery":
        return celery_app(self.settings, self.redis_url)

    @part
    def wakeups(self) -> "CeleryWakeups":
        from worker.adapters.messaging.wakeups import CeleryWakeups

        return CeleryWakeups(lambda: self.celery)

    @part
    def storage(self) -> "Storage":
        from worker.adapters.storage.storage import Storage

        return Storage(
            self.settings.storage_url, lambda ref: self.store.blobs.note(ref, self.clock())
        )

    @part
    def tokens(self) -> "Tokens":
        from worker.adapters.tokens import Tokens

        return Tokens([secret.get_secret_value() for secret in self.settings.secrets])

    @part
    def proofs(self) -> "Proofs":
        from worker.services.presence import Proofs

        return Proofs(self.store, self.tokens, self.clock)

    @part
    def proof_sender(self) -> "ProofSender | None":
        """None: no public URL is set."""
        from worker.services.presence import ProofSender

        public_url, proxies = self.settings.public_url, self.settings.proxies
        if public_url is None:
            return None
        return ProofSender(self.proofs, public_url, HOOK_PATH, proxies=proxies)

    @part
    def clients(self) -> "Mapping[str, ProviderClient]":
        from worker.adapters.provider.client import ProviderClient

        deadline_s, proxies = self.settings.submit_timeout_s, self.settings.proxies
        return {
            a.name: ProviderClient(a, deadline_s=deadline_s, clock=self.clock, proxies=proxies)
            for a in self.accounts.values()
        }

    @part
    def traces(self) -> "Traces | None":
        """None: they are not asked for, or their extra is not installed."""
        if not traces_wanted(os.environ):
            return None
        try:
            from worker.adapters.traces import Traces
        except ImportError:
            log.warning("traces.not_installed", install="pip install 'hookline[otel]'")
            return None
        return Traces(os.environ)

    @part
    def orchestrator(self) -> "Orchestrator":
        from worker.domain.presence import way_of
        from worker.services.orchestrator import Orchestrator

        return Orchestrator(
            self.store,
            self.wakeups,
            self.accounts,
            hooked=self.settings.public_url is not None,
            way=way_of(self.settings.public_url),
            rules=self.settings.policy,
            budgets=self.settings.budgets,
            clock=self.clock,
            traces=self.traces,
        )

    @part
    def ledgers(self) -> "Ledgers":
        from worker.adapters.provider.ledger_client import LedgerClient
        from worker.services.ledgers import Ledgers

        clients = {
            a.name: LedgerClient(a, clock=self.clock, proxies=self.settings.proxies)
            for a in self.accounts.values()
        }
        return Ledgers(self.orchestrator, clients)

    @part
    def helper(self) -> "Helper":
        from worker.adapters.decoding.helper import Helper

        return Helper()

    @part
    def decoder(self) -> "Decoder":
        """For submitted pictures."""
        from worker.adapters.decoding.decoder import Decoder

        limits, callers = self.settings.image_limits, self._picture_callers
        return Decoder(limits, callers=callers, helper=self.helper)

    @part
    def enqueuer(self) -> "Enqueuer":
        from worker.services.enqueue import Enqueuer

        settings = self.settings
        return Enqueuer(
            self.orchestrator,
            self.storage,
            settings.choosers,
            settings.receivers,
            settings.destinations,
            decoder=self.decoder,
        )

    @part
    def batches(self) -> "Batches":
        from worker.services.batches import Batches

        return Batches(self.orchestrator, self.enqueuer)

    @part
    def receiver(self) -> "CallbackReceiver":
        from worker.services.callbacks import CallbackReceiver

        return CallbackReceiver(self.orchestrator, self.tokens)

    @part
    def inbox(self) -> "Inbox":
        from worker.services.inbox import Inbox

        return Inbox(self.store, self.tokens, self.receiver, self.clock)

    @part
    def starter(self) -> "Starter":
        from worker.adapters.http.session import MAX_KEPT
        from worker.services.prepare import Preparer
        from worker.services.starter import Starter
        from worker.services.submit import Submitter

        preparer = Preparer(
            self.orchestrator,
            self.tokens,
            self.storage,
            self.settings.public_url + HOOK_PATH if self.settings.public_url else None,
            proxies=self.settings.proxies,
            decoder=self.decoder,
        )
        submitter = Submitter(self.orchestrator, self.clients, preparer)
        places = sum(a.max_running + a.max_running_video for a in self.accounts.values())
        # More threads would only wait for each other, and each needs a connection to keep.
        return Starter(submitter, self.wakeups, min(MAX_KEPT, places))

    @part
    def poller(self) -> "Poller":
        from worker.services.poll import Poller

        return Poller(self.orchestrator, self.clients, self.tokens, self.ledgers)

    @part
    def sweep(self) -> "Sweep":
        from worker.services.sweep import Sweep

        return Sweep(self.orchestrator, self.wakeups, self.alerts.look_now_and_then)

    @part
    def alerts(self) -> "Alerts":
        from worker.services.alerts import Alerts

        return Alerts(self.orchestrator, self.roster, self.settings.alert_target)

    @part
    def assets(self) -> "Assets":
        from worker.adapters.decoding.decoder import Decoder
        from worker.services.assets import Assets

        settings = self.settings
        # Of their own, so that results that are hard to decode hold up no submit.
        results = Decoder(settings.image_limits, places=RESULTS_DECODED, helper=self.helper)
        return Assets(
            self.orchestrator,
            self.storage,
            self.clients,
            settings.asset_names,
            proxies=settings.proxies,
            decoder=results,
            limits=settings.result_limits,
        )

    @part
    def seeds(self) -> "Seeds":
        from worker.services.seeds import Seeds

        return Seeds(self.orchestrator, self.clients, self.assets.describe)

    @part
    def chooser(self) -> "Chooser":
        from worker.services.choose import Chooser

        choosers = self.settings.choosers
        return Chooser(self.orchestrator, self.storage, choosers, decoder=self.decoder)

    @part
    def retention(self) -> "Retention":
        from worker.services.retention import Retention

        return Retention(self.store, self.storage, self.settings.retention, self.clock)

    @part
    def notifier(self) -> "Notifier":
        from worker.adapters.messaging.broker import CeleryMessages
        from worker.services.notify import Notifier, Signer

        settings = self.settings
        return Notifier(
            self.orchestrator,
            self.wakeups,
            CeleryMessages(self.celery),
            Signer([secret.get_secret_value() for secret in settings.notify_secrets]),
            settings.receivers,
            celery=settings.destinations,
            proxies=settings.proxies,
        )

    @part
    def deliveries(self) -> "Deliveries":
        from worker.services.notify import Deliveries

        return Deliveries(self.orchestrator)

    @part
    def refusals(self) -> "Refusals":
        from worker.services.refusals import Refusals

        return Refusals(self.store, self.settings.refused_target, self.clock)

    @part
    def access(self) -> "Access":
        from worker.services.access import Access

        return Access(self.store, self.clock)

    @part
    def api_tokens(self) -> "ApiTokens":
        from worker.services.api_tokens import ApiTokens

        return ApiTokens(self.store, self.clock)

    @part
    def doctor(self) -> "Doctor":
        from worker.services.doctor.checks import Given, checks_of
        from worker.services.doctor.doctor import Doctor

        settings, url = self.settings, self.settings.public_url
        names = self.accounts
        given = Given(
            public_url=url,
            proxies=settings.proxies,
            redis_place="HOOKLINE_REDIS_URL" if settings.redis_url else "the private Redis",
            replicas=settings.redis_replicas,
            unverified=settings.unverified(),
            places={name: settings.places_of(name) for name in names},
            hooks={name: f"{url}{HOOK_PATH}/{self.tokens.for_account(name)}" for name in names},
            secrets=settings.signing_values(),
        )
        return Doctor(checks_of(self, given))

    @part
    def rounds(self) -> "Rounds":
        from worker.services.doctor.rounds import Rounds

        return Rounds(self.doctor, self.store, self.clock)

    @part
    def roster(self) -> "Roster":
        from importlib.metadata import version

        from worker.services.roster import Roster

        secret = self.settings.secrets[0].get_secret_value()
        return Roster(self.store, self.accounts, secret, self.clock, version("hookline"))


def services_of(settings: Settings, *, picture_callers: int | None = None) -> Services:
    """The services for these settings, nothing of them built yet.

    ``picture_callers``: requests with images that may be checked or wait for it at a time, if the
    process has few threads; further ones are refused for now.

    Raises ``StoreUnavailable`` if no Redis is set and no private one runs, and ``SettingsError`` if
    no provider is set.
    """
    _redis_url(settings)  # before the accounts: what is said first is what to do first
    return Services(settings, _accounts(settings), picture_callers)


def build(settings: Settings, *, picture_callers: int | None = None) -> Services:
    """``services_of``, and every part built, for a process that stays."""
    services = services_of(settings, picture_callers=picture_callers)
    services.complete()
    return services


def unchecked(settings: Settings) -> Services:
    """The services for a look at what may be missing: a part that cannot be built says so when it
    is used.
    """
    return Services(settings, {account.name: account for account in settings.accounts}, None)


def celery_app(settings: Settings, redis_url: str) -> "Celery":
    """Celery with the broker and the queues of these settings; not connected."""
    from worker.adapters.messaging.broker import make_celery
    from worker.adapters.messaging.queues import QueueRules

    rules = QueueRules(settings.queue_type, settings.queue_max_priority)
    return make_celery(settings.broker(redis_url), rules)


def traces_wanted(environ: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's variables ask for traces: by an address, or an exporter."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if exporter := environ.get("OTEL_TRACES_EXPORTER", "").strip():
        return exporter != "none"
    return any(environ.get(name) for name in _TRACES_SENT_TO)


def _redis_url(settings: Settings) -> str:
    redis_url = settings.redis_url or private_redis_url(settings.state_dir)
    if redis_url is None:
        raise StoreUnavailable(
            f"No Redis runs under {settings.state_dir}. Start `hookline up` in this directory, "
            "or set HOOKLINE_REDIS_URL."
        )
    return redis_url


def _accounts(settings: Settings) -> Mapping[str, Account]:
    accounts = {account.name: account for account in settings.accounts}
    if not accounts:
        hint = (
            "is not set: start `hookline up` for the sandbox, or set it and "
            "HOOKLINE_PROVIDER_KEY; or HOOKLINE_ACCOUNTS for several accounts"
        )
        raise SettingsError([FieldError("HOOKLINE_PROVIDER_URL", hint)])
    _check_destinations(settings)
    return accounts


def _check_destinations(settings: Settings) -> None:
    """Raise ``SettingsError`` for a target that may not be notified."""
    targets = [
        ("HOOKLINE_ACCOUNTS", f"accounts.{account.name}.{{}}: {{}}", account.notify)
        for account in settings.accounts
    ]
    targets.append(("HOOKLINE_REFUSED_NOTIFY", "{1}", settings.refused_target))
    targets.append(("HOOKLINE_ALERT_URL", "{1}", settings.alert_target))
    for setting, words, target in targets:
        try:
            check_destination(target, settings.receivers, settings.destinations)
        except InvalidRequest as error:
            raise SettingsError(
                FieldError(setting, words.format(e.field, e.message)) for e in error.errors
            ) from None
