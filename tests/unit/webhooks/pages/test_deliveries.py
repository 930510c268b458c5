"""Deliveries: sending one again, or all that were given up."""

from dataclasses import replace
from pathlib import Path

from tests.support.browsing import Browser, token_for
from tests.support.web import Web
from worker.domain.audit import Wanted
from worker.domain.notifications import DeliveryState


def test_all_that_were_given_up_are_sent_again(tmp_path: Path) -> None:
    web = Web(tmp_path)
    told = [web.told() for _ in range(2)]
    for each in told:
        web.store.outbox.settle(replace(each, state=DeliveryState.DEAD), web.services.clock())
    browser = Browser(web)
    assert "Send all of them again" not in browser.get("/deliveries")
    assert "Send all of them again" in browser.get("/deliveries?state=dead")
    tenant = Browser(web, token_for(web, "of-shop", "read", "operate", tenant="shop"))
    assert tenant.send("/deliveries/replay").status_code == 403
    assert browser.send("/deliveries/replay").status_code == 303
    assert "No deliveries." in browser.get("/deliveries?state=dead")
    found = web.store.audit.page(Wanted(), 9).changes
    assert sorted(each.subject or "" for each in found) == sorted(each.id for each in told)
