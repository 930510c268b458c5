"""What the store promises of refused requests."""

from dataclasses import replace

import pytest

from tests.support.jobs import NOW
from tests.support.stores import OwnStore
from worker.domain.errors import InvalidRequest
from worker.domain.job_spec import Notify
from worker.domain.notifications import delivered
from worker.domain.refusals import KEPT, Refusal, RefusalReason, Sent, notification_of, refuse

TARGET = Notify(("request.refused",), celery_task="shop.refused")


def a_refusal(name: str = "m1", now: float = NOW) -> Refusal:
    sent = Sent("hookline.imagine", name, "gen1@shop", [1], {"prompt": "a cat"})
    return refuse(sent, RefusalReason.INVALID, InvalidRequest.of("args", "must be empty"), now)


def test_it_comes_back_as_it_was_kept(store: OwnStore) -> None:
    one = a_refusal()
    assert store.refusals.keep(one, None)
    assert store.refusals.get(one.id) == one
    assert store.refusals.page(10).refusals == (one,)
    assert store.refusals.get("another") is None


def test_one_that_comes_twice_is_kept_and_told_once(store: OwnStore) -> None:
    one = a_refusal()
    again = replace(one, created_at=NOW + 300)
    assert store.refusals.keep(one, notification_of(one, TARGET))
    assert not store.refusals.keep(again, notification_of(again, TARGET))
    assert store.refusals.page(10).refusals == (one,)
    [note] = store.outbox.claim(NOW + 400, 10, 60)
    assert note == replace(notification_of(one, TARGET), version=1)
    assert store.snapshot().disagreements(lambda _: 0) == []


def test_only_the_newest_are_kept(store: OwnStore) -> None:
    all_ = [a_refusal(str(n), NOW + n) for n in range(KEPT + 3)]
    for one in all_:
        store.refusals.keep(one, None)
    assert store.refusals.count(0) == KEPT
    assert [store.refusals.get(one.id) is None for one in all_[:4]] == [True, True, True, False]
    assert store.client.hlen(f"{store.prefix}refused:docs") == KEPT


def test_with_an_old_one_goes_its_notification_if_it_was_sent(store: OwnStore) -> None:
    """Otherwise a sender that errs in a loop would fill the memory."""
    sent, unsent, *rest = (a_refusal(str(n), NOW + n) for n in range(KEPT + 2))
    for one in (sent, unsent):
        store.refusals.keep(one, notification_of(one, TARGET))
    [note, _] = store.outbox.claim(NOW + 1, 10, 60)
    assert store.outbox.settle(delivered(note, NOW, "sent"), NOW)
    for one in rest:
        store.refusals.keep(one, None)
    assert store.outbox.get(f"msg_{sent.id}") is None
    assert store.outbox.get(f"msg_{unsent.id}") is not None
    assert store.snapshot().disagreements(lambda _: 0) == []


def test_pages_follow_one_another_newest_first(store: OwnStore) -> None:
    for n in range(5):
        store.refusals.keep(a_refusal(str(n), NOW + n // 2), None)
    seen, cursor = list[str](), None
    while True:
        page = store.refusals.page(2, cursor)
        seen += [one.message_id for one in page.refusals]
        if (cursor := page.cursor) is None:
            break
    assert sorted(seen) == ["0", "1", "2", "3", "4"]
    assert seen[0] == "4"
    with pytest.raises(InvalidRequest, match="cursor"):
        store.refusals.page(2, "nonsense")


def test_old_ones_can_be_removed(store: OwnStore) -> None:
    for n in range(4):
        store.refusals.keep(a_refusal(str(n), NOW + n), None)
    assert store.refusals.count(NOW + 2) == 2
    assert store.refusals.forget(NOW + 1, limit=1) == 1
    assert store.refusals.forget(NOW + 1, limit=10) == 1
    assert store.refusals.forget(NOW + 1, limit=10) == 0
    assert [one.message_id for one in store.refusals.page(10).refusals] == ["3", "2"]
    assert store.client.hlen(f"{store.prefix}refused:docs") == 2
