"""Where people and programs see what was refused at the Celery door, and how they are notified."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from config.loading import load_settings
from config.settings import Settings
from tests.support.jobs import GRID
from tests.support.openapi import check_message, checked
from tests.support.web import AUTH, Web, used_by_commands
from worker.adapters.messaging.broker import make_celery
from worker.domain.errors import InvalidRequest, SettingsError
from worker.domain.job import Status
from worker.domain.job_spec import Notify
from worker.domain.notifications import DeliveryState
from worker.domain.refusals import RefusalReason, Sent
from worker.domain.requests.requests import parse_request
from worker.domain.result import Result as JobResult
from worker.entrypoints import client
from worker.entrypoints.cli import cli
from worker.services.doctor import account_findings
from worker.services.notify import Notifier, Signer
from worker.services.refusals import Refusals
from worker.services.reports import answers

SENT = Sent("hookline.imagine", "m1", "gen1@shop", ("ok",), {"prompt": "a cat"})
AT = 1_700_000_000.0
WRONG = InvalidRequest.of("args", "must be empty")


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.chdir(tmp_path)
    with used_by_commands(
        checked(Web(tmp_path, env={"HOOKLINE_REFUSED_NOTIFY": "shop.refused@shop"}))
    ) as web:
        yield web


def keep(web: Web, name: str = "m1", at: float = AT) -> None:
    sent = Sent(SENT.task, name, SENT.origin, SENT.args, SENT.fields)
    Refusals(web.store, web.settings.refused_target, lambda: at).keep(sent, WRONG)


def get(web: Web, **query: Any) -> Any:
    return web.client.get("/v1/refused", query_string=query, headers=AUTH)


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, args, prog_name="hookline")


def test_they_are_listed_over_http(web: Web) -> None:
    keep(web)
    found = get(web).get_json()
    [item] = found["items"]
    assert item == {
        "id": item["id"],
        "created_at": "2023-11-14T22:13:20.000Z",
        "reason": "invalid",
        "message": "args: must be empty",
        "errors": [{"field": "args", "message": "must be empty"}],
        "task": "hookline.imagine",
        "message_id": "m1",
        "origin": "gen1@shop",
        "args": ["ok"],
        "fields": {"prompt": "a cat"},
    }
    assert found["next_cursor"] is None


def test_of_an_unreadable_one_much_is_unknown(web: Web) -> None:
    web.services.refusals.keep(Sent(), WRONG, RefusalReason.UNREADABLE)
    [item] = get(web).get_json()["items"]
    unknown = ("task", "message_id", "origin", "args", "fields")
    assert [item[name] for name in unknown] == [None] * 5


def test_they_are_paged_like_other_listings(web: Web) -> None:
    for n in range(3):
        keep(web, f"m{n}", AT + n)
    first = get(web, limit=2).get_json()
    rest = get(web, limit=2, cursor=first["next_cursor"]).get_json()
    shown = [item["message_id"] for item in (*first["items"], *rest["items"])]
    assert shown == ["m2", "m1", "m0"]
    assert rest["next_cursor"] is None
    for query in ({"limit": 0}, {"limit": 201}, {"cursor": "odd"}, {"task": "x"}):
        assert get(web, **query).status_code == 400
    assert web.client.get("/v1/refused").status_code == 401


def test_they_are_listed_on_the_command_line(web: Web) -> None:
    keep(web)
    shown = run("refused").output
    assert "hookline.imagine  m1  from gen1@shop" in shown
    assert "invalid: args: must be empty" in shown
    assert json.loads(run("refused", "--json").output) == get(web).get_json()


def test_there_are_more_than_one_page(web: Web) -> None:
    for n in range(2):
        keep(web, f"m{n}", AT + n)
    result = run("refused", "--limit", "1")
    cursor = result.stderr.rpartition(" ")[2].strip()
    assert "  m0  " in run("refused", "--cursor", cursor).output


def test_the_doctor_mentions_recent_ones(web: Web) -> None:
    assert list(account_findings.refused(0, None)) == []
    keep(web)
    [one] = web.store.refusals.page(1).refusals
    assert list(account_findings.refused(0, one)) == []
    [finding] = account_findings.refused(2, one)
    assert (finding.verdict, finding.name) == ("warn", "refused")
    assert "2 requests sent as a Celery task were refused within a day" in finding.message
    assert "hookline.imagine: args: must be empty" in finding.message
    assert "`hookline refused`" in (finding.advice or "")


# The Celery task that is notified.


class Messages:
    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, *message: Any) -> None:
        *known, _headers = message
        self.sent.append(known)


def notify(web: Web) -> list[Any]:
    """What is sent of everything that is due."""
    messages, services = Messages(), web.services
    orchestrator = services.orchestrator
    notifier = Notifier(orchestrator, orchestrator._wakeups, messages, Signer([]))  # noqa: SLF001
    for one in web.store.outbox.claim(AT, 10, 0):
        notifier.send(one.id)
    return messages.sent


def test_the_named_task_is_notified_once(web: Web) -> None:
    keep(web)
    keep(web, at=AT + 1)
    [(task, queue, message_id, event)] = notify(web)
    assert (task, queue) == ("shop.refused", "shop")
    assert event["type"] == "request.refused"
    assert event["data"] == get(web).get_json()["items"][0]
    assert message_id == f"msg_{event['data']['id']}"
    check_message(event)
    [shown] = web.client.get("/v1/deliveries", headers=AUTH).get_json()["items"]
    assert (shown["topic"], shown["state"]) == ("request.refused", "delivered")


def test_one_that_is_not_kept_any_more_is_not_sent(web: Web) -> None:
    keep(web)
    web.store.refusals.forget(AT, 10)
    assert notify(web) == []
    [one] = web.store.outbox.page(None, 10).notifications
    assert one.state is DeliveryState.DEAD


def test_without_the_setting_nobody_is_notified(web: Web) -> None:
    Refusals(web.store, None, lambda: AT).keep(SENT, WRONG)
    assert web.store.outbox.page(None, 10).notifications == ()


def test_nobody_can_ask_for_it_with_a_job() -> None:
    wanted = {"celery_task": "shop.refused", "on": ["request.refused"]}
    with pytest.raises(InvalidRequest, match=r"notify.on\[0\]: 'request.refused' is not a topic"):
        parse_request({"kind": "imagine", "prompt": "a cat", "notify": wanted})


def settings(value: str, folder: Path) -> Settings:
    env = {"HOOKLINE_REFUSED_NOTIFY": value, "HOOKLINE_STATE_DIR": str(folder)}
    return load_settings(env, None)


@pytest.mark.parametrize(
    ("value", "task", "queue"),
    [("shop.refused", "shop.refused", None), ("shop.refused@shop.q", "shop.refused", "shop.q")],
)
def test_the_task_is_a_setting(value: str, task: str, queue: str | None, tmp_path: Path) -> None:
    target = Notify(("request.refused",), celery_task=task, queue=queue)
    assert settings(value, tmp_path).refused_target == target


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("shop@", "must be the name of a Celery task"),
        ("@shop", "must be the name of a Celery task"),
        ("two words", "must be the name of a Celery task"),
        ("a@b@c", "must be the name of a Celery task"),
        ("shop.refused@hookline", "its queue is one of Hookline's own"),
        ("shop.refused@hookline.wake", "its queue is one of Hookline's own"),
        ("shop.refused@unacked", "its queue is a name that kombu keeps"),
        ("hookline.notify@shop", "its task is a task of Hookline's own"),
        ("celery.chord_unlock", "its task is a task of Celery's own"),
    ],
)
def test_a_wrong_task_is_refused(value: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=words):
        settings(value, tmp_path)


def test_no_setting_is_nobody(tmp_path: Path) -> None:
    assert settings("", tmp_path).refused_target is None


def test_what_a_link_names_no_queue_for_goes_to_celerys_default(web: Web) -> None:
    """Our own queue would lose it: the task is another program's."""
    made = make_celery(web.settings.broker("redis://127.0.0.1:9/0"))
    assert made.conf.task_default_queue == "celery"


