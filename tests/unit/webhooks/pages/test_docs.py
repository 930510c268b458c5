"""The API to try: its calls are made as who is signed in, and only by our own pages."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.browsing import Browser, token_for
from tests.support.openapi import described
from tests.support.web import AUTH, Web

EXAMPLES = {
    call["operationId"]: (method, path, content)
    for method, path, call in described()
    for content in call.get("requestBody", {}).get("content", {}).values()
    if "example" in content
}
HEADER = "X-Form-Token"


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return Web(tmp_path)


def form_token(browser: Browser) -> str:
    found = re.search(r'data-form-token="([^"]+)"', browser.get("/docs"))
    assert found
    return found[1]


def test_the_page_runs_under_the_policy_of_all_pages(web: Web) -> None:
    browser = Browser(web)
    policies = {
        browser.client.get(path).headers["Content-Security-Policy"] for path in ("/docs", "/")
    }
    [policy] = policies
    assert "unsafe" not in policy
    assert browser.client.get("/docs/openapi.json").get_json()["openapi"].startswith("3.1")


def test_a_page_calls_as_who_is_signed_in(web: Web) -> None:
    browser = Browser(web, token_for(web, "reader", "read"))
    headers = {HEADER: form_token(browser)}
    assert browser.client.get("/v1/jobs", headers=headers).status_code == 200
    body: Any = {"json": {"kind": "imagine", "prompt": "a fox"}}
    assert browser.client.post("/v1/jobs", headers=headers, **body).status_code == 403
    assert browser.client.get("/v1/tokens", headers=headers).status_code == 403


def test_the_cookie_alone_is_worth_nothing(web: Web) -> None:
    browser = Browser(web)
    token = form_token(browser)
    asked = browser.client.get
    assert asked("/v1/jobs").status_code == 401
    assert asked("/v1/jobs", headers={HEADER: "x" + token}).status_code == 403
    foreign = {HEADER: token, "Origin": "https://evil.example"}
    assert asked("/v1/jobs", headers=foreign).status_code == 403
    assert web.client.get("/v1/jobs", headers={HEADER: token}).status_code == 401
    other = Browser(web)
    assert other.client.get("/v1/jobs", headers={HEADER: token}).status_code == 403


def test_a_token_that_is_typed_in_counts_instead(web: Web) -> None:
    browser = Browser(web, token_for(web, "reader", "read"))
    headers = {HEADER: form_token(browser), **AUTH}
    assert browser.client.get("/v1/tokens", headers=headers).status_code == 200


@pytest.mark.parametrize("name", ["create", "create_token"])
def test_its_examples_run(web: Web, name: str) -> None:
    method, path, content = EXAMPLES[name]
    query = {"dry_run": "true"} if name == "create" else None
    answer = web.client.open(
        path, method=method.upper(), json=content["example"], query_string=query, headers=AUTH
    )
    assert answer.status_code in (200, 201), answer.text


def test_a_new_job_is_only_priced_at_first() -> None:
    [call] = [call for _, _, call in described() if call["operationId"] == "create"]
    [flag] = [each for each in call["parameters"] if each["name"] == "dry_run"]
    assert flag["example"] is True
