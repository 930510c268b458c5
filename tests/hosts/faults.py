"""What goes wrong between hosts and with them. Each fault is healed by the one who made it."""

import time

from tests.chaos.waiting import wait_for
from tests.hosts.programs import REDIS, WEB, WORKERS, set_clock
from tests.hosts.rabbitmq_hosts import LOOK_EVERY_S, START_S
from tests.hosts.trial import Fault, Ground

_DELAY_MS = 500
_CLOCK_OFF_S = 120
_BACK_S = 120.0
_ACCEPTED = 202
#: A request waits so long for a wake-up that the broker does not confirm, and so much on a machine
#: that is busy.
_WAKE_UP_S, _BUSY_S = 3.0, 2.0
#: How RabbitMQ is struck, one way after the other.
_IN_GOOD_ORDER, _WITHOUT_POWER, _ALL = range(3)


def cut_off(ground: Ground) -> None:
    """A worker host and all others hear nothing of each other."""
    ground.site.network.part([ground.pick(WORKERS)])
    ground.hold()
    ground.site.network.heal()


def one_way(ground: Ground) -> None:
    """What is sent to a worker host is lost, and next time what it sends."""
    network, name = ground.site.network, ground.pick(WORKERS)
    others = [each for each in network.addresses if each != name]
    if ground.faults % 2:
        network.lose([name], others)
    else:
        network.lose(others, [name])
    ground.hold()
    network.heal()


def no_provider(ground: Ground) -> None:
    """A worker host reaches all but the provider."""
    ground.site.network.part([ground.pick(WORKERS)], ["provider"])
    ground.hold()
    ground.site.network.heal()


def slow(ground: Ground) -> None:
    """What a worker host sends arrives half a second later."""
    ground.site.network.slow_down(ground.pick(WORKERS), _DELAY_MS)
    ground.hold()
    ground.site.network.heal()


def web_killed(ground: Ground) -> None:
    """A web host loses its power, and is there again."""
    host = ground.site.hosts[ground.pick(WEB)]
    host.lose_power()
    ground.hold()
    ground.site.network.heal()
    host.boot()


def redis_killed(ground: Ground) -> None:
    """The host of Redis's primary loses its power; it comes back as a replica."""
    group = ground.site.redis_hosts
    primary = group.primary()
    began = time.monotonic()
    primary.lose_power()
    _moves(ground, primary.name, began)
    ground.site.network.heal()
    primary.boot()
    wait_for(group.in_step, "two replicas", _BACK_S)


def redis_partitioned(ground: Ground) -> None:
    """Redis's primary is cut off from its replicas, but not from a web and a worker host.

    These go on asking it, and it must not acknowledge what the others will never know.
    """
    group, network = ground.site.redis_hosts, ground.site.network
    primary = group.primary()
    web = ground.pick(WEB)
    majority = [name for name in REDIS if name != primary.name]
    began = time.monotonic()
    network.part([primary.name, web, ground.pick(WORKERS)], majority)
    _moves(ground, primary.name, began)
    status, told = ground.ask("north", ground.site.at.web[WEB.index(web)])
    if status != 503:
        ground.problems.append(f"{web}, left alone with the old primary, answers {status}: {told}")
    network.heal()
    wait_for(group.in_step, "two replicas", _BACK_S)


def rabbitmq_restarted(ground: Ground) -> None:
    """A node ends in good order and starts again; the next one loses its power; all of them do."""
    hosts = ground.site.rabbitmq_hosts.hosts
    turn, kind = divmod(ground.faults, 3)
    struck = hosts if kind == _ALL else [hosts[(turn + kind) % len(hosts)]]
    if kind == _IN_GOOD_ORDER:
        struck[0].shut_down()
    else:
        for host in struck:
            host.lose_power()
        ground.hold()
        ground.site.network.heal()
    for host in struck:
        host.boot()
    _broker_back(ground)


