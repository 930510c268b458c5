"""Batches, accounts and deliveries: what their pages say and do."""

import re
from pathlib import Path

import pytest

from tests.support.browsing import Browser, token_for
from tests.support.jobs import NOW
from tests.support.web import Web
from webhooks.pages.batches import pace, shares
from worker.domain.events import Posting, Replied, Started
from worker.domain.job import Status
from worker.domain.provider_reports import Outcome, Verdict
from worker.domain.result import JobError
from worker.services.reports.batch_overview import report

ROWS = "a fox\na {red, green} door\n"


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return Web(tmp_path)


def submitted(web: Web, browser: Browser, rows: str = ROWS) -> str:
    """The path of a new batch."""
    form = {"name": "autumn", "format": "lines", "rows": rows, "do": "submit"}
    place = browser.send("/batches/new", on="/batches/new", **form).headers["Location"]
    assert place.startswith("/batches/")
    return str(place)


def test_a_check_stores_nothing_and_a_submit_does(web: Web) -> None:
    browser = Browser(web)
    form = {"name": "autumn", "format": "lines", "rows": ROWS, "then": "U1", "do": "check"}
    page = browser.send("/batches/new", on="/batches/new", **form).text
    assert "3 rows" in page
    assert "6 new jobs" in page
    assert "a {red, green} door" in page
    assert "No batches yet" in browser.get("/batches")
    place = submitted(web, browser)
    page = browser.get(place)
    assert re.findall(r'class="prompt"><a href="[^"]+">([^<]+)', page) == [
        "a fox", "a red door", "a green door",
    ]  # fmt: skip
    assert "autumn" in browser.get("/batches")


def test_bad_rows_are_named_by_line(web: Web) -> None:
    rows = '{"prompt": "a fox"}\n{"prompt": ""}\n'
    form = {"name": "x", "format": "ndjson", "rows": rows, "do": "check"}
    page = Browser(web).send("/batches/new", on="/batches/new", **form).text
    assert "line 2" in page
    refused = Browser(web).send("/batches/new", on="/batches/new", name="x", format="lines")
    assert (refused.status_code, "has no rows" in refused.text) == (400, True)


def test_a_batch_is_steered_by_those_who_may(web: Web) -> None:
    place = submitted(web, Browser(web))
    writer = Browser(web, token_for(web, "writer", "read", "submit"))
    assert 'action="' + place + '/pause"' not in writer.get(place)
    assert writer.send(f"{place}/pause", on=place).status_code == 403
    browser = Browser(web)
    browser.send(f"{place}/pause", on=place)
    assert "paused" in browser.get(place)
    writer.send(f"{place}/cancel", on=place)
    found = web.services.batches.find("autumn")
    assert report(web.store, found).count(Status.CANCELLED) == 3


def test_another_tenants_batch_is_not_there(web: Web) -> None:
    place = submitted(web, Browser(web))
    shop = Browser(web, token_for(web, "shop", "read", tenant="shop"))
    for path in (place, f"{place}/manifest", f"/live{place}"):
        assert shop.client.get(path).status_code == 404
    assert "autumn" not in shop.get("/batches")


def test_the_manifest_is_a_file(web: Web) -> None:
    browser = Browser(web)
    answer = browser.client.get(f"{submitted(web, browser)}/manifest")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.text.count("queued") == 3


def test_a_contact_sheet_comes_in_parts(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhooks.pages.batches._SHEET", 2)
    browser = Browser(web)
    place = submitted(web, browser)
    assert f'hx-get="{place}?start=2"' in browser.get(place)
    part = browser.get(f"{place}?start=2", headers={"HX-Request": "true"})
    assert part.count("<article") == 1
    assert "<html" not in part


def test_figures_come_again_only_when_they_changed(web: Web) -> None:
    browser = Browser(web)
    path = f"/live{submitted(web, browser)}"
    tag = browser.client.get(path).headers["ETag"]
    assert browser.client.get(path, headers={"If-None-Match": tag}).status_code == 304


def test_rate_and_shares(web: Web) -> None:
    submitted(web, Browser(web))
    shown = report(web.store, web.services.batches.find("autumn"))
    assert shares(shown) == [(Status.QUEUED, 3, 0, 1000)]
    assert pace(shown, NOW + 60) is None
    half = shown.model_copy(update={"counts": {**shown.counts, "queued": 1, "succeeded": 2}})
    found = pace(half, shown.created_at + 60)
    assert found
    assert (round(found.per_minute, 2), round(found.left_s or 0)) == (2.0, 30)


def test_accounts_are_paused_by_those_who_may(web: Web) -> None:
    browser = Browser(web)
    assert "/accounts/default/pause" in browser.get("/accounts")
    browser.send("/accounts/default/pause", on="/accounts")
    assert "/accounts/default/resume" in browser.get("/accounts")
    for scopes in (("read",), ("read", "operate")):
        tenant = {"tenant": "shop"} if "operate" in scopes else {}
        other = Browser(web, token_for(web, f"t{len(scopes)}", *scopes, **tenant))
        assert "/accounts/default/resume" not in other.get("/accounts")
        assert other.send("/accounts/default/resume", on="/").status_code == 403


def test_an_account_shows_the_last_answers(web: Web) -> None:
    browser = Browser(web)
    assert "None yet." in browser.get("/accounts/default")
    refused = Verdict(Outcome.TRY_LATER, error=JobError("queue_full", "too many tasks"))
    for prompt, verdict in (("a fox", refused), ("a door", Verdict(Outcome.ACCEPTED, task_id="7"))):
        job, _ = web.services.enqueuer.submit({"kind": "imagine", "prompt": prompt})
        for event in (Started("default"), Posting(1), Replied(1, verdict)):
            job = web.services.orchestrator.record(job, event).job
    page = browser.get("/accounts/default")
    assert "a door" in page
    assert "too many tasks" in page
    assert browser.client.get("/accounts/other").status_code == 404


def test_deliveries_are_listed_and_sent_again_by_those_who_may(web: Web) -> None:
    told, browser = web.told(), Browser(web)
    page = browser.get("/deliveries")
    assert "https://app.example/hook" in page
    assert "secret" not in page
    assert "No deliveries" in browser.get("/deliveries?state=dead")
    assert browser.client.get("/deliveries?state=lost").status_code == 400
    reader = Browser(web, token_for(web, "reader", "read"))
    assert reader.send(f"/deliveries/{told.id}/replay", on="/").status_code == 403
    tenant = Browser(web, token_for(web, "shop", "read", "operate", tenant="shop"))
    assert "No deliveries" in tenant.get("/deliveries")
    assert tenant.send(f"/deliveries/{told.id}/replay", on="/").status_code == 404
    assert browser.send(f"/deliveries/{told.id}/replay", on="/").status_code in (303, 409)


@pytest.mark.parametrize("start", ["\uff11\uff12", "-1", "1_0", "9" * 18, "9" * 5000])
def test_a_page_of_a_batch_that_is_not_there_is_no_failure(web: Web, start: str) -> None:
    browser = Browser(web)
    browser.get(submitted(web, browser), query_string={"start": start})