# Numbers and UUIDs at the other doors.


def test_over_http_names_may_be_numbers(web: Web) -> None:
    parent = web.put(status=Status.SUCCEEDED, task_id="t1", result=JobResult(buttons=GRID))
    body = {"kind": "action", "job_id": str(UUID(parent.id)), "button": "U1", "tenant": 42}
    made = web.client.post("/v1/jobs", json=body, headers=AUTH)
    assert made.status_code == 202, made.get_json()
    assert made.get_json()["parent_id"] == parent.id
    assert web.client.get(f"/v1/jobs/{UUID(parent.id)}", headers=AUTH).get_json()["id"] == parent.id
    pressed = web.client.post(f"/v1/jobs/{parent.id}/press", json={"button": 1}, headers=AUTH)
    assert pressed.status_code == 422, "such a button is not there, and that is all"


def test_python_takes_numbers_and_uuids(web: Web) -> None:
    first = client.imagine("a cat", key=18, tenant="42")
    assert client.imagine("a cat", key="18", tenant="42").id == first.id
    assert client.get(UUID(first.id)).id == client.get(str(UUID(first.id))).id == first.id
    for key in ("", True, 1.5):
        with pytest.raises(InvalidRequest, match="key: "):
            client.imagine("a cat", key=key)  # type: ignore[arg-type]


def test_the_command_line_takes_no_empty_key(web: Web) -> None:
    result = run("imagine", "a cat", "--key", "")
    assert result.exit_code == 2
    assert "key: must not be empty" in result.output


def test_answers_show_unknown_reasons_as_they_are() -> None:
    assert set(answers.Refused.model_json_schema()["$defs"]["RefusalReason"]["enum"]) == {
        *RefusalReason
    }
