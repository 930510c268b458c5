"""The composition root: ``Settings`` -> ``Services``. The only place where objects are built.

Connections are opened on first use, so a process may fork after building its services.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from celery import Celery

from config.settings import Settings
from worker.adapters.decoding.decoder import Decoder
from worker.adapters.decoding.helper import Helper
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
from worker.domain.access import Caller
from worker.domain.account import Account
from worker.domain.errors import FieldError, InvalidRequest, SettingsError, StoreUnavailable
from worker.domain.presence import way_of
from worker.services.access import Access
from worker.services.api_tokens import ApiTokens
from worker.services.assets import Assets
from worker.services.batches import Batches
from worker.services.callbacks import CallbackReceiver
from worker.services.choose import Chooser
from worker.services.desk import Desk
from worker.services.enqueue import Enqueuer
from worker.services.inbox import Inbox
from worker.services.ledgers import Ledgers
from worker.services.notify import Deliveries, Notifier, Signer, check_destination
from worker.services.orchestrator import Orchestrator
from worker.services.poll import Poller
from worker.services.prepare import Preparer
from worker.services.presence import Proofs, ProofSender
from worker.services.refusals import Refusals
from worker.services.retention import Retention
from worker.services.roster import Roster
from worker.services.seeds import Seeds
from worker.services.starter import Starter
from worker.services.submit import Submitter
from worker.services.sweep import Sweep
from worker.services.visible import Visible

#: Results that one process decodes at a time: the largest take some hundred megabytes each.
RESULTS_DECODED = 2
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
    inbox: Inbox
    proofs: Proofs
    proof_sender: ProofSender | None  #: None: no public URL is set
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
    access: Access
    api_tokens: ApiTokens
    roster: Roster
    storage: Storage
    tokens: Tokens

    def desk(self, caller: Caller) -> Desk:
        """What this caller sees and does."""
        return Desk(
            caller=caller,
            orchestrator=self.orchestrator,
            visible=Visible(self.store, caller),
            enqueuer=self.enqueuer.acting_for(caller),
            batches=self.batches.acting_for(caller),
            deliveries=self.deliveries.acting_for(caller),
            inbox=self.inbox,
            tokens=self.api_tokens,
        )


def build(settings: Settings, *, picture_callers: int | None = None) -> Services:
    """Build the services of this process.

    ``picture_callers``: requests with images that may be checked or wait for it at a time, if the
    process has few threads; further ones are refused for now.

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
    proofs = Proofs(store, tokens, clock)
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
        way=way_of(settings.public_url),
        rules=settings.policy,
        budgets=settings.budgets,
        clock=clock,
    )
    ledger_clients = {
        a.name: LedgerClient(a, clock=clock, proxies=proxies) for a in accounts.values()
    }
    ledgers = Ledgers(orchestrator, ledger_clients)
    helper, limits = Helper(), settings.image_limits
    # Of their own, so that results that are hard to decode hold up no submit.
    results = Decoder(limits, places=RESULTS_DECODED, helper=helper)
    decoder = Decoder(limits, callers=picture_callers, helper=helper)
    enqueuer = Enqueuer(
        orchestrator,
        storage,
        settings.choosers,
        settings.receivers,
        settings.destinations,
        decoder=decoder,
    )
    signer = Signer([secret.get_secret_value() for secret in settings.notify_secrets])
    messages = CeleryMessages(celery)
    assets = Assets(
        orchestrator,
        storage,
        clients,
        settings.asset_names,
        proxies=proxies,
        decoder=results,
        limits=settings.result_limits,
    )
    preparer = Preparer(orchestrator, tokens, storage, hook_url, proxies=proxies, decoder=decoder)
    receiver = CallbackReceiver(orchestrator, tokens)
    inbox = Inbox(store, tokens, receiver, clock)
    proof_sender = None
    if settings.public_url:
        proof_sender = ProofSender(proofs, settings.public_url, HOOK_PATH, proxies=proxies)
    return Services(
        settings=settings,
        store=store,
        clock=clock,
        celery=celery,
        accounts=accounts,
        orchestrator=orchestrator,
        enqueuer=enqueuer,
        batches=Batches(orchestrator, enqueuer),
        receiver=receiver,
        inbox=inbox,
        proofs=proofs,
        proof_sender=proof_sender,
        starter=Starter(
            Submitter(orchestrator, clients, preparer), wakeups, _threads(accounts.values())
        ),
        poller=Poller(orchestrator, clients, tokens, ledgers),
        ledgers=ledgers,
        sweep=Sweep(orchestrator, wakeups),
        seeds=Seeds(orchestrator, clients, assets.describe),
        assets=assets,
        chooser=Chooser(orchestrator, storage, settings.choosers, decoder=decoder),
        retention=Retention(store, storage, settings.retention, clock),
        notifier=Notifier(
            orchestrator,
            wakeups,
            messages,
            signer,
            settings.receivers,
            celery=settings.destinations,
            proxies=proxies,
        ),
        deliveries=Deliveries(orchestrator),
        refusals=Refusals(store, settings.refused_target, clock),
        access=Access(store, clock),
        api_tokens=ApiTokens(store, clock),
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
    """Raise ``SettingsError`` for a target that may not be notified."""
    targets = [
        ("HOOKLINE_ACCOUNTS", f"accounts.{account.name}.{{}}: {{}}", account.notify)
        for account in settings.accounts
    ]
    targets.append(("HOOKLINE_REFUSED_NOTIFY", "{1}", settings.refused_target))
    for setting, words, target in targets:
        try:
            check_destination(target, settings.receivers, settings.destinations)
        except InvalidRequest as error:
            raise SettingsError(
                FieldError(setting, words.format(e.field, e.message)) for e in error.errors
            ) from None
