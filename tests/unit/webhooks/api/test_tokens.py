"""Tokens and the audit trail over HTTP, and how the guard answers."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.jobs import NOW
from tests.support.openapi import checked
from tests.support.tenants import Tenant, issue, web_with_prices
from tests.support.web import AUTH, Web
from worker.domain.audit import KEPT, AuditAction, Change
from worker.domain.job import Attempt, AttemptOutcome, Status

CAT = {"kind": "imagine", "prompt": "a cat"}


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return checked(web_with_prices(tmp_path))


def create(web: Web, **fields: Any) -> Any:
    body = {"name": "shop", "scopes": ["read", "submit"], **fields}
    return web.client.post("/v1/tokens", json=body, headers=AUTH)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def trail(web: Web, query: str = "") -> list[tuple[str, str]]:
    items = web.client.get(f"/v1/audit{query}", headers=AUTH).get_json()["items"]
    return [(each["actor"], each["action"]) for each in items]


def test_a_token_is_created_used_rotated_and_revoked(web: Web) -> None:
    made = create(web, tenant="acme", budget_per_day=2.5, expires_s=60)
    assert made.status_code == 201
    shown = made.get_json()
    secret = shown.pop("token")
    assert (shown["scopes"], shown["tenant"]) == (["read", "submit"], "acme")
    assert shown["limits"] == {"requests_per_minute": None, "budget_per_day": 2.5}
    listed = web.client.get("/v1/tokens", headers=AUTH)
    assert listed.get_json() == {"items": [shown]}
    assert web.client.get("/v1/jobs", headers=bearer(secret)).status_code == 200
    again = web.client.post("/v1/tokens/shop/rotate", json={"grace_s": 60}, headers=AUTH)
    fresh = again.get_json()["token"]
    for each in (secret, fresh):
        assert web.client.get("/v1/jobs", headers=bearer(each)).status_code == 200
    gone = web.client.delete("/v1/tokens/shop", headers=AUTH)
    assert gone.status_code == 200
    assert gone.get_json()["name"] == "shop"
    assert web.client.get("/v1/tokens", headers=AUTH).get_json() == {"items": []}
    assert web.client.delete("/v1/tokens/shop", headers=AUTH).status_code == 404
    rotated = web.client.post("/v1/tokens/shop/rotate", json={}, headers=AUTH)
    assert rotated.status_code == 404
    assert trail(web) == [("HOOKLINE_API_TOKEN", a) for a in ("revoke", "rotate", "create")]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": "no blanks"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": ""}, "name"),
        ({"name": "cli"}, "name"),
        ({"name": "HOOKLINE_API_TOKEN"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["write"]}, "scopes[0]"),
        ({"tenant": ""}, "tenant"),
        ({"expires_s": 0}, "expires_s"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"budget_per_day": -1}, "budget_per_day"),
        ({"scope": "read"}, "scope"),
    ],
)
def test_a_wrong_token_names_its_fields(web: Web, fields: dict[str, Any], named: str) -> None:
    answer = create(web, **fields)
    assert answer.status_code == 400
    assert [each["field"] for each in answer.get_json()["errors"]] == [named]


def test_a_name_is_taken_once(web: Web) -> None:
    create(web)
    assert create(web).status_code == 409
    assert trail(web) == [("HOOKLINE_API_TOKEN", "create")], "what was refused is not there"


def test_one_without_the_scope_is_refused_before_anything_is_looked_up(web: Web) -> None:
    auth = issue(web, "dashboard", ["read"])
    there = web.put()
    answers = [
        web.client.post(f"/v1/jobs/{each}/cancel", headers=auth) for each in (there.id, "0" * 32)
    ]
    assert [each.status_code for each in answers] == [403, 403]
    assert answers[0].data == answers[1].data
    assert "scope submit; token dashboard has read" in answers[0].get_json()["detail"]


def test_while_redis_is_away_only_the_settings_token_is_known(web: Web) -> None:
    auth = issue(web, "reader", ["read"])
    web.store.line.cut = "gone"
    assert web.client.get("/v1/openapi.json", headers=AUTH).status_code == 200
    away = web.client.get("/v1/jobs", headers=auth)
    assert away.status_code == 503
    assert away.headers["Retry-After"] == "5"
    for wrong in ("", "x", "hookline_x", "Ümläut"):
        answer = web.client.get("/v1/jobs", headers={"Authorization": f"Bearer {quote(wrong)}"})
        assert answer.status_code == 401, wrong


def test_too_many_requests_are_told_when_to_come_again(web: Web) -> None:
    auth = issue(web, "busy", ["read"], requests_per_minute=2)
    found = [web.client.get("/v1/jobs", headers=auth) for _ in range(4)]
    refused = [each for each in found if each.status_code == 429]
    assert refused, "at most one minute begins meanwhile"
    assert 1 <= int(refused[0].headers["Retry-After"]) <= 60
    assert refused[0].get_json()["type"] == "urn:hookline:problem:too-many-requests"


def test_a_days_budget_holds_for_jobs_presses_rows_and_retries(web: Web) -> None:
    """Everything costs 2 here."""
    auth = issue(web, "poor", ["submit"], budget_per_day=7)

    def post(path: str, body: Any = None, key: str | None = None) -> int:
        headers = {**auth, **({"Idempotency-Key": key} if key else {})}
        data = body if isinstance(body, bytes) else json.dumps(body)
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        sent = web.client.post(path, data=data, headers=headers, content_type=kind)
        return sent.status_code

    assert post("/v1/jobs", {**CAT, "then": [{"press": "U1"}]}, "a") == 202
    assert post("/v1/jobs", {**CAT, "then": [{"press": "U1"}]}, "b") == 429
    assert post("/v1/jobs?dry_run=true", {**CAT, "then": [{"press": "U1"}]}, "b") == 200
    assert post("/v1/jobs", CAT, "c") == 202
    assert post("/v1/jobs", CAT, "c") == 200, "a repeat is not paid again"
    rows = b'{"prompt": "a cat"}\n'
    assert post("/v1/batches?name=cats", rows) == 429
    assert web.client.get("/v1/batches", headers=AUTH).get_json() == {"items": []}
    tried = Attempt(1, NOW, AttemptOutcome.FAILED, NOW, "t1")
    failed = web.put(status=Status.FAILED, account="main", attempts=(tried,))
    assert post(f"/v1/jobs/{failed.id}/retry") == 429
    assert web.job(failed.id).status is Status.FAILED
    assert trail(web) == []
    rich = issue(web, "rich", ["submit"], budget_per_day=4)
    auth.update(rich)
    assert post("/v1/batches?name=cats", rows) == 202
    assert post("/v1/batches?name=cats", rows) == 202, "nothing new"
    assert post(f"/v1/jobs/{failed.id}/retry") == 202
    assert post(f"/v1/jobs/{failed.id}/retry") == 409, "it is queued, so nothing is paid"


def test_the_trail_says_who_changed_what(web: Web) -> None:
    tenant = Tenant(web, "acme").settle_in()
    assert trail(web) == [], "submissions are no changes"
    calls = [
        ("POST", f"/v1/jobs/{tenant.queued_id}/cancel", "cancel"),
        ("POST", f"/v1/jobs/{tenant.failed_id}/retry", "retry"),
        ("POST", f"/v1/jobs/{tenant.done_id}/assets", "fetch"),
        ("POST", f"/v1/batches/{tenant.batch_id}/pause", "pause"),
        ("POST", f"/v1/batches/{tenant.batch_id}/resume", "resume"),
        ("POST", f"/v1/batches/{tenant.batch_id}/cancel", "cancel"),
        ("POST", f"/v1/batches/{tenant.batch_id}/retry", "retry"),
        ("POST", f"/v1/deliveries/{tenant.delivery_id}/replay", "replay"),
    ]
    for method, path, _ in calls:
        assert tenant.call(method, path).status_code in {200, 202}, path
    assert trail(web) == [("token-of-acme", action) for *_, action in reversed(calls)]
    doubt = {"outcome": "accepted", "task_id": "t9"}
    path = f"/v1/jobs/{tenant.doubt_id}/resolve"
    assert web.client.post(path, json=doubt, headers=AUTH).status_code == 200
    web.client.post("/v1/accounts/main/pause", headers=AUTH)
    web.client.post("/v1/kinds/video/pause", headers=AUTH)
    [kind, account, resolved] = web.client.get("/v1/audit?limit=3", headers=AUTH).get_json()[
        "items"
    ]
    assert (kind["subject"], account["account"]) == ("kind video", "main")
    assert (resolved["job"], resolved["detail"]) == (tenant.doubt_id, "accepted t9")
    assert (resolved["actor"], resolved["tenant"]) == ("HOOKLINE_API_TOKEN", None)


def test_what_was_refused_is_not_in_the_trail(web: Web) -> None:
    done = web.put(status=Status.SUCCEEDED)
    assert web.client.post(f"/v1/jobs/{done.id}/cancel", headers=AUTH).status_code == 409
    assert web.client.post(f"/v1/jobs/{'0' * 32}/cancel", headers=AUTH).status_code == 404
    assert web.client.post("/v1/accounts/nobody/pause", headers=AUTH).status_code == 404
    assert trail(web) == []


def test_the_trail_is_filtered_and_paged(web: Web) -> None:
    jobs = [web.put(account="main") for _ in range(3)]
    for job in jobs:
        web.client.post(f"/v1/jobs/{job.id}/cancel", headers=AUTH)
    shop = issue(web, "shop", ["submit"])
    web.client.post(f"/v1/jobs/{jobs[0].id}/retry", headers=shop)
    assert trail(web, "?actor=shop") == [("shop", "retry")]
    assert len(trail(web, f"?job={jobs[0].id}")) == 2
    assert len(trail(web, "?account=main")) == 4
    assert trail(web, "?account=main&actor=nobody") == []
    seen, cursor = list[str](), ""
    while cursor is not None:
        query = f"?limit=2&actor=HOOKLINE_API_TOKEN{f'&cursor={cursor}' if cursor else ''}"
        page = web.client.get(f"/v1/audit{query}", headers=AUTH).get_json()
        seen += [each["job"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [job.id for job in reversed(jobs)]
    assert web.client.get("/v1/audit?cursor=x", headers=AUTH).status_code == 400


def test_the_trail_is_capped(web: Web) -> None:
    change = Change("cli", AuditAction.PAUSE, 1.0)
    pipe = web.store.client.pipeline(transaction=False)
    for _ in range(KEPT + 500):
        pipe.xadd(f"{web.store.prefix}audit", {"doc": "{}"})
    pipe.execute()
    web.store.audit.append(change)
    assert KEPT <= web.store.client.xlen(f"{web.store.prefix}audit") < KEPT + 200
