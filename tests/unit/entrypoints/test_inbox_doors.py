"""The inbox: what is kept of callbacks, how much, and how a stray one comes to its job."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.jobs import NOW, in_status
from tests.support.openapi import checked
from tests.support.web import AUTH, Web, used_by_commands
from worker.adapters.store import inbox as inbox_store
from worker.domain.errors import StoreUnavailable
from worker.domain.inbox import LONGEST_BODY
from worker.domain.job import Job, Status
from worker.entrypoints.cli import cli
from worker.services import inbox as inbox_service

PROGRESS = {"id": "t1", "status": "IN_PROGRESS", "progress": "40%"}
#: A task that no job of ours is known to have.
STRAY = {
    "id": "t9",
    "status": "SUCCESS",
    "imageUrl": "https://cdn.example/grid.png?ex=1&hm=2",
    "promptEn": "a red door",
    "buttons": [{"customId": "MJ::JOB::upsample::1::4f2c", "label": "U1"}],
}


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.chdir(tmp_path)
    with used_by_commands(checked(Web(tmp_path))) as web:
        yield web


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, args, prog_name="hookline")


def send(web: Web, path: str, body: Any) -> int:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return web.client.post(path, data=data).status_code


def of_account(web: Web) -> str:
    return f"/webhooks/midjourney/{web.services.tokens.for_account('default')}"


def listed(web: Web, **query: Any) -> list[dict[str, Any]]:
    web.services.inbox.write()
    page = web.client.get("/v1/callbacks", query_string=query, headers=AUTH).get_json()
    return list(page["items"])


def show(web: Web, callback_id: str) -> dict[str, Any]:
    return dict(web.client.get(f"/v1/callbacks/{callback_id}", headers=AUTH).get_json())


def bind(web: Web, callback_id: str, job_id: str) -> Any:
    return web.client.post(
        f"/v1/callbacks/{callback_id}/bind", json={"job_id": job_id}, headers=AUTH
    )


def stray(web: Web, body: dict[str, Any] = STRAY) -> str:
    assert send(web, of_account(web), body) == 200
    return str(listed(web, verdict="foreign")[0]["id"])


def in_doubt(web: Web, **fields: Any) -> Job:
    fields = {"request": {"prompt": "a red door"}, **fields}
    account = fields.pop("account", "default")
    doubtful = in_status(Status.IN_DOUBT, **fields)
    [sent] = doubtful.attempts
    before = replace(sent, started_at=1.0, posted_at=1.0, account=account)
    doubtful = replace(doubtful, account=account, attempts=(before,))
    web.store.jobs.commit(
        doubtful, capacity=web.services.orchestrator.dispatch.capacity("default", NOW)
    )
    return doubtful


def test_every_callback_with_a_valid_token_is_kept_with_what_became_of_it(web: Web) -> None:
    job = web.running()
    assert send(web, web.hook(job), PROGRESS) == 200
    assert send(web, web.hook(job), PROGRESS) == 200
    assert send(web, web.hook(job, attempt=7), PROGRESS) == 200
    assert send(web, web.hook(job), STRAY) == 200
    assert send(web, web.hook(job), b"{") == 400
    other = web.running()
    echoed = {**PROGRESS, "state": web.services.tokens.for_job(other.id, 1)}
    assert send(web, web.hook(job), echoed) == 401
    gone = f"/webhooks/midjourney/{web.services.tokens.for_job('0' * 32, 1)}"
    assert send(web, gone, PROGRESS) == 404
    found = {(each["verdict"], each["why"]): each for each in listed(web)}
    assert [key for key, _ in found] == ["refused"] * 3 + [
        "foreign",
        "stale",
        "unchanged",
        "applied",
    ]
    whys = [why or "" for _, why in found]
    assert whys[0].startswith("There is no job")
    assert whys[1] == "its state is the token of another job than its URL's"
    assert "must be JSON" in whys[2]
    applied = found["applied", None]
    assert (applied["job"], applied["attempt"], applied["task_id"]) == (job.id, 1, "t1")
    assert (applied["status"], applied["progress"]) == ("in_progress", 40)


def test_strangers_leave_no_trace_in_it(web: Web) -> None:
    for token in ("x", web.services.tokens.for_account("default") + "x"):
        assert send(web, f"/webhooks/midjourney/{token}", STRAY) == 401
    assert listed(web) == []


def test_those_that_say_the_same_are_one_with_their_number(web: Web) -> None:
    job = web.running()
    for _ in range(3):
        send(web, web.hook(job), PROGRESS)
    assert [each["count"] for each in listed(web)] == [2, 1]
    for task in ("t8", "t9", "t9"):
        send(web, of_account(web), {**STRAY, "id": task})
    send(web, web.hook(job), PROGRESS)
    assert [(each["task_id"], each["count"]) for each in listed(web)] == [
        ("t1", 3), ("t9", 2), ("t8", 1), ("t1", 1)
    ]  # fmt: skip


def test_a_callback_costs_no_round_trip_of_its_own(web: Web) -> None:
    job = web.running()
    send(web, web.hook(job), PROGRESS)
    before = web.store.line.asked
    send(web, web.hook(job), PROGRESS)
    assert web.store.line.asked - before == 1, "the read of the job"


def test_its_body_has_no_token(web: Web) -> None:
    job = web.running()
    token = web.services.tokens.for_job(job.id, 1)
    hook = f"https://hooks.example/webhooks/midjourney/{token}"
    send(web, web.hook(job), {**PROGRESS, "state": token, "notifyHook": hook})
    [kept] = listed(web)
    body = show(web, kept["id"])["body"]
    assert "[redacted]" in body
    assert token[-20:] not in body
    assert token not in repr(web.store.snapshot().keys)


def test_it_is_bounded_in_number_bytes_and_age(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def of(*tasks: int) -> list[str]:
        for n in tasks:
            send(web, of_account(web), {**STRAY, "id": f"t{n}", "description": "x" * 3000})
        return [each["task_id"] for each in listed(web)]

    monkeypatch.setattr(inbox_store, "KEPT", 4)
    assert of(1, 2, 3, 4, 5) == ["t5", "t4", "t3", "t2"]
    monkeypatch.setattr(inbox_store, "KEPT_BYTES", 8000)
    assert of(6) == ["t6", "t5"]
    clock = web.services.orchestrator.clock
    web.store.inbox.keep([], clock() + 8 * 86_400)
    assert listed(web) == []
    assert web.store.snapshot().of("inbox") == {"inbox:bytes": {"foreign": "0"}}


def test_its_pages_follow_each_other_over_all_verdicts(web: Web) -> None:
    job = web.running()
    for n in range(5):
        send(web, web.hook(job), {**PROGRESS, "progress": f"{n}%"})
        send(web, of_account(web), {**STRAY, "id": f"t{n}"})
    whole = [each["id"] for each in listed(web)]
    pages: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = web.client.get("/v1/callbacks", query_string=query, headers=AUTH).get_json()
        pages += [each["id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert pages == whole


def test_a_stray_one_is_bound_to_its_job_which_goes_on(web: Web) -> None:
    job = in_doubt(web, then=({"press": "U1"},))
    in_doubt(web, request={"prompt": "something else"})
    callback_id = stray(web)
    [first, second] = show(web, callback_id)["suggestions"]
    assert first == {"job": job.id, "why": "it is in doubt, and its prompt is the same"}
    assert second["why"] == "it is in doubt, and its task is not known"
    answer = bind(web, callback_id, job.id)
    assert answer.status_code == 200
    bound = answer.get_json()["bound"]
    assert (bound["job"], bound["by"], bound["outcome"]) == (
        job.id,
        "HOOKLINE_API_TOKEN",
        "applied",
    )
    ended = web.job(job.id)
    assert (ended.status, ended.task_id) == (Status.SUCCEEDED, "t9")
    assert ended.result.image_url == STRAY["imageUrl"]
    pipeline = web.store.jobs.pipeline(job.id)
    assert pipeline is not None
    assert len(pipeline.jobs) == 2, "its follow-up"
    stats, *_ = web.services.orchestrator.callback_stats("default")
    assert stats.called_back_at is None, "what a person does is no evidence that callbacks arrive"
    [change] = web.client.get("/v1/audit", headers=AUTH).get_json()["items"]
    assert (change["action"], change["job"], change["subject"]) == ("bind", job.id, callback_id)


def test_what_cannot_be_bound_is_refused_and_leaves_no_trace(web: Web) -> None:
    callback_id, running = stray(web), web.running()
    answer = bind(web, callback_id, running.id)
    assert answer.status_code == 409
    assert "follows another task" in answer.get_json()["detail"]
    assert bind(web, callback_id, web.put().id).status_code == 409, "never submitted"
    elsewhere = in_doubt(web, account="other")
    assert "came from account default" in bind(web, callback_id, elsewhere.id).get_json()["detail"]
    assert bind(web, callback_id, "0" * 32).status_code == 404
    assert bind(web, "0" * 32, running.id).status_code == 404
    send(web, web.hook(running), PROGRESS)
    [applied] = listed(web, verdict="applied")
    assert "Only a foreign callback" in bind(web, applied["id"], running.id).get_json()["detail"]
    long = stray(web, {**STRAY, "id": "t10", "description": "x " * LONGEST_BODY})
    assert "too long" in bind(web, long, in_doubt(web).id).get_json()["detail"]
    assert show(web, callback_id)["bound"] is None
    assert web.client.get("/v1/audit", headers=AUTH).get_json()["items"] == []


def test_a_stray_one_is_kept_before_it_is_answered(web: Web) -> None:
    web.store.line.cut = "away"
    assert send(web, of_account(web), STRAY) == 503, "the provider repeats it"
    web.store.line.cut = None
    assert send(web, of_account(web), STRAY) == 200
    page = web.client.get("/v1/callbacks", headers=AUTH).get_json()
    assert [each["task_id"] for each in page["items"]] == ["t9"], "without waiting for the writer"


def test_while_redis_is_away_the_newest_wait(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_service, "MOST_WAITING", 2)
    job, inbox = web.running(), web.services.inbox
    for n in (1, 2, 3):
        send(web, web.hook(job), {**PROGRESS, "progress": f"{10 * n}%"})
    web.store.line.cut = "away"
    with pytest.raises(StoreUnavailable):
        inbox.write()
    web.store.line.cut = None
    assert len(listed(web)) == 2


def test_it_is_read_and_bound_on_the_command_line(web: Web) -> None:
    job = in_doubt(web)
    callback_id = stray(web)
    assert f"{callback_id}  " in run("inbox", "--verdict", "foreign").stdout
    said = run("inbox", "show", callback_id).stdout
    assert '"promptEn": "a red door"' in said
    assert f"hookline inbox bind {callback_id} --job {job.id}" in said
    done = run("inbox", "bind", callback_id, "--job", job.id, "--json")
    assert json.loads(done.stdout)["bound"]["by"] == "cli"
    assert f"bound to {job.id}" in run("inbox").stdout
    assert web.job(job.id).status is Status.SUCCEEDED


def test_a_doubt_shows_its_submits_and_what_speaks_for_either_answer(web: Web) -> None:
    job = in_doubt(web)
    callback_id = stray(web)
    [found] = web.client.get("/v1/doubts", headers=AUTH).get_json()["items"]
    assert found["id"] == found["job"]["id"] == job.id
    [submit] = found["submits"]
    assert (submit["number"], submit["account"], submit["outcome"]) == (1, "default", None)
    said = {each["of"]: (each["speaks"], each["message"]) for each in found["evidence"]}
    assert said["callbacks"][0] == said["proofs"][0] == said["list"][0] == "nothing"
    assert said["inbox"][0] == "accepted"
    assert [each["id"] for each in found["callbacks"]] == [callback_id]
    assert f"hookline resolve {job.id} --outcome resubmit" in found["waiting"]["commands"]
    lines = run("doubts").stdout
    assert f"hookline inbox bind {callback_id} --job {job.id}" in lines
    assert "submit 1: sent" in lines
    bind(web, callback_id, job.id)
    assert web.client.get("/v1/doubts", headers=AUTH).get_json()["items"] == []


def test_a_tenant_sees_its_doubts_without_what_may_be_others(web: Web) -> None:
    in_doubt(web, tenant="acme")
    in_doubt(web, request={"prompt": "of somebody else"})
    stray(web)
    secret = run("tokens", "create", "shop", "--scope", "read", "--tenant", "acme", "--json")
    token = json.loads(secret.stdout)["token"]
    as_acme = {"Authorization": f"Bearer {token}"}
    [found] = web.client.get("/v1/doubts", headers=as_acme).get_json()["items"]
    assert (found["job"]["tenant"], found["callbacks"]) == ("acme", [])
    assert web.client.get("/v1/callbacks", headers=as_acme).status_code == 403
