"""Where a caller says whom to tell, at every door, and where people see what became of it."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from werkzeug.test import TestResponse

from config.loading import load_settings
from tests.support.jobs import GRID, NOW, a_snapshot
from tests.support.openapi import checked
from tests.support.web import AUTH, Web, used_by_commands, web_settings
from worker.adapters.store import Batch, Filter
from worker.bootstrap import build
from worker.domain.errors import InvalidRequest, SettingsError
from worker.domain.events import Observed
from worker.domain.job import Job, Status
from worker.domain.job_spec import Notify
from worker.domain.notifications import (
    DeliveryState,
    Failure,
    Notification,
    announce,
    delivered,
    failed,
)
from worker.domain.provider_reports import TaskStatus
from worker.domain.requests.requests import parse_request
from worker.domain.result import JobError
from worker.domain.result import Result as JobResult
from worker.entrypoints import client
from worker.entrypoints.cli import cli
from worker.services.doctor import account_findings

CAT = {"kind": "imagine", "prompt": "a cat"}
URL = "https://app.example/hook"


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.chdir(tmp_path)
    with used_by_commands(checked(Web(tmp_path))) as web:
        yield web


def post(web: Web, path: str, body: Any = None, **query: Any) -> TestResponse:
    return web.client.post(path, data=json.dumps(body), query_string=query, headers=AUTH)


def get(web: Web, path: str, **query: Any) -> TestResponse:
    return web.client.get(path, query_string=query, headers=AUTH)


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, args, prog_name="hookline")


def dead(web: Web, one: Notification | None = None) -> Notification:
    one = one or web.told()
    assert web.store.outbox.settle(failed(one, NOW, Failure("410", final=True)), NOW)
    return one


# A job says whom to tell.


def asked(notify: Any) -> Notify | None:
    return parse_request({**CAT, "notify": notify}).spec.options.notify


def test_the_end_of_the_pipeline_is_told_unless_something_else_is_asked_for() -> None:
    assert asked({"url": URL}) == Notify(("pipeline.finished",), url=URL)
    assert asked({"celery_task": "shop.ready"}) == Notify(
        ("pipeline.finished",), celery_task="shop.ready"
    )
    topics = ["job.progress", "job.failed", "job.progress"]
    assert asked({"url": URL, "on": topics}) == Notify(("job.progress", "job.failed"), url=URL)


@pytest.mark.parametrize(
    ("notify", "field", "words"),
    [
        ({"url": URL, "on": ["job.done"]}, "notify.on[0]", "not a topic"),
        ({"url": URL, "on": ["pipeline.finish"]}, "notify.on[0]", "mean `pipeline.finished`?"),
        ({"url": URL, "on": ["batch.finished"]}, "notify.on[0]", "is a topic of batches"),
        ({"url": URL, "on": []}, "notify.on", "1 to 5 items"),
        ({"url": URL, "on": "job.failed"}, "notify.on", "a list"),
        ({"url": URL, "topics": ["job.failed"]}, "notify.topics", "not a field"),
        ({"celery_task": "t", "queue": "hookline.wake"}, "notify.queue", "Hookline's own"),
        ({"celery_task": "t", "queue": "hookline"}, "notify.queue", "Hookline's own"),
        ({"celery_task": "t", "queue": "unacked"}, "notify.queue", "kombu keeps for itself"),
        ({"celery_task": "t", "queue": "two words"}, "notify.queue", "the name of a queue"),
        ({"celery_task": "celery.map"}, "notify.celery_task", "a task of Celery's own"),
        ({"celery_task": "hookline.notify"}, "notify.celery_task", "a task of Hookline's own"),
    ],
)
def test_what_cannot_be_is_refused_by_name(notify: Any, field: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(notify)
    [error] = caught.value.errors
    assert (error.field, words in error.message) == (field, True), error.message


def test_a_job_shows_whom_it_tells_without_what_may_be_a_secret(web: Web) -> None:
    answer = post(web, "/v1/jobs", {**CAT, "notify": {"url": f"{URL}?key=secret"}})
    assert answer.status_code == 202, answer.get_json()
    told = {"url": f"{URL}?[redacted]", "celery_task": None, "queue": None}
    assert answer.get_json()["notify"] == {**told, "on": ["pipeline.finished"]}
    kept = web.job(answer.get_json()["id"]).options.notify
    assert kept == Notify(("pipeline.finished",), url=f"{URL}?key=secret")
    assert post(web, "/v1/jobs", CAT).get_json()["notify"] is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://app.example/hook", "plain http is not allowed on app.example: use https"),
        ("https://10.0.0.1/hook", "10.0.0.1 is not a public address"),
        ("https://[fd00::1]/hook", "not a public address"),
    ],
)
def test_a_url_that_would_not_be_told_is_refused_at_once(web: Web, url: str, words: str) -> None:
    answer = post(web, "/v1/jobs", {**CAT, "notify": {"url": url}})
    assert answer.status_code == 400
    [error] = answer.get_json()["errors"]
    assert error["field"] == "notify.url"
    assert words in error["message"]
    assert "HOOKLINE_ALLOWED_HOSTS" in error["message"]


@pytest.mark.parametrize(
    ("scheme", "host"),
    [
        ("http", "127.0.0.1"), ("http", "localhost"), ("http", "[::1]"), ("https", "127.0.0.1"),
        ("https", "127.9.9.9"), ("https", "[::1]"), ("https", "[::ffff:7f00:1]"),
    ],
)  # fmt: skip
def test_this_machine_is_told_only_if_its_operator_allows_it(
    tmp_path: Path, web: Web, scheme: str, host: str
) -> None:
    body = {**CAT, "notify": {"url": f"{scheme}://{host}:5000/hook"}}
    [error] = post(web, "/v1/jobs", body).get_json()["errors"]
    assert error["field"] == "notify.url"
    assert "HOOKLINE_ALLOWED_HOSTS" in error["message"]
    named = {"HOOKLINE_ALLOWED_HOSTS": f"app.example, {host.strip('[]').upper()}"}
    allowed = Web(tmp_path, env=named)
    assert post(allowed, "/v1/jobs", body).status_code == 202


def test_a_follow_up_by_hand_tells_whom_its_pipeline_tells(web: Web) -> None:
    target = Notify(("job.failed",), url=URL)
    grid = JobResult(image_url="https://cdn.example/1.png", buttons=GRID)
    parent = web.put(status=Status.SUCCEEDED, task_id="t1", result=grid, notify=target)
    body = {"kind": "action", "job_id": parent.id, "button": "U1"}
    child = post(web, "/v1/jobs", body).get_json()
    assert web.job(child["id"]).options.notify == target
    pressed = post(web, f"/v1/jobs/{parent.id}/press", {"button": "U2"}).get_json()
    assert web.job(pressed["id"]).options.notify == target


def test_the_command_line_says_it_too(web: Web) -> None:
    done = run("imagine", "a cat", "--notify", URL, "--notify-on", "job.failed, job.succeeded")
    assert done.exit_code == 0, done.output
    assert web.job(done.stdout.strip()).options.notify == Notify(
        ("job.failed", "job.succeeded"), url=URL
    )
    done = run("imagine", "a cat", "--notify-task", "shop.ready@shop")
    target = Notify(("pipeline.finished",), celery_task="shop.ready", queue="shop")
    assert web.job(done.stdout.strip()).options.notify == target
    refused = run("imagine", "a cat", "--notify-on", "job.failed")
    assert refused.exit_code == 2
    assert "notify.celery_task" in refused.output
    assert "`celery_task` or `url`" in refused.output


# A batch says it for its end, and for its rows where that is asked for.


def batch_of(web: Web, **notify: Any) -> tuple[Batch, list[Job]]:
    query = {"name": "cats", "notify": json.dumps(notify)}
    answer = web.client.post(
        "/v1/batches", query_string=query, data=b"a cat\na dog\n", headers=AUTH,
        content_type="text/plain",
    )  # fmt: skip
    assert answer.status_code == 202, answer.get_json()
    batch = web.services.batches.find("cats")
    return batch, [root for root, _ in web.services.batches.jobs(batch)]


def test_of_a_batch_only_its_end_is_told_unless_more_is_asked_for(web: Web) -> None:
    batch, rows = batch_of(web, url=URL)
    assert batch.notify == Notify(("batch.finished",), url=URL)
    assert [row.options.notify for row in rows] == [None, None]


def test_rows_tell_what_the_batch_asks_for_of_jobs_and_pipelines(web: Web) -> None:
    batch, rows = batch_of(web, celery_task="t", on=["pipeline.finished", "batch.finished"])
    assert batch.notify == Notify(("batch.finished",), celery_task="t")
    assert [row.options.notify for row in rows] == [
        Notify(("pipeline.finished",), celery_task="t")
    ] * 2


def test_a_batch_without_the_topic_of_its_end_tells_only_of_its_rows(web: Web) -> None:
    batch, rows = batch_of(web, url=URL, on=["job.failed"])
    assert batch.notify is None
    assert rows[0].options.notify == Notify(("job.failed",), url=URL)


def test_a_row_may_name_another_one(web: Web) -> None:
    own = {"url": "https://own.example/hook"}
    Path("cats.jsonl").write_text(
        "\n".join(json.dumps({"prompt": "a cat", **more}) for more in ({"notify": own}, {}))
    )
    done = run("batch", "cats.jsonl", "--notify", URL, "--notify-on", "job.failed,batch.finished")
    assert done.exit_code == 0, done.output
    batch = web.services.batches.find("cats.jsonl")
    targets = [
        root.options.notify and root.options.notify.url
        for root, _ in web.services.batches.jobs(batch)
    ]
    assert targets == [own["url"], URL]
    assert batch.notify == Notify(("batch.finished",), url=URL)


def test_the_end_of_a_batch_is_told_once_its_file_is_in(web: Web) -> None:
    _, rows = batch_of(web, url=URL)
    for row in rows:
        web.services.enqueuer.cancel(row.id)
    [one] = web.store.outbox.claim(9e9, 10, 60)
    assert (one.topic, one.subject) == ("batch.finished", rows[0].spec.batch_id)


def test_a_batch_whose_receiver_cannot_be_is_not_taken_in(web: Web) -> None:
    query = {"name": "cats", "notify": '{"url": "http://app.example/"}'}
    answer = web.client.post(
        "/v1/batches", query_string=query, data=b"a cat", headers=AUTH, content_type="text/plain"
    )
    assert answer.status_code == 400
    assert [error["field"] for error in answer.get_json()["errors"]] == ["notify.url"]
    assert web.store.batches.newest(10) == []


# Reserved queues, and those that an operator does not list, at every door.

UNACKED = {"celery_task": "shop.ready", "queue": "unacked"}
UNLISTED = {"celery_task": "shop.ready", "queue": "other"}
LISTS = {"HOOKLINE_NOTIFY_TASKS": "shop.*", "HOOKLINE_NOTIFY_QUEUES": "shop, celery"}


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.chdir(tmp_path)
    with used_by_commands(checked(Web(tmp_path, env=LISTS))) as web:
        yield web


@pytest.mark.parametrize("notify", [UNACKED, UNLISTED])
def test_every_door_refuses_them(listed: Web, notify: Any) -> None:
    answers = [
        post(listed, "/v1/jobs", {**CAT, "notify": notify}),
        post(listed, "/v1/jobs", {**CAT, "notify": notify}, dry_run="true"),
        listed.client.post(
            "/v1/batches", query_string={"name": "cats", "notify": json.dumps(notify)},
            data=b"a cat", headers=AUTH, content_type="text/plain",
        ),
    ]  # fmt: skip
    for answer in answers:
        assert answer.status_code == 400, answer.get_json()
        assert [error["field"] for error in answer.get_json()["errors"]] == ["notify.queue"]
    Path("cats.jsonl").write_text(json.dumps({"prompt": "a cat", "notify": notify}) + "\n")
    target = f"shop.ready@{notify['queue']}"
    for args in (
        ("imagine", "a cat", "--notify-task", target),
        ("batch", "cats.jsonl"),
    ):
        refused = run(*args)
        assert refused.exit_code != 0
        assert "notify.queue" in refused.output
    with pytest.raises(InvalidRequest, match=r"notify\.queue"):
        client.imagine("a cat", notify=notify)
    assert listed.store.jobs.page(Filter(), 10).jobs == ()


def test_what_is_listed_is_taken(listed: Web) -> None:
    for notify in ({"celery_task": "shop.ready"}, {"celery_task": "shop.ready", "queue": "shop"}):
        assert post(listed, "/v1/jobs", {**CAT, "notify": notify}).status_code == 202


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"HOOKLINE_REFUSED_NOTIFY": "shop.refused@other"}, "'other' is not allowed"),
        ({"HOOKLINE_NOTIFY_QUEUES": "sh*p"}, "HOOKLINE_NOTIFY_QUEUES: must be names"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path: Path, env: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(words)):
        build(web_settings(tmp_path, **{**LISTS, **env}))


# An account says it for jobs whose caller named nobody; the settings say which hosts may be.


def test_an_account_names_who_is_told_of_jobs_that_name_nobody(tmp_path: Path) -> None:
    settings = with_accounts(tmp_path, f'notify = {{url = "{URL}", on = ["job.failed"]}}')
    [account] = settings.accounts
    assert account.notify == Notify(("job.failed",), url=URL)
    web = Web(tmp_path)
    web.services.orchestrator.accounts = {"main": account}
    own = Notify(("job.failed",), celery_task="t")
    failed = Observed(a_snapshot(TaskStatus.FAILED, error=JobError("failed", "no")))
    for job in (web.running(account="main"), web.running(account="main", notify=own)):
        web.services.orchestrator.record(job, failed)
    found = web.store.outbox.page(None, 9).notifications
    assert [one.target for one in found] == [own, account.notify]


def with_accounts(folder: Path, line: str) -> Any:
    path = folder / "accounts.toml"
    path.write_text(f'[accounts.main]\nurl = "http://127.0.0.1:9"\n{line}\n')
    env = {
        "HOOKLINE_ACCOUNTS": str(path),
        "HOOKLINE_REDIS_URL": "redis://127.0.0.1:9",
        "HOOKLINE_STATE_DIR": str(folder / "state"),
    }
    return load_settings(env, None)


@pytest.mark.parametrize(
    ("line", "place", "words"),
    [
        ("notify = {}", "accounts.main.notify", "one of `url` and `celery_task`"),
        ('notify = {url = "x", celery_task = "y"}', "accounts.main.notify", "one of"),
        ('notify = {url = "x", queue = "y"}', "accounts.main.notify", "belongs to"),
        (
            'notify = {celery_task = "x", queue = "unacked"}',
            "accounts.main.notify.queue",
            "kombu",
        ),
        (
            'notify = {celery_task = "celery.map"}',
            "accounts.main.notify.celery_task",
            "a task of Celery's own",
        ),
        ('notify = {url = "x", to = "y"}', "accounts.main.notify.to", "choose from url"),
        ('notify = {url = "x", on = ["job.fail"]}', "accounts.main.notify.on[0]", "`job.failed`?"),
        ('notify = {url = "x", on = ["batch.finished"]}', "accounts.main.notify.on[0]", "known"),
    ],
)
def test_an_accounts_receiver_is_checked_with_the_file(
    tmp_path: Path, line: str, place: str, words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        with_accounts(tmp_path, line)
    [problem] = caught.value.problems
    assert problem.message.startswith(f"{place}: ")
    assert words in problem.message


def test_an_accounts_receiver_that_would_not_be_told_is_refused_at_the_start(
    tmp_path: Path,
) -> None:
    settings = with_accounts(tmp_path, 'notify = {url = "http://app.example/"}')
    with pytest.raises(SettingsError, match=r"accounts\.main\.notify\.url: plain http"):
        build(settings)


def test_only_what_the_operator_names_may_be_told_at_a_private_address(tmp_path: Path) -> None:
    assert web_settings(tmp_path).receivers == frozenset()
    named = web_settings(tmp_path, HOOKLINE_ALLOWED_HOSTS="App.example, ::1")
    assert named.receivers == {"app.example", "::1"}


@pytest.mark.parametrize(
    "host", ["127.0.0.1:5000", "http://127.0.0.1", "app.example/hook", "[::1]"]
)
def test_a_host_is_not_a_url(tmp_path: Path, host: str) -> None:
    with pytest.raises(SettingsError, match="a host name or an address"):
        web_settings(tmp_path, HOOKLINE_ALLOWED_HOSTS=f"app.example, {host}")


def test_notifications_may_be_signed_by_several_secrets(tmp_path: Path) -> None:
    both = [f"whsec_{each * 10}" for each in ("bmV3", "b2xk")]
    settings = web_settings(tmp_path, HOOKLINE_NOTIFY_SECRET=", ".join(both))
    assert [each.get_secret_value() for each in settings.notify_secrets] == both
    assert settings.secret_values() >= set(both)
    with pytest.raises(SettingsError, match="whsec_ followed by"):
        web_settings(tmp_path, HOOKLINE_NOTIFY_SECRET=f"{both[0]},whsec_short")


# What became of it.


def test_deliveries_are_listed_and_shown(web: Web) -> None:
    first, second = dead(web), web.told()
    items = get(web, "/v1/deliveries").get_json()["items"]
    assert {item["id"] for item in items} == {first.id, second.id}
    [item] = get(web, "/v1/deliveries", state="dead").get_json()["items"]
    assert item == get(web, f"/v1/deliveries/{first.id}").get_json()
    assert item["target"]["url"] == f"{URL}?[redacted]"
    assert (item["topic"], item["subject"]) == ("job.failed", first.subject)
    assert (item["state"], item["failures"], item["due_at"]) == ("dead", 1, None)
    assert [each["outcome"] for each in item["tries"]] == ["410"]
    page = get(web, "/v1/deliveries", limit=1).get_json()
    rest = get(web, "/v1/deliveries", limit=1, cursor=page["next_cursor"]).get_json()
    assert len({each["items"][0]["id"] for each in (page, rest)}) == 2
    for bad in ({"state": "lost"}, {"limit": 0}, {"cursor": "?"}, {"stat": "dead"}):
        assert get(web, "/v1/deliveries", **bad).status_code == 400
    assert get(web, "/v1/deliveries/msg_nobody").status_code == 404


def test_a_delivery_is_replayed(web: Web) -> None:
    one = dead(web)
    answer = post(web, f"/v1/deliveries/{one.id}/replay")
    assert answer.status_code == 202
    assert (answer.get_json()["state"], answer.get_json()["failures"]) == ("waiting", 0)
    assert post(web, "/v1/deliveries/msg_nobody/replay").status_code == 404


def test_the_command_line_lists_shows_and_replays(web: Web) -> None:
    one, other = dead(web), web.told()
    assert web.store.outbox.settle(delivered(other, NOW, "204"), NOW)
    listed = run("deliveries")
    assert listed.exit_code == 0, listed.output
    assert {line.split()[0] for line in listed.stdout.splitlines()} == {one.id, other.id}
    only = run("deliveries", "--state", "dead").stdout
    assert "410" in only
    assert "secret" not in only
    assert other.id not in only
    shown = run("deliveries", "show", one.id)
    assert [line.split()[-1] for line in shown.stdout.splitlines()] == ["410", "410"]
    as_json = json.loads(run("deliveries", "show", one.id, "--json").stdout)
    assert as_json == get(web, f"/v1/deliveries/{one.id}").get_json()
    assert "waiting" in run("deliveries", "replay", "--dead").stdout
    assert web.services.deliveries.find(one.id).state is DeliveryState.WAITING
    assert run("deliveries", "replay", other.id).exit_code == 0
    assert run("deliveries", "replay").exit_code == 2
    assert run("deliveries", "replay", one.id, "--dead").exit_code == 2
    assert run("deliveries", "show", "msg_nobody").exit_code == 2


def test_the_doctor_tells_of_dead_letters() -> None:
    assert list(account_findings.deliveries(0)) == []
    [finding] = account_findings.deliveries(2)
    assert (finding.verdict, finding.name) == ("warn", "deliveries")
    assert "2 notifications were given up" in finding.message
    assert "hookline deliveries replay --dead" in (finding.advice or "")


def test_announced_changes_are_of_the_jobs_own_pipeline(web: Web) -> None:
    before = web.put(notify=Notify(("pipeline.finished",), url=URL))
    _, outbox = announce(before, replace(before, status=Status.FAILED), before.options.notify, NOW)
    assert outbox.finished is not None
    assert outbox.finished.ordering_key == before.spec.pipeline_id
