"""SHELL. Whether workers of this version take messages from every queue."""

from collections.abc import Iterator
from time import monotonic, sleep
from uuid import uuid4

from celery import Celery

from worker.adapters.messaging.broker import send_ping, waiting
from worker.adapters.messaging.names import QUEUES
from worker.domain.errors import HooklineError, QueueRefused
from worker.domain.findings import Finding
from worker.services.roster import Roster

#: Seconds in which a worker must have taken a message: an idle one does so at once.
PATIENCE_S = 10.0
_LOOK_EVERY_S = 0.05


def check_serving(roster: Roster, celery: Celery) -> Iterator[Finding]:
    """Send a message over each queue, and wait until workers took them."""
    try:
        yield from _versions(roster)
        yield from _round_trip(roster, celery)
    except HooklineError as error:
        yield Finding("queues", "fail", str(error))


def _versions(roster: Roster) -> Iterator[Finding]:
    for problem in roster.other_versions():
        advice = "Restart it with this version, or use the command of its version."
        yield Finding("workers", "warn", problem, advice)


def _round_trip(roster: Roster, celery: Celery) -> Iterator[Finding]:
    trip = uuid4().hex
    refused = dict[str, str]()
    for queue in QUEUES.values():
        try:
            send_ping(celery, trip, queue)
        except QueueRefused as error:
            refused[queue] = str(error)
    sent = set(QUEUES.values()) - refused.keys()
    taken, deadline = roster.answers(trip), monotonic() + PATIENCE_S
    while sent - taken.keys() and monotonic() < deadline:
        sleep(_LOOK_EVERY_S)
        taken = roster.answers(trip)
    for name, queue in QUEUES.items():
        if queue in refused:
            yield Finding(f"queue {name}", "fail", refused[queue])
        elif queue not in taken:
            yield _not_taken(celery, name, queue)
    if len(taken) == len(QUEUES):
        yield Finding("queues", "ok", f"workers take messages from {', '.join(QUEUES.values())}")


def _not_taken(celery: Celery, name: str, queue: str) -> Finding:
    wait = waiting(celery, queue)
    if wait:
        message = f"no worker took a message from {queue} within {PATIENCE_S:g} s; {wait} in it"
        advice = (
            f"Start a worker that serves it, or more of them: `hookline worker`, or --queues with "
            f"{name}. If one should, see its log, and whether its broker is set as here."
        )
    else:
        message = f"a message went to {queue}, and no worker of ours had it {PATIENCE_S:g} s later"
        advice = (
            "A worker that is busy or of an older version took it, or another Hookline: give that "
            "one a database or virtual host of its own, or `global_keyprefix`. On RabbitMQ, see "
            "whether our user may write to amq.default."
        )
    return Finding(f"queue {name}", "fail", message, advice)
