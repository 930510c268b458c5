"""A link to one pipeline: what it shows, to whom, and until when."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.browsing import Browser, browser_of, token_for
from tests.support.jobs import NOW
from tests.support.tenants import web_with_prices
from tests.support.web import Web
from worker.domain.audit import Wanted
from worker.domain.job import Attempt, Job, Status
from worker.domain.job_spec import Kind
from worker.domain.result import AssetsStatus, Button, Result, StoredFile

BUTTONS = (Button("MJ::JOB::upsample::1::x", "U1"),)
DAY = 86_400


@pytest.fixture
def web(tmp_path: Path) -> Web:
    web = web_with_prices(tmp_path)
    (tmp_path / "output").mkdir()
    return web


def pictured(web: Web, name: str, **fields: Any) -> Job:
    (web.folder / "output" / name).write_bytes(name.encode())
    file = StoredFile(name, "image/png", len(name), name[0] * 64, 4, 3, "picture")
    result = Result(buttons=BUTTONS, assets_status=AssetsStatus.STORED, files=(file,))
    attempts = (Attempt(1, NOW, task_id=name, account="main", price=2_000_000),)
    ended = {"task_id": name, "finished_at": NOW + 9, "attempts": attempts, "account": "main"}
    return web.put(status=Status.SUCCEEDED, result=result, **{**ended, **fields})


def pipeline(web: Web, **fields: Any) -> Job:
    """A picture and what followed from it; the prompt names a picture elsewhere."""
    token = web.services.tokens.for_job("0" * 32, 1)
    prompt = f"https://cdn.example/a.png?sig=secret a lighthouse {token}"
    root = pictured(web, "a.png", request={"prompt": prompt}, **fields)
    about = {"parent_id": root.id, "pipeline_id": root.id, "kind": Kind.ACTION, **fields}
    pictured(web, "b.png", request={"button": "U1"}, **about)
    return root


def link_to(browser: Browser, job: Job, days: str = "7") -> str:
    on = f"/pipelines/{job.id}"
    page = browser.send(f"{on}/share", on, days=days).text
    found = re.search(r'value="http://localhost(/shared/[^"]+)"', page)
    assert found, page
    return found[1]


def test_it_shows_the_pictures_and_their_lineage_to_anybody_and_nothing_else(web: Web) -> None:
    link = link_to(Browser(web), pipeline(web))
    stranger = browser_of(web)
    answer = stranger.get(link)
    page = answer.text
    assert "[link] a lighthouse [redacted]" in page
    assert "U1" in page
    assert not re.search(
        r"sig=secret|cdn\.example|form_token|<nav|/history|/press|task|>[24]<", page
    )
    pictures = set(re.findall(rf"{link}/\w+/[\w-]+", page))
    assert {stranger.get(each).text for each in pictures} == {"a.png", "b.png"}
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "private, no-store"
    chosen = re.search(r'href="([^"]+job=\w+)" aria-current', page)
    assert chosen
    assert stranger.get(chosen[1]).status_code == 200


def test_it_opens_no_other_door(web: Web) -> None:
    link, other = link_to(Browser(web), pipeline(web)), pictured(web, "c.png")
    stranger = browser_of(web)
    for path in ("/", f"/pipelines/{other.id}", f"/jobs/{other.id}/history"):
        assert stranger.get(path).status_code == 303
    assert stranger.get(f"{link}/{other.id}/0-{'c' * 12}").status_code == 404
    assert stranger.get(f"{link}?job={other.id}").text.count("<li class=") == 2
    cookie = link.removeprefix("/shared/")
    stranger.set_cookie("hookline_session", cookie)
    assert stranger.get("/").status_code == 303, "it is no session"


def test_one_that_was_changed_is_refused(web: Web) -> None:
    browser = Browser(web)
    first, second = link_to(browser, pipeline(web)), link_to(browser, pictured(web, "c.png"))
    head, stamp, signature = first.rsplit(".", 2)
    stranger = browser_of(web)
    wrong = (
        first[:-2] + ("AA" if first[-2:] != "AA" else "BB"),
        f"{second.rsplit('.', 2)[0]}.{stamp}.{signature}",
        f"{head}.{stamp}",
        f"/shared/{browser.client.get_cookie('hookline_session').value}",  # type: ignore[union-attr]
        "/shared/x",
    )
    for path in wrong:
        answer = stranger.get(path)
        assert (answer.status_code, "Ask for another" in answer.text) == (404, True)


def test_it_ends_after_its_days(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    job = pipeline(web)
    link, clock = link_to(Browser(web), job, "1"), web.services.clock
    now = clock()
    monkeypatch.setitem(vars(web.services), "clock", lambda: now + DAY - 60)
    stranger = browser_of(web)
    assert stranger.get(link).status_code == 200
    monkeypatch.setitem(vars(web.services), "clock", lambda: now + DAY + 60)
    assert stranger.get(link).status_code == 404
    on = f"/pipelines/{job.id}"
    assert Browser(web).send(f"{on}/share", on, days="365").status_code == 400


def test_it_is_its_makers(web: Web) -> None:
    job = pipeline(web, tenant="shop")
    on = f"/pipelines/{job.id}"
    anna = Browser(web, token_for(web, "anna", "read", tenant="shop"))
    other = Browser(web, token_for(web, "other", "read", tenant="other"))
    assert other.send(f"{on}/share", "/", days="7").status_code == 404
    link = link_to(anna, job)
    [change] = web.store.audit.page(Wanted(), 9).changes
    assert (change.actor, change.action, change.job) == ("anna", "share", job.id)
    assert (change.detail or "").startswith("until 2")
    assert browser_of(web).get(link).status_code == 200
    web.services.api_tokens.revoke("anna")
    web.services.access._known.clear()  # noqa: SLF001  # as if a second had passed
    assert browser_of(web).get(link).status_code == 404
