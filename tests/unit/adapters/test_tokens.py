"""State tokens."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.adapters.tokens import AccountToken, BadToken, JobToken, Tokens
from worker.domain.presence import Proof

JOB_ID = "0123456789abcdef0123456789abcdef"
tokens = Tokens(["new secret", "old secret"])


def signed(text: str) -> str:
    return tokens._sign(text)  # noqa: SLF001 - what only a later version would sign


def test_a_token_names_a_job_and_its_attempt_or_an_account() -> None:
    assert tokens.read(tokens.for_job(JOB_ID, 3)) == JobToken(JOB_ID, 3)
    assert tokens.read(tokens.for_account("studio-2")) == AccountToken("studio-2")
    assert tokens.for_job(JOB_ID, 1) == tokens.for_job(JOB_ID, 1) != tokens.for_job(JOB_ID, 2)


@pytest.mark.parametrize("after", [None, 1796000000.001])
def test_a_proof_says_when_it_and_the_one_before_it_were_sent(after: float | None) -> None:
    proof = Proof("0123456789ab", "3f9ac2d1e07b", 1796000002.013, after)
    assert tokens.read(tokens.for_proof(proof)) == proof
    assert tokens.job(tokens.for_proof(proof)) is None


def test_a_token_goes_through_every_provider() -> None:
    proof = Proof("0123456789ab", "3f9ac2d1e07b", 1796000002.013, 1796000000.001)
    all_of = (tokens.for_job(JOB_ID, 999), tokens.for_account("studio-2"), tokens.for_proof(proof))
    for token in all_of:
        assert re.fullmatch(r"[A-Za-z0-9._~-]+", token)
        assert len(token) < 128


def test_secrets_can_be_changed_without_losing_callbacks() -> None:
    before, after = Tokens(["old secret"]), Tokens(["new secret"])
    assert tokens.read(before.for_job(JOB_ID, 1)) == JobToken(JOB_ID, 1)
    assert tokens.for_job(JOB_ID, 1) == after.for_job(JOB_ID, 1), "the newest signs"
    with pytest.raises(BadToken):
        after.read(before.for_job(JOB_ID, 1))


@pytest.mark.parametrize(
    "token",
    [
        "", ".", "x", "é", f"j.{JOB_ID}.1", f"j.{JOB_ID}.1.", "\x00", "🔄",
        signed("j.only"), signed(f"j.{JOB_ID}.x"), signed("z.y"),
        signed("p.w.a.1"), signed("p.w.a.x."), signed("p.w.a.1.x"),
        signed("a"), Tokens(["another"]).for_job(JOB_ID, 1),
    ],
)  # fmt: skip
def test_what_we_did_not_make_is_refused(token: str) -> None:
    with pytest.raises(BadToken):
        tokens.read(token)


@given(st.integers(0, 200), st.characters())
def test_one_changed_character_is_noticed(place: int, other: str) -> None:
    token = tokens.for_job(JOB_ID, 1)
    place %= len(token)
    forged = token[:place] + other + token[place + 1 :]
    if forged != token:
        with pytest.raises(BadToken):
            tokens.read(forged)


@given(st.text(max_size=300))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with pytest.raises(BadToken):
        tokens.read(text)
