import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from tests.support.jobs import NOW
from worker.domain.errors import Conflict, FieldError, InvalidRequest, NotFound
from worker.domain.job_spec import Notify
from worker.domain.refusals import RefusalReason, Sent, notification_of, reason_of, refuse

WRONG = InvalidRequest([FieldError("prompt", "is required"), FieldError("then", "must be a list")])


def refused(sent: Sent, error: Exception = WRONG, now: float = NOW) -> Any:
    return refuse(sent, reason_of(error), error, now)


def kept(**fields: Any) -> Any:
    return refused(Sent("hookline.imagine", "m1", "gen1@shop", (), fields)).fields


def test_it_says_what_was_sent_by_whom_and_what_is_wrong() -> None:
    one = refused(Sent("hookline.imagine", "m1", "gen1@shop", (1,), {"then": "U1"}))
    assert (one.task, one.message_id, one.origin) == ("hookline.imagine", "m1", "gen1@shop")
    assert (one.args, one.fields) == ([1], {"then": "U1"})
    assert one.errors == WRONG.errors
    assert one.message == "prompt: is required; then: must be a list"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (WRONG, RefusalReason.INVALID),
        (Conflict("The key was used."), RefusalReason.CONFLICT),
        (NotFound("There is none."), RefusalReason.CONFLICT),
        (ZeroDivisionError("a secret"), RefusalReason.DEFECT),
    ],
)
def test_the_reason_follows_from_the_error(error: Exception, reason: RefusalReason) -> None:
    assert reason_of(error) is reason


def test_a_defect_is_named_without_its_words() -> None:
    assert refused(Sent(), ZeroDivisionError("a secret")).message == "ZeroDivisionError"


def test_a_message_that_comes_twice_is_one_refusal() -> None:
    sent = Sent(message_id="m1")
    assert refused(sent).id == refused(sent, now=NOW + 300).id
    assert refused(sent).id != refused(sent, Conflict()).id
    assert refused(Sent()).id != refused(Sent(), now=NOW + 1).id


def test_long_texts_are_cut() -> None:
    found = kept(image="data:image/png;base64," + "A" * 10_000)["image"]
    assert found.endswith("… (10022 characters)")
    assert len(found) < 600


def test_what_of_a_url_may_be_a_secret_is_not_kept() -> None:
    found = kept(
        image="https://user:pw@cdn.example/a.png?signature=abc",
        notify={"url": "https://shop.example/hook?token=abc"},
    )
    assert found == {
        "image": "https://…@cdn.example/a.png?…",
        "notify": {"url": "https://shop.example/hook?…"},
    }


def test_much_is_cut_short() -> None:
    deep: Any = "x"
    for _ in range(50):
        deep = [deep]
    found = kept(then=[{"press": "U1"}] * 60, deep=deep, **{f"f{n}": "y" * 400 for n in range(60)})
    assert found["then"][-1] == "… of 60 items"
    assert "…" in json.dumps(found["deep"], ensure_ascii=False)
    assert found["…"] == "of 62 fields"
    assert len(to_json(found)) < 20_000


def test_values_of_celerys_json_are_kept_as_text() -> None:
    order = uuid.uuid4()
    at = datetime(2026, 11, 29, tzinfo=UTC)
    assert kept(order=order, at=at, price=Decimal("1.50"), data=b"123") == {
        "order": str(order), "at": str(at), "price": "1.50", "data": "3 bytes",
    }  # fmt: skip


def test_what_grows_when_it_is_written_is_cut_as_well() -> None:
    found = kept(**{f"f{n}": "\ud800" * 500 for n in range(20)})
    assert found["f0"] == "\\ud800" * 500
    assert len(to_json(found)) < 20_000


def test_many_wrong_fields_are_cut_short() -> None:
    many = InvalidRequest(FieldError(f"field {n}", "is unknown") for n in range(5000))
    one = refused(Sent(), many)
    assert len(one.errors) == 20
    assert one.errors[-1] == FieldError("field 19", "is unknown")
    assert len(one.message) < 2100


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.uuids() | st.decimals()
    | st.datetimes() | st.binary() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner)
    | st.tuples(inner, inner),
    max_leaves=40,
)  # fmt: skip


@given(values, values, st.text(st.characters(codec=None)))
def test_whatever_is_sent_can_be_stored(args: Any, fields: Any, text: str) -> None:
    error = InvalidRequest.of(text, text)
    assert len(to_json(refused(Sent(text, text, text, args, fields), error))) < 60_000


def test_numbers_that_python_does_not_write_are_described() -> None:
    assert kept(number=10**5000) == {"number": "a number of 16610 bits"}


def test_its_notification_waits_for_no_other() -> None:
    target = Notify(("request.refused",), celery_task="shop.refused")
    one, other = (refused(Sent(message_id=name)) for name in ("m1", "m2"))
    note = notification_of(one, target)
    assert (note.topic, note.subject, note.target) == ("request.refused", one.id, target)
    assert note.due_at == NOW
    assert note.ordering_key != notification_of(other, target).ordering_key
