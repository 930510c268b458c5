"""PURE. A job as JSON and back: as the store keeps it.

Small, and tolerant of the fields of a newer version.
"""

from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from worker.adapters.store import Batch
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.job import JSON, Job, JobOptions, JobSpec
from worker.domain.notifications import Notification

_JOB: TypeAdapter[Job] = TypeAdapter(Job)
_SPEC: TypeAdapter[JobSpec] = TypeAdapter(JobSpec)
_OPTIONS: TypeAdapter[JobOptions] = TypeAdapter(JobOptions)
_BATCH: TypeAdapter[Batch] = TypeAdapter(Batch)
_BREAKER: TypeAdapter[CircuitBreaker] = TypeAdapter(CircuitBreaker)
_NOTIFICATION: TypeAdapter[Notification] = TypeAdapter(Notification)


def dump(job: Job) -> bytes:
    """The job as the store keeps it: one flat object, without what is at its default."""
    state = _JOB.dump_json(job, exclude_defaults=True)
    spec = _SPEC.dump_json(job.spec, exclude_defaults=True)
    options = _OPTIONS.dump_json(job.options, exclude_defaults=True)
    # Only the options may be empty: a state has an id, and a spec a kind.
    return state[:-1] + b"," + spec[1:-1] + (b"," if options != b"{}" else b"") + options[1:]


def load(doc: bytes | str) -> Job:
    """The job as ``dump`` wrote it."""
    data = from_json(doc)
    # Each part picks its own fields and ignores the others.
    return _JOB.validate_python({**data, "spec": {**data, "options": data}})


def dump_breaker(breaker: CircuitBreaker) -> bytes:
    """An account's health as the store keeps it."""
    return _BREAKER.dump_json(breaker, exclude_defaults=True)


def load_breaker(doc: bytes | str) -> CircuitBreaker:
    """The health as ``dump_breaker`` wrote it."""
    return _BREAKER.validate_json(doc)


def dump_batch(batch: Batch) -> bytes:
    """What does not change of a batch, as the store keeps it."""
    return _BATCH.dump_json(batch, exclude_defaults=True)


def load_batch(doc: bytes | str) -> Batch:
    """The batch as ``dump_batch`` wrote it."""
    return _BATCH.validate_json(doc)


def dump_notification(notification: Notification) -> bytes:
    """A notification as the store keeps it."""
    return _NOTIFICATION.dump_json(notification, exclude_defaults=True, by_alias=True)


def load_notification(doc: bytes | str) -> Notification:
    """The notification as ``dump_notification`` wrote it."""
    return _NOTIFICATION.validate_json(doc)


def dump_json(value: Any) -> bytes:
    """Any value of JSON's types; documents in it may be bytes."""
    return to_json(value)


def load_json(doc: bytes | str) -> JSON:
    """The object as ``dump_json`` wrote it."""
    found: JSON = from_json(doc)
    return found
