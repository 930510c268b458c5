"""An account in trouble: it is asked and tried by itself, and goes on when the trouble is over."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.jobs import NOW, a_job, a_snapshot, in_status
from tests.support.shell import Shell
from tests.support.starting import start_next
from worker.adapters.provider.payloads import Submission
from worker.adapters.provider.replies import read_reply
from worker.adapters.storage.storage import Storage
from worker.adapters.tokens import Tokens
from worker.domain.account.circuit_breaker import AWAY_S, FAILURES, REST_S, CircuitBreaker
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.errors import HooklineError, ProviderRefused, ProviderUnavailable
from worker.domain.events import Policy, TimePassed
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import Outcome, TaskStatus, Verdict
from worker.services.pause import resume
from worker.services.poll import Poller
from worker.services.prepare import Preparer
from worker.services.reports.overview import overview
from worker.services.reports.waits import waiting
from worker.services.submit import Submitter
from worker.services.sweep import CHECK_EVERY_S, Sweep

tokens = Tokens(["a secret for this test only"])
BUSY = Verdict(Outcome.TRY_LATER, error=job_error(ErrorCode.UNAVAILABLE, "try again later"))
AWAY = Verdict(Outcome.TRY_LATER, error=job_error(ErrorCode.UNREACHABLE, "no route"))
NO_CHANNEL = Verdict(
    Outcome.TRY_LATER, error=job_error(ErrorCode.NO_CHANNEL, "no channel"), slow=True
)
NO_KEY = Verdict(
    Outcome.PERMANENT, error=job_error(ErrorCode.UNAUTHORIZED, "bad key"), account_trouble=True
)

REDIRECT = read_reply(Kind.IMAGINE, 302, b"", "https://new.example/login")


class House:
    """One account with three places, and all that works for it."""

    def __init__(self, storage: Storage) -> None:
        self.shell = shell = Shell()
        self.provider = shell.provider
        clients = {"default": shell.provider}
        self.submitter = Submitter(
            shell.orchestrator, clients, Preparer(shell.orchestrator, tokens, storage, None)
        )
        self.poller = Poller(shell.orchestrator, clients, tokens)
        self.sweeper = Sweep(shell.orchestrator, shell.wakeups)

    @property
    def breaker(self) -> CircuitBreaker:
        return self.shell.orchestrator.dispatch.breaker("default", fresh=True)

    def fill_places(self) -> None:
        """With a running, a doubtful and an overdue job."""
        for status in (Status.IN_PROGRESS, Status.IN_DOUBT, Status.OVERDUE):
            self.shell.put(in_status(status, deadline_s=86_400))

    def queue(self, count: int) -> list[Job]:
        return [self.shell.put(a_job(created_at=NOW + n)) for n in range(count)]

    def let_pass(self, seconds: float) -> None:
        """The sweep runs every second, and what it wakes is done at once."""
        for _ in range(int(seconds)):
            self.shell.now += 1
            self.sweeper.run()
            self.do_what_is_woken()

    def do_what_is_woken(self) -> None:
        while self.shell.wakeups.sent:
            match self.shell.wakeups.sent.pop(0):
                case ("start", account):
                    start_next(self.submitter, account)
                case ("ask", account, *job_ids):
                    self.poller.poll(account, job_ids)
                case ("check", account):
                    self.poller.check(account)

    def accepted(self) -> int:
        return sum(job.status is Status.SUBMITTED for job in self.shell.jobs())

    def said(self) -> str:
        [account] = overview(self.shell.orchestrator).items
        return f"{account.state.name}: {account.state.why} {account.state.hint}"


@pytest.fixture
def house(tmp_path: object) -> House:
    return House(Storage(f"file://{tmp_path}"))


def test_a_full_account_is_tried_after_its_rest(house: House) -> None:
    house.provider.verdicts = [BUSY] * FAILURES
    house.queue(FAILURES + 2)
    house.let_pass(5)
    assert house.breaker.rests == 1
    house.fill_places()
    began = house.breaker.tries_at or 0.0
    house.let_pass(began + 5 - house.shell.now)
    assert house.breaker.tries_at is None
    assert house.accepted() == 1, "beyond the three places; then they count again"


def test_an_account_that_was_not_reached_is_tried_when_it_answers_a_question(house: House) -> None:
    """Of several workers only one may be cut off, and its submits all that failed."""
    house.provider.verdicts = [AWAY] * FAILURES
    house.queue(FAILURES)
    house.let_pass(CHECK_EVERY_S + 7)  # as long as what was refused waits, and a little more
    assert house.accepted() == 3, "all places"


@pytest.mark.parametrize("refusal", [BUSY, NO_CHANNEL])
def test_a_few_jobs_that_were_all_refused_try_it_again(house: House, refusal: Verdict) -> None:
    """None of them is ready when the rest ends."""
    house.provider.verdicts = [refusal] * FAILURES
    jobs = house.queue(FAILURES)
    house.let_pass(5)
    assert not any(house.shell.job(job).status is Status.SUBMITTED for job in jobs)
    house.let_pass(REST_S + 3)
    assert house.accepted() == 3, "all places"


def test_a_redirect_costs_no_job_and_the_account_goes_on_by_itself(house: House) -> None:
    """Not even an account that never accepted anything loses one, or is closed."""
    house.provider.verdicts = [REDIRECT] * (FAILURES + 1)
    house.queue(3)
    house.let_pass(15)
    assert house.breaker.closed is None
    assert "redirects to https://new.example/login (HTTP 302)" in house.said()
    house.let_pass(3 * REST_S)
    assert house.accepted() == 3
    assert not house.breaker.in_trouble


def test_one_job_that_is_always_refused_does_not_keep_the_account_down(house: House) -> None:
    first, *_ = house.queue(2 * FAILURES)
    real = house.provider.submit

    def submit(
        kind: Kind, submission: Submission, send_until: float = 0.0, *, exists: bool = False
    ) -> Verdict:
        if str(first.request["prompt"]) in str(submission) or house.shell.now < NOW + 9:
            return NO_CHANNEL
        return real(kind, submission, send_until, exists=exists)

    house.provider.submit = submit  # type: ignore[method-assign]
    house.let_pass(REST_S + 15)
    assert house.accepted() == 3


def test_a_person_says_that_the_trouble_is_over(house: House) -> None:
    house.provider.verdicts = [NO_CHANNEL]
    [job] = house.queue(1)
    house.let_pass(3)
    found = waiting(house.shell.orchestrator, house.shell.job(job))
    assert found
    assert found.reason == "backoff"
    resume(house.shell.orchestrator, "account", "default")
    assert house.shell.job(job).ready
    house.do_what_is_woken()
    assert house.shell.job(job).status is Status.SUBMITTED


def test_a_closed_account_opens_by_itself_and_loses_no_job_that_it_might_take(
    house: House,
) -> None:
    house.queue(1)
    house.let_pass(2)
    house.provider.verdicts = [NO_KEY, NO_KEY]
    jobs = [house.shell.put(a_job(created_at=NOW + 9)) for _ in range(2)]
    house.let_pass(3)
    assert house.said().startswith("closed: unauthorized: bad key; a single job tries it at ")
    assert "`hookline resume default` tries it at once" in house.said()
    house.let_pass(REST_S + 2 * REST_S + 5)
    assert [house.shell.job(job).status for job in jobs] == [Status.SUBMITTED] * 2
    assert house.said().startswith("open")


def test_an_account_that_refuses_to_be_asked_gets_nothing_until_it_answers(house: House) -> None:
    job = house.shell.put(in_status(Status.SUBMITTED))
    house.provider.trouble = ProviderRefused("The provider refuses the key (HTTP 403): no model")
    house.poller.poll("default", [job.id])
    assert house.breaker.blind
    assert "blind: it refuses questions about tasks since 08:00:00 UTC" in house.said()
    assert "quota is not used up" in house.said()
    [queued] = house.queue(1)
    house.let_pass(20)
    assert house.provider.submitted == []
    found = waiting(house.shell.orchestrator, queued)
    assert found
    assert (found.reason, "HTTP 403" in found.message) == ("blind", True)
    house.provider.trouble = None
    house.provider.tasks = {"t1": a_snapshot(TaskStatus.IN_PROGRESS, progress=1)}
    house.let_pass(CHECK_EVERY_S)
    assert house.shell.job(queued).status is not Status.QUEUED


def test_an_account_without_jobs_is_asked_as_well(house: House) -> None:
    house.shell.orchestrator.dispatch.asked("default", NOW, refused="HTTP 401")
    house.let_pass(CHECK_EVERY_S + 1)
    assert (house.provider.asked, house.breaker.blind) == (["check"], None)


def test_an_account_that_answers_again_is_tried_at_once_however_long_it_rests(
    house: House,
) -> None:
    house.provider.verdicts = [AWAY] * 99
    house.provider.trouble = ProviderUnavailable("no route")
    house.queue(FAILURES + 4)
    house.let_pass(500)
    assert "as soon as it answers a question" in house.said()
    posted = len(house.provider.submitted)
    assert posted < FAILURES + 4, "while no question is answered, nothing is sent in vain"
    house.provider.verdicts, house.provider.trouble = [], None
    house.let_pass(CHECK_EVERY_S)
    assert house.accepted() >= 1
    house.let_pass(3)
    assert house.accepted() == 3


def test_an_account_full_of_doubts_is_tried_by_itself(house: House) -> None:
    """Three submissions are cut off: too few to rest, and no place is left."""
    house.provider.verdicts = [Verdict(Outcome.IN_DOUBT)] * 3
    house.queue(5)
    house.let_pass(REST_S - 2)
    assert (house.breaker.rests, house.accepted()) == (0, 0)
    house.let_pass(9)
    assert house.accepted() == 1, "in a place of its own"


def test_an_overdue_job_is_not_given_up_while_its_account_is_blind(house: House) -> None:
    job = house.shell.put(in_status(Status.OVERDUE))
    house.provider.trouble = ProviderRefused("HTTP 401")
    house.poller.poll("default", [job.id])
    house.shell.now += Policy().grace_s + 60
    house.shell.orchestrator.record(house.shell.job(job), TimePassed())
    assert house.shell.job(job).status is Status.OVERDUE
    house.provider.trouble = None
    house.provider.tasks = {"t1": a_snapshot(TaskStatus.SUCCEEDED)}
    house.poller.poll("default", [job.id])
    assert house.shell.job(job).status is Status.SUCCEEDED


def test_a_list_that_is_refused_does_not_make_the_account_blind(house: House) -> None:
    """Some proxies show it to administrators only."""
    job = house.shell.put(in_status(Status.IN_DOUBT))
    house.provider.trouble = ProviderRefused("HTTP 403")
    house.poller.poll("default", [job.id])
    assert house.provider.asked == ["list"]
    assert house.breaker == CircuitBreaker()


Refusal = Callable[[], HooklineError]


@pytest.mark.parametrize(
    ("trouble", "blind", "failures"),
    [(lambda: ProviderRefused("HTTP 401"), "HTTP 401", 0), (ProviderUnavailable, None, 1)],
)
def test_a_button_that_cannot_be_looked_up_is_trouble_of_the_account(
    house: House, trouble: Refusal, blind: str | None, failures: int
) -> None:
    parent = house.shell.put(in_status(Status.SUCCEEDED))
    parent = house.shell.put(replace(parent, result=replace(parent.result, buttons=None)))
    request = {"job_id": parent.id, "button": "U1"}
    press = house.shell.put(a_job(kind=Kind.ACTION, request=request))
    house.provider.trouble = trouble()
    start_next(house.submitter, "default")
    job = house.shell.job(press)
    assert (job.status, job.held_back) == (Status.QUEUED, True)
    assert (house.breaker.blind, house.breaker.failures) == (blind, failures)
    assert AWAY_S > 0
