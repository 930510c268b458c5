"""A gateway's own ledger: what tasks cost, what is left, and which doubts it ends."""

from pathlib import Path

import pytest

from tests.support.flow import Flow, flow
from tests.support.provider import providing
from worker.domain.account.billing import Standing
from worker.domain.job import Job, Status
from worker.domain.money import amount

TOKEN = "the-users-access-token"


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
        assert not hookline.wakeups.errors
