"""A process whose host is cut off from a provider leaves the jobs to other processes."""

import pytest

from tests.support.jobs import NOW
from worker.domain.account.reach import FIRST_PAUSE_S, LONGEST_PAUSE_S, Reach, after, tried
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.provider_reports import Outcome, Verdict

ACCEPTED = Verdict(Outcome.ACCEPTED, task_id="t")


def refused(code: ErrorCode) -> Verdict:
    return Verdict(Outcome.TRY_LATER, error=job_error(code, "words"))


UNREACHABLE = refused(ErrorCode.UNREACHABLE)


def failed(reach: Reach, now: float) -> Reach:
    """After a submit that took a second to fail, while another process's was accepted."""
    return after(reach, UNREACHABLE, now - 1, now - 0.5, now)


def test_it_takes_jobs_until_it_failed_twice_where_others_did_not() -> None:
    once = failed(Reach(), NOW)
    assert once.most(NOW) is None, "an accident, as far as that shows"
    twice = failed(once, NOW + 9)
    assert twice.most(NOW + 9) == 0
    assert twice.most(NOW + 9 + FIRST_PAUSE_S) == 1


def test_each_trial_that_fails_doubles_the_pause() -> None:
    reach, now = Reach(), NOW
    pauses = []
    for _ in range(7):
        reach = failed(reach, now)
        pauses.append(reach.again_at - now)
        now += 100
    assert pauses[1:] == [5.0, 10.0, 20.0, 40.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S]


def test_one_job_tries_at_a_time() -> None:
    reach = failed(failed(Reach(), NOW), NOW + 9)
    due = reach.again_at
    assert tried(reach, due).most(due + FIRST_PAUSE_S / 2) == 0
    assert tried(Reach(), NOW).most(NOW) is None


def test_the_trial_of_a_resting_account_is_left_to_others_as_long_as_there_may_be_any() -> None:
    reach = failed(failed(Reach(), NOW), NOW + 9)
    assert reach.most(reach.again_at, trial=True) == 0
    assert reach.most(reach.again_at + LONGEST_PAUSE_S, trial=True) == 1
    assert Reach().most(NOW, trial=True) is None


def test_one_burst_counts_once() -> None:
    reach = Reach()
    for n in range(9):
        reach = after(reach, UNREACHABLE, NOW, NOW + 1, NOW + 5 + n / 100)
    assert reach.most(NOW + 6) is None


def test_an_answer_ends_it() -> None:
    reach = failed(failed(Reach(), NOW), NOW + 9)
    for answer in (ACCEPTED, refused(ErrorCode.QUEUE_FULL), refused(ErrorCode.PROVIDER_ERROR)):
        assert after(reach, answer, NOW + 20, None, NOW + 21).most(NOW + 21) is None
    assert after(reach, refused(ErrorCode.NOT_PREPARED), NOW + 20, None, NOW + 21) == reach


@pytest.mark.parametrize(
    ("accepted_at", "answered_at"),
    [(None, 0.0), (NOW - 2, 0.0), (NOW - 0.5, NOW - 0.5)],
    ids=["nothing was ever accepted", "nothing accepted since", "answered itself"],
)
def test_trouble_of_the_provider_is_none_of_its_own(
    accepted_at: float | None, answered_at: float
) -> None:
    reach = Reach(answered_at=answered_at)
    for n in range(9):
        reach = after(reach, UNREACHABLE, NOW - 1 + n / 100, accepted_at, NOW + n)
    assert reach.most(NOW + 9) is None
