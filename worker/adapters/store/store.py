"""The store: everything that outlives a process, in Redis or Valkey (6.2 or newer)."""

import redis

from worker.adapters.store.accounts import AccountStore
from worker.adapters.store.alerts import AlertStore
from worker.adapters.store.api_tokens import ApiTokenStore
from worker.adapters.store.audit import AuditStore
from worker.adapters.store.base import Part
from worker.adapters.store.batches import BatchStore
from worker.adapters.store.blobs import BlobStore
from worker.adapters.store.examinations import ExaminationStore
from worker.adapters.store.inbox import InboxStore
from worker.adapters.store.jobs import JobStore
from worker.adapters.store.ledgers import LedgerStore
from worker.adapters.store.metrics import MetricStore
from worker.adapters.store.outbox import OutboxStore
from worker.adapters.store.presence import PresenceStore
from worker.adapters.store.queue import ReadyQueue
from worker.adapters.store.refusals import RefusalStore
from worker.adapters.store.trees import Trees
from worker.adapters.store.workers import WorkerStore


class Store(Part):
    """One Redis client, which threads may share, and the parts of the store behind it.

    ``replicas``: how many of Redis must have a job's change before it counts. Every method raises
    ``StoreUnavailable`` when Redis does not answer.
    """

    def __init__(
        self, client: "redis.Redis", prefix: str = "hookline:", *, replicas: int = 0
    ) -> None:
        super().__init__(client, prefix)
        self.jobs = JobStore(client, prefix, replicas)
        self.queue = ReadyQueue(client, prefix)
        self.alerts = AlertStore(client, prefix)
        self.accounts = AccountStore(client, prefix)
        self.batches = BatchStore(client, prefix)
        self.outbox = OutboxStore(client, prefix)
        self.blobs = BlobStore(client, prefix)
        self.examinations = ExaminationStore(client, prefix)
        self.inbox = InboxStore(client, prefix)
        self.ledgers = LedgerStore(client, prefix)
        self.presence = PresenceStore(client, prefix)
        self.refusals = RefusalStore(client, prefix)
        self.trees = Trees(client, prefix)
        self.workers = WorkerStore(client, prefix)
        self.api_tokens = ApiTokenStore(client, prefix)
        self.audit = AuditStore(client, prefix)
        self.metrics = MetricStore(client, prefix)

    def once(self, name: str, seconds: float) -> bool:
        """True for the first caller within ``seconds``; for work that one process should do."""
        key = f"{self._prefix}once:{name}"
        return bool(self._ask(self._redis.set, key, 1, nx=True, px=int(seconds * 1000)))

    def ping(self) -> None:
        """Raise unless Redis answers."""
        self._ask(self._redis.ping)
