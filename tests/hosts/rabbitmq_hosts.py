"""A node of RabbitMQ, or a cluster with one on each host, set up as the docs say."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import amqp

from tests.chaos.waiting import wait_for
from tests.hosts.host import Host
from tests.neighbours.servers import RABBITMQ, rabbitmq_env
from worker.adapters.messaging.names import DOOR

#: A node takes ten seconds, and minutes on a machine with a load of ten times its cores.
START_S = 600.0
#: Seconds between two looks: each is a connection to every node.
LOOK_EVERY_S = 0.5
_PORT = 5672
_USER, _PASSWORD = "hookline", "canary-amqp-password"
#: What the nodes show each other before they talk.
_COOKIE = "canary-erlang-cookie"
_ANSWERS_S = 2.0

_CONFIG = f"""\
default_user = {_USER}
default_pass = {_PASSWORD}
cluster_partition_handling = pause_minority
net_ticktime = 20
cluster_formation.peer_discovery_backend = classic_config
"""


class RabbitmqHosts:
    """The nodes of these hosts. Their first boot makes them a cluster."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self.hosts = list(hosts)
        config = _CONFIG + "".join(
            f"cluster_formation.classic_config.nodes.{number} = {_node(host)}\n"
            for number, host in enumerate(hosts, start=1)
        )
        for host in hosts:
            (host.folder / "rabbitmq.conf").write_text(config)
            cookie = host.folder / ".erlang.cookie"
            cookie.write_text(_COOKIE)
            cookie.chmod(0o400)  # otherwise Erlang refuses it
            env = rabbitmq_env(host.folder, host.address, _PORT) | {
                "RABBITMQ_NODENAME": _node(host),
                "RABBITMQ_USE_LONGNAME": "true",  # an address needs no name server
            }
            host.run(host.name, (str(RABBITMQ),), env)

    def boot(self) -> None:
        """Boot all. The first node begins the cluster, and the others have one to join."""
        first, *others = self.hosts
        first.boot()
        if others:
            wait_for(lambda: _cluster_of(first), "a node of RabbitMQ", START_S, LOOK_EVERY_S)
        for host in others:
            host.boot()

    def url(self) -> str:
        """The address of the broker: that of all nodes."""
        return ";".join(
            f"amqp://{_USER}:{_PASSWORD}@{host.address}:{_PORT}//" for host in self.hosts
        )

    def whole(self) -> bool:
        """Whether every node takes messages, as part of one cluster."""
        clusters = set(map(_cluster_of, self.hosts))
        return len(clusters) == 1 and None not in clusters

    def pauses(self, host: Host) -> bool:
        """Whether this node takes no messages."""
        return _cluster_of(host) is None

    def consumers(self) -> int:
        """How many workers consume the jobs of other programs; 0 while no node answers."""
        for host in self.hosts:
            with suppress(OSError, amqp.AMQPError), _connected(host) as connection:
                found: Any = connection.channel().queue_declare(DOOR, passive=True)
                return int(found.consumer_count)
        return 0


def _node(host: Host) -> str:
    return f"rabbit@{host.address}"


def _cluster_of(host: Host) -> str | None:
    """The name of a node's cluster, which is that of its first node; None: it does not answer."""
    with suppress(OSError, amqp.AMQPError), _connected(host) as connection:
        return str(connection.server_properties["cluster_name"])
    return None


@contextmanager
def _connected(host: Host) -> Iterator[Any]:
    connection = amqp.Connection(
        f"{host.address}:{_PORT}",
        _USER,
        _PASSWORD,
        connect_timeout=_ANSWERS_S,
        read_timeout=_ANSWERS_S,
        write_timeout=_ANSWERS_S,
    )
    connection.connect()
    try:
        yield connection
    finally:
        connection.collect()  # without a farewell, which would wait for an answer
