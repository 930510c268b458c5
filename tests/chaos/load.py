"""Jobs handed in through the HTTP API, and waiting until nothing more can become of them."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any, Protocol
from urllib.parse import urlsplit

from redis import RedisError

from tests.chaos.indexes import Counts, counts, newest
from tests.chaos.stage import Stage
from tests.chaos.system import System
from tests.chaos.waiting import pause
from worker.domain.errors import StoreUnavailable
from worker.domain.job import Status

#: What every root is followed by, unless a scenario wants more.
FOLLOW_UPS: tuple[dict[str, Any], ...] = ({"press": "U1"}, {"press": "V2"})

_THREADS = 6
_TRY_AGAIN_S = 0.2
#: No answer, or that Redis is away; and a proxy's words for a host that is away.
_TRY_AGAIN = (0, 502, 503, 504)
_TELL_EVERY_S = 2.0
#: Jobs in doubt that stayed as they are for so many seconds wait for nothing more.
_HELD_S = 1.0
_MANY = 100_000


@dataclass(frozen=True, slots=True)
class Load:
    """So many roots with these steps, or only each ``every``-th of them.

    ``deadline_s``: for each to be stored. ``fields``: further ones of the root of a number.
    """

    roots: int
    then: Sequence[dict[str, Any]] = FOLLOW_UPS
    deadline_s: float = 120.0
    every: int = 1
    fields: Callable[[int], Mapping[str, Any]] = field(default=lambda _: {})

    def steps_of(self, number: int) -> list[dict[str, Any]]:
        """What follows the root of this number."""
        return list(self.then) if number % self.every == 0 else []

    def hand_in(self, stage: System, name: str) -> "Acknowledged":
        """See ``Work``."""
        return hand_in(stage, self, name)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The ids that the API answered with: what must never be lost. ``refused``: the reasons."""

    ids: tuple[str, ...]
    refused: tuple[str, ...] = ()


class Work(Protocol):
    """What a trial is made of."""

    def hand_in(self, stage: Stage, name: str) -> Acknowledged:
        """Hand everything in, each job until it is stored. ``name`` keeps keys apart."""


@dataclass(frozen=True, slots=True)
class FollowedUp:
    """``first``, and then single roots as long as jobs are in doubt, ``most`` of them.

    Their callbacks give a meaning to the silence about the jobs in doubt before them.
    """

    first: Load
    most: int = 5
    settled_s: float = 120.0

    def hand_in(self, stage: System, name: str) -> "Acknowledged":
        """See ``Work``."""
        all_of = self.first.hand_in(stage, name)
        for number in range(self.most):
            settle(stage, self.settled_s, lambda _: None, doubt_s=_HELD_S)
            if not newest(stage.redis, Status.IN_DOUBT, 1):
                break
            more = Load(1).hand_in(stage, f"{name}-{number}-more")
            all_of = Acknowledged((*all_of.ids, *more.ids), (*all_of.refused, *more.refused))
        return all_of


def hand_in(stage: System, load: Load, name: str) -> Acknowledged:
    """POST all roots, each under its own key until it is stored. ``name`` keeps keys apart."""
    with ThreadPoolExecutor(_THREADS, "load") as pool:
        answers = list(pool.map(lambda n: _store(stage, load, f"{name}-{n}", n), range(load.roots)))
    ids = tuple(job_id for job_id, _ in answers if job_id)
    return Acknowledged(ids, tuple(reason for job_id, reason in answers if not job_id))


def _store(stage: System, load: Load, key: str, number: int) -> tuple[str | None, str]:
    """The job's id, or None and why it could not be stored."""
    body = {
        "kind": "imagine",
        "prompt": f"a lighthouse, study {key}",
        "then": load.steps_of(number),
        **load.fields(number),
    }
    deadline = time.monotonic() + load.deadline_s
    while True:
        try:
            status, answer = post(stage, body, key)
        except (OSError, HTTPException) as error:
            status, answer = 0, f"{type(error).__name__}: {error}"
        if status in (200, 202):
            return json.loads(answer)["id"], ""
        if status not in _TRY_AGAIN or time.monotonic() > deadline:
            return None, f"{key}: {status or ''} {answer}"
        pause(_TRY_AGAIN_S)


def post(stage: System, body: dict[str, Any], key: str) -> tuple[int, str]:
    """The status and the answer. Raises ``OSError`` and ``HTTPException``."""
    connection = HTTPConnection(urlsplit(stage.web_url).netloc, timeout=10)
    headers = {
        "Authorization": f"Bearer {stage.api_token}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    try:
        connection.request("POST", "/v1/jobs", json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


def settle(
    stage: System, seconds: float, tell: Callable[[str], None], *, doubt_s: float = 0.0
) -> bool:
    """Wait until every job is over, or in doubt with nothing more to wait for; False: not in time.

    What is in doubt waits for nothing once it is held, and has been left so for ``doubt_s``.
    """
    deadline = time.monotonic() + seconds
    told_at, since = 0.0, time.monotonic()
    seen: Counts | None = None
    while (now := time.monotonic()) < deadline:
        pause(0.1)
        try:
            found = counts(stage.redis)
            at_rest = found.at_rest and (not found.in_doubt or _all_held(stage))
        except (RedisError, StoreUnavailable):
            continue  # killed, and back soon
        if now - told_at > _TELL_EVERY_S:
            told_at = now
            tell(f"{found}; {found.due} due")
        if found != seen:
            seen, since = found, now
        if at_rest and (not found.in_doubt or now - since >= doubt_s):
            return True
    return False


def _all_held(stage: System) -> bool:
    """Whether all evidence that there could be has been waited for."""
    ids = newest(stage.redis, Status.IN_DOUBT, _MANY)
    return all(job.held for job in stage.services.store.jobs.get_many(ids))
