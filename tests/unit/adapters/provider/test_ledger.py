"""What a gateway's own ledger says, in every shape that new-api and its forks give it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.adapters.provider.test_dialect_properties import json_values
from worker.adapters.provider.ledger import (
    charges_of,
    read_balance,
    read_log,
    read_refusal,
    read_tasks,
)
from worker.domain.account.ledger import Balance, LedgerTask, TaskCharge
from worker.domain.money import amount
from worker.domain.provider_reports import TaskStatus

Json = dict[str, Any]

#: As read from new-api, without what is not read.
ROW: Json = {
    "id": 7, "code": 1, "user_id": 1, "action": "IMAGINE", "mj_id": "1771", "prompt": "a fox",
    "prompt_en": "", "state": "j.abc.1.sig", "submit_time": 1764392400123, "start_time": 0,
    "finish_time": 0, "status": "SUCCESS", "progress": "100%", "fail_reason": "", "quota": 50000,
    "buttons": "[]", "properties": "",
}  # fmt: skip
TASK = LedgerTask(
    row="7",
    task_id="1771",
    submitted_at=1764392400.123,
    status=TaskStatus.SUCCEEDED,
    state="j.abc.1.sig",
    looked_at=True,
    kept=amount(0.1),
)


def page(*rows: Any) -> Json:
    data = {"page": 1, "page_size": 100, "total": len(rows), "items": list(rows)}
    return {"success": True, "message": "", "data": data}


def test_a_page_of_tasks() -> None:
    assert read_tasks(page(ROW)) == (TASK,)


def test_a_row_before_the_gateways_first_look_has_neither_status_nor_state() -> None:
    [task] = read_tasks(page({**ROW, "state": "", "status": "", "progress": "0%"})) or ()
    assert (task.state, task.looked_at, task.status) == (None, False, TaskStatus.PENDING)


def test_after_a_refund_nothing_is_kept() -> None:
    [task] = read_tasks(page({**ROW, "status": "FAILURE", "quota": 0})) or ()
    assert (task.status, task.kept) == (TaskStatus.FAILED, 0)


@pytest.mark.parametrize("code", [4, 23, 24, 3, "5"])
def test_a_row_of_a_refused_submit_is_no_task(code: int | str) -> None:
    assert read_tasks(page({**ROW, "code": code})) == ()


@pytest.mark.parametrize("body", [{"data": [ROW]}, {"success": True, "data": [ROW]}, page(ROW)])
def test_older_gateways_have_no_pages(body: Json) -> None:
    assert read_tasks(body) == (TASK,)


@pytest.mark.parametrize("empty", [page(), {"data": {"total": 0, "items": None}}, {"data": []}])
def test_no_task_yet(empty: Json) -> None:
    assert read_tasks(empty) == ()


@pytest.mark.parametrize("body", [None, [], {}, "<html>", {"data": {}}, {"data": {"items": 3}}])
def test_what_is_no_page_of_tasks(body: Any) -> None:
    assert read_tasks(body) is None


def test_a_window_and_its_answer_are_two_rows_of_one_task() -> None:
    window = {**ROW, "id": 8, "action": "INPAINT", "quota": 50000}
    answer = {**ROW, "id": 9, "action": "MODAL", "quota": 25000}
    tasks = read_tasks(page(answer, window)) or ()
    assert list(charges_of(tasks)) == [TaskCharge("1771", amount(0.05))]


def test_a_row_that_moved_to_the_next_page_counts_once() -> None:
    tasks = read_tasks(page(ROW)) or ()
    assert list(charges_of((*tasks, *tasks))) == [TaskCharge("1771", amount(0.1))]


def charge(task_id: str, quota: int = 50000, **more: Any) -> Json:
    content = (
        f"\u6a21\u578b\u56fa\u5b9a\u4ef7\u683c 0.10\uff0c\u64cd\u4f5c IMAGINE\uff0cID {task_id}"
    )
    return {"type": 2, "quota": quota, "content": content, "created_at": 1764392400, **more}


def refund(task_id: str, quota: int = 50000) -> Json:
    other = json.dumps({"task_id": task_id, "reason": "failed"})
    return {"type": 6, "quota": quota, "content": "", "other": other}


@pytest.mark.parametrize(
    ("rows", "kept", "charged"),
    [
        ([charge("17")], 0.1, 0.1),
        ([charge("17,18,19")], 0.1, 0.1),
        ([charge("", other=json.dumps({"task_id": "17"}))], 0.1, 0.1),
        ([charge("", other={"task_id": "17"})], 0.1, 0.1),
        ([refund("17"), charge("17")], 0.0, 0.1),
        ([refund("17", 20000), charge("17")], 0.06, 0.1),
        ([refund("17", 90000), charge("17")], 0.0, 0.1),
        ([charge("17"), charge("17", 25000)], 0.15, 0.15),
        ([charge("17"), {"type": 1, "quota": 9, "content": "ID 17"}, None, "x", {}], 0.1, 0.1),
    ],
)
def test_a_log_of_charges_and_refunds(rows: list[Any], kept: float, charged: float) -> None:
    assert read_log({"success": True, "data": rows}) == {
        "17": TaskCharge("17", amount(kept), amount(charged))
    }


def test_a_refund_whose_charge_left_the_log_tells_nothing() -> None:
    assert read_log({"data": [refund("17")]}) == {}


@pytest.mark.parametrize("body", [{"success": True, "data": None}, {"success": True, "data": []}])
def test_an_empty_log(body: Json) -> None:
    assert read_log(body) == {}


@pytest.mark.parametrize("body", [None, [], {}, "<html>", {"data": {}}, {"data": "x"}])
def test_what_is_no_log(body: Any) -> None:
    assert read_log(body) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"total_available": 5, "total_granted": 100}, Balance(10, 200, 9.0)),
        ({"total_available": -5, "total_granted": 100}, Balance(-10, 200, 9.0)),
        ({"total_available": 0, "unlimited_quota": True}, Balance(0, 0, 9.0, unlimited=True)),
        ({"total_available": "5"}, Balance(10, 0, 9.0)),
        ({}, None),
        (None, None),
    ],
)
def test_a_balance(data: Any, expected: Balance | None) -> None:
    assert read_balance({"code": True, "message": "ok", "data": data}, 9.0) == expected


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"success": False, "message": "not logged in"}, "not logged in"),
        ({"success": False}, "no explanation"),
        ({"success": True}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_refusal_with_http_200(body: Any, refusal: str | None) -> None:
    assert read_refusal(body) == refusal


_KEYS = [*ROW, "data", "items", "total", "type", "content", "other", "task_id", "success",
         "total_available", "total_granted", "unlimited_quota", "message"]  # fmt: skip
_bodies = st.recursive(
    json_values,
    lambda inner: (
        st.dictionaries(st.sampled_from(_KEYS), inner, max_size=9) | st.lists(inner, max_size=3)
    ),
    max_leaves=30,
)


@given(_bodies)
def test_nothing_raises_and_no_amount_is_negative(body: Any) -> None:
    assert all(task.kept is None or task.kept >= 0 for task in read_tasks(body) or ())
    assert all(c.kept >= 0 for c in charges_of(read_tasks(body) or ()))
    for charged in (read_log(body) or {}).values():
        assert charged.charged is not None
        assert 0 <= charged.kept <= charged.charged
    read_balance(body, 0.0)
    read_refusal(body)


@given(st.lists(st.sampled_from([ROW, {**ROW, "id": 8, "mj_id": "2"}, {**ROW, "code": 24}])))
def test_a_damaged_row_hides_no_other(rows: list[Json]) -> None:
    among = [each for row in rows for each in (row, None, {"mj_id": "x"}, {"submit_time": 1})]
    assert read_tasks(page(*among)) == read_tasks(page(*rows))
