"""Two tenants' tokens against each other, over every call of the OpenAPI document: what is
another's is answered as what does not exist, and nothing of it changes.

A new call is among them by itself: it needs a scope, and a body here if it takes one.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Response
from werkzeug.test import TestResponse

from tests.support.browsing import Browser
from tests.support.openapi import described
from tests.support.tenants import ALL_OF_A_TENANT, Tenant, issue, picture, web_with_prices
from tests.support.web import AUTH, Web
from webhooks.api.calls import Call
from webhooks.api.openapi import CALLS
from webhooks.api.scopes import NEEDS
from webhooks.context import Context
from webhooks.pages.everything import PAGES
from webhooks.pages.registry import Page
from worker.domain.access import Scope
from worker.domain.job_spec import Kind
from worker.domain.requests.fields import picture_fields
from worker.domain.requests.kinds import MODELS

_GUARDED = [(m, p, each) for m, p, each in described() if each["security"]]

#: What a caller sends to each call that takes a body.
_BODIES: dict[str, Any] = {
    "create": {"kind": "imagine", "prompt": "a cat"},
    "press": {"button": "U1"},
    "resolve": {"outcome": "failed"},
    "bind_callback": {"job_id": "0" * 32},
    "create_batch": b'{"prompt": "a cat"}\n',
    "create_token": {"name": "mine", "scopes": ["admin"]},
    "rotate_token": {},
}
_QUERIES = {"create_batch": {"name": "cats"}}


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return web_with_prices(tmp_path)


@pytest.fixture
def acme(web: Web) -> Tenant:
    return Tenant(web, "acme").settle_in()


@pytest.fixture
def globex(web: Web) -> Tenant:
    return Tenant(web, "globex")


def pairs(acme: Tenant, path: str) -> Iterator[tuple[str, str]]:
    """Something of acme's for the path, and something like it that does not exist."""
    none = uuid4().hex
    known: dict[str, list[tuple[str, str]]] = {
        "job_id": [(each, none) for each in acme.job_ids],
        "pipeline_id": [(each, none) for each in acme.job_ids],
        "batch_id": [(acme.batch_id, none), (acme.batch_name, "dogs")],
        "callback_id": [(uuid4().hex, none)],  # no tenant sees any
        "delivery_id": [(acme.delivery_id, f"msg_{none}")],
        "name": [("token-of-acme", "nobody"), ("main", "other"), ("imagine", "nothing")],
    }
    names = re.findall(r"{(\w+)}", path)
    if not names:
        yield "", ""
    for name in names:
        yield from known[name]


def said(answer: TestResponse, *names: str) -> tuple[int, str, dict[str, str]]:
    """What the answer tells, but for the names that the caller gave itself."""
    text = answer.get_data(as_text=True)
    for name in filter(None, names):
        text = text.replace(name, "NAME")
    headers = {k: v for k, v in answer.headers.items() if k not in ("Content-Length", "Date")}
    return answer.status_code, text, headers


def what_is_acmes(web: Web) -> dict[str, Any]:
    """Every record and sum that has to do with acme; apart from whose turn it is."""
    found = web.store.snapshot()
    mine = {job.id for job in found.jobs.values() if job.options.tenant == "acme"}
    return {
        key: value
        for key, value in found.keys.items()
        if key != "turns"
        and (
            "acme" in json.dumps(value, default=str) or "acme" in key or mine & set(key.split(":"))
        )
    }


@pytest.mark.parametrize("guarded", _GUARDED, ids=lambda guarded: guarded[2]["operationId"])
def test_what_is_anothers_is_answered_as_what_does_not_exist(
    web: Web, acme: Tenant, globex: Tenant, guarded: tuple[str, str, dict[str, Any]]
) -> None:
    method, path, call = guarded
    path = path.replace("{number}", "0")  # of a job's file
    name = call["operationId"]
    body, query = _BODIES.get(name), _QUERIES.get(name)
    assert ("requestBody" in call) is (name in _BODIES), "say in _BODIES what a caller sends"
    before = what_is_acmes(web)
    for its, no_ones in pairs(acme, path):
        theirs, nobodys = (
            globex.call(method, re.sub(r"{\w+}", each, path), body, query_string=query)
            for each in (its, no_ones)
        )
        if its:
            assert theirs.status_code in {403, 404}, its
            assert said(theirs, its, no_ones) == said(nobodys, its, no_ones)
        text = theirs.get_data(as_text=True).replace(its, "") if its else theirs.text
        shown = text + "".join(v for k, v in theirs.headers.items() if k != "Location")
        leaked = [each for each in acme.secrets if each in shown]
        assert leaked == [], f"{name} tells of {leaked}"
    assert what_is_acmes(web) == before


