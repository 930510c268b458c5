"""When a gateway's ledger is read, and what a balance needs a person for."""

import pytest

from worker.domain.account import Account, ledger
from worker.domain.account.ledger import Balance, Call, Ledger
from worker.domain.money import amount

URL = "https://gateway.example"


@pytest.mark.parametrize(
    ("account", "learnt", "calls", "costs"),
    [
        (Account("a", URL), None, {Call.BALANCE, Call.LOG}, None),
        (Account("a", URL, costs="provider"), None, {Call.BALANCE, Call.LOG}, Call.LOG),
        (Account("a", URL, costs="provider"), "gateway", {Call.BALANCE, Call.LOG}, Call.LOG),
        (Account("a", URL, costs="provider"), "trueai", set(), None),
        (Account("a", URL, costs="provider", dialect="novicezk"), "gateway", set(), None),
        (Account("a", URL, costs="provider", ledger_token="t"), "trueai",
         {Call.BALANCE, Call.TASKS}, Call.TASKS),
        (Account("a", URL, costs="prices", ledger_token="t"), None,
         {Call.BALANCE, Call.TASKS}, None),
    ],
)  # fmt: skip
def test_only_what_is_wanted_and_may_be_there_is_asked(
    account: Account, learnt: str | None, calls: set[Call], costs: Call | None
) -> None:
    assert ledger.calls(account, learnt) == calls
    assert ledger.costs_by(account, ledger.calls(account, learnt)) == costs


def test_accounts_at_one_address_share_its_limit() -> None:
    once = ledger.answered(Ledger(), Call.LOG, 1000.0)
    assert once.not_before[Call.LOG] == 1150.0
    assert ledger.answered(Ledger(), Call.LOG, 1000.0, sharing=3).not_before[Call.LOG] == 1450.0
    assert ledger.answered(Ledger(), Call.TASKS, 1000.0, sharing=3).not_before[Call.TASKS] == 1005.0
    in_20_minutes = 1200 / ledger.EVERY_S[Call.LOG] + 1200 / ledger.EVERY_S[Call.BALANCE]
    assert in_20_minutes <= 20, "new-api takes no more, logins at its pages included"


def test_a_call_that_is_absent_or_fails_is_made_again_later() -> None:
    absent = ledger.lacking(Ledger(), Call.LOG, 1000.0)
    assert absent.absent == ("log",)
    assert not absent.may(Call.LOG, 1000.0 + 86_399)
    assert absent.may(Call.LOG, 1000.0 + 86_400)
    assert absent.may(Call.BALANCE, 1000.0)
    failing = ledger.failed(absent, Call.LOG, "HTTP 502", 90_000.0, 60.0)
    assert (failing.absent, failing.trouble) == ((), {"log": "HTTP 502"})
    again = ledger.answered(failing, Call.LOG, 90_060.0)
    assert (again.absent, again.trouble) == ((), {})


def test_a_charge_that_is_not_final_is_looked_for_less_and_less_often() -> None:
    age, looks = 0.0, 0
    while (wait := ledger.look_again(age)) is not None:
        assert wait >= 10.0
        age, looks = age + wait, looks + 1
    assert age < 1400
    assert looks < 15


@pytest.mark.parametrize(
    ("available", "granted", "waiting", "words"),
    [
        (50, 100, 0, None),
        (10, 100, 0, None),
        (9.99, 100, 0, "9.99 left of 100"),
        (50, 100, 50, None),
        (50, 100, 51, "50 left, and the jobs that wait cost 51"),
        (
            0,
            100,
            0,
            "nothing is left: the gateway refuses every call of this key, results included",
        ),
        (0, 0, 0, "nothing is left: the gateway refuses every call of this key, results included"),
    ],
)
def test_a_balance_warns_before_it_ends(
    available: float, granted: float, waiting: float, words: str | None
) -> None:
    balance = Balance(amount(available), amount(granted), 0.0)
    assert ledger.warning(balance, amount(waiting)) == words


def test_what_is_overdrawn_unlimited_or_unknown() -> None:
    assert "nothing is left" in str(ledger.warning(Balance(-1, 100, 0.0), 0))
    assert ledger.warning(Balance(-1, 100, 0.0, unlimited=True), 9) is None
    assert ledger.warning(None, 9) is None
