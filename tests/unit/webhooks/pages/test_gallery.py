"""The gallery: which pipelines it shows where, and what it says when one changes."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.browsing import Browser, token_for
from tests.support.jobs import NOW, capacity
from tests.support.web import Web
from worker.adapters.store.places import write_position
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return Web(tmp_path)


def root(web: Web, n: int, **fields: object) -> Job:
    job_id = f"{n:032x}"
    return web.put(id=job_id, pipeline_id=job_id, created_at=NOW + n, **fields)


def child(web: Web, parent: Job, n: int, **fields: object) -> Job:
    about = {"parent_id": parent.id, "pipeline_id": parent.spec.pipeline_id}
    asked = {"kind": Kind.ACTION, "request": {"button": "U1"}}
    return web.put(id=f"{n:032x}", created_at=NOW + n, **{**about, **asked, **fields})


def shown(page: str) -> list[int]:
    return [int(found, 16) for found in re.findall(r'id="p-([0-9a-f]{32})"', page)]


def test_pipelines_come_with_their_follow_ups_the_newest_first(web: Web) -> None:
    first, _second = root(web, 1), root(web, 2)
    child(web, first, 3)
    page = Browser(web).get("/")
    assert shown(page) == [2, 1]
    assert "U1" in page


def test_a_search_by_status_finds_any_job_and_shows_its_pipeline_once(web: Web) -> None:
    first, _second = root(web, 1), root(web, 2, status=Status.FAILED)
    for n in (3, 4):
        child(web, first, n, status=Status.FAILED)
    assert shown(Browser(web).get("/?status=failed")) == [1, 2]
    cursor = write_position(NOW + 3, f"{3:032x}")
    assert shown(Browser(web).get(f"/?status=failed&cursor={cursor}")) == [2]


def test_pages_follow_one_another_without_a_gap(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhooks.pages.gallery._PAGE", 3)
    for n in range(1, 9):
        parent = root(web, 10 * n)
        child(web, parent, 10 * n + 1)
    path, found = "/", list[int]()
    while path:
        page = Browser(web).get(path)
        found += shown(page)
        more = re.search(r'hx-get="([^"]+)"', page)
        path = more[1].replace("&amp;", "&") if more else ""
    assert found == [80, 70, 60, 50, 40, 30, 20, 10]


def test_a_search_by_status_batch_and_words(web: Web) -> None:
    root(web, 1, status=Status.FAILED, request={"prompt": "a red fox"})
    root(web, 2, batch_id="b" * 32, request={"prompt": "a Red door"})
    browser = Browser(web)
    assert shown(browser.get("/?status=failed")) == [1]
    assert shown(browser.get(f"/?batch={'b' * 32}")) == [2]
    assert shown(browser.get("/?prompt=red")) == [2, 1]
    assert shown(browser.get("/?prompt=fox&status=")) == [1]
    assert "Nothing matches" in browser.get("/?prompt=zebra")
    assert browser.client.get("/?status=nonsense").status_code == 400


def test_a_search_by_tenant_and_metadata(web: Web) -> None:
    root(web, 1, tenant="shop", metadata={"order": 18})
    root(web, 2)
    assert shown(Browser(web).get("/?tenant=shop")) == [1]
    assert shown(Browser(web).get("/?metadata=order%3D18")) == [1]


def test_a_tenant_sees_its_own(web: Web) -> None:
    root(web, 1, tenant="shop")
    root(web, 2, tenant="other")
    browser = Browser(web, token_for(web, "of-shop", "read", tenant="shop"))
    assert shown(browser.get("/")) == [1]
    assert shown(browser.get(f"/live/gallery?known={1:032x}.0+{2:032x}.0")) == [1]
    assert browser.client.get(f"/pipelines/{2:032x}").status_code == 404


def test_only_what_changed_is_drawn_again(web: Web) -> None:
    one, two = root(web, 1), root(web, 2)
    browser = Browser(web)
    known = "+".join(re.findall(r'data-id="(\w+)"', browser.get("/")))
    known = "+".join(f"{each}.1" for each in known.split("+"))
    assert browser.client.get(f"/live/gallery?known={known}").status_code == 204
    web.store.jobs.commit(replace(one, progress=40), capacity=capacity(100))
    assert shown(browser.get(f"/live/gallery?known={known}")) == [1]
    assert shown(browser.get(f"/live/gallery?known={two.id}.1")) == [1]  # new to this browser


def test_words_of_strangers_are_text(web: Web) -> None:
    root(web, 1, request={"prompt": '"><script>alert(1)</script>'})
    page = Browser(web).get("/")
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