#: Pages about something that belongs to a tenant; accounts are the operator's, and known by name.
_OF_TENANTS = [
    page for page in PAGES if page.like and "<" in page.rule and "/accounts/" not in page.rule
]
#: What their forms send, whichever it is.
_FORM = {
    "button": "U1",
    "prompt": "a hat",
    "outcome": "failed",
    "days": "1",
    "job_id": "0" * 32,
}


@pytest.mark.parametrize("page", _OF_TENANTS, ids=lambda page: page.endpoint)
def test_the_pages_of_anothers_are_those_of_what_does_not_exist(
    web: Web, acme: Tenant, globex: Tenant, page: Page
) -> None:
    """A new page is among them by itself, as its path names a job, a pipeline or something."""
    browser = Browser(web, globex.auth["Authorization"].removeprefix("Bearer "))
    found = re.search(r'name="form_token" value="([^"]+)"', browser.get("/new"))
    assert found
    form = {**_FORM, "form_token": found[1]} if page.method == "POST" else None
    # What a page that is asked for again and again has seen already.
    tags = ["", *(f'"{version}.over"' for version in range(5))]
    before, none = what_is_acmes(web), uuid4().hex
    pairs = [(each, none) for each in acme.job_ids]
    if "<job:" not in page.rule:
        pairs = [
            (acme.batch_id, none),
            (acme.batch_name, "dogs"),
            (acme.delivery_id, f"msg_{none}"),
        ]
    rule = page.rule.replace("<int:number>", "0").replace("<digest>", "abc")
    for its, no_ones in pairs:
        for tag in tags if "/live/" in page.rule else tags[:1]:
            theirs, nobodys = (
                browser.client.open(
                    re.sub(r"<[^>]+>", each, rule),
                    method=page.method,
                    data=form,
                    headers={"If-None-Match": tag} if tag else {},
                )
                for each in (its, no_ones)
            )
            # 400 where a form names the job.
            assert theirs.status_code in {400, 403, 404}, (its, tag)
            assert said(theirs, its, no_ones) == said(nobodys, its, no_ones)
    assert what_is_acmes(web) == before


def test_every_call_says_what_a_token_needs() -> None:
    """Without an entry in the table the app does not even start."""
    assert {call["operationId"] for _, _, call in _GUARDED} == set(NEEDS)
    for _, _, call in _GUARDED:
        need = NEEDS[call["operationId"]]
        assert call["security"] == [{"token": [need.scope.value]}]
        assert ("without a tenant" in call.get("description", "")) is need.shared
    for made in CALLS:
        assert made.public is (made.need is None)

    def new_call(_context: Context) -> Response:
        return Response()

    with pytest.raises(KeyError):
        _ = Call("GET", "/v1/new", new_call, {}).need


@pytest.mark.parametrize("scope", list(Scope))
def test_a_scope_opens_its_calls_and_no_others(web: Web, acme: Tenant, scope: Scope) -> None:
    auth = issue(web, "one", [scope.value])
    for method, path, call in _GUARDED:
        filled = re.sub(r"{(?:job|pipeline)_id}", uuid4().hex, path)
        filled = re.sub(r"{\w+}", "nothing", filled.replace("{number}", "0"))
        answer = web.client.open(filled, method=method.upper(), headers=auth)
        opened = scope in (Scope.ADMIN, NEEDS[call["operationId"]].scope)
        assert (answer.status_code != 403) is opened, (method, path, answer.text)
        if not opened:
            assert "scope" in answer.get_json()["detail"]
    assert acme.name


def bodies(named: str, task: str, blob: str) -> Iterator[dict[str, Any]]:
    """Every way in which a request for a new job can name a job, a task or a stored picture."""
    plain: dict[str, dict[str, Any]] = {
        "action": {"button": "U1"},
        "modal": {"prompt": "a hat"},
        "change": {"action": "REROLL"},
        "video": {"index": 1},
    }
    for kind, model in MODELS.items():
        given = {"kind": kind.value, **plain.get(kind.value, {})}
        if "job_id" in model.model_fields:
            yield {**given, "job_id": named}
            yield {**given, "task_id": task}
        for field in picture_fields(kind):
            filled = {
                each.name: [picture("other"), picture("same")] if each.many else picture("other")
                for each in picture_fields(kind)
                if not each.mask
            }
            ref = [blob, picture("other")] if field.many else blob
            prompt = {"prompt": "a cat"} if "prompt" in model.model_fields else {}
            by_task = {"task_id": task} if kind is Kind.MODAL else {}
            yield {"kind": kind.value, **prompt, **by_task, **filled, field.name: ref}
    mask = {"press": "Vary (Region)", "modal": {"mask": blob}}
    yield {"kind": "imagine", "prompt": "a cat", "then": [mask]}


