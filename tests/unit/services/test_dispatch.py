"""Several accounts: who takes what, who is left alone, and what is spent."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.jobs import NOW, a_snapshot, callback, capacity
from tests.support.shell import Shell
from tests.support.starting import start_next
from worker.adapters.storage.storage import Storage
from worker.adapters.tokens import Tokens
from worker.domain.account import Account, Budgets
from worker.domain.account.circuit_breaker import FAILURES, REST_S
from worker.domain.account.reach import FIRST_PAUSE_S
from worker.domain.account.task_list import Accepted
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.errors import InvalidRequest
from worker.domain.events import Observed
from worker.domain.job import Job, Status
from worker.domain.money import amount
from worker.domain.provider_reports import Outcome, TaskStatus, Verdict
from worker.services.enqueue import Enqueuer
from worker.services.prepare import Preparer
from worker.services.submit import Submitter

URL = "http://127.0.0.1:9"
SMALL = Account("small", URL, max_running=1, key="k1", prices={"imagine": amount(1)})
LARGE = Account("large", URL, max_running=4, key="k2", modes=frozenset({"relax"}))


def refused(reason: ErrorCode, *, account: bool = False) -> Verdict:
    outcome = Outcome.PERMANENT if account else Outcome.TRY_LATER
    return Verdict(outcome, error=job_error(reason, "words"), account_trouble=account)


class House:
    """A shell with what takes jobs in and what submits them."""

    def __init__(self, folder: Path, *accounts: Account, budgets: Budgets | None = None) -> None:
        self.shell = Shell(*(accounts or (SMALL, LARGE)), budgets=budgets)
        storage = Storage(f"file://{folder}")
        tokens = Tokens(["a secret for this test only"])
        self.enqueuer = Enqueuer(self.shell.orchestrator, storage)
        preparer = Preparer(self.shell.orchestrator, tokens, storage, None)
        self.submitter = Submitter(self.shell.orchestrator, self.shell.providers, preparer)

    def hand_in(self, **fields: object) -> Job:
        number = len(self.shell.jobs())
        return self.enqueuer.submit({"kind": "imagine", "prompt": f"cat {number}", **fields})[0]

    def submit(self, account: str, *verdicts: Verdict) -> list[Job]:
        """Start all that the account takes; the jobs that it was sent."""
        provider = self.shell.providers[account]
        ids = (f"{account}-{n}" for n in range(99))
        provider.verdicts = [*verdicts, *(Verdict(Outcome.ACCEPTED, task_id=i) for i in ids)]
        before = {job.id: job.attempts for job in self.shell.jobs()}
        while start_next(self.submitter, account):
            continue
        return [job for job in self.shell.jobs() if job.attempts != before[job.id]]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_new_job_belongs_to_nobody_until_an_account_takes_it(house: House) -> None:
    job = house.hand_in()
    assert (job.account, job.spec.anywhere) == ("", True)
    assert house.shell.wakeups.sent == [("start", "large")], "it has the most free slots"
    [taken] = house.submit("small")
    assert (taken.account, taken.status) == ("small", Status.SUBMITTED)


def test_weight_counts_as_free_slots(tmp_path: Path) -> None:
    house = House(tmp_path, replace(SMALL, weight=9.0), LARGE)
    house.hand_in()
    assert house.shell.wakeups.sent == [("start", "small")]


def test_follow_ups_stay_with_the_account_of_their_parent(house: House) -> None:
    job = house.hand_in(then=[{"press": "U1"}])
    house.submit("large")
    seen = callback(TaskStatus.SUCCEEDED, task_id="large-0")
    [child] = house.shell.orchestrator.record(house.shell.job(job), seen).children
    assert (child.account, child.spec.anywhere) == ("large", False)
    assert house.submit("small") == []


def test_a_mode_or_a_name_binds_a_job(house: House) -> None:
    assert house.hand_in(account="small").account == "small"
    assert house.hand_in(mode="fast").account == "small", "the other one takes relax only"
    with pytest.raises(InvalidRequest, match="no account takes"):
        House(Path(), LARGE).hand_in(mode="turbo")
    with pytest.raises(InvalidRequest, match="small, large"):
        house.hand_in(account="smal")


def test_a_closed_account_hands_its_new_jobs_on(house: House) -> None:
    job, bound = house.hand_in(), house.hand_in(account="small")
    house.submit("small", refused(ErrorCode.QUOTA, account=True))
    assert house.shell.orchestrator.dispatch.breaker("small").closed == "quota: words"
    waiting = house.shell.job(job)
    assert (waiting.account, waiting.status) == ("", Status.QUEUED), "nothing was paid"
    assert house.submit("small") == [], "it would fare the same"
    house.shell.put(replace(waiting, due_at=None))
    assert [each.id for each in house.submit("large")] == [job.id]
    assert house.shell.job(bound).status is Status.QUEUED
    house.shell.now += REST_S
    assert [each.id for each in house.submit("small")] == [bound.id], "it is tried after a rest"
    assert house.shell.orchestrator.dispatch.breaker("small").closed is None


def test_a_worker_that_is_cut_off_does_not_let_an_account_rest(house: House) -> None:
    """While others submit to it: only what leaves after the last accepted submission counts."""
    house.hand_in(account="large")
    house.submit("large")
    dispatch, accepted_at = house.shell.orchestrator.dispatch, house.shell.now
    unreachable = refused(ErrorCode.UNREACHABLE)
    for _ in range(FAILURES):
        dispatch.learn("large", unreachable, accepted_at + 9, started_at=accepted_at - 1)
    assert dispatch.breaker("large", fresh=True).tries_at is None
    for _ in range(FAILURES):
        dispatch.learn("large", unreachable, accepted_at + 9, started_at=accepted_at + 1)
    assert dispatch.breaker("large", fresh=True).rests == 1


def test_a_worker_that_is_cut_off_leaves_the_jobs_to_others(tmp_path: Path) -> None:
    """It would hold each of them up for a timeout; after a while it tries a single one."""
    house = House(tmp_path, replace(LARGE, max_running=9))
    jobs = [house.hand_in(account="large") for _ in range(4)]
    unreachable = refused(ErrorCode.UNREACHABLE)
    dispatch = house.shell.orchestrator.dispatch
    for _ in range(2):
        house.shell.now += 10
        taken_at = house.shell.now
        accept_elsewhere(house, jobs.pop(), taken_at + 1)
        dispatch.learn("large", unreachable, taken_at + 2, started_at=taken_at)
    house.shell.now += 3
    assert house.submit("large") == []
    house.shell.now += FIRST_PAUSE_S
    assert len(house.submit("large", unreachable)) == 1
    house.shell.now += 2 * FIRST_PAUSE_S
    assert len(house.submit("large")) == 1
    more = {house.hand_in(account="large").id for _ in range(2)}
    assert {job.id for job in house.submit("large")} == more, "it was answered"


def accept_elsewhere(house: House, job: Job, posted_at: float) -> None:
    """Another worker's submit of the job left then, and was accepted."""
    task = Accepted(f"{job.id}-task", "imagine", posted_at, posted_at)
    store = house.shell.store.jobs
    stored = house.shell.job(job)
    running = replace(stored, status=Status.SUBMITTED, task_id=task.task_id)
    store.commit(running, capacity=capacity(4, "large"), accepted=task, now=posted_at)


