"""What proofs show of the way of callbacks to us, and when counting starts again."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.jobs import NOW
from worker.domain.presence import (
    ANSWER_S,
    EVERY_S,
    GAP_S,
    GONE_S,
    Presence,
    Proof,
    arrived,
    failed,
    not_proven,
    way_of,
)

#: Two processes whose proofs have come back for a minute.
BOTH = Presence(NOW - 60, {"a": NOW - 1.5, "b": NOW - 0.5}, "an old trouble")


def proof(sender: str = "a", at: float = NOW, after: float | None = NOW - 1.5) -> Proof:
    return Proof("way", sender, at, after)


def since(presence: Presence | None) -> float:
    assert presence is not None
    return presence.since


def test_a_row_of_proofs_covers_the_time_up_to_its_last_one() -> None:
    first = arrived(None, proof(after=None), NOW + 0.1)
    assert first == Presence(NOW, {"a": NOW})
    second = arrived(first, proof(at=NOW + 2, after=NOW), NOW + 2.1)
    assert second == Presence(NOW, {"a": NOW + 2})
    assert second.covers(NOW, NOW + 2)
    assert not second.covers(NOW - 0.001, NOW + 2)
    assert not second.covers(NOW, NOW + 2.001)


def test_what_one_sender_proves_holds_as_long_as_the_others_prove_it_too() -> None:
    presence = arrived(BOTH, proof(), NOW)
    assert presence == replace(BOTH, latest={"a": NOW, "b": NOW - 0.5})
    assert presence.until == NOW - 0.5


BREAKS: dict[str, tuple[Presence | None, Proof]] = {
    "the process starts": (BOTH, proof("c", after=None)),
    "its last proof failed": (BOTH, proof(after=None)),
    "its last proof was not stored": (BOTH, proof(after=NOW - 1)),
    "it was forgotten": (BOTH, proof("c", after=NOW - 1.5)),
    "everything was forgotten": (None, proof()),
    "it was too slow": (replace(BOTH, latest={"a": NOW - GAP_S - 0.1}), proof(after=NOW - 5.1)),
    "another one fell silent": (
        replace(BOTH, latest={"a": NOW - 1.5, "b": NOW - GONE_S - 0.1}),
        proof(),
    ),
    "the store is of another time": (
        Presence(NOW - 900, {"a": NOW - 800}),
        proof(after=NOW - 800),
    ),
}


@pytest.mark.parametrize(("before", "next_one"), BREAKS.values(), ids=BREAKS)
def test_a_break_starts_counting_again(before: Presence | None, next_one: Proof) -> None:
    assert since(arrived(before, next_one, NOW)) == NOW


NOTHING_NEW: dict[str, tuple[Proof, float]] = {
    "a replay": (proof(at=NOW - 1.5, after=NOW - 3.5), NOW),
    "an older one": (proof(at=NOW - 2, after=None), NOW),
    "it took too long": (proof(), NOW + ANSWER_S + 0.001),
    "it is from the future": (proof(at=NOW + 60), NOW),
}


@pytest.mark.parametrize(("next_one", "now"), NOTHING_NEW.values(), ids=NOTHING_NEW)
def test_what_is_late_or_was_used_proves_nothing(next_one: Proof, now: float) -> None:
    assert arrived(BOTH, next_one, now) is None


def test_until_a_silent_sender_is_given_up_nothing_more_is_proven() -> None:
    """It may have died with a callback in its hands."""
    presence, now = BOTH, NOW
    while len(presence.latest) == 2:
        after = presence.latest["a"]
        now += EVERY_S
        known = arrived(presence, proof(at=now, after=after), now)
        assert known is not None
        assert known.until == NOW - 0.5 or known.since == now
        presence = known
    assert now - (NOW - 0.5) <= GONE_S + EVERY_S


def test_a_failure_starts_counting_again_until_its_sender_succeeds() -> None:
    broken = failed(BOTH, "b", "no answer", NOW)
    assert broken == Presence(NOW, {"a": NOW - 1.5, "b": NOW}, "no answer")
    assert not broken.covers(NOW - 60, NOW - 2), "what was proven is not told apart any more"
    on = arrived(broken, proof(at=NOW + 0.5), NOW + 0.5)
    assert on is not None
    assert (on.since, on.until) == (NOW, NOW), "the other one proves nothing for it"
    assert not on.lasts(NOW + 0.5)
    assert arrived(on, proof("b", at=NOW - 0.1, after=NOW - 0.5), NOW + 0.5) is None, "too late now"
    back = arrived(on, proof("b", at=NOW + 2, after=None), NOW + 2)
    assert since(back) == NOW + 2
    assert failed(None, "b", "no answer", NOW) == Presence(NOW, {"b": NOW}, "no answer")


def test_whether_proofs_come_back_is_said_with_the_reason() -> None:
    assert BOTH.lasts(NOW)
    assert not BOTH.lasts(NOW + GAP_S)
    assert "no web process" in not_proven(None)
    assert not_proven(failed(BOTH, "a", "no answer", NOW)) == "no answer"
    assert "just begun" in not_proven(Presence(NOW, {"a": NOW}))


def test_each_url_is_a_way_of_its_own() -> None:
    ways = {way_of(url) for url in (None, "https://a.example", "https://b.example")}
    assert len(ways) == 3


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from(["proof", "lost", "failed", "restart"]),
            st.sampled_from([0.3, 1.0, 2.0, 4.0, 7.0, 30.0]),
        ),
        max_size=40,
    )
)
def test_no_time_in_which_anything_failed_is_ever_covered(
    life: list[tuple[str, str, float]],
) -> None:
    """``broken``: each time at which a callback may have been lost, known from outside.

    A process that has never proven anything, or has long been silent, takes its share of the proofs
    of the others, and fails those.
    """
    presence: Presence | None = None
    after: dict[str, float | None] = {"a": None, "b": None}
    broken: list[float] = [NOW]
    now = NOW
    for sender, what, pause in life:
        now = round(now + pause, 3)
        known = presence is not None and sender in presence.latest
        if what == "proof":
            presence = arrived(presence, Proof("way", sender, now, after[sender]), now) or presence
            after[sender] = now
        else:  # "lost" and "restart": nobody is told
            after[sender] = None
        if what == "failed":
            presence = failed(presence, sender, "no", now)
        if what == "failed" or (what != "proof" and known):
            broken.append(now)
        if presence:
            assert not any(presence.since < each <= presence.until for each in broken)