@pytest.mark.parametrize("dry", ["", "?dry_run=true"])
def test_a_request_names_only_what_is_the_tenants(
    web: Web, acme: Tenant, globex: Tenant, dry: str
) -> None:
    nothing = (uuid4().hex, "no-task", f"blob:{'0' * 64}.png")
    before = what_is_acmes(web)
    for job_id in acme.job_ids:
        its = (job_id, acme.task_id, acme.blob)
        for body, like in zip(bodies(*its), bodies(*nothing), strict=True):
            theirs = globex.call("POST", f"/v1/jobs{dry}", body)
            assert theirs.status_code == 400, (body, theirs.text)
            nobodys = globex.call("POST", f"/v1/jobs{dry}", like)
            assert said(theirs, *its, *nothing) == said(nobodys, *its, *nothing)
    assert what_is_acmes(web) == before
    assert globex.call("GET", "/v1/jobs").get_json()["items"] == []


def test_the_tenant_itself_may_name_all_of_it(acme: Tenant) -> None:
    taken = [
        acme.call("POST", "/v1/jobs", body).status_code
        for body in bodies(acme.done_id, acme.task_id, acme.blob)
        if "mask" not in json.dumps(body) and body["kind"] != "modal"
    ]
    assert set(taken) == {202}


def test_a_button_of_another_picture_is_none(acme: Tenant, globex: Tenant) -> None:
    globex.settle_in()
    own, others = {"job_id": globex.done_id}, "MJ::JOB::upsample::1::of-acme"
    asked = {"kind": "action", **own, "custom_id": others}
    assert globex.call("POST", "/v1/jobs", asked).status_code == 400
    known = {"kind": "action", **own, "custom_id": "MJ::JOB::upsample::1::4f2c"}
    assert globex.call("POST", "/v1/jobs", known).status_code == 202
    assert acme.name


def test_rows_and_presses_name_only_what_is_the_tenants(acme: Tenant, globex: Tenant) -> None:
    globex.settle_in()
    for row in (
        {"kind": "describe", "image": acme.blob},
        {"kind": "change", "task_id": acme.task_id, "action": "REROLL"},
        {"prompt": "a cat", "tenant": "acme"},
    ):
        rows = json.dumps(row).encode() + b"\n"
        taken = globex.call("POST", f"/v1/batches?name={uuid4().hex}", rows).get_json()
        assert (taken["new"], taken["bad"]) == (0, 1), row
    press = {"button": "Vary (Region)", "modal": {"mask": acme.blob}}
    answer = globex.call("POST", f"/v1/jobs/{globex.done_id}/press", press)
    assert answer.status_code == 400


def test_the_tenant_is_set_and_cannot_be_another(acme: Tenant, globex: Tenant) -> None:
    cat = {"kind": "imagine", "prompt": "a cat"}
    for given in ({}, {"tenant": "globex"}):
        made = globex.call("POST", "/v1/jobs", {**cat, **given}, headers={"Idempotency-Key": "k"})
        assert made.get_json()["tenant"] == "globex"
    refused = globex.call("POST", "/v1/jobs", {**cat, "tenant": acme.name})
    assert [each["field"] for each in refused.get_json()["errors"]] == ["tenant"]
    assert len(globex.call("GET", "/v1/jobs").get_json()["items"]) == 1


def test_a_tenant_sends_nothing_into_the_operators_broker(acme: Tenant, globex: Tenant) -> None:
    told = {"celery_task": "acme.delete_all"}
    refused = globex.call("POST", "/v1/jobs", {**_BODIES["create"], "notify": told})
    assert [e["field"] for e in refused.get_json()["errors"]] == ["notify.celery_task"]
    query = {"name": "cats", "notify": json.dumps(told)}
    refused = globex.call("POST", "/v1/batches", _BODIES["create_batch"], query_string=query)
    assert refused.status_code == 400
    assert acme.name


