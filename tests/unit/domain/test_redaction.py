"""Tokens are hidden in texts of any size, and no half of a secret is left by a cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cpu import assert_cheap, seconds_of
from worker.adapters.tokens import Tokens
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.redaction import HIDDEN, LONGEST, beginning, shown, without_tokens

TOKENS = Tokens(["a secret of this test"])
TOKEN = TOKENS.for_job("0123456789abcdef" * 2, 12)
ACCOUNT = TOKENS.for_account("my.account-1")


@pytest.mark.parametrize("token", [TOKEN, ACCOUNT])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("state=", "&x=1"),
        ("/webhooks/midjourney/", "/"),
        ("x", "y"),
        ("a.b.", ".c.d"),
        ("-j.", "."),
        ("猫", "猫"),
        ('{"state":"', '"}'),
    ],
)
def test_a_token_is_hidden_wherever_it_is(token: str, before: str, after: str) -> None:
    found = without_tokens(f"so: {before}{token}{after} said {before}{token}{token}{after} twice")
    assert HIDDEN in found
    assert token[4:20] not in found
    assert token[-20:] not in found
    assert found.startswith("so: ")
    assert found.endswith(" twice")


@pytest.mark.parametrize(
    "text",
    [
        "Invalid parameter: --ar 16:0",
        "a.b.c.d.e.f",
        "https://cdn.example/attachments/1/2/u_a_cat_0b5f3c1e-0b5f-4c1e-8b5f-3c1e0b5f4c1e.png?ex=1",
        "j." * 100,
        "_" * 200,
        "x." + "y" * 60,
    ],
)
def test_other_texts_stay(text: str) -> None:
    assert without_tokens(text) == text


@pytest.mark.parametrize(
    "unit",
    ["j.", "j.j.j.", "a", "j.a" + "x" * 42, "." + "x" * 43 + " ", ".x", "j." + "x" * 46 + " ", "-"],
)
def test_the_time_is_in_proportion_to_the_size(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    assert_cheap(lambda: without_tokens(text), len(text))
    assert_cheap(lambda: without_tokens(f"{text}.{'x' * 43}"), len(text))


def test_the_message_of_an_error_costs_what_is_kept_of_it() -> None:
    """A megabyte of this held the interpreter for 20 seconds."""
    text = "j." * 2_000_000
    assert seconds_of(lambda: job_error(ErrorCode.FAILED, text)) < 0.1


@given(st.integers(0, 1100), st.sampled_from([TOKEN, ACCOUNT]), st.sampled_from(["", " ", "\n"]))
def test_no_half_of_a_token_is_left_by_the_cut(place: int, token: str, space: str) -> None:
    text = "x" * place + space + token + " and more" * 1000
    assert token[:8] not in shown(text, 1000)


@given(st.integers(1, 40), st.integers(0, 90))
def test_what_is_hidden_does_not_pull_half_a_token_in(count: int, shift: int) -> None:
    text = "y" * shift + f" {TOKEN}" * count
    assert TOKEN[:8] not in shown(text, 1000)


def test_a_token_that_is_broken_up_by_what_is_not_seen_is_hidden() -> None:
    text = "\u200b".join(TOKEN)
    assert shown(text, 1000) == HIDDEN


def test_the_beginning_ends_before_the_word_that_is_cut() -> None:
    key = "sk-" + "k" * 50
    assert beginning(f"a bad key: {key}", 30) == "a bad key: "
    assert beginning("短" * 30, 20) == "短" * 20
    assert beginning("short", 20) == "short"
    assert len(beginning("x" * 5000, 1000)) == 1000 - LONGEST


def test_a_long_word_does_not_leave_the_message_empty() -> None:
    assert job_error(ErrorCode.FAILED, "x" * 5000).message == "x" * 1000
