"""From what an event costs to what an installation needs."""

import pytest

from tests.scale.sizing import TASK, Assumed, Costs, per_task, size

_COSTS = Costs(
    redis_ms=3.0, web_ms=6.0, worker_ms=12.0, waiting=2_000.0, running=3_000.0, finished=5_000.0
)
_ASSUMED = Assumed(waits_s=500.0, runs_s=100.0, kept_s=1_000.0, busy=0.5, redis_gb=10.0)


def test_a_task_costs_the_sum_of_its_events() -> None:
    assert per_task(dict.fromkeys(TASK, 0.0) | {"progress": 100.0, "new job": 10.0}) == 502.0


def test_an_event_without_a_figure_is_named() -> None:
    with pytest.raises(KeyError, match="reply"):
        per_task({kind: 1.0 for kind in TASK if kind != "reply"})


def test_cores_grow_with_the_rate_and_leave_room() -> None:
    needed = size(100, _COSTS, _ASSUMED)
    found = needed.redis_cores, needed.web_cores, needed.worker_cores
    assert found == pytest.approx((0.6, 1.2, 2.4))


def test_memory_is_that_of_the_jobs_that_are_there_at_a_time() -> None:
    needed = size(100, _COSTS, _ASSUMED)
    assert needed.active_gb == pytest.approx(0.1 + 0.03)
    assert needed.kept_gb == pytest.approx(0.5)
    assert needed.cells == 1


@pytest.mark.parametrize(
    ("rate", "kept_s", "cells"),
    [(1_000, 0.0, 6), (100, 25_000.0, 2), (0.001, 0.0, 1)],
    ids=["by cores", "by memory", "at least one"],
)
def test_cells_are_as_many_as_cores_or_memory_ask_for(
    rate: float, kept_s: float, cells: int
) -> None:
    assumed = Assumed(waits_s=500.0, runs_s=100.0, kept_s=kept_s, busy=0.5, redis_gb=10.0)
    assert size(rate, _COSTS, assumed).cells == cells