def rabbitmq_parted(ground: Ground) -> None:
    """A node is cut off from the others, with a web and a worker host that reach no other node.

    It must confirm nothing, and pause as soon as it knows that it is alone.
    """
    rabbitmq, web = ground.site.rabbitmq_hosts, ground.pick(WEB)
    node = rabbitmq.hosts[ground.faults % len(rabbitmq.hosts)]
    majority = [host.name for host in rabbitmq.hosts if host is not node]
    began = time.monotonic()
    ground.site.network.part([node.name, web, ground.pick(WORKERS)], majority)
    _taken_without_broker(ground, web)
    wait_for(lambda: rabbitmq.pauses(node), "the pause of a node that is alone", _BACK_S)
    ground.told.append(f"{node.name} paused within {time.monotonic() - began:.1f} s")
    _taken_without_broker(ground, web)
    ground.hold()
    ground.site.network.heal()
    _broker_back(ground)


def clock_off(ground: Ground) -> None:
    """The clock of a worker host is two minutes fast, next time slow; then those of a web host."""
    host = ground.site.hosts[ground.pick((WORKERS[0], WORKERS[1], *WEB))]
    set_clock(host, -_CLOCK_OFF_S if ground.faults % 2 else _CLOCK_OFF_S)
    ground.hold()
    set_clock(host, 0)


def _taken_without_broker(ground: Ground, web: str) -> None:
    """A job that is handed in at this host is taken, after no longer than a wake-up may take."""
    began = time.monotonic()
    status, told = ground.ask("north", ground.site.at.web[WEB.index(web)])
    took_s = time.monotonic() - began
    ground.told.append(f"a request at {web} took {took_s:.1f} s")
    if status == _ACCEPTED:
        ground.acknowledged.append(told)
    if status != _ACCEPTED or took_s > _WAKE_UP_S + _BUSY_S:
        ground.problems.append(f"{web}, alone, answers {status} after {took_s:.1f} s: {told}")


def _broker_back(ground: Ground) -> None:
    """Wait for the cluster, the web hosts, and until every worker takes messages again."""
    site, healed = ground.site, time.monotonic()
    wait_for(
        lambda: site.rabbitmq_hosts.consumers() == len(WORKERS),
        "messages for all workers",
        _BACK_S,
        LOOK_EVERY_S,
    )
    ground.told.append(f"all workers took messages {time.monotonic() - healed:.1f} s after")
    wait_for(site.rabbitmq_hosts.whole, "a cluster", START_S, LOOK_EVERY_S)
    wait_for(site.web_ready, "the web hosts with their broker", _BACK_S)


def _moves(ground: Ground, before: str, began: float) -> None:
    """Wait for another primary and for the first submission after it."""
    site = ground.site
    old = site.hosts[before]
    wait_for(lambda: site.redis_hosts.moved_from(old), "another primary", _BACK_S)
    moved, submitted = time.monotonic(), ground.submissions()
    site.wait_for(
        lambda: ground.submissions() > submitted or ground.over.is_set(), "a submission", _BACK_S
    )
    ground.fail_overs.append((moved - began, time.monotonic() - moved))
    ground.hold(ground.hold_s / 2)


FAULTS = (
    Fault("cut-off", "a worker host cut off", cut_off),
    Fault("one-way", "a worker host hears, or is heard, no more", one_way),
    Fault("no-provider", "a worker host without a way to the provider", no_provider),
    Fault("slow", f"{_DELAY_MS} ms on the way from a worker host", slow),
    Fault("web-killed", "a web host without power", web_killed),
    Fault("redis-killed", "the host of Redis's primary without power", redis_killed, pipelines=150),
    Fault(
        "redis-partitioned",
        "Redis's primary cut off with a web and a worker host",
        redis_partitioned,
        pipelines=150,
    ),
    Fault(
        "rabbitmq",
        "a node of RabbitMQ restarted, one without power, and all",
        rabbitmq_restarted,
        by_celery=True,
        rabbitmq_nodes=3,
        pipelines=500,
    ),
    Fault(
        "rabbitmq-parted",
        "a node of RabbitMQ cut off with a web and a worker host",
        rabbitmq_parted,
        by_celery=True,
        rabbitmq_nodes=3,
        pipelines=500,
    ),
    Fault("clock", "the clock of a host two minutes off", clock_off),
)
