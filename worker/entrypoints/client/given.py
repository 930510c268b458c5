"""Argument types of the Python API, and their conversion to JSON."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict
from uuid import UUID

from worker.domain.job import Job
from worker.domain.job_ids import plain_id
from worker.entrypoints.connection import visible

Picture = str | os.PathLike[str]
Bot = Literal["MID_JOURNEY", "NIJI_JOURNEY"]
Then = str | Sequence[Mapping[str, Any]]
Key = str | int | UUID
#: A job, its id (a database may have kept it as a UUID), the beginning of that, or `last`.
JobOrId = Job | str | UUID


class Retry(TypedDict, total=False):
    """Automatic retries; each is paid again."""

    attempts: int  #: 1-10, submissions in all; 3 by default
    backoff_s: int  #: 1-3600, before the second, then doubled each time; 10 by default
    on: Sequence[str]  #: error codes such as "failed"; by default all that a retry can help


class Assets(TypedDict, total=False):
    """Which files of a result are stored; follow-ups inherit it."""

    files: Literal["off", "grid", "all"]  #: all by default
    tiles: bool  #: also a grid's four images as files of their own


class Options(TypedDict, total=False):
    """Options of every kind of job."""

    then: Then  #: follow-ups: steps, or the shorthand "U1,V2>U1"
    account: str
    priority: int  #: 0-9, 9 first
    tenant: str  #: tenants of the same priority share slots fairly
    mode: Literal["fast", "relax", "turbo"]
    deadline_s: int
    retry: Retry  #: automatic retries if the provider's task fails
    seed: bool  #: fetch the image's seed; for kinds that make images
    assets: Literal["off", "grid", "all"] | Assets  #: which files are stored
    metadata: Mapping[str, Any]
    notify: Mapping[str, Any]  #: `{"url": ...}` or `{"celery_task": ..., "queue": ...}`, and `on`
    key: Key  #: idempotency key: the same key and request return the same job


class ModalAnswer(TypedDict, total=False):
    """The answer to the window that some buttons open."""

    prompt: str
    mask: Picture


def press_of(button: str, modal: ModalAnswer | None, then: Then) -> Any:
    """A press as ``POST /v1/jobs/{id}/press`` takes it."""
    return plain({"button": button, "modal": modal, "then": steps_of(then)})


def steps_of(then: Then) -> list[Any]:
    """The steps as a list; a string is parsed as shorthand."""
    if not isinstance(then, str):
        return list(then)
    from worker.domain.requests.steps import parse_then_shorthand  # noqa: PLC0415  # on first use

    return parse_then_shorthand(then)


def plain(value: Any) -> Any:
    """Convert to plain JSON: paths to strings, sequences to lists; drops None from mappings."""
    match value:
        case os.PathLike():
            return os.fspath(value)
        case Mapping():
            return {name: plain(item) for name, item in value.items() if item is not None}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value


def id_of(job: JobOrId) -> str:
    """The job's id. Raises ``NotFound`` and ``Ambiguous`` for what is only its beginning."""
    return job.id if isinstance(job, Job) else visible().named(plain_id(str(job)))


def key_of(key: Key | None) -> str | None:
    """The idempotency key as text. Raises ``InvalidRequest``."""
    if key is None:
        return None
    from worker.domain.requests.texts import parse_key  # noqa: PLC0415  # on first use

    return parse_key(key, "key")
