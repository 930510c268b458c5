"""PURE. A job as JSON and back: as the store keeps it.

Small, and tolerant of the fields of a newer version.
"""

from typing import Any

from pydantic import TypeAdapter

from worker.health import Health
from worker.job import Job

_JOB: TypeAdapter[Job] = TypeAdapter(Job)
_HEALTH: TypeAdapter[Health] = TypeAdapter(Health)


def dump(job: Job) -> bytes:
    """The job as the store keeps it: what is at its default is left out."""
    return _JOB.dump_json(job, exclude_defaults=True)


def load(doc: bytes | str) -> Job:
    """The job as ``dump`` wrote it."""
    return _JOB.validate_json(doc)


def as_data(job: Job) -> dict[str, Any]:
    """Every field of the job in JSON's types."""
    data: dict[str, Any] = _JOB.dump_python(job, mode="json")
    return data


def dump_health(health: Health) -> bytes:
    """An account's health as the store keeps it."""
    return _HEALTH.dump_json(health, exclude_defaults=True)


def load_health(doc: bytes | str) -> Health:
    """The health as ``dump_health`` wrote it."""
    return _HEALTH.validate_json(doc)
