"""A queued job says why it waits, and what to do about it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.jobs import NOW, a_job, capacity, in_status
from tests.support.shell import Wakeups
from tests.support.stores import OwnStore
from worker.domain.account import Account, Budgets
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.job import Attempt, Job, Status
from worker.domain.job_spec import Kind
from worker.domain.money import amount
from worker.domain.result import AssetsStatus, JobError
from worker.services.orchestrator import Orchestrator
from worker.services.reports.answers.waiting import Reason, Waiting
from worker.services.reports.waits import waiting

MAIN = Account(
    "main",
    "https://a.example",
    max_running=1,
    modes=frozenset({"fast"}),
    prices={"default": amount(1)},
    budget=amount(500),
)
SPARE = Account("spare", "https://b.example", max_running=2, max_running_video=0)


class World:
    """Two accounts over one store, at ``NOW``."""

    def __init__(self, *accounts: Account, budgets: Budgets | None = None) -> None:
        self.store = OwnStore()
        known = {account.name: account for account in accounts or (MAIN, SPARE)}
        self.orchestrator = Orchestrator(
            self.store, Wakeups(), known, hooked=True, budgets=budgets, clock=lambda: NOW
        )

    def put(self, **fields: Any) -> Job:
        job = a_job(**{"account": "main", **fields})
        self.store.jobs.commit(job, capacity=capacity(99, job.account))
        return self.orchestrator.job(job.id)

    def run(self, account: str = "main", **fields: Any) -> Job:
        """A job that holds a slot."""
        job = in_status(Status.SUBMITTED, **fields)
        paid = replace(job.attempts[-1], account=account, price=amount(1))
        job = replace(job, account=account, attempts=(paid,), version=0)
        self.store.jobs.commit(job, capacity=capacity(99, account))
        return job

    def breaker(self, account: str, breaker: CircuitBreaker) -> None:
        settings = self.orchestrator.dispatch.settings_of(account)
        known = self.store.accounts.breaker(account)
        assert self.store.accounts.save_breaker(account, replace(breaker, settings=settings), known)

    def why(self, job: Job) -> Waiting:
        found = waiting(self.orchestrator, job)
        assert found is not None
        return found


def _full(world: World) -> Job:
    world.run()
    return world.put()


def _full_believed(world: World) -> Job:
    world.breaker("spare", CircuitBreaker(limit=1, limited_at=NOW))
    world.run("spare")
    return world.put(account="spare")


def _paused(what: str) -> Callable[[World], Job]:
    def arrange(world: World) -> Job:
        world.store.queue.pause(what)
        return world.put(batch_id="b1")

    return arrange


def _prompt(world: World) -> Job:
    world.run("spare", request={"prompt": "A  cat"})
    return world.put(account="spare", request={"prompt": "a cat"})


def _closed(world: World) -> Job:
    world.breaker(
        "main", CircuitBreaker(closed="quota: no credit", closed_at=NOW, rest_until=NOW + 30)
    )
    return world.put()


def _resting(world: World) -> Job:
    world.breaker("main", CircuitBreaker(rests=1, rest_until=NOW + 30))
    return world.put()


ONE: dict[str, tuple[Callable[[World], Job], str, str]] = {
    "full": (_full, "slots", "no free slot on main (1 of 1 run)"),
    "believed": (
        _full_believed,
        "slots",
        "no free slot on spare (1 of 1 run; it said that it is full with fewer than 2)",
    ),
    "films": (
        lambda world: world.put(account="spare", kind=Kind.VIDEO),
        "slots",
        "spare takes no films: its max_running_video is 0",
    ),
    "a film by a button": (
        lambda world: world.put(
            account="spare", kind=Kind.ACTION, request={"task_id": "7", "button": "Animate (High)"}
        ),
        "slots",
        "spare takes no films: its max_running_video is 0",
    ),
    "paused account": (
        _paused("account:main"),
        "paused",
        "account main is paused; `hookline resume main`",
    ),
    "paused kind": (
        _paused("kind:imagine"),
        "paused",
        "kind imagine is paused; `hookline resume --kind imagine`",
    ),
    "prompt": (_prompt, "prompt", "the same prompt runs on spare, or comes before it"),
    "mode": (
        lambda world: world.put(mode="relax"),
        "mode",
        "main does not take mode relax, but fast",
    ),
    "closed": (
        _closed,
        "closed",
        (
            "account main is closed: quota: no credit; a single job tries it at 08:00:30 UTC. "
            "Fix it; `hookline resume main` tries it at once."
        ),
    ),
    "resting": (
        _resting,
        "resting",
        (
            "account main is resting: its submits fail; a single job tries it at "
            "08:00:30 UTC. `hookline resume main` tries it at once."
        ),
    ),
    "gone": (
        lambda world: world.put(account="left"),
        "account",
        "its account left is not set any more: set it again, or give the job up",
    ),
    "backoff": (
        lambda world: world.put(
            due_at=NOW + 5, error=JobError("queue_full", "queue full"), refusals=1
        ),
        "backoff",
        "tried again at 08:00:05 UTC after: queue full",
    ),
    "next": (
        lambda world: world.put(),
        "next",
        "nothing keeps it from main: a worker takes it in a moment",
    ),
    "siblings": (
        lambda world: world.put(
            kind=Kind.BLEND, request={"blend": ["U1", "U3"]}, waits_for=("x", "y"), due_at=NOW
        ),
        "siblings",
        "the pictures of U1, U3 are not all there yet",
    ),
    "function": (
        lambda world: world.put(kind=Kind.CHOOSE, request={"choose": "r:best"}, due_at=NOW),
        "function",
        "r:best is called once the parent's files are stored",
    ),
}


@pytest.mark.parametrize(("arrange", "reason", "message"), ONE.values(), ids=ONE)
def test_why_a_job_of_one_account_waits(
    arrange: Callable[[World], Job], reason: str, message: str
) -> None:
    world = World()
    found = world.why(arrange(world))
    assert (found.reason, found.message) == (reason, message)


BUDGETS: dict[str, tuple[Budgets, dict[str, Any], str]] = {
    "account": (Budgets(), {}, "account main: 1 of 1.5"),
    "day": (Budgets(day=amount("1.25")), {}, "day 2027-01-15: 1 of 1.25"),
    "tenant": (Budgets(tenants={"acme": amount("0.5")}), {"tenant": "acme"}, "tenant acme: 0 of"),
    "others": (Budgets(tenants={"*": amount("0.5")}), {"tenant": "you"}, "tenant you: 0 of 0.5"),
}


@pytest.mark.parametrize(("budgets", "fields", "words"), BUDGETS.values(), ids=BUDGETS)
def test_a_budget_that_is_used_up_is_told_with_its_sums(
    budgets: Budgets, fields: dict[str, Any], words: str
) -> None:
    limit = amount("1.5") if words.startswith("account") else None
    world = World(replace(MAIN, max_running=9, budget=limit), budgets=budgets)
    world.run()
    found = world.why(world.put(**fields))
    assert found.reason == "budget"
    assert found.message.startswith(f"the budget of {words}")
    assert found.message.endswith("spent or reserved, this costs 1 on main")


def test_the_pace_is_told() -> None:
    world = World(replace(MAIN, max_running=9, max_starts_per_minute=1))
    job = world.put()
    paced = world.orchestrator.dispatch.capacity("main", NOW)
    started = replace(job, status=Status.SUBMITTING, attempts=(Attempt(1, NOW),), due_at=NOW + 9)
    world.store.jobs.commit(started, capacity=paced, now=NOW)
    world.store.jobs.commit(world.put(), capacity=paced, now=NOW)
    found = world.why(world.put())
    assert found == Waiting(Reason.PACE, "main starts at most 1 job a minute")


def test_a_job_for_any_account_tells_what_keeps_it_from_each() -> None:
    world = World()
    job = world.put(account="", anywhere=True)
    assert world.why(job).reason == "next"
    world.run()
    world.store.queue.pause("account:spare")
    assert world.why(job) == Waiting(
        Reason.SLOTS,
        "no free slot on main (1 of 1 run); account spare is paused; `hookline resume spare`",
    )
    relaxed = world.put(account="", anywhere=True, mode="relax")
    assert world.why(relaxed).reason == "paused", "main, which has no such mode, is no reason"


def test_what_keeps_a_job_from_every_account_is_told_once() -> None:
    dear = replace(SPARE, prices={"default": amount(2)})
    world = World(MAIN, dear, budgets=Budgets(tenants={"acme": amount("0.5")}))
    job = world.put(account="", anywhere=True, tenant="acme")
    assert world.why(job) == Waiting(
        Reason.BUDGET, "the budget of tenant acme: 0 of 0.5 spent or reserved, this costs 1 on main"
    )
    world.store.queue.pause("kind:imagine")
    message = "kind imagine is paused; `hookline resume --kind imagine`"
    assert world.why(job) == Waiting(Reason.PAUSED, message)


@pytest.mark.parametrize("status", [s for s in Status if s.terminal])
def test_nothing_holds_up_a_job_that_is_settled(status: Status) -> None:
    over = in_status(status)
    settled = replace(over, result=replace(over.result, assets_status=AssetsStatus.NONE))
    assert waiting(World().orchestrator, settled) is None


def test_a_wait_that_ends_by_itself_says_when() -> None:
    world = World()
    assert world.why(_resting(world)).until == NOW + 30
    later = world.put(account="spare", due_at=NOW + 5, error=JobError("queue_full", "full"))
    assert world.why(later).until == NOW + 5
    assert world.why(_closed(World())).until == NOW + 30, "closed accounts are tried as well"


def test_a_picture_that_cannot_be_fetched_counts_its_tries() -> None:
    world = World()
    error = JobError("bad_picture", "c did not deliver: ConnectionRefusedError")
    found = world.why(world.put(due_at=NOW + 5, error=error, refusals=3))
    assert found.message.endswith("ConnectionRefusedError (3 of 15 tries)")


def test_a_running_job_that_is_silent_says_when_it_is_asked_about() -> None:
    """By the index: a poll without news moves its time there only."""
    world = World()
    job = world.run()
    world.orchestrator.clock = lambda: NOW + 60
    world.store.jobs.reschedule(job.id, NOW + 77)
    found = world.why(world.orchestrator.job(job.id))
    assert (found.reason, found.until) == (Reason.SILENT, NOW + 77)
    assert "is asked again at 08:01:17 UTC" in found.message
