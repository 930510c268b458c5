"""A gateway's own ledger: what tasks cost, what is left, and which doubts it ends."""

from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from tests.support.flow import Flow, flow
from tests.support.provider import providing
from worker.domain.account import ledger
from worker.domain.account.billing import Standing
from worker.domain.account.ledger import Call
from worker.domain.job import Job, Status
from worker.domain.money import amount
from worker.services import sweep
from worker.services.reports.answers.accounts import Balance
from worker.services.reports.overview import overview

TOKEN = "the-users-access-token"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds of politeness towards a gateway, which the sandbox does not need."""
    monkeypatch.setattr(sweep, "LEDGER_S", 0.2)
    monkeypatch.setattr(ledger, "SETTLED_S", 0.2)
    monkeypatch.setitem(ledger.EVERY_S, ledger.Call.TASKS, 0.2)
    monkeypatch.setitem(ledger.EVERY_S, ledger.Call.LOG, 1.0)


def spent(hookline: Flow) -> dict[str, int]:
    """The account's sums, as they are stored."""
    return dict(hookline.store.accounts.money(["account:default"])[0])


@pytest.mark.parametrize("token", [TOKEN, ""], ids=["the user's list", "the key's log"])
def test_costs_are_the_gateways_own(token: str, tmp_path: Path) -> None:
    with (
        providing("gateway", task_price=0.25, books_token=TOKEN, failures=0.4, seed=3) as provider,
        flow(
            provider.url, tmp_path, ledger_token=token, costs="provider", max_running=6
        ) as hookline,
    ):
        jobs = [hookline.submit(kind="imagine", prompt=f"a fox {n}") for n in range(6)]
        ends = [done for job in jobs for done in hookline.finish(job)]
        assert {done.status for done in ends} == {Status.SUCCEEDED, Status.FAILED}

        def booked() -> bool:
            found: list[Job] = hookline.store.jobs.get_many([job.id for job in jobs])
            return all(job.attempts[-1].charged is not None for job in found)

        hookline.wait_for(booked, lambda: str(hookline.store.ledgers.get("default")))
        totals = provider.sandbox.app.test_client().get("/sandbox/stats").get_json()["quota"]
        kept = 2 * (totals["charged"] - totals["refunded"])
        sums = spent(hookline)
        assert sums[Standing.SPENT] - sums.get(Standing.REFUNDED, 0) == kept > 0
        if not token:  # the list of tasks has nothing but what was kept
            assert sums[Standing.SPENT] == 6 * amount(0.25)
        assert not hookline.pool.errors


@pytest.mark.parametrize("token", [TOKEN, ""])
def test_a_gateway_without_a_ledger_is_asked_once_for_each_call(token: str, tmp_path: Path) -> None:
    with (
        providing("gateway", books=False) as provider,
        flow(provider.url, tmp_path, ledger_token=token, costs="provider") as hookline,
    ):
        hookline.finish(hookline.submit(kind="imagine", prompt="a fox"))
        costs = Call.TASKS if token else Call.LOG

        def absent() -> bool:
            return set(hookline.store.ledgers.get("default").absent) == {costs, Call.BALANCE}

        hookline.wait_for(absent)
        again = hookline.submit(kind="imagine", prompt="a bear")
        hookline.finish(again)
        # Nobody is going to read it, so it does not stay on the list.
        hookline.wait_for(lambda: not hookline.store.ledgers.unbooked("default", inf, 9))
        asked = provider.sandbox.stats.snapshot()["requests"]
        books = {path: asked.get(path, 0) for path in ("/api/mj/self", "/api/log/token")}
        assert books == {"/api/mj/self": bool(token), "/api/log/token": not token}
        assert asked["/api/usage/token/"] == 1
        [job] = hookline.store.jobs.get_many([again.id])
        assert job.attempts[-1].charged is None


def test_the_balance_is_shown_and_warns_before_it_ends(tmp_path: Path) -> None:
    with (
        providing("gateway", task_price=0.5, balance=4.9) as provider,
        flow(provider.url, tmp_path, costs="provider", max_running=9) as hookline,
    ):
        jobs = [hookline.submit(kind="imagine", prompt=f"a fox {n}") for n in range(9)]
        for job in jobs:
            hookline.finish(job)
        read_first = hookline.store.ledgers.get("default")
        assert read_first.balance is not None
        hookline.store.ledgers.save("default", replace(read_first, not_before={}))

        def balance() -> Balance | None:
            return overview(hookline.orchestrator).items[0].balance

        hookline.wait_for(lambda: (found := balance()) is not None and bool(found.warning))
        shown = balance()
        assert shown is not None
        assert shown.available == amount(0.4)
        assert shown.granted == amount(4.9)
        assert shown.warning == "0.4 left of 4.9"
        assert provider.sandbox.stats.get("exhausted", "refusals") == 0


@pytest.mark.parametrize("token", [TOKEN, ""], ids=["the user's list", "the key's log"])
def test_a_doubt_that_was_accepted_is_settled_by_the_ledger(token: str, tmp_path: Path) -> None:
    with (
        providing("gateway", errors_after=1.0, books_token=TOKEN, fetch_lag=1.0) as provider,
        flow(provider.url, tmp_path, hooked=False, ledger_token=token) as hookline,
    ):
        jobs = [hookline.submit(kind="imagine", prompt=f"a fox {n}") for n in range(3)]
        ends = [done for job in jobs for done in hookline.finish(job)]
        assert {done.status for done in ends} == {Status.SUCCEEDED}
        assert [len(done.attempts) for done in ends] == [1, 1, 1]
        assert len(provider.sandbox.ledger.entries()) == 3
        assert not hookline.pool.errors
