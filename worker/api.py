"""Hookline from Python: `from worker import imagine, wait`.

Each kind of job has a function that hands one in and returns its record; the arguments are the fields of
the HTTP call. A picture may also be a path. The services are built from the environment when they are first
needed, once per process; `connect` says otherwise.

    job = imagine("a lighthouse at dusk --ar 3:2", then="U1,V2>U1")
    done = wait(job.id)
    print(done.result.assets)

Raises `InvalidRequest` for bad input, `Conflict` and `NotFound`, and `ServiceUnavailable`.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from worker.errors import InvalidRequest, NotFound
from worker.job import AssetsStatus, Job, Kind
from worker.schema import parse_then_shorthand

if TYPE_CHECKING:
    from config.settings import Settings
    from worker.bootstrap import Services
    from worker.store import Page, Pipeline

Step = Mapping[str, Any]
Bot = Literal["MID_JOURNEY", "NIJI_JOURNEY"]


class Common(TypedDict, total=False):
    """What every kind of job takes."""

    then: str | Sequence[Step]  #: follow-ups: steps, or the shorthand "U1,V2>U1"
    account: str
    priority: int  #: 0-9, 9 first
    mode: Literal["fast", "relax", "turbo"]
    deadline_s: int
    metadata: Mapping[str, Any]
    notify: Mapping[str, str]
    key: str  #: the same key and request give the same job again


class _Connection:
    services: "Services | None" = None
