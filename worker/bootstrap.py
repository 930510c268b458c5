"""The composition root: ``Settings`` -> ``Services``. The only place where objects are built.

Nothing connects before it is used, so a process may build its services and fork or wait afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from celery import Celery

from config.settings import Settings
from worker.account import Account
from worker.assets import Assets
from worker.batches import Batches
from worker.broker import CeleryWakeups, make_celery
from worker.choosing import Chooser
from worker.errors import FieldError, SettingsError, StoreUnavailable
from worker.intake import Intake
from worker.local_redis import private_redis_url
from worker.orchestrator import Orchestrator
from worker.provider.client import ProviderClient
from worker.receiver import Receiver
from worker.reconcile import Asker, Sweep
from worker.storage import Storage
from worker.store import Store
from worker.store.redis import RedisStore, connect
from worker.submission import Submitter
from worker.tokens import Tokens

HOOK_PATH = "/webhooks/midjourney"


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a process may need, built once."""

    settings: Settings
    store: Store
    celery: Celery
    accounts: Mapping[str, Account]
    orchestrator: Orchestrator
    intake: Intake
    batches: Batches
    receiver: Receiver
    submitter: Submitter
    asker: Asker
    sweep: Sweep
    assets: Assets
    chooser: Chooser
    storage: Storage
    tokens: Tokens


def build(settings: Settings) -> Services:
    """The services of this process.

    Raises ``StoreUnavailable`` where no Redis is set and no private one runs, and ``SettingsError``
    where there is no provider: ``hookline up`` starts what is missing.
    """
    redis_url = settings.redis_url or private_redis_url(settings.state_dir)
    if redis_url is None:
        raise StoreUnavailable(
            f"No Redis runs under {settings.state_dir}. Start `hookline up` in this directory, "
            "or set HOOKLINE_REDIS_URL."
        )
    accounts = {account.name: account for account in settings.accounts}
    if not accounts:
        hint = (
            "is not set: start `hookline up` for the sandbox, or set it and "
            "HOOKLINE_PROVIDER_KEY; or HOOKLINE_ACCOUNTS for several accounts"
        )
        raise SettingsError([FieldError("HOOKLINE_PROVIDER_URL", hint)])
    celery = make_celery(settings.broker(redis_url))
    wakeups = CeleryWakeups(celery)
    store = RedisStore(connect(redis_url))
    storage = Storage(settings.storage_url)
    tokens = Tokens([secret.get_secret_value() for secret in settings.secrets])
    hook_url = settings.public_url + HOOK_PATH if settings.public_url else None
    deadline_s = settings.submit_timeout_s
    clients = {a.name: ProviderClient(a, deadline_s=deadline_s) for a in accounts.values()}
    orchestrator = Orchestrator(
        store,
        wakeups,
        accounts,
        hooked=hook_url is not None,
        rules=settings.policy,
        budgets=settings.budgets,
    )
    intake = Intake(orchestrator, storage, settings.choosers)
    return Services(
        settings=settings,
        store=store,
        celery=celery,
        accounts=accounts,
        orchestrator=orchestrator,
        intake=intake,
        batches=Batches(orchestrator, intake),
        receiver=Receiver(orchestrator, tokens),
        submitter=Submitter(orchestrator, clients, tokens, storage, hook_url),
        asker=Asker(orchestrator, clients, tokens),
        sweep=Sweep(orchestrator, wakeups),
        assets=Assets(orchestrator, storage, clients, settings.asset_names),
        chooser=Chooser(orchestrator, storage, settings.choosers),
        storage=storage,
        tokens=tokens,
    )
