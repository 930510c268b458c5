"""What the store keeps of proofs, each way for itself."""

from collections.abc import Callable
from functools import partial
from threading import Thread

import pytest

from tests.support.jobs import NOW
from tests.support.stores import OwnStore
from worker.domain.presence import GONE_S, Presence, Proof, arrived

PROVEN = Presence(NOW - 60.125, {"a": NOW, "b": NOW - 1.001}, "no answer")


@pytest.fixture
def store() -> OwnStore:
    return OwnStore()


def always(presence: Presence | None) -> Callable[[Presence | None], Presence | None]:
    return lambda _: presence


def test_a_change_is_stored_and_read_with_the_callback_stats(store: OwnStore) -> None:
    assert store.presence.get("") is None
    assert store.presence.change("", always(PROVEN))
    assert store.presence.get("") == PROVEN
    assert store.accounts.callback_stats("default").presence == PROVEN
    assert store.accounts.callback_stats("other").presence == PROVEN


def test_nothing_new_changes_nothing(store: OwnStore) -> None:
    store.presence.change("", always(PROVEN))
    assert not store.presence.change("", always(None))
    assert store.presence.get("") == PROVEN


def test_each_way_is_proven_for_itself(store: OwnStore) -> None:
    store.presence.change("0123456789ab", always(PROVEN))
    assert store.presence.get("") is None
    assert store.accounts.callback_stats("default").presence is None
    assert store.accounts.callback_stats("default", "0123456789ab").presence == PROVEN


def test_it_goes_when_no_proof_is_sent_any_more(store: OwnStore) -> None:
    store.presence.change("", always(PROVEN))
    assert 0 < store.left_s("receiving:") <= GONE_S, "it expires by itself"
    store.let_pass(GONE_S)
    assert store.presence.get("") is None


def test_a_change_meanwhile_is_taken_into_account(store: OwnStore) -> None:
    seen: list[Presence | None] = []

    def late(known: Presence | None) -> Presence:
        seen.append(known)
        if len(seen) == 1:
            store.presence.change("", always(PROVEN))
        return Presence(NOW, {"c": NOW})

    assert store.presence.change("", late)
    assert seen == [None, PROVEN]


def test_many_processes_prove_at_the_same_time(store: OwnStore) -> None:
    def prove(name: str) -> None:
        after: float | None = None
        for number in range(10):
            one = Proof("", name, NOW + 2 * number, after)
            store.presence.change("", partial(arrived, proof=one, now=one.sent_at))
            after = one.sent_at

    threads = [Thread(target=prove, args=(f"p{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    known = store.presence.get("")
    assert known is not None
    assert known.latest[max(known.latest, key=lambda name: known.latest[name])] == NOW + 18
