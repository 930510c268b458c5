"""The web app over a real store, without a server or broker."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import structlog
from flask.testing import FlaskClient

from config.loading import load_settings
from config.settings import Settings
from tests.support.jobs import NOW, a_job, capacity
from tests.support.stores import OwnStore
from webhooks.app import create_app
from worker.adapters.storage.storage import Storage
from worker.bootstrap import Services, build
from worker.domain.job import Attempt, Job, Status
from worker.domain.job_spec import Notify
from worker.domain.notifications import Notification, announce
from worker.entrypoints import connection
from worker.services.access import Access
from worker.services.api_tokens import ApiTokens
from worker.services.batches import Batches
from worker.services.callbacks import CallbackReceiver
from worker.services.enqueue import Enqueuer
from worker.services.inbox import Inbox
from worker.services.notify import Deliveries
from worker.services.orchestrator import Orchestrator
from worker.services.refusals import Refusals
from worker.services.roster import Roster

TOKEN = "an-api-token-of-tests"
AUTH = {"Authorization": f"Bearer {TOKEN}"}


def web_settings(folder: Path, **more: str) -> Settings:
    """Settings of a machine on which no Redis answers, unless ``more`` says otherwise."""
    env = {
        "HOOKLINE_REDIS_URL": f"unix://{folder}/nobody.sock",
        "HOOKLINE_PROVIDER_URL": "http://127.0.0.1:9",
        "HOOKLINE_STATE_DIR": str(folder / "state"),
        "HOOKLINE_STORAGE_URL": f"file://{folder}/output",
        "HOOKLINE_API_TOKEN": TOKEN,
        **more,
    }
    if "HOOKLINE_ACCOUNTS" in more:
        del env["HOOKLINE_PROVIDER_URL"]
    return load_settings(env, dotenv=None)


class NoWakeups:
    """Wakes nobody."""

    def start(self, account: str) -> None: ...

    def ask(self, account: str, job_ids: Sequence[str]) -> None: ...

    def check(self, account: str) -> None: ...

    def store_assets(self, job_id: str) -> None: ...

    def ask_seeds(self, account: str, job_ids: Sequence[str]) -> None: ...

    def read_ledger(self, account: str) -> None: ...

    def choose(self, job_id: str) -> None: ...

    def tidy(self) -> None: ...

    def notify(self, notification_id: str) -> None: ...


@dataclass
class Web:
    """A client of the app, and what is behind it."""

    folder: Path
    store: OwnStore = field(default_factory=OwnStore)
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = web_settings(self.folder, **self.env)
        self.services = self._services()
        self.app = create_app(self.settings, self.services)
        self.client: FlaskClient = self.app.test_client()

    def _services(self) -> Services:
        built = build(self.settings)
        storage = Storage(self.settings.storage_url, lambda ref: self.store.blobs.note(ref, NOW))
        budgets = self.settings.budgets
        orchestrator = Orchestrator(
            self.store, NoWakeups(), built.accounts, hooked=True, budgets=budgets
        )
        enqueuer = Enqueuer(
            orchestrator,
            storage,
            receivers=self.settings.receivers,
            celery=self.settings.destinations,
        )
        receiver = CallbackReceiver(orchestrator, built.tokens)
        vars(built).update(
            store=self.store,
            storage=storage,
            orchestrator=orchestrator,
            enqueuer=enqueuer,
            batches=Batches(orchestrator, enqueuer),
            receiver=receiver,
            inbox=Inbox(self.store, built.tokens, receiver, orchestrator.clock),
            deliveries=Deliveries(orchestrator),
            refusals=Refusals(self.store, self.settings.refused_target),
            access=Access(self.store, orchestrator.clock),
            api_tokens=ApiTokens(self.store, orchestrator.clock),
            roster=Roster(self.store, built.accounts, "a secret"),
        )
        return built

    def put(self, **fields: Any) -> Job:
        """A stored job."""
        job = a_job(**fields)
        self.store.jobs.commit(job, capacity=capacity(100))
        return self.job(job.id)

    def told(self) -> Notification:
        """A notification that is to be sent."""
        target = Notify(("job.failed",), url="https://app.example/hook?key=secret")
        before = self.put(notify=target)
        job, outbox = announce(before, replace(before, status=Status.FAILED), target, NOW)
        self.store.jobs.commit(job, capacity=capacity(100), outbox=outbox, now=NOW)
        return self.services.deliveries.find(outbox.told[0].id)

    def running(self, **fields: Any) -> Job:
        """A stored job that the provider works on as ``t1``."""
        started = {"attempts": (Attempt(1, NOW),), "submitted_at": NOW, "due_at": NOW + 60}
        told = {"task_id": "t1", "status": Status.IN_PROGRESS, "progress": 10}
        return self.put(**{**started, **told, **fields})

    def job(self, job_id: str) -> Job:
        job = self.store.jobs.get(job_id)
        assert job is not None
        return job

    def hook(self, job: Job, attempt: int = 1) -> str:
        """The path that the provider calls."""
        return f"/webhooks/midjourney/{self.services.tokens.for_job(job.id, attempt)}"


@contextmanager
def used_by_commands(web: "Web") -> Iterator["Web"]:
    """Commands and the Python API use its services; what they change of logging is undone."""
    connection.use(web.services)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield web
    finally:
        connection.use(None)
        root.handlers[:], root.level = handlers, level
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
