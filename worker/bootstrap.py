"""The composition root: ``Settings`` -> ``Services``. The only place where objects are built.

Connections are opened on first use, so a process may fork after building its services.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from celery import Celery

from config.settings import Settings
from worker.adapters.local.private_redis import private_redis_url
from worker.adapters.messaging.broker import CeleryMessages, CeleryWakeups, make_celery
from worker.adapters.messaging.queues import QueueRules
from worker.adapters.provider.client import ProviderClient
from worker.adapters.provider.ledger_client import LedgerClient
from worker.adapters.storage.storage import Storage
from worker.adapters.store.clock import SharedClock
from worker.adapters.store.connection import connect
from worker.adapters.store.store import Store
from worker.adapters.tokens import Tokens
from worker.domain.account import Account
from worker.domain.errors import FieldError, InvalidRequest, SettingsError, StoreUnavailable
from worker.services.assets import Assets
from worker.services.batches import Batches
from worker.services.callbacks import CallbackReceiver
from worker.services.choose import Chooser
from worker.services.enqueue import Enqueuer
from worker.services.ledgers import Ledgers
from worker.services.notify import Deliveries, Notifier, Signer, check_destination
from worker.services.orchestrator import Orchestrator
from worker.services.poll import Poller
from worker.services.prepare import Preparer
from worker.services.refusals import Refusals
from worker.services.retention import Retention
from worker.services.roster import Roster
from worker.services.seeds import Seeds
from worker.services.starter import Starter
from worker.services.submit import Submitter
from worker.services.sweep import Sweep

#: Threads that submit; more would only wait for each other.
_MOST_THREADS = 64

HOOK_PATH = "/webhooks/midjourney"


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a process may need."""

    settings: Settings
    store: Store
    clock: SharedClock
    celery: Celery
    accounts: Mapping[str, Account]
    orchestrator: Orchestrator
    enqueuer: Enqueuer
    batches: Batches
    receiver: CallbackReceiver
    starter: Starter
    poller: Poller
    ledgers: Ledgers
    sweep: Sweep
    assets: Assets
    seeds: Seeds
    chooser: Chooser
    retention: Retention
    notifier: Notifier
    deliveries: Deliveries
    refusals: Refusals
    roster: Roster
    storage: Storage
    tokens: Tokens


def build(settings: Settings) -> Services:
    """Build the services of this process.

    Raises ``StoreUnavailable`` if no Redis is set and no private one runs, and ``SettingsError`` if
    no provider is set.
    """
    redis_url, accounts = _redis_url(settings), _accounts(settings)
    celery = celery_app(settings, redis_url)
    wakeups = CeleryWakeups(celery)
    store = Store(connect(redis_url))
    clock = SharedClock(connect(redis_url, retries=0))
    storage = Storage(settings.storage_url, lambda ref: store.blobs.note(ref, clock()))
    tokens = Tokens([secret.get_secret_value() for secret in settings.secrets])
    hook_url = settings.public_url + HOOK_PATH if settings.public_url else None
    proxies, deadline_s = settings.proxies, settings.submit_timeout_s
    clients = {
        a.name: ProviderClient(a, deadline_s=deadline_s, clock=clock, proxies=proxies)
        for a in accounts.values()
    }
    orchestrator = Orchestrator(
        store,
        wakeups,
        accounts,
        hooked=hook_url is not None,
        rules=settings.policy,
        budgets=settings.budgets,
        clock=clock,
    )
    ledger_clients = {
        a.name: LedgerClient(a, clock=clock, proxies=proxies) for a in accounts.values()
    }
    ledgers = Ledgers(orchestrator, ledger_clients)
    enqueuer = Enqueuer(orchestrator, storage, settings.choosers, settings.receivers)
    signer = Signer([secret.get_secret_value() for secret in settings.notify_secrets])
    messages = CeleryMessages(celery)
    assets = Assets(orchestrator, storage, clients, settings.asset_names, proxies=proxies)
    preparer = Preparer(orchestrator, tokens, storage, hook_url, proxies=proxies)
    return Services(
        settings=settings,
        store=store,
        clock=clock,
        celery=celery,
        accounts=accounts,
        orchestrator=orchestrator,
        enqueuer=enqueuer,
        batches=Batches(orchestrator, enqueuer),
        receiver=CallbackReceiver(orchestrator, tokens),
        starter=Starter(
            Submitter(orchestrator, clients, preparer), wakeups, _threads(accounts.values())
        ),
        poller=Poller(orchestrator, clients, tokens, ledgers),
        ledgers=ledgers,
        sweep=Sweep(orchestrator, wakeups),
        seeds=Seeds(orchestrator, clients, assets.describe),
        assets=assets,
        chooser=Chooser(orchestrator, storage, settings.choosers),
        retention=Retention(store, storage, settings.retention, clock),
        notifier=Notifier(
            orchestrator, wakeups, messages, signer, settings.receivers, proxies=proxies
        ),
        deliveries=Deliveries(orchestrator),
        refusals=Refusals(store, settings.refused_target, clock),
        roster=Roster(
            store, accounts, settings.secrets[0].get_secret_value(), clock, version("hookline")
        ),
        storage=storage,
        tokens=tokens,
    )


def celery_app(settings: Settings, redis_url: str) -> Celery:
    """Celery with the broker and the queues of these settings; not connected."""
    rules = QueueRules(settings.queue_type, settings.queue_max_priority)
    return make_celery(settings.broker(redis_url), rules)


def _threads(accounts: Iterable[Account]) -> int:
    """How many submissions one process may wait for at a time."""
    return min(_MOST_THREADS, sum(a.max_running + a.max_running_video for a in accounts))


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
    """Raise ``SettingsError`` for an account that notifies a forbidden URL."""
    for account in settings.accounts:
        try:
            check_destination(account.notify, settings.receivers)
        except InvalidRequest as error:
            raise SettingsError(
                FieldError("HOOKLINE_ACCOUNTS", f"accounts.{account.name}.{e.field}: {e.message}")
                for e in error.errors
            ) from None
