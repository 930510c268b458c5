"""The whole way of a job in one process: real HTTP to a stand-in provider and back, threads for
workers.

Only Celery and the process boundaries are left out; the acceptance tests have those.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any
from uuid import uuid4

from flask import Flask, request
from werkzeug.serving import make_server

from tests.support import switch
from tests.support.carrying import Carried
from tests.support.stores import OwnStore
from worker.adapters.provider.client import ProviderClient
from worker.adapters.provider.ledger_client import LedgerClient
from worker.adapters.storage.storage import Storage
from worker.adapters.store import Pipeline
from worker.adapters.store.store import Store
from worker.adapters.tokens import Tokens
from worker.domain.account import Account, Auth, Costs, Dialect
from worker.domain.events import Policy
from worker.domain.job import Job
from worker.services.assets import Assets
from worker.services.callbacks import CallbackReceiver
from worker.services.choose import Chooser
from worker.services.enqueue import Enqueuer
from worker.services.ledgers import Ledgers
from worker.services.orchestrator import Orchestrator
from worker.services.poll import Poller
from worker.services.prepare import Preparer
from worker.services.seeds import Seeds
from worker.services.starter import Starter
from worker.services.submit import Submitter
from worker.services.sweep import Sweep


class Pool:
    """Does what wake-ups ask for, in threads; what goes wrong in one is kept in ``errors``."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(16)
        self.tasks: dict[str, Callable[..., Any]] = {}
        self.errors: list[BaseException] = []

    def run(self, name: str, *args: Any) -> None:
        try:
            done = self._pool.submit(self.tasks[name], *args)
        except RuntimeError:  # closing: what is woken now is lost, as a message may be
            return
        done.add_done_callback(self._keep_error)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _keep_error(self, done: Future[Any]) -> None:
        if not done.cancelled() and (error := done.exception()):
            self.errors.append(error)


class Threads:
    """Wake-ups as calls of a pool."""

    def __init__(self, run: Callable[..., None]) -> None:
        self._run = run

    def start(self, account: str) -> None:
        self._run("start", account)

    def ask(self, account: str, job_ids: Sequence[str]) -> None:
        self._run("ask", account, list(job_ids))

    def check(self, account: str) -> None:
        self._run("check", account)

    def store_assets(self, job_id: str) -> None:
        self._run("store_assets", job_id)

    def ask_seeds(self, account: str, job_ids: Sequence[str]) -> None:
        self._run("ask_seeds", account, list(job_ids))

    def read_ledger(self, account: str) -> None:
        self._run("read_ledger", account)

    def choose(self, job_id: str) -> None:
        self._run("choose", job_id)

    def tidy(self) -> None:
        self._run("tidy")

    def notify(self, notification_id: str) -> None:
        self._run("notify", notification_id)

    def close(self) -> None:
        """There is nothing behind it."""


class Flow:
    """Hookline in one process, talking to the provider at ``url``."""

    def __init__(
        self,
        url: str,
        output: Path,
        hook_url: str | None,
        *,
        store: Store | None = None,
        max_running: int = 3,
        auth: Auth = "bearer",
        dialect: Dialect = "auto",
        ledger_token: str = "",
        costs: Costs = "prices",
        rules: Policy | None = None,
        choosers: Collection[str] = (),
    ) -> None:
        account = Account(
            "default",
            url,
            auth=auth,
            dialect=dialect,
            max_running=max_running,
            allowed_hosts=frozenset({"127.0.0.1"}),
            ledger_token=ledger_token,
            ledger_user="1" if ledger_token else "",
            costs=costs,
        )
        accounts = {"default": account}
        clients = {"default": ProviderClient(account)}
        storage = Storage(f"file://{output}")
        self.pool = Pool()
        # A folder may have several flows, whose messages are not each other's.
        own = output / uuid4().hex
        self.wakeups: Carried | Threads = (
            Carried(own, self.pool.run) if switch.CHOSEN else Threads(self.pool.run)
        )
        self.store: Store = store or OwnStore()
        self.tokens = Tokens(["a secret for this test only"])
        self.orchestrator = Orchestrator(
            self.store, self.wakeups, accounts, hooked=hook_url is not None, rules=rules
        )
        self.enqueuer = Enqueuer(self.orchestrator, storage, choosers)
        self.receiver = CallbackReceiver(self.orchestrator, self.tokens)
        submitter = Submitter(
            self.orchestrator, clients, Preparer(self.orchestrator, self.tokens, storage, hook_url)
        )
        self.ledgers = Ledgers(self.orchestrator, {"default": LedgerClient(account)})
        poller = Poller(self.orchestrator, clients, self.tokens, self.ledgers)
        assets = Assets(self.orchestrator, storage, clients)
        self.pool.tasks = {
            "start": Starter(submitter, self.wakeups, max_running).wake,
            "ask": poller.poll,
            "check": poller.check,
            "ask_seeds": Seeds(self.orchestrator, clients, assets.describe).ask,
            "store_assets": assets.store,
            "read_ledger": self.ledgers.read,
            "choose": Chooser(self.orchestrator, storage, choosers).choose,
            "tidy": lambda: None,  # nothing is old enough to go
        }
        self.sweep = Sweep(self.orchestrator, self.wakeups)

    def submit(self, **fields: Any) -> Job:
        return self.enqueuer.submit(fields, allow_paths=True)[0]

    def pipeline(self, job_id: str) -> Pipeline:
        pipeline = self.store.jobs.pipeline(job_id)
        assert pipeline is not None
        return pipeline

    def finish(self, job: Job, seconds: float = 30.0) -> list[Job]:
        """All jobs of the pipeline once each is over, its files included."""

        def over() -> bool:
            jobs = self.pipeline(job.spec.pipeline_id).jobs
            return all(j.status.terminal and j.due_at is None for j in jobs)

        self.wait_for(over, lambda: self._story(job), seconds)
        return list(self.pipeline(job.spec.pipeline_id).jobs)

    def wait_for(
        self, met: Callable[[], bool], story: Callable[[], str] = str, seconds: float = 30.0
    ) -> None:
        pause, deadline = Event(), monotonic() + seconds
        while not met():
            assert monotonic() < deadline, f"not within {seconds} s: {story()} {self.pool.errors}"
            pause.wait(0.02)

    def _story(self, job: Job) -> str:
        lines = (
            f"{j.kind} {j.request} {j.status} {j.error} due={j.due_at}"
            for j in self.pipeline(job.spec.pipeline_id).jobs
        )
        return "\n".join(lines)


@contextmanager
def flow(provider_url: str, output: Path, *, hooked: bool = True, **options: Any) -> Iterator[Flow]:
    """A running ``Flow`` with its receiver on a free loopback port, and its sweep."""
    app, held = Flask("receiver"), []
    server = make_server("127.0.0.1", 0, app, threaded=True)
    hook_url = f"http://127.0.0.1:{server.server_port}/hook" if hooked else None
    running = Flow(provider_url, output, hook_url, **options)
    held.append(running)

    @app.post("/hook/<token>")
    def receive(token: str) -> dict[str, str]:
        return {"status": held[0].receiver.receive(token, request.get_json())}

    stop = Event()

    def sweep() -> None:
        while not stop.wait(0.1):
            running.sweep.run()

    threads = [Thread(target=server.serve_forever), Thread(target=sweep)]
    for thread in threads:
        thread.start()
    try:
        yield running
    finally:
        stop.set()
        server.shutdown()
        for thread in threads:
            thread.join()
        server.server_close()
        running.wakeups.close()
        running.pool.close()
