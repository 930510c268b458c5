"""What listings are asked for, from a URL, the command line or Python."""

from typing import Any

import pytest

from worker.domain.errors import FieldError, InvalidRequest
from worker.domain.job import Status
from worker.domain.job_spec import Kind
from worker.domain.requests.base import validate
from worker.domain.requests.queries import DeliveriesQuery, JobsQuery


@pytest.mark.parametrize(
    "given",
    [
        {"status": "failed", "kind": "video", "double_payments": "true", "limit": "7"},
        {"status": Status.FAILED, "kind": Kind.VIDEO, "double_payments": True, "limit": 7},
    ],
)
def test_text_and_values_mean_the_same(given: dict[str, Any]) -> None:
    asked = validate(JobsQuery, given)
    assert (asked.status, asked.kind) == (Status.FAILED, Kind.VIDEO)
    assert (asked.double_payments, asked.limit) == (True, 7)


def test_what_is_left_out_filters_nothing() -> None:
    assert validate(JobsQuery, {"status": None, "cursor": None}) == JobsQuery()
    assert JobsQuery().limit == DeliveriesQuery().limit == 50


def test_every_wrong_parameter_is_named_with_what_it_must_be() -> None:
    given = {"status": "done", "double_payments": 1, "limit": 201, "acount": "x"}
    with pytest.raises(InvalidRequest) as refused:
        validate(JobsQuery, given)
    status, double_payments, limit, unknown = refused.value.errors
    assert status.message.startswith("must be one of queued, submitting, ")
    assert double_payments == FieldError("double_payments", "must be one of true, false")
    assert limit == FieldError("limit", "must be a whole number from 1 to 200")
    assert "did you mean `account`?" in unknown.message


@pytest.mark.parametrize("limit", [0, 201, -1, 1.0, True, "", "x", "1e2", "٣", " 5", "9" * 5000])
def test_a_limit_is_a_number_from_1_to_200(limit: Any) -> None:
    with pytest.raises(InvalidRequest, match="limit: must be a whole number"):
        validate(JobsQuery, {"limit": limit})


@pytest.mark.parametrize("metadata", ["", "order", "=4711", f"order={'x' * 500}"])
def test_metadata_is_searched_by_name_and_value(metadata: str) -> None:
    with pytest.raises(InvalidRequest, match="metadata: must be"):
        validate(JobsQuery, {"metadata": metadata})


@pytest.mark.parametrize("prompt", ["", "x" * 501, "\ud800"])
def test_a_text_to_search_for_is_short_and_can_be_stored(prompt: str) -> None:
    with pytest.raises(InvalidRequest, match="prompt: must be a text of 1 to 500"):
        validate(JobsQuery, {"prompt": prompt})
