"""How the use of an account's places is told from a sandbox's ledger."""

from datetime import UTC, datetime
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.accounts import read_accounts
from tests.chaos.places import Span, Stay, gaps, most_at_once, stays, together, used
from tests.chaos.providers import Provider, write_accounts
from worker.adapters.tokens import Tokens

TOKENS = Tokens(["a secret that is long enough"])
JOB = "1" * 32
SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda s: (min(s), max(s))))


def entry(state: str, began: float, ended: float | None = None) -> dict[str, Any]:
    moments = {"accepted_at": began} | ({} if ended is None else {"ended_at": ended})
    told = {name: datetime.fromtimestamp(at, UTC).isoformat() for name, at in moments.items()}
    return {"state": state, **told}


def test_a_ledger_is_read_in_its_order_and_without_what_is_none_of_ours() -> None:
    ours = TOKENS.for_job(JOB, 1)
    entries = [entry(ours, 9.5, 12.25), entry("theirs", 1.0, 2.0), entry(ours, 3.0)]
    assert list(stays(entries, TOKENS)) == [Stay(JOB, 9.5, 12.25), Stay(JOB, 3.0, inf)]


@given(SPANS)
def test_spans_together_are_the_same_moments_told_once(spans: list[Span]) -> None:
    found = together(spans)
    halves = [moment + 0.5 for moment in range(50)]
    assert [any(a < m < b for a, b in found) for m in halves] == [
        any(a < m < b for a, b in spans) for m in halves
    ]
    assert all(one[1] < other[0] for one, other in pairwise(found))


@pytest.mark.parametrize(
    ("work", "share"),
    [
        ([(0.0, 10.0)], 0.75),
        ([(0.0, 5.0)], 1.0),
        ([(5.0, 10.0)], 0.5),
        ([(0.0, 1.0), (9.0, 10.0)], 0.75),
        ([(20.0, 30.0)], 0.0),
        ([], 1.0),
    ],
)
def test_only_the_time_with_work_counts(work: list[Span], share: float) -> None:
    """Two places, one of which is empty from the fifth second on."""
    taken = [Stay("a", 0.0, 10.0), Stay("b", 0.0, 5.0)]
    assert used(taken, 2, work) == pytest.approx(share)


def test_a_gap_is_from_a_freed_place_to_the_task_that_takes_it() -> None:
    began = [0.0, 0.1, 5.2, 7.5]  # two places; the third and the fourth task wait for one
    assert gaps([7.0, 5.0], began, 2, [(0.0, 8.0)]) == pytest.approx([0.2, 0.5])


def test_no_gap_is_counted_while_nothing_waits() -> None:
    assert gaps([5.0, 7.0], [0.0, 6.5, 7.1], 1, [(0.0, 1.0), (6.6, 8.0)]) == pytest.approx([0.1])


def test_at_most_so_many_at_once() -> None:
    taken = [Stay("a", 0, 4), Stay("b", 1, 3), Stay("c", 3, 5), Stay("d", 3.5, inf)]
    assert most_at_once(taken) == 3
    assert most_at_once([]) == 0


def test_the_file_of_accounts_is_one_that_a_program_reads(tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    spender = Provider("b", 5, "budget = 100\n[accounts.b.price]\ndefault = 1")
    urls = {"sandbox-a": "http://127.0.0.1:1", "sandbox-b": "http://127.0.0.1:2"}
    write_accounts(path, [Provider("a", 3), spender], urls, "a-key")
    file, problems = read_accounts(path)
    assert problems == []
    assert file
    accounts = [table.account(name, ()) for name, table in file.accounts.items()]
    assert [(a.name, a.url, a.max_running, a.budget) for a in accounts] == [
        ("a", "http://127.0.0.1:1", 3, None),
        ("b", "http://127.0.0.1:2", 5, 100_000_000),
    ]
