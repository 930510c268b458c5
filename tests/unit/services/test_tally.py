import pytest

from tests.support.jobs import NOW
from tests.support.stores import OwnStore
from worker.domain.errors import StoreUnavailable
from worker.domain.metrics import Metrics
from worker.services.tally import EVERY_S, Tally


def test_it_adds_up_and_is_written_once() -> None:
    store = OwnStore()
    tally = Tally(store.metrics, lambda: NOW)
    tally.add({"a": 1})
    tally.add({"a": 2, "b": 1})
    tally.observe(Metrics.COMMIT, 0.004)
    for _ in range(2):
        tally.flush(at_once=True)
        assert store.metrics.counters() == {
            "a": 3,
            "b": 1,
            "commit_seconds|2": 1,
            "commit_seconds|sum": 4,
        }


def test_it_is_written_every_few_seconds_only() -> None:
    store, now = OwnStore(), [NOW]
    tally = Tally(store.metrics, lambda: now[0])
    tally.add({"a": 1})
    tally.flush()
    assert store.metrics.counters() == {}
    now[0] += EVERY_S
    tally.flush()
    assert store.metrics.counters() == {"a": 1}


def test_nothing_is_lost_while_the_store_is_away() -> None:
    store = OwnStore()
    tally = Tally(store.metrics, lambda: NOW)
    tally.add({"a": 1})
    store.line.cut = "away"
    with pytest.raises(StoreUnavailable):
        tally.flush(at_once=True)
    tally.add({"a": 1})
    store.line.cut = None
    tally.flush(at_once=True)
    assert store.metrics.counters() == {"a": 2}
