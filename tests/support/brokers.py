"""The servers that ``switch`` chooses, for processes and for flows: one set of them per run.

On RabbitMQ each folder has a virtual host of its own.
"""

import pickle
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from uuid import uuid4

from tests.support import switch
from tests.support.stores import database_for, database_url, process_number
from worker.adapters.store.connection import connect

if TYPE_CHECKING:
    from tests.neighbours.servers import RabbitMQ

#: Virtual hosts that are made at once.
_HOSTS = 5


class _Run:
    rabbitmq: "RabbitMQ | None" = None
    spare: ClassVar[list[str]] = []  #: virtual hosts that nobody uses yet
    folders: ClassVar[dict[Path, str]] = {}  #: whose broker is where
    resources = ExitStack()


def shared_broker() -> bytes:
    """The run's RabbitMQ for its other processes; it is started when this is first called."""
    return pickle.dumps(_rabbitmq())


def use_broker(shared: bytes) -> None:
    """Use the one that another process of this run started."""
    _Run.rabbitmq = pickle.loads(shared)


def stop_broker() -> None:
    """End RabbitMQ, if this process started it."""
    _Run.resources.close()
    _Run.rabbitmq = None


def _rabbitmq() -> "RabbitMQ":
    if _Run.rabbitmq is None:
        from tests.neighbours import servers  # noqa: PLC0415  # few runs need it

        folder = _Run.resources.enter_context(tempfile.TemporaryDirectory(prefix="hl-"))
        _Run.rabbitmq = _Run.resources.enter_context(servers.rabbitmq(Path(folder)))
    return _Run.rabbitmq


def _virtual_host() -> str:
    if not _Run.spare:
        names = [uuid4().hex for _ in range(_HOSTS)]
        _Run.spare += _rabbitmq().virtual_hosts(names)
    return _Run.spare.pop()


def broker_url(folder: Path) -> str:
    """The broker of who runs in ``folder``, empty at first: the chosen one, or the run's Redis."""
    if folder not in _Run.folders:
        _Run.folders[folder] = _virtual_host() if switch.BROKER == "rabbitmq" else _redis(folder)
    return _Run.folders[folder]


def settings_for(folder: Path) -> dict[str, str]:
    """HOOKLINE_* of processes that run in ``folder``: the chosen servers, if any."""
    settings = rabbitmq_for(folder)
    if switch.GIVEN:
        settings = {
            "HOOKLINE_REDIS_URL": database_for(folder),
            "HOOKLINE_REDIS_REPLICAS": str(switch.REPLICAS),
            "HOOKLINE_BROKER_URL": broker_url(folder),
            **settings,
        }
    return settings


def rabbitmq_for(folder: Path) -> dict[str, str]:
    """HOOKLINE_* of processes that have a Redis of their own: RabbitMQ, if that was chosen."""
    if switch.BROKER != "rabbitmq":
        return {}
    return {"HOOKLINE_BROKER_URL": broker_url(folder), "HOOKLINE_QUEUE_TYPE": "quorum"}


def _redis(folder: Path) -> str:
    if switch.GIVEN:
        place, _, db = database_for(folder).rpartition("/")
        return f"{place}/{int(db) + 1}"
    url = database_url(1 + process_number() % 6)  # the product's own Redis has few
    with connect(url) as client:
        client.flushdb()
    return url
