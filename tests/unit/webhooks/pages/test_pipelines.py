"""A pipeline's page: what it shows, and what its forms do."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.browsing import Browser, token_for
from tests.support.jobs import NOW
from tests.support.web import Web
from worker.domain.audit import Wanted
from worker.domain.job import Attempt, Job, Status
from worker.domain.result import AssetsStatus, Button, Result, StoredFile

BUTTONS = (Button("MJ::JOB::upsample::1::x", "U1"), Button("MJ::JOB::variation::2::x", "V2"))


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return Web(tmp_path)


def done(web: Web, **fields: Any) -> Job:
    result = Result(buttons=BUTTONS, assets_status=AssetsStatus.STORED, **fields)
    ended = {"task_id": "t1", "finished_at": NOW + 9, "attempts": (Attempt(1, NOW, task_id="t1"),)}
    return web.put(status=Status.SUCCEEDED, result=result, **ended)


def actor(web: Web) -> list[str]:
    return [f"{each.actor} {each.action}" for each in web.store.audit.page(Wanted(), 9).changes]


def test_it_shows_the_buttons_as_the_provider_names_them(web: Web) -> None:
    page = Browser(web).get(f"/pipelines/{done(web).id}")
    assert re.findall(r'name="button" value="(\w+)"', page) == ["U1", "V2"]
    assert 'data-key="Shift+2"' in page


def test_a_reader_is_offered_no_buttons(web: Web) -> None:
    browser, job = Browser(web, token_for(web, "reader", "read")), done(web)
    page = browser.get(f"/pipelines/{job.id}")
    assert 'name="button"' not in page
    assert "/new?from" not in page
    assert browser.send(f"/jobs/{job.id}/press", button="U1").status_code == 403


def test_a_press_happens_once_however_often_its_form_is_sent(web: Web) -> None:
    job, browser = done(web), Browser(web)
    sent = {"on": f"/pipelines/{job.id}", "button": "V2", "key": "a key of this page"}
    places = {browser.send(f"/jobs/{job.id}/press", **sent).headers["Location"] for _ in range(2)}
    [place] = places
    assert "V2" in browser.get(place)
    found = web.store.jobs.pipeline(job.id)
    assert found
    assert len(found.jobs) == 2


def test_a_press_from_a_script_changes_the_page_in_place(web: Web) -> None:
    job, browser = done(web), Browser(web)
    page = browser.get(f"/pipelines/{job.id}")
    token = re.search(r'name="form_token" value="([^"]+)"', page)
    assert token
    data = {"form_token": token[1], "button": "U1"}
    made = browser.client.post(f"/jobs/{job.id}/press", data=data, headers={"HX-Request": "true"})
    assert made.text.lstrip().startswith('<div id="pipeline"')
    wrong = {**data, "button": "U7"}
    refused = browser.client.post(
        f"/jobs/{job.id}/press", data=wrong, headers={"HX-Request": "true"}
    )
    assert (refused.status_code, refused.headers["HX-Retarget"]) == (422, "#messages")


@pytest.mark.parametrize("token", ["", "wrong", None])
def test_a_form_of_elsewhere_does_nothing(web: Web, token: str | None) -> None:
    job, browser = web.put(), Browser(web)
    data = {} if token is None else {"form_token": token}
    assert browser.client.post(f"/jobs/{job.id}/cancel", data=data).status_code == 403
    assert web.job(job.id).status is Status.QUEUED


def test_a_form_token_is_of_one_session(web: Web) -> None:
    job = web.put()
    other = re.search(r'data-form-token="([^"]+)"', Browser(web).get("/"))
    assert other
    sent = Browser(web).client.post(f"/jobs/{job.id}/cancel", data={"form_token": other[1]})
    assert sent.status_code == 403


def test_cancelling_and_retrying_are_in_the_audit_trail(web: Web) -> None:
    job, browser = web.put(), Browser(web, token_for(web, "anna", "read", "submit"))
    on = f"/pipelines/{job.id}"
    assert browser.send(f"/jobs/{job.id}/cancel", on).status_code == 303
    assert web.job(job.id).status is Status.CANCELLED
    browser.send(f"/jobs/{job.id}/retry", on)
    assert web.job(job.id).status is Status.QUEUED
    assert actor(web) == ["anna retry", "anna cancel"]


def test_a_doubt_is_resolved_by_those_who_may(web: Web) -> None:
    job = web.put(
        status=Status.IN_DOUBT, attempts=(Attempt(1, NOW, posted_at=NOW),), due_at=NOW + 60
    )
    on = f"/pipelines/{job.id}"
    assert 'value="resubmit"' in Browser(web).get(on)
    writer = Browser(web, token_for(web, "writer", "read", "submit"))
    assert 'value="resubmit"' not in writer.get(on)
    assert writer.send(f"/jobs/{job.id}/resolve", on, outcome="failed").status_code == 403
    Browser(web).send(f"/jobs/{job.id}/resolve", on, outcome="failed")
    assert web.job(job.id).status is Status.FAILED


def test_why_it_waits_is_said(web: Web) -> None:
    job = web.put()
    web.services.orchestrator.store.queue.pause("account:default")
    assert "account default is paused" in Browser(web).get(f"/pipelines/{job.id}")


def test_its_history_is_a_page_and_a_part(web: Web) -> None:
    job, browser = web.put(), Browser(web)
    for headers, whole in (({}, True), ({"HX-Request": "true"}, False)):
        page = browser.get(f"/jobs/{job.id}/history", headers=headers)
        assert ("<html" in page) is whole
        assert '<ol class="entries">' in page
        assert f"&#34;id&#34;: &#34;{job.id}&#34;" in page


def test_a_poll_is_answered_only_when_something_changed(web: Web) -> None:
    job, browser = done(web), Browser(web)
    path = f"/live/pipelines/{job.id}"
    tag = browser.client.get(path).headers["ETag"]
    assert tag.endswith('.over"')
    assert browser.client.get(path, headers={"If-None-Match": tag}).status_code == 304
    browser.send(f"/jobs/{job.id}/press", f"/pipelines/{job.id}", button="U1")
    again = browser.client.get(path, headers={"If-None-Match": tag})
    assert again.status_code == 200
    assert "U1" in again.text


def test_pictures_come_from_here(web: Web) -> None:
    folder = web.folder / "output"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"0123456789")
    (folder / "a.svg").write_bytes(b"<svg/>")
    files = tuple(
        StoredFile(name, kind, 10, digest * 64, 4, 3, "picture")
        for name, kind, digest in (("a.png", "image/png", "a"), ("a.svg", "image/svg+xml", "b"))
    )
    job, browser = done(web, files=files), Browser(web)
    path = f"/pictures/{job.id}/0-{'a' * 12}"
    assert f'src="{path}" alt="a cat {job.id}" width="4" height="3"' in browser.get(
        f"/pipelines/{job.id}"
    )
    answer = browser.client.get(path)
    assert (answer.data, answer.mimetype) == (b"0123456789", "image/png")
    assert "immutable" in answer.headers["Cache-Control"]
    part = browser.client.get(path, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.data) == (206, b"234")
    for other in (f"/pictures/{job.id}/0-{'b' * 12}", f"/pictures/{job.id}/1-{'b' * 12}",
                  f"/pictures/{job.id}/7-{'a' * 12}"):  # fmt: skip
        assert browser.client.get(other).status_code == 404
    assert web.client.get(path).status_code == 303
    (folder / "a.png").unlink()
    assert browser.client.get(path).status_code == 404