def test_a_job_bound_to_the_account_that_refuses_it_fails(house: House) -> None:
    bound = house.hand_in(account="small")
    house.submit("small", refused(ErrorCode.UNAUTHORIZED, account=True))
    failed = house.shell.job(bound)
    assert failed.error
    assert (failed.status, failed.error.code) == (Status.FAILED, "unauthorized")


def test_a_closed_account_opens_when_its_settings_change_or_a_person_says_so(house: House) -> None:
    house.hand_in(account="small")
    house.submit("small", refused(ErrorCode.UNAUTHORIZED, account=True))
    dispatch = house.shell.orchestrator.dispatch
    assert dispatch.capacity("small", NOW, fresh=True).all_slots == 0
    dispatch.accounts = {**house.shell.accounts, "small": replace(SMALL, key="new")}
    assert dispatch.capacity("small", NOW, fresh=True).image_slots == 1
    dispatch.accounts = house.shell.accounts
    dispatch.reopen("small")
    assert dispatch.capacity("small", NOW, fresh=True).image_slots == 1


def test_a_moderated_prompt_is_not_sent_to_the_next_account(house: House) -> None:
    job = house.hand_in()
    error = job_error(ErrorCode.MODERATED, "no")
    house.submit("small", Verdict(Outcome.PERMANENT, error=error))
    assert house.shell.job(job).status is Status.FAILED
    assert house.submit("large") == []


