"""What callers of `worker.entrypoints.client` may give, and its form as JSON."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from worker.domain.job import Job
from worker.domain.requests import parse_then_shorthand

Picture = str | os.PathLike[str]
Bot = Literal["MID_JOURNEY", "NIJI_JOURNEY"]
Then = str | Sequence[Mapping[str, Any]]


class Retry(TypedDict, total=False):
    """Further attempts by themselves: each is a payment of its own."""

    attempts: int  #: 1-10, submissions in all; 3 if it is left out
    backoff_s: int  #: 1-3600, before the second one, then twice that, ...; 10 if it is left out
    on: Sequence[str]  #: codes of errors, as "failed"; left out: all after which it can help


class Assets(TypedDict, total=False):
    """What of a result is stored; follow-ups inherit it."""

    files: Literal["off", "grid", "all"]  #: all if it is left out
    tiles: bool  #: a grid's four pictures besides, each on its own


class Options(TypedDict, total=False):
    """What every kind of job takes."""

    then: Then  #: follow-ups: steps, or the shorthand "U1,V2>U1"
    account: str
    priority: int  #: 0-9, 9 first
    tenant: str  #: for whom: tenants of one priority share the slots fairly
    mode: Literal["fast", "relax", "turbo"]
    deadline_s: int
    retry: Retry  #: further attempts, should the provider's task fail
    seed: bool  #: ask for the seeds of the pictures; of kinds that end with one
    assets: Literal["off", "grid", "all"] | Assets  #: what of the result is stored
    metadata: Mapping[str, Any]
    notify: Mapping[str, Any]  #: `{"url": ...}` or `{"celery_task": ..., "queue": ...}`, and `on`
    key: str  #: the same key and request give the same job again


class ModalAnswer(TypedDict, total=False):
    """The answer to the window that some buttons open."""

    prompt: str
    mask: Picture


def press_of(button: str, modal: ModalAnswer | None, then: Then) -> Any:
    """A press as ``POST /v1/jobs/{id}/press`` takes it."""
    return plain({"button": button, "modal": modal, "then": steps_of(then)})


def steps_of(then: Then) -> list[Any]:
    """The steps, also where they were given in short."""
    return parse_then_shorthand(then) if isinstance(then, str) else list(then)


def plain(value: Any) -> Any:
    """As JSON has it: paths as text, sequences as lists, without what was left out."""
    match value:
        case os.PathLike():
            return os.fspath(value)
        case Mapping():
            return {name: plain(item) for name, item in value.items() if item is not None}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value


def id_of(job: Job | str) -> str:
    """The job's id."""
    return job.id if isinstance(job, Job) else job
