"""What many viewers get alike is made once, and nobody gets what is another's."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.browsing import Browser, token_for
from tests.support.web import Web
from webhooks.pages import rendering
from webhooks.pages.sharing import Shared
from worker.domain.events import AssetsWanted
from worker.domain.job import Job, Status
from worker.domain.result import Button, Result

CARD = re.compile(r'data-id="(\w+)" data-job="\w+" data-v="(\d+)"')
GRID = Result(image_url="https://cdn.example/a.png", buttons=(Button("c1", "U1"),))


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return Web(tmp_path)


def a_grid(web: Web, tenant: str = "") -> Job:
    return web.put(status=Status.SUCCEEDED, result=GRID, tenant=tenant)


def live(browser: Browser, known: str = "", **headers: str) -> str:
    answer = browser.client.get("/live/gallery", query_string={"known": known}, headers=headers)
    assert answer.status_code in (200, 204)
    return answer.text


def test_it_is_kept_for_its_seconds_and_the_longest_unused_makes_room() -> None:
    now = [0.0]
    shared = Shared(lambda: now[0])
    assert shared.keep("a", 1, 10) == shared.find("a") == 1
    now[0] = 10
    assert shared.find("a") is None
    for number in range(600):
        shared.keep(number, number, 10)
    assert (shared.find(0), shared.find(599)) == (None, 599)


def test_a_card_is_drawn_once_for_all_who_look(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    job, drawn = a_grid(web), list[str]()
    text = rendering.text

    def counted(name: str, values: Mapping[str, Any]) -> str:
        drawn.append(name)
        return text(name, values)

    monkeypatch.setattr(rendering, "text", counted)
    first, second = Browser(web), Browser(web)
    drawn.clear()
    cards = [live(first, f"{job.id}.0"), live(second, f"{job.id}.0"), live(second)]
    assert cards[0] == cards[1] == cards[2]
    assert drawn == ["gallery_cards.html"]
    [(name, version)] = CARD.findall(cards[0])
    assert live(first, f"{name}.{version}") == ""


def test_a_change_is_seen_at_the_next_look(web: Web) -> None:
    job, browser = a_grid(web), Browser(web)
    [(name, version)] = CARD.findall(live(browser))
    web.services.orchestrator.record(job, AssetsWanted())
    assert CARD.findall(live(browser, f"{name}.{version}")) == [(name, str(int(version) + 1))]


def test_each_gets_its_own_language_buttons_and_jobs(web: Web) -> None:
    mine, others = a_grid(web, tenant="acme"), a_grid(web, tenant="other")
    known = f"{mine.id}.0 {others.id}.0"
    everything = live(Browser(web), known)
    assert everything.count("<article") == 2
    assert 'data-buttons="U1"' in everything
    chinese = live(Browser(web), known, **{"Accept-Language": "zh"})
    assert chinese != everything
    reader = Browser(web, token_for(web, "reader", "read"))
    assert 'data-buttons=""' in live(reader, known)
    tenant = Browser(web, token_for(web, "shop", "read", "submit", tenant="acme"))
    assert [name for name, _ in CARD.findall(live(tenant, known))] == [mine.id]
