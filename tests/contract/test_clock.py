"""The time that all processes share, whatever their own clocks say."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.adapters.store.clock import SharedClock
from worker.adapters.store.connection import connect

HOUR = 3600.0


class Machine:
    """A machine's clocks; ``asked`` counts what Redis was asked."""

    def __init__(self, ahead_s: float) -> None:
        self.ahead_s = ahead_s
        self.passed = 0.0

    def wall(self) -> float:
        return time.time() + self.passed + self.ahead_s

    def steady(self) -> float:
        return time.monotonic() + self.passed


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with connect(redis_url) as connected:
        yield connected


def clock(client: "redis.Redis", machine: Machine) -> SharedClock:
    return SharedClock(client, wall=machine.wall, steady=machine.steady)


@pytest.mark.parametrize("ahead_s", [-65 * 60, 0, 65 * 60])
def test_machines_whose_clocks_differ_agree_about_the_time(
    client: "redis.Redis", ahead_s: float
) -> None:
    shared = clock(client, Machine(ahead_s))
    assert shared() == pytest.approx(time.time(), abs=2)
    assert shared.ahead_s == pytest.approx(ahead_s, abs=2)


def test_a_clock_that_is_set_changes_nothing(client: "redis.Redis") -> None:
    machine = Machine(0)
    shared = clock(client, machine)
    before = shared()
    machine.ahead_s = HOUR
    assert 0 <= shared() - before < 2
    assert shared.ahead_s == pytest.approx(HOUR, abs=2)


def test_sleep_counts_although_redis_is_not_asked(client: "redis.Redis") -> None:
    machine = Machine(0)
    shared = clock(client, machine)
    before = shared()
    machine.passed += HOUR
    assert shared() - before == pytest.approx(HOUR, abs=2)


def test_redis_is_asked_again_every_few_seconds(client: "redis.Redis") -> None:
    machine = Machine(0)
    shared = clock(client, machine)
    shared()
    machine.passed += HOUR  # this machine's steady clock runs wrong
    shared.refresh()
    assert shared() == pytest.approx(time.time(), abs=2)
    asked = client.info("commandstats")["cmdstat_time"]["calls"]
    for _ in range(100):
        shared.refresh()
    assert client.info("commandstats")["cmdstat_time"]["calls"] == asked


def test_without_redis_it_is_the_machines_own_time_until_redis_answers(
    client: "redis.Redis",
) -> None:
    away = redis.Redis(port=1, retry=Retry(NoBackoff(), 0))
    machine = Machine(HOUR)
    shared = clock(away, machine)
    assert shared() == pytest.approx(machine.wall(), abs=2)
    assert shared.ahead_s == pytest.approx(0, abs=2)
    shared._client = client
    assert shared() == pytest.approx(time.time(), abs=2)


def test_a_slow_answer_counts_only_if_there_is_no_better_one(client: "redis.Redis") -> None:
    machine = Machine(HOUR)

    class Slow:
        def time(self) -> object:
            machine.passed += 2.0
            return client.time()

    slow: Any = Slow()
    shared = clock(slow, machine)
    assert shared() == pytest.approx(time.time() + 1, abs=2)
    before = shared() - machine.steady()
    machine.passed += 10.0
    shared.refresh()
    assert shared() - machine.steady() == pytest.approx(before, abs=0.1)


def test_a_user_who_may_not_ask_has_the_machines_own_time() -> None:
    machine = Machine(HOUR)

    class Refusing:
        def time(self) -> object:
            raise redis.exceptions.NoPermissionError

    refusing: Any = Refusing()
    assert clock(refusing, machine)() == pytest.approx(machine.wall(), abs=2)