def test_keys_and_names_are_each_tenants_own(web: Web, acme: Tenant, globex: Tenant) -> None:
    globex.settle_in()
    assert globex.queued_id != acme.queued_id, "both said order-1"
    cat, key = {"kind": "imagine", "prompt": "a cat"}, {"Idempotency-Key": "order-1"}
    assert globex.call("POST", "/v1/jobs?dry_run=true", cat, headers=key).status_code == 409
    ours = web.client.post("/v1/jobs", json=cat, headers={**AUTH, **key})
    assert ours.status_code == 202, "nor do tenants take the operator's keys"
    rows = b'{"prompt": "a cat"}\n'
    taken = [t.call("POST", "/v1/batches?name=same", rows).get_json() for t in (acme, globex)]
    assert taken[0]["id"] != taken[1]["id"]
    assert [each["new"] for each in taken] == [1, 1]


def test_lists_and_sums_are_each_tenants_own(web: Web, acme: Tenant, globex: Tenant) -> None:
    globex.settle_in()
    for _ in range(3):
        Tenant(web, f"t{uuid4().hex[:8]}").settle_in()
    for tenant in (acme, globex):
        for path, count in (("/v1/jobs", 7), ("/v1/batches", 1), ("/v1/deliveries", 1)):
            items = tenant.call("GET", path).get_json()["items"]
            assert len(items) == count, path
        page, seen = {"next_cursor": ""}, list[str]()
        while page["next_cursor"] is not None:
            cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else ""
            page = tenant.call("GET", f"/v1/jobs?limit=2{cursor}").get_json()
            seen += [job["id"] for job in page["items"]]
            assert {job["tenant"] for job in page["items"]} <= {tenant.name}
        assert len(set(seen)) == len(seen) == 7
        failed = tenant.call("GET", "/v1/jobs?status=in_doubt").get_json()["items"]
        assert [job["id"] for job in failed] == [tenant.doubt_id]
        dead = tenant.call("GET", "/v1/deliveries?state=dead").get_json()
        assert dead == {"items": [], "next_cursor": None}
        accounts = tenant.call("GET", "/v1/accounts").get_json()
        assert accounts["items"] == []
        assert [each["scope"] for each in accounts["budgets"]] == [f"tenant:{tenant.name}"]
        assert accounts["budgets"][0]["budget"] == 1000
    everything = web.client.get("/v1/jobs?limit=200", headers=AUTH).get_json()["items"]
    assert len(everything) == 35
    assert len(web.client.get("/v1/accounts", headers=AUTH).get_json()["items"]) == 1


def test_why_a_job_waits_tells_nothing_of_others(web: Web, acme: Tenant, globex: Tenant) -> None:
    made = globex.call("POST", "/v1/jobs", {"kind": "imagine", "prompt": "a cat"}).get_json()
    waits = globex.call("GET", f"/v1/jobs/{made['id']}").get_json()["waiting"]
    assert waits == {
        "reason": "slots", "message": "it waits for its turn", "until": None, "commands": [],
    }  # fmt: skip
    web.services.store.queue.pause("account:main")
    waits = globex.call("GET", f"/v1/jobs/{made['id']}").get_json()["waiting"]
    assert waits["reason"] == "paused"
    assert "main" not in waits["message"]
    assert acme.name


def test_what_goes_to_the_operators_receiver_is_no_tenants(web: Web, globex: Tenant) -> None:
    before = web.told()
    assert before.tenant == ""
    assert globex.call("GET", "/v1/deliveries").get_json()["items"] == []
    assert globex.call("GET", f"/v1/deliveries/{before.id}").status_code == 404


def test_a_tenants_token_is_no_admins(web: Web) -> None:
    body = {"name": "both", "scopes": ["read", "admin"], "tenant": "acme"}
    answer = web.client.post("/v1/tokens", json=body, headers=AUTH)
    assert [each["field"] for each in answer.get_json()["errors"]] == ["tenant"]
    assert set(ALL_OF_A_TENANT) == {"read", "submit", "operate"}


def test_the_indexes_of_tenants_agree_with_the_records(
    web: Web, acme: Tenant, globex: Tenant
) -> None:
    globex.settle_in()
    acme.call("POST", f"/v1/batches/{acme.batch_id}/cancel")
    found = web.store.snapshot()
    wrong = found.disagreements(lambda _: 2_000_000)
    assert [each for each in wrong if each.startswith("tenant_")] == []
    assert {"tenant_jobs:acme", "tenant_batches:acme", "tenant_notifications:acme",
            "tenant_inputs:acme"} <= found.keys.keys()  # fmt: skip
