import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from worker.sandbox import OPTIONS, SandboxOptions
from worker.sandbox.dialects import dialect_named
from worker.sandbox.faults import Callback, Case, Download, Faults
from worker.sandbox.ledger import Stats
from worker.sandbox.model import Order, Reply, Task
from worker.sandbox.scheduler import Scheduler

BODY = {"status": "SUCCESS", "state": "s", "buttons": [1]}
CALLBACK = Callback("http://127.0.0.1/", BODY, number=1, index=1, seconds=4.0)


def sent(**options: Any) -> list[Callback]:
    return Faults(SandboxOptions(**options), Stats()).callbacks(CALLBACK)


def case(dialect: str = "trueai", path: str = "imagine", **options: Any) -> Case:
    task = Task("1", 1, Order("imagine", "IMAGINE", "grid"), "hash")
    return Case(path, 1, dialect_named(dialect), SandboxOptions(**options), (task,))


def accepted(**options: Any) -> Case:
    one = case(**options)
    Faults(one.options, Stats()).after(one)
    return one


RATES = [option.name for option in OPTIONS if option.is_rate]


@pytest.mark.parametrize("rate", RATES)
def test_a_share_of_one_strikes_every_time(rate: str) -> None:
    stats, one = Stats(), case()
    options: dict[str, Any] = {rate: 1.0}
    faults = Faults(SandboxOptions(**options), stats)
    faults.before(one)
    faults.after(one)
    faults.callbacks(CALLBACK)
    faults.download(Download(b"a picture", 9), 1, 1)
    faults.link_life(1, 1)
    assert {name: stats.get(name, "faults") for name in RATES if name != rate} == dict.fromkeys(
        set(RATES) - {rate}, 0
    )
    assert stats.get(rate, "faults") == 1


def test_without_faults_nothing_changes() -> None:
    assert sent() == [CALLBACK]
    one = accepted()
    assert (one.reply, one.delay, one.cut) == (None, 0.0, False)
    assert one.tasks[0].doom is None


def test_callback_faults() -> None:
    assert sent(callbacks_lost=1.0) == []
    assert sent(callbacks_doubled=1.0) == [CALLBACK, CALLBACK]
    assert 0 < sent(callbacks_shuffled=1.0)[0].delay < CALLBACK.seconds
    assert 2 <= sent(callbacks_late=1.0, late_seconds=(2, 3))[0].delay <= 3
    assert "state" not in sent(callbacks_without_state=1.0)[0].body
    assert sent(callbacks_without_buttons=1.0)[0].body["buttons"] == []
    assert BODY == {"status": "SUCCESS", "state": "s", "buttons": [1]}
    both = sent(callbacks_doubled=1.0, callbacks_late=1.0)
    assert [callback.delay > 0 for callback in both] == [True, True]


def test_after_faults() -> None:
    assert accepted(cut_replies=1.0).cut
    assert 1 <= accepted(slow_replies=1.0, slow_seconds=(1, 2)).delay <= 2
    assert accepted(callbacks_early=1.0).delay > 0
    assert accepted(failures=1.0).tasks[0].doom
    late = accepted(late_successes=1.0).tasks[0]
    assert late.doom == "执行超时 5 分钟"
    assert late.succeeds_late is not None


@pytest.mark.parametrize("dialect", ["trueai", "novicezk", "gateway", "crazyrouter"])
@pytest.mark.parametrize("path", ["imagine", "blend"])
def test_refusals_and_errors_in_every_dialect(dialect: str, path: str) -> None:
    busy = dialect_named(dialect).busy(path)
    assert all(reply.status != 200 or reply.body["code"] in (23, 9, 4, -1) for reply in busy)
    for rate, statuses in (("errors_before", {500, 502, 503, 504}), ("refusals", {200, 429, 400})):
        one = case(dialect, path, **{rate: 1.0})
        Faults(one.options, Stats()).before(one)
        assert isinstance(one.reply, Reply)
        assert one.reply.status in statuses
    after = case(dialect, path, errors_after=1.0)
    Faults(after.options, Stats()).after(after)
    assert after.reply is not None
    assert after.reply.status in {500, 502, 504}


def test_chance_is_repeated_by_the_seed_whatever_the_order() -> None:
    def struck(seed: int, numbers: list[int]) -> set[int]:
        chosen = Faults(SandboxOptions(seed=seed, callbacks_lost=0.3), Stats())
        return {n for n in numbers if not chosen.callbacks(replace(CALLBACK, number=n))}

    numbers = list(range(200))
    assert struck(1, numbers) == struck(1, numbers[::-1])
    assert struck(1, numbers) != struck(2, numbers)
    assert 30 < len(struck(1, numbers)) < 90


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    made = Scheduler()
    yield made
    made.stop()


def test_the_scheduler_keeps_order_and_survives_a_mishap(scheduler: Scheduler) -> None:
    done, seen = threading.Event(), list[int]()
    scheduler.after(0.03, done.set)
    scheduler.after(0.01, lambda: seen.append(2))
    scheduler.after(0.0, lambda: seen.append(1))
    scheduler.after(0.0, lambda: seen.append(1 // 0))
    assert done.wait(30), "the last call"
    assert seen == [1, 2]
