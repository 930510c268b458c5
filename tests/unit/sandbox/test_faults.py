import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from worker.sandbox.dialects import dialect_named
from worker.sandbox.faults import Faults
from worker.sandbox.ledger import Stats
from worker.sandbox.models import Callback, Order, Reply, Task
from worker.sandbox.options import OPTIONS, SandboxOptions, options_from_text
from worker.sandbox.scheduler import Scheduler

BODY = {"status": "SUCCESS", "state": "s", "buttons": [1]}
CALLBACK = Callback("http://127.0.0.1/", BODY, number=1, index=1, seconds=4.0)
REPLY = Reply({"code": 1})


def faults(dialect: str = "trueai", **options: Any) -> Faults:
    return Faults(SandboxOptions(**options), dialect_named(dialect), Stats())


def sent(**options: Any) -> list[Callback]:
    return faults(**options).callbacks(CALLBACK)


def accepted(dialect: str = "trueai", **options: Any) -> tuple[Reply, Task]:
    task = Task("1", 1, Order("imagine", "IMAGINE", "grid"), "hash")
    return faults(dialect, **options).after_accept(REPLY, 1, (task,)), task


def test_every_rate_belongs_to_one_fault() -> None:
    for rate in [option.name for option in OPTIONS if option.is_rate]:
        stats, chosen = Stats(), options_from_text({rate: "1.0"})
        one = Faults(chosen, dialect_named("trueai"), stats)
        _, task = one.before_accept("imagine", 1), Task("1", 1, Order("", "", ""), "hash")
        one.after_accept(REPLY, 1, (task,))
        one.callbacks(CALLBACK)
        one.download(b"data", "image/png", task)
        one.links({}, 1)
        assert stats.snapshot() == {"faults": {rate: 1}}


def test_without_faults_nothing_changes() -> None:
    assert sent() == [CALLBACK]
    reply, task = accepted()
    assert reply is REPLY
    assert task.failure is None


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
    assert accepted(cut_replies=1.0)[0].cut
    assert 1 <= accepted(slow_replies=1.0, slow_seconds=(1, 2))[0].delay <= 2
    assert accepted(callbacks_early=1.0)[0].delay > 0
    assert accepted(failures=1.0)[1].failure
    _, late = accepted(late_successes=1.0)
    assert late.failure == "执行超时 5 分钟"
    assert late.late_success is not None


@pytest.mark.parametrize("dialect", ["trueai", "novicezk", "gateway", "crazyrouter"])
@pytest.mark.parametrize("path", ["imagine", "blend"])
def test_refusals_and_errors_in_every_dialect(dialect: str, path: str) -> None:
    busy = dialect_named(dialect).busy(path)
    assert all(reply.status != 200 or reply.body["code"] in (23, 9, 4, -1) for reply in busy)
    for rate, statuses in (("errors_before", {500, 502, 503, 504}), ("refusals", {200, 429, 400})):
        before = faults(dialect, **{rate: 1.0}).before_accept(path, 1)
        assert before is not None
        assert before.status in statuses
    assert accepted(dialect, errors_after=1.0)[0].status in {500, 502, 504}


def test_chance_is_repeated_by_the_seed_whatever_the_order() -> None:
    def struck(seed: int, numbers: list[int]) -> set[int]:
        chosen = faults(seed=seed, callbacks_lost=0.3)
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

    def enter() -> None:  # on the scheduler's own thread, so that nothing runs in between
        scheduler.after(0.2, lambda: seen.append(2))
        scheduler.after(0.0, lambda: seen.append(1))
        scheduler.after(0.0, lambda: seen.append(1 // 0))
        scheduler.after(0.2, done.set)

    scheduler.after(0.0, enter)
    assert done.wait(30), "the last call"
    assert seen == [1, 2]
