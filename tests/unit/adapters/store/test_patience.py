"""How long the store's driver tries again."""

from copy import deepcopy

import pytest
import redis

from worker.adapters.store import patience
from worker.adapters.store.patience import Patience

_TIMEOUT_S = 3.0


class Clock:
    """Time goes by while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.tries = 0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def time_out(self) -> None:
        self.tries += 1
        self.now += _TIMEOUT_S
        raise redis.ConnectionError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(patience, "monotonic", lambda: clock.now)
    monkeypatch.setattr(patience, "sleep", clock.sleep)
    return clock


def test_what_times_out_is_tried_once_more(clock: Clock) -> None:
    failed: list[Exception] = []
    with pytest.raises(redis.ConnectionError):
        Patience(_TIMEOUT_S + 2).call_with_retry(clock.time_out, failed.append)
    assert (clock.tries, len(failed)) == (2, 2)
    assert clock.now < 2 * _TIMEOUT_S + 1


def test_the_tries_of_a_connection_are_among_those_of_its_command(clock: Clock) -> None:
    command = Patience(_TIMEOUT_S + 2)
    connection = deepcopy(command)  # as the driver does

    def ask() -> None:
        connection.call_with_retry(clock.time_out, lambda _: None)

    for _ in range(2):  # the next command has a patience of its own
        clock.tries = 0
        with pytest.raises(redis.ConnectionError):
            command.call_with_retry(ask, lambda _: None)
        assert clock.tries == 2


def test_a_refused_connection_is_tried_until_a_restart_is_over(clock: Clock) -> None:
    def refuse() -> None:
        clock.tries += 1
        raise redis.ConnectionError

    with pytest.raises(redis.ConnectionError):
        Patience(5).call_with_retry(refuse, lambda _: None)
    assert clock.tries >= 5
    assert 3 < clock.now <= 5


def test_what_another_try_cannot_mend_is_raised_at_once(clock: Clock) -> None:
    def answer() -> None:
        clock.tries += 1
        raise redis.ResponseError

    with pytest.raises(redis.ResponseError):
        Patience(5).call_with_retry(answer, lambda _: None)
    with pytest.raises(redis.ConnectionError):
        Patience(5).call_with_retry(clock.time_out, lambda _: None, lambda _: False)
    assert clock.tries == 2
