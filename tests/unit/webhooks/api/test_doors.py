"""The short form of `then`, buttons that cannot exist, wrong queries and the index, over HTTP."""

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support.openapi import checked
from tests.support.web import AUTH, Web


@pytest.fixture
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return checked(Web(tmp_path_factory.mktemp("web")))


def post(web: Web, path: str, body: Any) -> TestResponse:
    return web.client.post(path, data=json.dumps(body).encode(), headers=AUTH)


def fields_of(answer: TestResponse) -> list[str]:
    assert answer.content_type == "application/problem+json"
    return [each["field"] for each in (answer.get_json() or {}).get("errors", [])]


def test_follow_ups_in_short(web: Web) -> None:
    answer = post(web, "/v1/jobs", {"kind": "imagine", "prompt": "a cat", "then": "U1,V2>U1"})
    assert answer.status_code == 202, answer.data
    assert answer.get_json()["then"] == [
        {"press": "U1"},
        {"press": "V2", "then": [{"press": "U1"}]},
    ]


@pytest.mark.parametrize("then", ["U9", "V2>foo", [{"press": "V2", "then": [{"press": "U0"}]}]])
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs?dry_run=true"])
def test_a_button_that_no_task_has_is_refused_before_money(
    web: Web, path: str, then: object
) -> None:
    answer = post(web, path, {"kind": "imagine", "prompt": "a cat", "then": then})
    assert answer.status_code == 400
    assert fields_of(answer) == ["then"]
    assert "is no button" in answer.get_data(as_text=True)


def test_an_empty_place_is_named(web: Web) -> None:
    answer = post(web, "/v1/jobs", {"kind": "imagine", "prompt": "a cat", "then": "U1,,U2"})
    assert "has an empty place" in answer.get_data(as_text=True)


def test_every_wrong_parameter_is_named_at_once(web: Web) -> None:
    query = {"status": "done", "limit": "many", "colour": "red"}
    answer = web.client.get("/v1/jobs", query_string=query, headers=AUTH)
    assert answer.status_code == 400
    assert sorted(fields_of(answer)) == ["colour", "limit", "status"]


@pytest.mark.parametrize("path", ["/", "/v1"])
def test_it_says_what_is_where(web: Web, path: str) -> None:
    answer = web.client.get(path)
    assert answer.status_code == 200
    links = answer.get_json()["links"]
    assert web.client.get(links["openapi"], headers=AUTH).status_code == 200


@pytest.mark.parametrize("path", ["/nothing", "/v1/nothing", "/v1/jobs/nothing"])
def test_what_is_not_there_is_a_problem(web: Web, path: str) -> None:
    answer = web.client.get(path, headers=AUTH)
    assert answer.status_code == 404
    assert fields_of(answer) == []
