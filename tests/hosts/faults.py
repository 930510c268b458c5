"""What goes wrong between hosts and with them. Each fault is healed by the one who made it."""

import time

from tests.chaos.waiting import wait_for
from tests.hosts.programs import REDIS, WEB, WORKERS, set_clock
from tests.hosts.trial import Fault, Ground

_DELAY_MS = 500
_CLOCK_OFF_S = 120
_BACK_S = 120.0


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
    """The broker ends in good order and starts again; next time its host loses its power."""
    host = ground.site.hosts["rabbitmq"]
    if ground.faults % 2:
        host.lose_power()
        ground.hold()
        ground.site.network.heal()
    else:
        host.shut_down()
    host.boot()
    wait_for(ground.site.web_ready, "the web hosts with their broker", _BACK_S)


def clock_off(ground: Ground) -> None:
    """The clock of a worker host is two minutes fast, next time slow; then those of a web host."""
    host = ground.site.hosts[ground.pick((WORKERS[0], WORKERS[1], *WEB))]
    set_clock(host, -_CLOCK_OFF_S if ground.faults % 2 else _CLOCK_OFF_S)
    ground.hold()
    set_clock(host, 0)


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
    Fault("redis-killed", "the host of Redis's primary without power", redis_killed),
    Fault(
        "redis-partitioned",
        "Redis's primary cut off with a web and a worker host",
        redis_partitioned,
    ),
    Fault("rabbitmq", "RabbitMQ restarted, and without power", rabbitmq_restarted, by_celery=True),
    Fault("clock", "the clock of a host two minutes off", clock_off),
)
