"""Wake-ups where the broker is away."""

from typing import Any

import pytest

from worker.adapters.messaging import broker, wakeups
from worker.adapters.messaging.wakeups import CeleryWakeups
from worker.domain.errors import BrokerUnavailable, HooklineError, QueueRefused


class Broker:
    """Takes what it is sent, or fails."""

    def __init__(self) -> None:
        self.error: HooklineError | None = None
        self.now, self.tries = 100.0, 0

    def send(self, *_: Any, **__: Any) -> None:
        self.tries += 1
        if self.error:
            raise self.error


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Broker:
    there = Broker()
    monkeypatch.setattr(broker, "send", there.send)
    monkeypatch.setattr(wakeups, "monotonic", lambda: there.now)
    return there


def test_a_broker_that_failed_is_left_alone_for_a_while(there: Broker) -> None:
    woken = CeleryWakeups(lambda: None)  # type: ignore[arg-type, return-value]
    there.error = BrokerUnavailable("the broker fails: TimeoutError")
    for _ in range(9):
        woken.start("default")
    assert there.tries == 1, "each try may cost its caller three seconds"
    there.error = None
    there.now += 5.1
    woken.start("default")
    woken.store_assets("j")
    assert there.tries == 3


def test_a_queue_that_is_refused_stops_no_other(there: Broker) -> None:
    woken = CeleryWakeups(lambda: None)  # type: ignore[arg-type, return-value]
    there.error = QueueRefused("no queue")
    for _ in range(2):
        woken.start("default")
    assert there.tries == 2
