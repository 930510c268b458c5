"""Where jobs are kept. The interface; ``redis.py`` is the real store, ``memory.py`` the one for
tests.

One suite (tests/contract) holds both to the same promises. The heart is ``commit``: compare the
job's version, write the job and its children, and move each of them to its place in the due set,
the ready queue and the running set, all in one atomic step. So there is no moment at which a crash
leaves a finished job without its follow-ups, a slot without its job, or a job that nobody will look
at again.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from worker.adapters.store.values import (
    ABSENCE_S,
    Batch,
    Filter,
    Load,
    NoFreeSlot,
    NotificationPage,
    Openings,
    Page,
    Pipeline,
)
from worker.domain.account.callback_stats import CallbackStats, Sample
from worker.domain.account.capacity import Capacity
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.job import JSON, Job, Status
from worker.domain.money import Amount
from worker.domain.notifications import NOTHING, DeliveryState, Notification, Outbox

__all__ = [
    "ABSENCE_S",
    "Batch",
    "Filter",
    "Load",
    "NoFreeSlot",
    "NotificationPage",
    "Openings",
    "Page",
    "Pipeline",
    "Store",
]


class Store(Protocol):
    """Every method raises ``StoreUnavailable`` when the store does not answer."""

    def get(self, job_id: str) -> Job | None:
        """The job as it was last committed; None where there is none."""

    def get_many(self, job_ids: Sequence[str]) -> list[Job]:
        """The jobs that exist, in the order of ``job_ids``."""

    def commit(
        self,
        job: Job,
        children: Sequence[Job] = (),
        *,
        capacity: Capacity,
        sample: Sample | None = None,
        outbox: Outbox = NOTHING,
        now: float = 0.0,
    ) -> Openings:
        """Write ``job`` as the successor of its ``version`` (0: as a new job), and its new
        children.

        A child that exists already is left as it is. A job that starts (``submitting``) takes one
        of the slots that ``terms`` has, and is charged to the budgets; evidence that it runs takes
        one even above the limit. ``now`` sets the pace of starts. ``outbox`` is written with it,
        its ``finished`` if no job of the pipeline is open any more.

        Raises ``StaleVersion`` when another process was first, or removed the pipeline to which a
        new job belongs, and ``NoFreeSlot``; nothing is written then.
        """

    def add(self, jobs: Sequence[Job], *, capacity: Capacity, now: float = 0.0) -> list[bool]:
        """Store many new jobs in one exchange; for each whether it is new."""

    def open_batch(self, batch: Batch) -> Batch:
        """The batch of this id, made unless it is there; a given budget replaces the one before."""

    def close_batch(self, batch_id: str, now: float) -> None:
        """The batch's file is taken in whole, until it is opened again.

        Its end is told from now on, and at once if it has come.
        """

    def batch(self, batch_id: str) -> Batch | None:
        """How the batch stands."""

    def batches(self, limit: int) -> list[Batch]:
        """The newest batches, newest first."""

    def roots(self, batch_id: str, start: int, count: int) -> list[Job]:
        """Some of the batch's root jobs, in the order of its file."""

    def report_bad(self, batch_id: str, rows: Sequence[JSON]) -> None:
        """Keep rows that are no jobs, in place of those that were kept before, if any is first."""

    def bad_rows(self, batch_id: str, limit: int) -> list[JSON]:
        """The first of them."""

    def next_ready(self, capacity: Capacity, now: float) -> Job | None:
        """The job that the account shall start next, if there is one that may. Does not take it.

        By priority; follow-ups before new roots; tenants and then batches in turn; by age.
        """

    def why_waiting(self, job: Job, capacity: Capacity, now: float) -> str | None:
        """Why a ready job does not start on the account; None where it may.

        ``slots``, ``pace``, ``mode``, ``account`` (it belongs to another), ``prompt`` (an equal one
        runs), ``paused:<what>``, ``budget:<scope>``.
        """

    def load(self, account: str) -> Load:
        """How much the account has to do; costs the same however much that is."""

    def mend_slots(self, account: str) -> int:
        """Free the slots and prompts that no job holds; how many slots there were.

        Every commit keeps them right; this is for a store that was restored or edited by hand.
        """

    def claim_due(self, now: float, limit: int, lease_s: float) -> list[Job]:
        """The jobs that someone must look at by ``now``, the longest due first.

        They are put off by ``lease_s``, so that nobody else looks meanwhile and a lost look is
        repeated.
        """

    def reschedule(self, job_id: str, due_at: float) -> None:
        """Look at the job again at ``due_at``; nothing happens to a job that is not due at all."""

    def find_task(self, account: str, task_id: str) -> str | None:
        """The id of the job that submitted the provider's ``task_id``."""

    def pipeline(self, pipeline_id: str) -> Pipeline | None:
        """All jobs of the pipeline; None where it has none."""

    def list_jobs(self, wanted: Filter, limit: int, cursor: str | None = None) -> Page:
        """Newest first. A page may be short, or even empty, although a ``cursor`` follows.

        Raises ``InvalidRequest`` for a cursor that is none of ours.
        """

    def claim_notifications(self, now: float, limit: int, lease_s: float) -> list[Notification]:
        """The notifications to be tried by ``now``; only the first of each line.

        They are put off by ``lease_s``, so that nobody else sends them meanwhile.
        """

    def notification(self, notification_id: str) -> Notification | None:
        """The notification as it stands."""

    def settle_notification(self, one: Notification, now: float) -> bool:
        """Write ``one`` as the successor of its ``version``; False where somebody else was first.

        When it is over the next of its line is due; one that waits again goes to the line's end.
        """

    def list_notifications(
        self, state: DeliveryState | None, limit: int, cursor: str | None = None
    ) -> NotificationPage:
        """Newest first. Raises ``InvalidRequest`` for a cursor that is none of ours."""

    def finished(self, status: Status, before: float, limit: int) -> list[str]:
        """Pipelines whose root has this status and whose last job ended by ``before``; oldest
        first.
        """

    def forget(self, jobs: Sequence[Job], before: float, now: float) -> bool:
        """Remove a pipeline, given as it was read, and whatever tells of it but sums and counts.

        False, and nothing is removed, where it changed since, ended later than ``before``, or is
        still run by the provider. A batch goes with the last of its jobs.
        """

    def forget_notifications(self, before: float, limit: int) -> int:
        """Remove some of those made by ``before`` that are over; how many."""

    def ended(self) -> Mapping[str, int]:
        """How many jobs ended in each terminal status, ever; those that left are counted."""

    def forgotten_double_payments(self, account: str) -> int:
        """How many of the jobs that left were paid for twice."""

    def note_input(self, ref: str, now: float) -> None:
        """A picture is handed in; to be called before it is stored.

        So it is not taken for one that no job needs before its job is there.
        """

    def needs_input(self, ref: str) -> bool:
        """Whether a job holds the picture, or it was handed in and not given out since."""

    def take_idle_inputs(self, before: float, limit: int) -> list[str]:
        """Some pictures that no job has needed since ``before``; they are given out only once."""

    def money(self, scopes: Sequence[str]) -> list[Mapping[str, Amount]]:
        """The sums of each scope by ``worker.domain.account.billing.Standing``.

        Scopes are ``account:<name>``, ``tenant:<name>``, ``batch:<id>`` and ``day:<2026-11-22>``.
        """

    def pause(self, what: str) -> None:
        """No job of ``what`` starts from now on: ``account:<name>``, ``batch:<id>``,
        ``kind:<name>``.
        """

    def resume(self, what: str) -> None:
        """Jobs of ``what`` start again."""

    def paused(self) -> frozenset[str]:
        """All that is paused."""

    def breaker(self, account: str) -> CircuitBreaker:
        """How the account fares."""

    def save_breaker(self, account: str, breaker: CircuitBreaker, known: CircuitBreaker) -> bool:
        """Keep ``health``, unless it is not ``known`` any more; whether it was kept."""

    def callback_stats(self, account: str) -> CallbackStats:
        """How the account has told us about its tasks so far."""

    def beat(self, now: float, *, anew: bool = False) -> None:
        """Our receiver is there at ``now``, and was all the time since the last call, unless
        ``anew``.

        To be called every second: after ``ABSENCE_S`` without a call it counts as away.
        """

    def learn_dialect(self, account: str, dialect: str) -> None:
        """Keep the dialect that the account's replies betrayed, for every process."""

    def once(self, name: str, seconds: float) -> bool:
        """True for the first caller within ``seconds``; for work that one process should do."""

    def ping(self) -> None:
        """Nothing, where the store answers."""
