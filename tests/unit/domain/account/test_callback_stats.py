"""What an account's callbacks so far say about it."""

from dataclasses import replace

import pytest

from tests.support.jobs import NOW, a_job
from worker.domain.account.callback_stats import (
    CallbackStats,
    TrackingMode,
    flow,
    policy_for,
    sort_of,
    tracking_mode,
)
from worker.domain.events import Policy
from worker.domain.job import Job
from worker.domain.job_spec import Kind
from worker.domain.presence import Presence

GOOD = CallbackStats(callbacks=9, told=3, by_sort={"imagine": 9})

POLLING, MIXED, CALLBACKS = TrackingMode.POLLING, TrackingMode.MIXED, TrackingMode.CALLBACKS

MODES: dict[str, tuple[CallbackStats, bool, TrackingMode, str, bool | None]] = {
    # what was counted, whether submits carry a hook, the mode, words of its why, callbacks flow
    "no hook": (GOOD, False, POLLING, "no public URL", False),
    "new": (CallbackStats(), True, MIXED, "nothing is known", None),
    "two silent ends": (
        CallbackStats(asked=2, silent=2), True, MIXED, "nothing is known", None,
    ),
    "never": (CallbackStats(asked=3, silent=3), True, POLLING, "no callback ever came", False),
    "stopped": (
        CallbackStats(callbacks=9, told=99, asked=3, silent=3), True, POLLING, "stopped", False
    ),
    "many asked": (CallbackStats(callbacks=9, told=19, asked=1), True, MIXED, "1 of 20", True),
    "few asked": (
        CallbackStats(callbacks=9, told=20, asked=1), True, CALLBACKS, "20 of 21", True,
    ),
    "good": (GOOD, True, CALLBACKS, "3 of 3 ends were told", True),
    "one of the last ten": (
        CallbackStats(callbacks=9, told=63, asked=39, recent="ttttattttt"),
        True, MIXED, "1 of the last 10 ends had to be asked for", True,
    ),
    "asked for long ago": (
        CallbackStats(callbacks=9, told=63, asked=39, recent="tttttttttt"),
        True, CALLBACKS, "10 of the last 10 ends were told", True,
    ),
    "only progress": (CallbackStats(callbacks=1), True, CALLBACKS, "0 of 0", True),
}  # fmt: skip


@pytest.mark.parametrize(
    ("callback_stats", "hooked", "mode", "why", "flows"), MODES.values(), ids=MODES
)
def test_the_tracking_mode_and_why(
    callback_stats: CallbackStats, mode: TrackingMode, why: str, *, hooked: bool, flows: bool | None
) -> None:
    found, words = tracking_mode(callback_stats, hooked=hooked)
    assert found is mode
    assert why in words
    assert flow(callback_stats, hooked=hooked) is flows


@pytest.mark.parametrize(
    ("learnt", "as_set", "came_back", "lost_after_s"),
    [
        ("novicezk", None, False, 6.0),
        ("trueai", None, False, 6.0),
        ("gateway", None, False, 300.0),
        (None, None, False, 300.0),
        (None, "novicezk", False, 6.0),
        ("novicezk", "gateway", False, 300.0),
        ("novicezk", None, True, 300.0),  # two servers that answer in turn, perhaps
    ],
)
def test_how_long_a_task_is_unknown_before_it_is_lost(
    learnt: str | None, as_set: str | None, came_back: bool, lost_after_s: float
) -> None:
    stats = CallbackStats(dialect=learnt, came_back=came_back)
    policy = policy_for(sort_of(a_job()), Policy(), stats, hooked=True, dialect=as_set)
    assert policy.lost_after_s == lost_after_s
    assert policy.stores_first is (lost_after_s == 6.0)


def press(**request: object) -> Job:
    return a_job(kind=Kind.ACTION, request=request)


