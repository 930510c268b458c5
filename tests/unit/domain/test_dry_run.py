"""What a request would become and cost is told before anything runs."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.jobs import GRID, NOW, a_job
from worker.domain import followups
from worker.domain.account import Account
from worker.domain.dry_run import Plan, next_price, plan, quote
from worker.domain.job import Attempt, AttemptOutcome, Job, Status
from worker.domain.job_spec import Kind, Retry
from worker.domain.money import amount
from worker.domain.result import Button, Result
from worker.services.reports import answers

PRICES = {"imagine": amount(1), "upscale": amount("0.2"), "default": amount(2)}
MAIN = Account("main", "https://a.example", prices=PRICES)
CHEAP = Account("cheap", "https://b.example", prices={"default": amount("0.5")})
FREE = Account("free", "https://c.example")


def press(name: str, *then: Any) -> dict[str, Any]:
    return {"press": name, "then": list(then)} if then else {"press": name}


def planned(*then: Any, **fields: Any) -> Plan:
    return plan([a_job(then=then, **fields)], MAIN.price)


TREES: dict[str, tuple[tuple[Any, ...], int, str]] = {
    "alone": ((), 1, "1"),
    "a pick": ((press("U1"),), 2, "1.2"),
    "all picks": ((press("U*"),), 5, "1.8"),
    "picks of a variation": ((press("V2", press("U*")),), 6, "3.8"),
    "under each pick": ((press("U*", press("Zoom Out 2x")),), 9, "9.8"),
    "all buttons of a grid": ((press("*"),), 10, "11.8"),
    "letter case does not matter": ((press("u[12]"),), 3, "1.4"),
    "words again": (({"imagine": "{prompt}, blue"},), 2, "2"),
    "a describe and its numbers": (({"describe": True, "then": [press("1")]},), 3, "5"),
    "a blend": ((press("U1"), press("U2"), {"blend": ["U1", "U2"]}), 4, "3.4"),
}


@pytest.mark.parametrize(("then", "jobs", "total"), TREES.values(), ids=TREES)
def test_a_tree_is_counted_and_priced(then: tuple[Any, ...], jobs: int, total: str) -> None:
    found = planned(*then)
    assert (found.jobs, found.total) == (jobs, amount(total))
    assert found.exact


def test_each_step_says_what_its_jobs_do() -> None:
    [picks, blend] = planned(press("U*"), {"blend": ["U1", "U3"]}, request={}).children
    assert (picks.kind, picks.words, picks.sort, picks.times) == (
        Kind.ACTION, "U1, U2, U3, U4", "upscale", 4
    )  # fmt: skip
    assert (blend.kind, blend.words, blend.price) == (Kind.BLEND, "U1 + U3", amount(2))
    [mixed] = planned(press("?1")).children
    assert (mixed.words, mixed.sort) == ("U1, V1", "upscale, action")


@pytest.mark.parametrize(
    "then",
    [
        (press("U1", press("Zoom*")),),
        (press("Zoom*"),),
        ({"describe": True, "then": [press("*")]},),
        ({"choose": "ranking:best"},),
    ],
)
def test_what_is_known_only_later_is_marked_and_counted_once(then: tuple[Any, ...]) -> None:
    assert not planned(*then).exact


def test_a_choose_costs_nothing_and_its_steps_follow_what_it_presses() -> None:
    then = [press("Upscale (Subtle)"), {"describe": True}]
    [choose] = planned({"choose": "ranking:best", "then": then}).children
    assert (choose.kind, choose.words, choose.price) == (Kind.CHOOSE, "ranking:best", 0)
    [pressed] = choose.children
    assert (pressed.kind, pressed.price, pressed.known) == (Kind.ACTION, amount(2), False)
    assert [below.words for below in pressed.children] == ["Upscale (Subtle)", ""]


def test_the_account_where_it_costs_most_makes_the_estimate() -> None:
    job = a_job(then=(press("U*"),))
    found = quote([job], [CHEAP, MAIN, FREE])
    assert found.totals == {"cheap": amount("2.5"), "main": amount("1.8"), "free": 0}
    assert found.total == amount("2.5")
    shown = answers.Quote.model_validate(found).to_dict()
    assert (shown["total"], shown["jobs"], shown["exact"]) == (2.5, 5, True)
    assert shown["accounts"] == {"cheap": 2.5, "main": 1.8, "free": 0.0}
    assert shown["tree"]["price"] + sum(c["price"] for c in shown["tree"]["children"]) == 2.5


STEPS: Any = st.recursive(
    st.lists(st.sampled_from(["U1", "u2", "V3", "reroll", "U*", "V[12]", "?1", "*"]).map(press)),
    lambda below: st.lists(
        st.tuples(st.sampled_from(["U*", "V1", "*"]), below).map(lambda t: press(t[0], *t[1])),
        max_size=3,
    ),
    max_leaves=8,
)


@given(STEPS)
def test_a_grid_gives_the_jobs_that_were_planned(then: list[Any]) -> None:
    grid = a_job(
        then=tuple(then), status=Status.SUCCEEDED, result=Result(image_url="u", buttons=GRID)
    )
    found = plan([grid], MAIN.price)
    children = followups.children(grid, NOW)
    assert sum(child.times for child in found.children) == len(children)
    expected = sum(next_price(child, {"default": MAIN}) for child in children)
    assert sum(child.price for child in found.children) == expected


def test_presses_of_a_finished_job_are_told_by_its_buttons() -> None:
    buttons = (Button("MJ::Outpaint::50::1::x"), Button("MJ::Outpaint::75::1::x"))
    parent = a_job(status=Status.SUCCEEDED, result=Result(image_url="u", buttons=buttons))
    children = followups.press(parent, "Zoom*", "k", NOW, then=(press("U1"),))
    found = plan(children, MAIN.price)
    assert (found.words, found.times) == ("Zoom Out 2x, Zoom Out 1.5x", 2)
    assert (found.jobs, found.total, found.exact) == (4, amount("4.4"), True)


NEXT: dict[str, tuple[Job, str]] = {
    "on its account": (a_job(account="cheap"), "0.5"),
    "anywhere": (a_job(account="", anywhere=True), "1"),
    "its account is gone": (a_job(account="gone"), "0"),
    "paid already": (a_job(account="main", task_id="t1"), "0"),
    "a function of ours": (a_job(account="main", kind=Kind.CHOOSE), "0"),
}


@pytest.mark.parametrize(("job", "price"), NEXT.values(), ids=NEXT)
def test_what_the_next_submission_costs(job: Job, price: str) -> None:
    assert next_price(job, {"main": MAIN, "cheap": CHEAP}) == amount(price)


def test_a_retry_is_priced_like_the_first_attempt() -> None:
    paid = Attempt(1, NOW, AttemptOutcome.FAILED, NOW, "t1", account="main", price=amount(1))
    again = replace(a_job(account="main"), attempts=(paid,))
    assert next_price(again, {"main": MAIN}) == amount(1)


@pytest.mark.parametrize(
    ("then", "retry", "most"),
    [
        ((), None, "1"),
        ((), Retry(attempts=10), "10"),
        ((press("U*"),), None, "1.8"),
        ((press("U*"),), Retry(attempts=2), "3.6"),
        (({**press("V1"), "retry": {"attempts": 3}},), None, "7"),
        ((press("U1", press("*")),), None, "51.2"),
        ((press("U1", press("*", press("*"))),), Retry(attempts=2), str(2.4 + 25 * (4 + 25 * 4))),
    ],
)
def test_a_budget_that_is_charged_beforehand_holds_whatever_happens(
    then: tuple[Any, ...], retry: Retry | None, most: str
) -> None:
    """Each attempt may be paid, and a pattern may match as many buttons as there are."""
    assert planned(*then, retry=retry).most == amount(most)
