"""Names, ids and keys that callers have as numbers or UUIDs."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from numbers import Integral
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.errors import InvalidRequest
from worker.domain.requests.requests import parse_press, parse_request, parse_resolve
from worker.domain.requests.texts import parse_key

ORDER = UUID("6f0c0c5e-94ab-4c0e-9d7e-0123456789ab")
IMAGINE = {"kind": "imagine", "prompt": "a cat"}


class Status(IntEnum):
    PAID = 3


class Row(int):
    """As numpy's numbers: an ``Integral`` that JSON does not know."""


TAKEN = [
    (18, "18"),
    (0, "0"),
    (-1, "-1"),
    (2**64, str(2**64)),
    (ORDER, str(ORDER)),
    (Decimal(18), "18"),
    (Status.PAID, "3"),
    (Row(5), "5"),
    ("18", "18"),
]
REFUSED: list[Any] = [True, False, None, [], {}, "", " ", "\t", 1.0, float("nan"), Decimal("1.5"),
           Decimal("NaN"), datetime(2026, 11, 29, tzinfo=UTC), Fraction(1, 2), b"18", "x" * 256,
           "two\nlines", "\x00", "\ud800", 10**5000, 10**300]  # fmt: skip


@pytest.mark.parametrize(("given_", "text"), TAKEN)
def test_a_key_is_text_a_whole_number_or_a_uuid(given_: Any, text: str) -> None:
    assert parse_key(given_, "job_key") == text


@pytest.mark.parametrize("given_", REFUSED, ids=lambda value: type(value).__name__)
def test_any_other_key_is_refused(given_: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_key(given_, "job_key")
    [error] = caught.value.errors
    assert error.field == "job_key"
    assert "leave it out if a repeat should be a new job" in error.message


@given(st.text(min_size=1, max_size=255))
def test_a_key_is_never_changed(text: str) -> None:
    """Another text would be another job, which is paid for again."""
    try:
        assert parse_key(text, "job_key") == text
    except InvalidRequest:
        assert not text.strip() or not text.isprintable()


@pytest.mark.parametrize(("given_", "text"), TAKEN)
@pytest.mark.parametrize("field", ["tenant", "account"])
def test_names_may_be_numbers(field: str, given_: Any, text: str) -> None:
    asked = parse_request({**IMAGINE, field: given_})
    found = {"tenant": asked.spec.options.tenant, "account": asked.account}
    assert found[field] == text


@pytest.mark.parametrize("given_", [True, 1.5, Decimal("1.5"), [], b"x"], ids=repr)
@pytest.mark.parametrize("field", ["tenant", "account"])
def test_what_is_no_name_is_refused(field: str, given_: Any) -> None:
    with pytest.raises(InvalidRequest, match=f"{field}: must be a string"):
        parse_request({**IMAGINE, field: given_})


@pytest.mark.parametrize("given_", [18, ORDER, Decimal(18)], ids=repr)
@pytest.mark.parametrize("field", ["prompt", "images"])
def test_a_prompt_or_an_image_is_no_number(field: str, given_: Any) -> None:
    value = [given_] if field == "images" else given_
    with pytest.raises(InvalidRequest, match="must be a string"):
        parse_request({**IMAGINE, field: value})


def test_a_task_of_the_provider_may_be_a_number() -> None:
    asked = parse_request({"kind": "action", "task_id": 1795941332865566, "button": 1})
    assert asked.spec.request == {"task_id": "1795941332865566", "button": "1"}
    assert parse_resolve({"outcome": "accepted", "task_id": 17}).task_id == "17"
    assert parse_press({"button": 3}).button == "3"


@pytest.mark.parametrize("given_", [ORDER, str(ORDER), ORDER.hex], ids=["uuid", "text", "hex"])
def test_a_job_that_a_database_kept_as_a_uuid_is_found(given_: Any) -> None:
    asked = parse_request({"kind": "action", "job_id": given_, "button": "U1"})
    assert asked.spec.request["job_id"] == ORDER.hex
    assert isinstance(asked.spec.request["job_id"], str)


def test_steps_may_press_numbers() -> None:
    then = [{"press": 1}, {"press": 2}, {"blend": [1, "2"]}]
    assert parse_request({**IMAGINE, "then": then}).spec.then == (
        {"press": "1"}, {"press": "2"}, {"blend": ["1", "2"]},
    )  # fmt: skip
    with pytest.raises(InvalidRequest, match="which no step next to it presses"):
        parse_request({**IMAGINE, "then": [{"press": 1}, {"blend": [1, 3]}]})
    with pytest.raises(InvalidRequest, match="twice"):
        parse_request({**IMAGINE, "then": [{"press": 1}, {"blend": [1, "1"]}]})


def test_the_same_value_is_the_same_request() -> None:
    one, other = (parse_request({**IMAGINE, "tenant": tenant}) for tenant in (42, "42"))
    assert one.fingerprint == other.fingerprint


def test_metadata_takes_what_celerys_json_has() -> None:
    at = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
    given_ = {"order": ORDER, "at": at, "day": at.date(), "time": at.time(),
              "price": Decimal("9.90"), "lines": [{"id": ORDER}]}  # fmt: skip
    assert parse_request({**IMAGINE, "metadata": given_}).spec.metadata == {
        "order": str(ORDER), "at": "2026-11-29T12:30:00+00:00", "day": "2026-11-29",
        "time": "12:30:00", "price": "9.90", "lines": [{"id": str(ORDER)}],
    }  # fmt: skip


@pytest.mark.parametrize(
    "value", [b"x", {1, 2}, object(), float("nan"), 1j], ids=lambda value: type(value).__name__
)
def test_metadata_takes_nothing_else(value: Any) -> None:
    with pytest.raises(InvalidRequest, match="metadata: must be plain JSON"):
        parse_request({**IMAGINE, "metadata": {"x": value}})


def test_a_number_of_numpy_is_a_number() -> None:
    class Int64:
        """What ``numpy.int64`` is to Python."""

        def __int__(self) -> int:
            return 1001

    Integral.register(Int64)
    assert parse_key(Int64(), "key") == "1001"