def test_an_account_that_keeps_failing_rests_and_is_tried_with_one_job(house: House) -> None:
    for _ in range(FAILURES + 3):
        house.hand_in(account="large")
    sent = house.submit("large", *[refused(ErrorCode.UNREACHABLE)] * 99)
    assert len(sent) == FAILURES
    house.shell.now += REST_S
    again = house.submit("large", Verdict(Outcome.ACCEPTED, task_id="t"))
    assert len(again) == 4, "the first was accepted, so that those refused before may follow"


def test_a_full_account_is_given_less_and_no_attempt_is_burnt(house: House) -> None:
    jobs = [house.hand_in(account="large") for _ in range(4)]
    accepted = [Verdict(Outcome.ACCEPTED, task_id=f"t{n}") for n in range(2)]
    house.submit("large", *accepted, *[refused(ErrorCode.QUEUE_FULL)] * 9)
    assert house.shell.orchestrator.dispatch.capacity("large", NOW, fresh=True).image_slots == 2
    statuses = [house.shell.job(job).status for job in jobs]
    assert statuses.count(Status.SUBMITTED) == 2
    refused_once = next(j for j in map(house.shell.job, jobs) if j.refusals)
    assert [attempt.outcome for attempt in refused_once.attempts] == ["try_later"]


def test_a_job_that_cannot_be_paid_for_waits_and_goes_on_when_it_can(tmp_path: Path) -> None:
    house = House(tmp_path, replace(SMALL, max_running=9, budget=amount(2)))
    for _ in range(3):
        house.hand_in()
    assert len(house.submit("small")) == 2
    dispatch = house.shell.orchestrator.dispatch
    [waiting] = [job for job in house.shell.jobs() if job.status is Status.QUEUED]
    reason = house.shell.store.queue.why_waiting(waiting, dispatch.capacity("small", NOW), NOW)
    assert reason == "budget:account:small"
    dispatch.accounts = {"small": replace(SMALL, max_running=9, budget=amount(3))}
    assert len(house.submit("small")) == 1


def test_a_late_success_belongs_to_the_account_that_took_it(house: House) -> None:
    """In doubt on one account, submitted again on the other; then the first one calls back."""
    house.hand_in(then=[{"press": "U1"}])
    [doubtful] = house.submit("small", Verdict(Outcome.IN_DOUBT))
    queued = house.enqueuer.resolve(doubtful.id, {"outcome": "resubmit"})
    assert queued.account == ""
    success = Observed(a_snapshot(TaskStatus.SUCCEEDED, task_id="old"), attempt=1)
    done = house.shell.orchestrator.record(queued, success)
    assert (done.job.status, done.job.account) == (Status.SUCCEEDED, "small")
    assert [child.account for child in done.children] == ["small"]


def test_a_job_past_its_deadline_is_over_and_sent_nowhere(house: House) -> None:
    job = house.hand_in(deadline_s=60)
    house.submit("small", refused(ErrorCode.UNREACHABLE))
    house.shell.now += 61
    house.shell.put(replace(house.shell.job(job), due_at=None))
    sent = len(house.shell.providers["large"].submitted)
    house.submit("large")
    assert house.shell.job(job).status is Status.TIMED_OUT
    assert len(house.shell.providers["large"].submitted) == sent