@pytest.mark.parametrize(
    ("job", "sort"),
    [
        (a_job(), "imagine"),
        (a_job(kind=Kind.DESCRIBE), "describe"),
        (press(custom_id="MJ::JOB::upsample::1::4f2c"), "upscale"),
        (press(custom_id="MJ::JOB::variation::1::4f2c"), "action"),
        (press(custom_id="MJ::JOB::upsample_v6_2x_subtle::1::4f2c::SOLO"), "action"),
        (press(button="u1"), "upscale"),
        (press(button="V1"), "action"),
        (a_job(kind=Kind.CHANGE, request={"action": "UPSCALE", "index": 1}), "upscale"),
        (a_job(kind=Kind.CHANGE, request={"action": "REROLL"}), "change"),
    ],
)
def test_jobs_that_are_called_back_about_alike_are_of_one_sort(job: Job, sort: str) -> None:
    assert sort_of(job) == sort


PROVEN = Presence(NOW - 1, {"web": NOW})


def test_the_policy_keeps_what_is_set_and_adds_what_is_known() -> None:
    rules = Policy(lease_s=7.0, in_doubt="fail", doubt_window_s=9.0, max_resubmits=0)
    known = CallbackStats(
        callbacks=9,
        by_sort={"imagine": 1},
        lag_s=10.0,
        lag_deviation_s=2.5,
        called_back_at=NOW,
        presence=PROVEN,
    )
    policy = policy_for(sort_of(a_job()), rules, known, hooked=True)
    set_before = (policy.lease_s, policy.in_doubt, policy.doubt_window_s, policy.max_resubmits)
    assert set_before == (7.0, "fail", 9.0, 0)
    assert (policy.callbacks_flow, policy.calls_back) == (True, True)
    assert policy.lag_s == 20.0, "as TCP times its answers: the mean and four deviations"
    assert (policy.called_back_at, policy.presence) == (NOW, PROVEN)


@pytest.mark.parametrize(
    ("known", "first_look_s"),
    [
        (CallbackStats(), 2.0),
        (CallbackStats(callbacks=9, told=3, by_sort={"upscale": 9}, lag_s=9.0), 2.0),
        (replace(GOOD, silent=3, lag_s=9.0), 2.0),
        (replace(GOOD, lag_s=9.0, lag_deviation_s=1.0), 13.0),
        (replace(GOOD, lag_s=0.1), 5.0),
        (GOOD, 20.0),
    ],
    ids=["nothing known", "other sorts call back", "callbacks stopped", "usual", "quick", "first"],
)
def test_a_new_task_is_polled_soon_unless_such_tasks_call_back(
    known: CallbackStats, first_look_s: float
) -> None:
    policy = policy_for(sort_of(a_job()), Policy(), known, hooked=True)
    assert policy.first_look_s == first_look_s


UPSCALE = press(custom_id="MJ::JOB::upsample::1::4f2c")


@pytest.mark.parametrize(
    ("job", "took_s", "runs_for_s"),
    [
        (a_job(), {}, 180.0),
        (a_job(kind=Kind.VIDEO), {}, 900.0),
        (a_job(), {"imagine": (3.0, 0.5)}, 15.0),
        (UPSCALE, {"imagine": (60.0, 5.0)}, 90.0),
        (UPSCALE, {"imagine": (60.0, 5.0), "upscale": (0.2, 0.1)}, 10.6),
        (a_job(), {"upscale": (0.2, 0.1)}, 180.0),
        (a_job(kind=Kind.VIDEO), {"imagine": (3.0, 0.5)}, 900.0),
        (a_job(kind=Kind.VIDEO), {"video": (100.0, 10.0)}, 150.0),
    ],
)
def test_how_long_a_task_runs_is_what_its_account_showed(
    job: Job, took_s: dict[str, tuple[float, float]], runs_for_s: float
) -> None:
    policy = policy_for(sort_of(job), Policy(), CallbackStats(took_s=took_s), hooked=True)
    assert policy.runs_for_s == pytest.approx(runs_for_s)


def test_of_another_sort_of_job_nothing_is_known() -> None:
    upscale = press(custom_id="MJ::JOB::upsample::1::4f2c")
    assert policy_for(sort_of(a_job()), Policy(), GOOD, hooked=True).calls_back
    assert not policy_for(sort_of(upscale), Policy(), GOOD, hooked=True).calls_back
    assert policy_for(sort_of(a_job()), Policy(), CallbackStats(), hooked=True).lag_s is None
