"""What needs a person is told to the URL of the settings, by the deliveries that callers have."""

import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.jobs import a_job, in_status
from tests.support.rawserver import http, says
from tests.support.shell import Shell
from tests.unit.services.test_notify import Telling, receiver
from webhooks.watching import Watcher
from worker.domain.account import Account
from worker.domain.job import Status
from worker.domain.job_spec import Notify
from worker.domain.notifications import ALERTS, DeliveryState
from worker.services.alerts import Alerts
from worker.services.roster import Roster
from worker.services.sweep import Sweep

OK = says(http(status="204 No Content"))


def watched(shell: Shell, port: int = 9) -> Alerts:
    """The alerts of a shell in which a worker runs."""
    target = Notify(ALERTS, url=f"http://127.0.0.1:{port}/alerts")
    roster = Roster(shell.store, shell.accounts, "a secret", clock=lambda: shell.now)
    roster.appear()
    return Alerts(shell.orchestrator, roster, target)


def told(shell: Shell) -> list[tuple[str, str, str]]:
    """Topic, state and subject of each notification, oldest first."""
    page = shell.store.outbox.page(None, 100)
    return [
        (one.topic, one.alert.state.value, one.alert.about)
        for one in reversed(page.notifications)
        if one.alert
    ]


def close(shell: Shell, why: str | None) -> None:
    known = shell.store.accounts.breaker("default")
    settings = shell.orchestrator.dispatch.settings_of("default")
    after = replace(known, closed=why, closed_at=shell.now, settings=settings if why else "")
    shell.store.accounts.save_breaker("default", after, known)


def test_a_closed_account_is_told_of_when_it_closes_and_opens() -> None:
    shell = Shell()
    alerts = watched(shell)
    close(shell, "unauthorized: bad key")
    for _ in range(3):
        alerts.look()
    assert told(shell) == [("alert.account_closed", "began", "default")]
    close(shell, None)
    shell.now += 15
    for _ in range(3):
        alerts.look()
    assert told(shell) == [
        ("alert.account_closed", "began", "default"),
        ("alert.account_closed", "ended", "default"),
    ]


def test_each_kind_is_told_of() -> None:
    shell = Shell(Account("default", "http://127.0.0.1:9", budget=1000))
    alerts = watched(shell)
    alerts.look()
    assert told(shell) == []
    shell.put(in_status(Status.IN_DOUBT))
    shell.store.metrics.add({"double_payments|default": 1})
    shell.store.client.hset(f"{shell.store.prefix}money:account:default", "spent", 950)
    close(shell, "unauthorized: bad key")
    shell.now += 3700
    Roster(shell.store, shell.accounts, "a secret", clock=lambda: shell.now).appear()
    alerts.look()
    kinds = [topic for topic, _, _ in told(shell)]
    assert set(kinds) == set(ALERTS) - {"alert.no_worker"}
    assert len(kinds) == 4


def test_two_processes_that_look_at_once_tell_once() -> None:
    shell = Shell()
    first, second = watched(shell), watched(shell)
    close(shell, "unauthorized: bad key")
    known = shell.store.alerts.known
    first_known = known()
    shell.store.alerts.known = lambda: first_known  # type: ignore[method-assign]
    first.look()
    second.look()
    assert len(told(shell)) == 1


def test_without_a_url_nothing_is_looked_at() -> None:
    shell = Shell()
    close(shell, "unauthorized: bad key")
    roster = Roster(shell.store, shell.accounts, "a secret", clock=lambda: shell.now)
    alerts = Alerts(shell.orchestrator, roster, None)
    alerts.look()
    alerts.look_now_and_then()
    assert told(shell) == []
    assert alerts.waiting() == []
    assert not shell.store.alerts.known().docs


def test_it_is_delivered_signed_and_as_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Telling()
    close(shell, "unauthorized: bad key")
    with receiver(OK) as (port, asked):
        watched(shell, port).look()
        shell.run()
    [one] = shell.store.outbox.page(None, 9).notifications
    assert one.state is DeliveryState.DELIVERED
    head, _, body = asked[0].partition(b"\r\n\r\n")
    assert b"webhook-signature: v1," in head.lower()
    said = json.loads(body)
    assert said["type"] == "alert.account_closed"
    assert said["data"] | {"message": "", "advice": ""} == {
        "kind": "account_closed",
        "about": "default",
        "state": "began",
        "since": said["timestamp"],
        "until": None,
        "message": "",
        "advice": "",
    }
    assert "bad key" in said["data"]["message"]


@dataclass
class Parts:
    """What the web process has."""

    shell: Telling
    alerts: Alerts
    roster: Roster = field(init=False)

    def __post_init__(self) -> None:
        shell = self.shell
        self.store, self.notifier = shell.store, shell.notifier
        self.roster = Roster(shell.store, shell.accounts, "x", clock=lambda: shell.now)


def test_without_a_worker_the_web_process_tells() -> None:
    shell = Telling()
    shell.put(a_job())
    with receiver(OK) as (port, asked):
        target = Notify(ALERTS, url=f"http://127.0.0.1:{port}/alerts")
        roster = Roster(shell.store, shell.accounts, "a secret", clock=lambda: shell.now)
        alerts = Alerts(shell.orchestrator, roster, target)
        context: Any = SimpleNamespace(services=Parts(shell, alerts))
        watcher = Watcher(context)
        watcher.watch()
        assert asked == [], "it may only restart"
        shell.now += 130
        watcher.watch()
    assert b"alert.no_worker" in asked[0]
    assert len(asked) == 1


def test_the_sweep_looks_now_and_then() -> None:
    shell = Shell()
    alerts = watched(shell)
    sweep = Sweep(shell.orchestrator, shell.wakeups, alerts.look_now_and_then)
    close(shell, "unauthorized: bad key")
    sweep.run()
    assert len(told(shell)) == 1
    close(shell, None)
    sweep.run()
    assert len(told(shell)) == 1, "a moment later"
    shell.now += 16
    sweep.run()
    assert len(told(shell)) == 2
