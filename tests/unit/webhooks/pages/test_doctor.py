"""The doctor's page: what was found so far, without waiting for the rest."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from tests.support.browsing import Browser, token_for
from tests.support.processes import wait_for
from tests.support.web import Web
from worker.domain.findings import Finding
from worker.services.doctor.doctor import Check, Doctor
from worker.services.doctor.rounds import Rounds

HOOK = "https://hooks.example/a.main.signature"


class Clinic:
    """An installation with three findings, of which the last one takes its time."""

    def __init__(self, folder: Path) -> None:
        self.go_on, self.web = Event(), Web(folder)
        checks = [
            Check("callbacks", lambda: [Finding("callbacks", "ok", "they come", HOOK)]),
            Check("redis", lambda: [Finding("redis", "fail", "drops keys", "noeviction!")]),
            Check("slow", self._slow, 60.0),
        ]
        store = self.web.store
        rounds = Rounds(Doctor(checks), store, self.web.services.orchestrator.clock)
        vars(self.web.services)["rounds"] = rounds

    def _slow(self) -> Iterator[Finding]:
        self.go_on.wait()
        yield Finding("slow", "warn", "took its time")

    def found(self, count: int) -> bool:
        report = self.web.store.examinations.latest()
        return report is not None and len(report.findings) >= count

    def is_over(self) -> bool:
        report = self.web.store.examinations.latest()
        return report is not None and report.over_at is not None


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    clinic = Clinic(tmp_path)
    yield clinic
    clinic.go_on.set()
    wait_for(clinic.is_over, "the end of the examination")


def test_the_first_look_begins_an_examination_and_waits_for_none(clinic: Clinic) -> None:
    browser = Browser(clinic.web)
    assert 'http-equiv="refresh"' in browser.get("/doctor"), "for those without scripts"
    wait_for(lambda: clinic.found(2), "two findings")
    page = browser.get("/doctor")
    assert page.index("drops keys") < page.index("they come"), "what is wrong comes first"
    assert "noeviction!" in page
    assert HOOK not in page
    assert "Being examined" in page
    clinic.go_on.set()
    wait_for(clinic.is_over, "the end")
    page = browser.get("/doctor")
    assert "took its time" in page
    assert "Being examined" not in page
    assert 'http-equiv="refresh"' not in page


def test_it_follows_the_examination(clinic: Clinic) -> None:
    browser = Browser(clinic.web)
    browser.get("/doctor")
    wait_for(lambda: clinic.found(2), "two findings")
    first = browser.client.get("/live/doctor", headers={"X-Live": "1"})
    known = {"If-None-Match": first.headers["ETag"]}
    assert browser.client.get("/live/doctor", headers=known).status_code == 304


def test_many_who_ask_begin_one(clinic: Clinic) -> None:
    browser = Browser(clinic.web)
    browser.get("/doctor")
    first = clinic.web.store.examinations.latest()
    assert browser.send("/doctor", on="/doctor").headers["Location"] == "/doctor"
    latest = clinic.web.store.examinations.latest()
    assert first is not None
    assert latest is not None
    assert latest.started_at == first.started_at


def test_it_is_not_for_tenants_and_examining_is_for_operators(clinic: Clinic) -> None:
    clinic.web.services.rounds.begin()
    tenant = Browser(clinic.web, token_for(clinic.web, "shop", "operate", "read", tenant="shop"))
    assert tenant.client.get("/doctor").status_code == 403
    reader = Browser(clinic.web, token_for(clinic.web, "reader", "read"))
    assert "Examine again" not in reader.get("/doctor")
    assert reader.send("/doctor", on="/docs").status_code == 403
