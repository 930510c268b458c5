"""PURE. The store's documents as JSON and back: small, and tolerant of a newer version's fields."""

from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from worker.adapters.store import Batch
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.account.ledger import Ledger
from worker.domain.alerts import Paid, Trouble
from worker.domain.api_tokens import ApiToken
from worker.domain.audit import Change
from worker.domain.findings import Report
from worker.domain.history import Entry
from worker.domain.inbox import Bound, Callback
from worker.domain.job import Job
from worker.domain.job_spec import JSON, JobOptions, JobSpec
from worker.domain.notifications import Notification
from worker.domain.presence import Presence
from worker.domain.refusals import Refusal
from worker.domain.roster import Worker

T = TypeVar("T")

_JOB: TypeAdapter[Job] = TypeAdapter(Job)


class _Docs(Generic[T]):
    """The documents of one type, without the fields that are at their default."""

    def __init__(self, of: type[T]) -> None:
        self._type = of

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        """Made on first use: it takes milliseconds, and a command needs few types."""
        return TypeAdapter(self._type)

    def dump(self, value: T) -> bytes:
        """The document as the store keeps it."""
        return self._adapter.dump_json(value, exclude_defaults=True, by_alias=True)

    def load(self, doc: bytes | str) -> T:
        """The value that ``dump`` wrote."""
        return self._adapter.validate_json(doc)


api_tokens = _Docs(ApiToken)
batches = _Docs(Batch)
bindings = _Docs(Bound)
callbacks = _Docs(Callback)
changes = _Docs(Change)
breakers = _Docs(CircuitBreaker)
entries = _Docs(Entry)
ledgers = _Docs(Ledger)
notifications = _Docs(Notification)
presences = _Docs(Presence)
payments = _Docs(Paid)
refusals = _Docs(Refusal)
reports = _Docs(Report)
troubles = _Docs(Trouble)
workers = _Docs(Worker)
_specs = _Docs(JobSpec)
_options = _Docs(JobOptions)


def dump(job: Job) -> bytes:
    """The job as one flat object, without the fields that are at their default."""
    state = _JOB.dump_json(job, exclude_defaults=True)
    spec = _specs.dump(job.spec)
    options = _options.dump(job.options)
    # Only the options may be empty: a state has an id, and a spec a kind.
    return state[:-1] + b"," + spec[1:-1] + (b"," if options != b"{}" else b"") + options[1:]


def load(doc: bytes | str) -> Job:
    """The job as ``dump`` wrote it."""
    data = from_json(doc)
    # Each part picks its own fields and ignores the others.
    return _JOB.validate_python({**data, "spec": {**data, "options": data}})


def dump_json(value: Any) -> bytes:
    """Any value of JSON's types, or a dataclass of such; documents in it may be bytes."""
    return to_json(value)


def load_json(doc: bytes | str) -> JSON:
    """The object as ``dump_json`` wrote it."""
    found: JSON = from_json(doc)
    return found
