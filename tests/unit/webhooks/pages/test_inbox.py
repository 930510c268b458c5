"""The pages of the inbox and of doubts: what they show, and that they do it by the same doors."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.browsing import Browser, token_for
from tests.support.jobs import NOW
from tests.support.web import Web
from worker.domain.audit import Wanted
from worker.domain.job import Attempt, AttemptOutcome, Job, Status

STRAY = {
    "id": "t9",
    "status": "SUCCESS",
    "imageUrl": "https://cdn.example/grid.png",
    "promptEn": "a red door",
    "buttons": [{"customId": "MJ::JOB::upsample::1::4f2c", "label": "U1"}],
}


@pytest.fixture
def web(tmp_path: Path) -> Web:
    accounts = tmp_path / "accounts.toml"
    accounts.write_text(
        '[accounts.default]\nurl = "http://127.0.0.1:9"\nprice = { default = 0.1 }\n'
    )
    return Web(tmp_path, env={"HOOKLINE_ACCOUNTS": str(accounts)})


def in_doubt(web: Web, **fields: Any) -> Job:
    """Submitted twice; what became of the second is not known."""
    price: dict[str, Any] = {"account": "default", "price": 100_000}
    attempts = (
        Attempt(1, 1.0, AttemptOutcome.NOT_LISTED, posted_at=1.0, **price),
        Attempt(2, 2.0, posted_at=2.0, **price),
    )
    asked = {"request": {"prompt": "a red door"}, "account": "default", **fields}
    return web.put(status=Status.IN_DOUBT, attempts=attempts, due_at=NOW + 60, **asked)


def stray(web: Web) -> str:
    token = web.services.tokens.for_account("default")
    state = web.services.tokens.for_job("0" * 32, 1)
    body = json.dumps({**STRAY, "note": f"sent with {state}"}).encode()
    assert web.client.post(f"/webhooks/midjourney/{token}", data=body).status_code == 200
    [kept] = web.services.store.inbox.page(None, 1).callbacks
    return kept.id


def test_the_inbox_shows_each_callback_with_what_became_of_it(web: Web) -> None:
    job = web.running()
    for body in ({"id": "t1", "status": "IN_PROGRESS", "progress": "40%"}, {"id": "t1"}):
        web.client.post(web.hook(job), data=json.dumps(body))
    web.client.post(web.hook(job), data=b"{")
    stray(web)
    web.services.inbox.write()
    browser = Browser(web)
    page = browser.get("/inbox")
    assert page.count("<li>\n  <p class") == 4
    assert "must be JSON" in page
    assert "40 %" in page
    only = browser.get("/inbox?verdict=foreign")
    assert ("t9" in only, "t1" in only) == (True, False)
    assert browser.client.get("/inbox?verdict=nonsense").status_code == 400
    tag = browser.client.get("/live/inbox").headers["ETag"]
    assert browser.client.get("/live/inbox", headers={"If-None-Match": tag}).status_code == 304


def test_a_stray_callback_is_bound_to_the_job_that_is_suggested(web: Web) -> None:
    job, callback_id = in_doubt(web), stray(web)
    browser, on = Browser(web), f"/inbox/{callback_id}"
    page = browser.get(on)
    assert "its prompt is the same" in page
    assert f'value="{job.id}"' in page
    assert "[redacted]" in page
    answer = browser.send(f"{on}/bind", on, job_id=job.id)
    assert answer.headers["Location"] == f"/jobs/{job.id}"
    assert (web.job(job.id).status, web.job(job.id).task_id) == (Status.SUCCEEDED, "t9")
    assert "bound it to a job" in browser.get(on)
    [change] = web.store.audit.page(Wanted(), 9).changes
    assert (change.action, change.subject) == ("bind", callback_id)


def test_what_cannot_be_bound_is_refused_in_words(web: Web) -> None:
    callback_id = stray(web)
    browser, on = Browser(web), f"/inbox/{callback_id}"
    refused = browser.send(f"{on}/bind", on, job_id=web.running().id)
    assert (refused.status_code, "follows another task" in refused.text) == (409, True)
    assert browser.send(f"{on}/bind", on, job_id="").status_code == 400
    assert browser.client.get("/inbox/nonsense").status_code == 404


def test_a_tenant_has_no_inbox_and_a_reader_binds_nothing(web: Web) -> None:
    job, callback_id = in_doubt(web, tenant="shop"), stray(web)
    on = f"/inbox/{callback_id}"
    reader = Browser(web, token_for(web, "reader", "read"))
    assert "/bind" not in reader.get(on)
    assert reader.send(f"{on}/bind", "/", job_id=job.id).status_code == 403
    tenant = Browser(web, token_for(web, "of-shop", "read", "submit", tenant="shop"))
    assert tenant.client.get("/inbox").status_code == 403
    doubts = tenant.get("/doubts")
    assert "a red door" in doubts
    assert "t9" not in doubts
    assert "/resolve" not in doubts


def test_a_doubt_shows_its_submits_the_evidence_and_what_each_way_costs(web: Web) -> None:
    job, callback_id = in_doubt(web), stray(web)
    browser = Browser(web)
    page = browser.get("/doubts")
    assert [page.count(f"<h3>Submit {n}</h3>") for n in (1, 2)] == [1, 1]
    assert "not_listed" in page
    assert f"/inbox/{callback_id}/bind" in page
    assert "this task of the provider's; 0.1 is spent." in page
    assert "It is sent again for 0.1; if it was accepted after all, that is paid twice: 0.2" in page
    assert "0.1 stays reserved" in page
    browser.send(f"/jobs/{job.id}/resolve", "/doubts", outcome="resubmit")
    assert web.job(job.id).status is Status.QUEUED
    assert "No job is in doubt." in browser.get("/doubts")
