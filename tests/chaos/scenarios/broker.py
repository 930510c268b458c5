"""F12: the broker loses messages. They are only wake-ups, so nothing else may be lost."""

import redis

from tests.chaos.load import Load
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup, Stage
from tests.chaos.trial import Trouble, trial
from worker.adapters.messaging.broker import OWN_KEYS
from worker.adapters.messaging.names import DOOR, WAKE

_SHARE = 0.5
_UNACKED = OWN_KEYS["unacked_key"]


def lossy(run: Run) -> Row:
    """Half of all messages are taken away, from the queues and from those under way."""

    def steal(trouble: Trouble) -> None:
        with _broker(trouble.stage) as client:
            while not trouble.over.is_set():
                trouble.faults += _steal_waiting(client, trouble) + _steal_unacked(client, trouble)

    return trial(
        run,
        Setup(),
        Load(run.pick(48, 600)),
        steal,
        seconds=run.pick(120, 3600),
        at_least=run.pick(5, 200),
    )


def _broker(stage: Stage) -> "redis.Redis":
    """The database beside the store's."""
    url = stage.server.url()
    assert url.endswith("/0")
    return redis.Redis.from_url(url.removesuffix("0") + "1", socket_timeout=5)


def _steal_waiting(client: "redis.Redis", trouble: Trouble) -> int:
    """Wait for a message as a worker does, since none lies about for long; keep one in two."""
    taken = client.brpop([WAKE, DOOR], timeout=0.1)
    if not isinstance(taken, list | tuple):
        return 0
    if trouble.rng.random() < _SHARE:
        return 1
    client.rpush(taken[0], taken[1])  # to where it came from, for a worker to take
    trouble.pause(0.01, 0.05)
    return 0


def _steal_unacked(client: "redis.Redis", trouble: Trouble) -> int:
    stolen = [tag for tag in client.hkeys(_UNACKED) if trouble.rng.random() < _SHARE]
    return sum(int(client.hdel(_UNACKED, tag)) for tag in stolen)


SCENARIOS = (Scenario("F12", "broker loses messages", lossy),)
