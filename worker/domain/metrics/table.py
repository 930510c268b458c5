"""PURE. Every metric: what ``/metrics`` shows, docs/metrics.md lists, and commits count.

Labels are bounded: accounts and tenants are those of the settings, everything else is one of our
own words. Never a job, a batch or a prompt.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class MetricKind(StrEnum):
    """What is done with the values."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"  #: of seconds


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. ``name``: without ``hookline_``, and ``_total`` of a counter."""

    kind: MetricKind
    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()  #: of a histogram: upper bounds in seconds, without infinity

    @property
    def full_name(self) -> str:
        """As Prometheus shows it."""
        return f"hookline_{self.name}{'_total' if self.kind is MetricKind.COUNTER else ''}"


#: From a millisecond to ten seconds, and from a fifth of a second to an hour.
_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_LONG = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 900.0, 3600.0)


def _counter(name: str, help_: str, *labels: str) -> Metric:
    return Metric(MetricKind.COUNTER, name, help_, labels)


def _gauge(name: str, help_: str, *labels: str) -> Metric:
    return Metric(MetricKind.GAUGE, name, help_, labels)


def _histogram(name: str, help_: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(MetricKind.HISTOGRAM, f"{name}_seconds", help_, labels, buckets)


class Metrics:
    """The table."""

    # Counted by the commit that makes it so, in Redis.
    JOBS_ENDED = _counter(
        "jobs_ended",
        "Jobs that ended, with the error code of those that did not succeed; again after a retry",
        "account", "kind", "status", "reason",
    )  # fmt: skip
    TASKS_ACCEPTED = _counter(
        "tasks_accepted",
        "Tasks that the provider accepted, and was paid for, however we learnt of them",
        "account", "kind",
    )  # fmt: skip
    SUBMITS = _counter(
        "submits", "POSTs that were sent, by what came of them", "account", "verdict"
    )
    CALLBACKS = _counter(
        "callbacks",
        "Callbacks: applied, duplicate, stale, foreign, or refused",
        "account", "outcome",
    )  # fmt: skip
    POLLS = _counter(
        "polls",
        "Tasks that the provider was asked about, by what came of it; missing: it does not know it",
        "account", "outcome",
    )  # fmt: skip
    ENDS = _counter(
        "ends",
        "Ends of jobs by how we learnt of them: callback, poll, reply, late (a success after the "
        "deadline), caller, person, time (a deadline) or other",
        "account", "way",
    )  # fmt: skip
    DOUBTS = _counter("doubts", "Submits whose outcome became unknown", "account")
    DOUBTS_SETTLED = _counter(
        "doubts_settled",
        "Doubts that ended, by what ended them: callback, poll, reply, list, silence, person or "
        "caller",
        "account", "way",
    )  # fmt: skip
    DOUBLE_PAYMENTS = _counter(
        "double_payments", "Tasks that were accepted although another one of the job was", "account"
    )
    FOLLOWUPS = _counter("followups", "Jobs that a finished job started", "kind")
    RETRIES = _counter(
        "retries",
        "Returns of a job to the queue by reason: an error code, in_doubt, worker_lost or by_hand",
        "account", "reason",
    )  # fmt: skip
    NOTIFICATIONS = _counter(
        "notifications",
        "Tries to deliver a notification: delivered, failed (to be tried again), or dead",
        "topic", "outcome",
    )  # fmt: skip
    FILES_STORED = _counter("files_stored", "Pictures and videos of results that were stored")
    FILES_GIVEN_UP = _counter(
        "files_given_up", "Results whose files, or some of them, were given up", "reason"
    )

    SUBMIT = _histogram("submit", "From a POST to its recorded reply", _LONG, "account")
    TASK = _histogram(
        "task", "From the POST of a task that succeeded to its end", _LONG, "kind", "mode"
    )
    CALLBACK_LAG = _histogram(
        "callback_lag",
        "From a task's end by the provider's clock to its recorded callback", _LONG, "account",
    )  # fmt: skip
    FOLLOWUP_DELAY = _histogram(
        "followup_delay", "From a job's end to the POST of a job that it started", _LONG
    )
    QUEUE_WAIT = _histogram(
        "queue_wait", "From a new job to the first time that a worker took it", _LONG, "account"
    )
    COMMIT = _histogram("commit", "Round trips of commits to Redis", _SHORT)

    # Read from the store when somebody asks.
    JOBS = _gauge("jobs", "Jobs by status", "status")
    JOBS_READY = _gauge(
        "jobs_ready", "Jobs that wait for a slot only; account *: any may take them", "account"
    )
    SLOTS_USED = _gauge("slots_used", "Slots in use", "account", "pool")
    SLOTS_LIMIT = _gauge("slots_limit", "Slots by the settings", "account", "pool")
    SLOTS_BELIEVED = _gauge(
        "slots_believed", "Jobs that the provider takes at once, as its refusals show", "account"
    )
    ACCOUNT_OPEN = _gauge(
        "account_open",
        "1 if the account takes jobs; 0: closed, paused, blind or resting",
        "account",
    )
    OLDEST_READY = _gauge("oldest_ready_seconds", "Age of the oldest job that could start")
    OLDEST_DOUBT = _gauge("oldest_doubt_seconds", "Time since the POST of the oldest job in doubt")
    SWEEP_LAG = _gauge("sweep_lag_seconds", "How long the longest due job has been due")
    OUTBOX_AGE = _gauge("outbox_oldest_seconds", "Age of the oldest notification to be delivered")
    DEAD_LETTERS = _gauge("dead_letters", "Notifications that were given up, and can be replayed")
    BUDGET = _gauge("budget_units", "Budgets in units: account:<name>, tenant:<name>, day", "scope")
    BUDGET_LEFT = _gauge("budget_left_units", "What is left of each budget, in units", "scope")
    SPENT = _gauge(
        "spent_units",
        "Units spent in all. The provider's ledger may correct it downwards: use delta()",
        "account",
    )
    REFUNDED = _gauge("refunded_units", "Units of these that were refunded; likewise", "account")
    WORKERS = _gauge("workers", "Workers that run", "version")
    RECEIVER_UP_SINCE = _gauge(
        "receiver_up_since_timestamp_seconds",
        "Since when proofs have shown that callbacks reach us; 0: they do not",
    )
    BUILD = _gauge("build_info", "Of the process that answers", "version")


def all_metrics() -> Iterator[Metric]:
    """The table's rows, in order."""
    return (each for each in vars(Metrics).values() if isinstance(each, Metric))
