"""The calls under /v1, over a store in memory."""

import base64
import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support.drawing import draw, png_of_size
from tests.support.jobs import GRID, NOW
from tests.support.openapi import checked
from tests.support.web import AUTH, Web
from webhooks.api.jobs import MAX_BYTES
from webhooks.app import create_app
from worker.adapters.decoding.decoder import Decoder
from worker.adapters.store.jobs import JobStore
from worker.domain.job import Attempt, AttemptOutcome, Job, Status, Window
from worker.domain.job_spec import Kind
from worker.domain.presence import Presence
from worker.domain.result import Result
from worker.services.enqueue import Enqueuer

CAT = {"kind": "imagine", "prompt": "a cat"}


@pytest.fixture
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return checked(Web(tmp_path_factory.mktemp("web")))


def get(web: Web, path: str, **query: Any) -> TestResponse:
    return web.client.get(path, query_string=query, headers=AUTH)


def post(web: Web, path: str, body: Any = None, **headers: str) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return web.client.post(path, data=data, headers={**AUTH, **headers})


def a_grid(web: Web, **fields: Any) -> Job:
    done = Result(image_url="https://cdn.example/1.png", buttons=GRID)
    return web.put(status=Status.SUCCEEDED, task_id="t1", result=done, **fields)


def fields_of(answer: TestResponse) -> list[str]:
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json()
    assert problem["status"] == answer.status_code
    assert {"type", "title", "detail"} <= set(problem)
    return [error["field"] for error in problem.get("errors", ())]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic an-api-token-of-tests",
        "Bearer é",
        "an-api-token-of-tests",
    ],
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/" + "0" * 32, "/v1/nothing", "/v1/"])
def test_nothing_without_the_token(web: Web, path: str, header: str | None) -> None:
    answer = web.client.get(path, headers={"Authorization": header} if header is not None else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert fields_of(answer) == []


def test_the_scheme_may_be_in_any_case(web: Web) -> None:
    token = AUTH["Authorization"].removeprefix("Bearer")
    assert (
        web.client.get("/v1/jobs", headers={"Authorization": f"bearer{token}"}).status_code == 200
    )


def test_a_job_is_taken_in_and_shown(web: Web) -> None:
    answer = post(web, "/v1/jobs", {**CAT, "then": [{"press": "U1"}], "metadata": {"order": 7}})
    assert answer.status_code == 202
    job = answer.get_json()
    assert (job["status"], job["request"], job["metadata"]) == (
        "queued",
        {"prompt": "a cat"},
        {"order": 7},
    )
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    shown = get(web, answer.headers["Location"]).get_json()
    assert shown.pop("waiting")["reason"] == "next"
    assert shown == job


def test_the_content_type_does_not_matter(web: Web) -> None:
    assert post(web, "/v1/jobs", CAT, **{"Content-Type": "text/plain"}).status_code == 202


def test_the_trace_of_a_caller_is_kept(web: Web) -> None:
    header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for given, kept in ((header, header), ("nonsense", None)):
        answer = post(web, "/v1/jobs", CAT, traceparent=given)
        job = web.store.jobs.get(answer.get_json()["id"])
        assert job
        assert job.spec.traceparent == kept


def test_an_idempotency_key_makes_a_repeat_harmless(web: Web) -> None:
    key = {"Idempotency-Key": "order 7 / ~first"}
    first, again = (post(web, "/v1/jobs", CAT, **key) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.get_json() == again.get_json()
    other = post(web, "/v1/jobs", {**CAT, "priority": 9}, **key)
    assert other.status_code == 409
    assert len(get(web, "/v1/jobs").get_json()["items"]) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\tinside", "kö"])
def test_a_bad_idempotency_key_is_400(web: Web, key: str) -> None:
    answer = post(web, "/v1/jobs", CAT, **{"Idempotency-Key": key})
    assert answer.status_code == 400
    assert fields_of(answer) == ["Idempotency-Key"]


def test_every_bad_field_is_named(web: Web) -> None:
    answer = post(web, "/v1/jobs", {"kind": "imagine", "priority": 10, "promt": "a cat"})
    assert answer.status_code == 400
    assert set(fields_of(answer)) == {"priority", "prompt", "promt"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "request"),
        (b"nothing", "request"),
        (b"[]", "request"),
        (b"NaN", "request"),
        (b'{"kind": "imagine", "prompt": "\xff"}', "request"),
        (b'{"kind": "imagine", "prompt": "a", "prompt": "b"}', "prompt"),
        (b'{"kind": "imagine", "prompt": "a", "metadata": {"x": {"y": 1, "y": 1}}}', "y"),
        (b'{"kind": "imagine", "prompt": "a", "metadata": {"ratio": NaN}}', "ratio"),
        (b'{"kind": "imagine", "prompt": "a", "metadata": {"ratio": [[1e999]]}}', "ratio"),
        (b'{"kind": "imagine", "prompt": "a", "metadata": {"n": ' + b"1" * 5000 + b"}}", "request"),
        (b'{"metadata": ' + b"[" * 25 + b"]" * 25 + b"}", "request"),
        (b'{"metadata": ' + b"[" * 99_999, "request"),
    ],
)
def test_json_that_readers_disagree_about_is_400(web: Web, body: bytes, field: str) -> None:
    answer = post(web, "/v1/jobs", body)
    assert answer.status_code == 400
    assert fields_of(answer) == [field]
    assert get(web, "/v1/jobs").get_json()["items"] == []


def test_pictures_come_as_data_urls(web: Web) -> None:
    url = "data:image/png;base64," + base64.b64encode(draw(size=(64, 64))).decode()
    answer = post(web, "/v1/jobs", {"kind": "blend", "images": [url, url]})
    assert answer.status_code == 202, answer.get_json()
    assert all(ref.startswith("blob:") for ref in answer.get_json()["request"]["images"])


def test_a_body_above_32_mib_is_413(web: Web) -> None:
    length = {"CONTENT_LENGTH": str(MAX_BYTES + 1)}
    answer = web.client.post("/v1/jobs", headers=AUTH, environ_overrides=length)
    assert answer.status_code == 413
    assert fields_of(answer) == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs/x",
        "/v1/jobs/" + "0" * 32,
        "/v1/pipelines/" + "0" * 32,
        "/v1/jobs/",
        "http://localhost//v1/jobs",  # the bare path would be read as a host and a path
        "/nothing",
        "/v1/jobs/" + "G" * 32,
        "/v1/jobs/%ff",
    ],
)
def test_what_is_not_there_is_404(web: Web, path: str) -> None:
    answer = get(web, path)
    assert answer.status_code == 404
    assert fields_of(answer) == []


def test_a_wrong_method_is_405(web: Web) -> None:
    answer = web.client.delete("/v1/jobs", headers=AUTH)
    assert answer.status_code == 405
    assert fields_of(answer) == []


def test_jobs_are_listed_newest_first_and_by_filter(web: Web) -> None:
    cats = [web.put(created_at=NOW + i) for i in range(3)]
    upload = web.put(kind=Kind.UPLOAD, created_at=NOW + 9, request={}, batch_id="b1")

    def listed(**query: Any) -> list[str]:
        return [job["id"] for job in get(web, "/v1/jobs", **query).get_json()["items"]]

    assert listed() == [upload.id, *(cat.id for cat in reversed(cats))]
    assert listed(kind="upload") == listed(batch="b1") == [upload.id]
    assert listed(status="failed") == listed(account="nobody") == []
    page = get(web, "/v1/jobs", limit=3).get_json()
    assert len(page["items"]) == 3
    assert listed(limit=3, cursor=page["next_cursor"]) == [cats[0].id]


def test_what_was_paid_twice_is_listed(web: Web) -> None:
    tries = (
        Attempt(1, NOW, AttemptOutcome.IN_DOUBT, NOW, "t1", extra=True),
        Attempt(2, NOW, None, NOW, "t2"),
    )
    twice = web.running(attempts=tries, task_id="t2")
    once = web.running(created_at=NOW + 1)

    def listed(asked: str) -> list[str]:
        answer = get(web, "/v1/jobs", double_payments=asked)
        return [job["id"] for job in answer.get_json()["items"]]

    assert listed("true") == [twice.id]
    assert listed("false") == [once.id, twice.id], "no filter"
    shown = get(web, f"/v1/jobs/{twice.id}").get_json()
    assert shown["double_payments"] == [{"attempt": 1, "task_id": "t1"}]


@pytest.mark.parametrize(
    "asked", [{"metadata": "order=4711"}, {"prompt": "RED"}, {"tenant": "acme"}], ids=str
)
def test_jobs_are_found_by_what_their_callers_gave(web: Web, asked: dict[str, str]) -> None:
    mine = web.put(metadata={"order": 4711}, tenant="acme", request={"prompt": "a red door"})
    web.put(created_at=NOW + 1, metadata={"order": 4712})
    page = get(web, "/v1/jobs", **asked, roots="true").get_json()
    assert [job["id"] for job in page["items"]] == [mine.id]


def test_the_accounts_are_told_without_their_keys(web: Web) -> None:
    assert web.client.get("/v1/accounts").status_code == 401
    web.running()
    web.put()
    web.put(status=Status.IN_DOUBT, attempts=(Attempt(1, NOW),), due_at=NOW, doubt_until=NOW)
    web.put(status=Status.IN_DOUBT, account="left", due_at=NOW, doubt_until=NOW)
    unproven = get(web, "/v1/accounts").get_json()["items"][0]["delivery"]
    assert unproven["receiving_since"] is None
    assert "no web process" in unproven["receiving_trouble"]
    now = 1_700_000_000.0
    web.services.orchestrator.clock = lambda: now
    web.store.presence.change("", lambda _: Presence(now - 60, {"web": now}))
    answer = get(web, "/v1/accounts")
    assert answer.status_code == 200
    [account] = answer.get_json()["items"]
    assert (account["name"], account["url"]) == ("default", "http://127.0.0.1:9")
    assert (account["running"], account["ready"], account["in_doubt"]) == (2, 1, 1)
    assert account["delivery"]["receiving_since"] == "2023-11-14T22:12:20.000Z"
    assert account["delivery"]["receiving_trouble"] is None
    assert account["delivery"]["mode"] == "mixed"
    assert "key" not in account
    assert fields_of(get(web, "/v1/accounts", limit=3)) == ["limit"]


def test_accounts_and_kinds_are_paused_and_resumed(web: Web) -> None:
    assert post(web, "/v1/accounts/default/pause").get_json() == {"paused": ["account:default"]}
    paused = post(web, "/v1/kinds/video/pause").get_json()["paused"]
    assert paused == ["account:default", "kind:video"]
    told = get(web, "/v1/accounts").get_json()
    assert told["paused"] == paused
    assert told["items"][0]["state"]["name"] == "paused"
    job = web.put()
    shown = get(web, f"/v1/jobs/{job.id}").get_json()["waiting"]
    assert shown["reason"] == "paused"
    assert "hookline resume default" in shown["message"]
    assert post(web, "/v1/accounts/default/resume").get_json() == {"paused": ["kind:video"]}
    assert post(web, "/v1/kinds/video/resume").get_json() == {"paused": []}
    for path in ("/v1/accounts/man/pause", "/v1/accounts/man/resume", "/v1/kinds/choose/pause"):
        answer = post(web, path)
        assert answer.status_code == 404
        assert "choose from" in answer.get_json()["detail"]


def test_a_dry_run_answers_the_tree_and_stores_nothing(web: Web) -> None:
    asked = {**CAT, "then": [{"press": "U*", "then": [{"press": "Zoom Out 2x"}]}]}
    answer = post(web, "/v1/jobs?dry_run=true", asked)
    assert answer.status_code == 200
    told = answer.get_json()
    assert (told["jobs"], told["total"], told["exact"]) == (9, 0, True)
    [picks] = told["tree"]["children"]
    assert (picks["words"], picks["times"]) == ("U1, U2, U3, U4", 4)
    assert get(web, "/v1/jobs").get_json()["items"] == []
    assert fields_of(post(web, "/v1/jobs?dry_run=true", {"kind": "imagine"})) == ["prompt"]
    assert fields_of(post(web, "/v1/jobs?dry_run=1", CAT)) == ["dry_run"]
    assert post(web, "/v1/jobs?dry_run=false", CAT).status_code == 202


def test_a_windows_answer_can_be_run_dry(web: Web) -> None:
    opened = {"attempts": (Attempt(1, NOW),), "window": Window.OPEN, "task_id": "t1"}
    asked = {"request": {"custom_id": "MJ::CustomZoom::4f2c"}, "kind": Kind.ACTION}
    job = web.put(status=Status.AWAITING_MODAL, **opened, **asked)
    body = {"kind": "modal", "job_id": job.id, "prompt": "a hat"}
    assert post(web, "/v1/jobs?dry_run=true", body).get_json()["jobs"] == 1
    assert web.job(job.id) == job
    assert post(web, "/v1/jobs?dry_run=true", {**body, "job_id": web.put().id}).status_code == 409
    other = post(web, "/v1/jobs", {**body, "account": "spare"})
    assert (other.status_code, fields_of(other)) == (400, ["account"])
    same = post(web, "/v1/jobs?dry_run=true", {**body, "account": job.account})
    assert same.status_code == 200


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limt=3", ["limt"]),
        ("limit=0", ["limit"]),
        ("limit=201", ["limit"]),
        ("limit=x", ["limit"]),
        ("limit=", ["limit"]),
        ("limit=1e2", ["limit"]),
        ("status=done&kind=cat", ["status", "kind"]),
        ("status=queued&status=failed", ["status"]),
        ("cursor=what", ["cursor"]),
        ("double_payments=1", ["double_payments"]),
        ("double_payments=", ["double_payments"]),
        ("%ff=1", ["%FF"]),
    ],
)
def test_a_wrong_filter_is_400(web: Web, query: str, fields: list[str]) -> None:
    answer = web.client.get(f"/v1/jobs?{query}", headers=AUTH)
    assert answer.status_code == 400
    assert fields_of(answer) == fields


def test_a_query_where_none_is_taken_is_400(web: Web) -> None:
    job = web.put()
    assert fields_of(get(web, f"/v1/jobs/{job.id}", wait=1)) == ["wait"]


def test_a_pipeline_is_shown_with_its_jobs(web: Web) -> None:
    job = a_grid(web)
    child = post(web, f"/v1/jobs/{job.id}/press", {"button": "U2"}).get_json()
    shown = get(web, f"/v1/pipelines/{job.id}").get_json()
    assert (shown["status"], shown["counts"]["total"]) == ("open", 2)
    assert [each["id"] for each in shown["jobs"]] == [job.id, child["id"]]


def test_a_press_gives_the_child(web: Web) -> None:
    job = a_grid(web)
    answer = post(web, f"/v1/jobs/{job.id}/press", {"button": "U2"})
    assert answer.status_code == 202
    assert (answer.get_json()["parent_id"], answer.get_json()["request"]["button"]) == (
        job.id,
        "U2",
    )


def test_a_press_of_a_glob_gives_all_children(web: Web) -> None:
    job = a_grid(web)
    answer = post(web, f"/v1/jobs/{job.id}/press", {"button": "U*"})
    assert answer.status_code == 202
    assert [child["request"]["button"] for child in answer.get_json()["items"]] == [
        "U1",
        "U2",
        "U3",
        "U4",
    ]


def test_a_repeated_press_with_a_key_gives_the_same_child(web: Web) -> None:
    job = a_grid(web)
    first, again = (
        post(web, f"/v1/jobs/{job.id}/press", {"button": "U2"}, **{"Idempotency-Key": "k"})
        for _ in range(2)
    )
    assert first.get_json()["id"] == again.get_json()["id"]


def test_a_button_that_is_not_there_is_422(web: Web) -> None:
    job = a_grid(web)
    answer = post(web, f"/v1/jobs/{job.id}/press", {"button": "Zoom Out 2x"})
    assert answer.status_code == 422
    assert fields_of(answer) == ["button"]
    assert "U1" in answer.get_json()["detail"]


def test_what_the_status_does_not_allow_is_409(web: Web) -> None:
    queued, grid = web.put(), a_grid(web)
    for path, body in (
        (f"/v1/jobs/{queued.id}/press", {"button": "U1"}),
        (f"/v1/jobs/{queued.id}/retry", None),
        (f"/v1/jobs/{queued.id}/resolve", {"outcome": "failed"}),
        (f"/v1/jobs/{grid.id}/cancel", None),
        (f"/v1/jobs/{queued.id}/assets", None),
    ):
        answer = post(web, path, body)
        assert answer.status_code == 409, path
        assert fields_of(answer) == []


def test_cancel_and_retry(web: Web) -> None:
    job = web.put()
    cancelled = post(web, f"/v1/jobs/{job.id}/cancel")
    assert (cancelled.status_code, cancelled.get_json()["status"]) == (200, "cancelled")
    retried = post(web, f"/v1/jobs/{job.id}/retry")
    assert (retried.status_code, retried.get_json()["status"]) == (202, "queued")


def test_files_are_fetched_again(web: Web) -> None:
    job = a_grid(web)
    answers = [post(web, f"/v1/jobs/{job.id}/assets") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].get_json()["result"]["assets_status"] == "pending"
    assert answers[0].get_json() == answers[1].get_json()
    assert post(web, f"/v1/jobs/{'0' * 32}/assets").status_code == 404


def test_a_doubt_is_resolved(web: Web) -> None:
    doubt = {"status": Status.IN_DOUBT, "attempts": (Attempt(1, NOW),), "due_at": NOW}
    job = web.put(**doubt)
    assert fields_of(post(web, f"/v1/jobs/{job.id}/resolve", {"outcome": "accepted"})) == [
        "task_id"
    ]
    answer = post(web, f"/v1/jobs/{job.id}/resolve", {"outcome": "accepted", "task_id": "t7"})
    assert (answer.status_code, answer.get_json()["task_id"]) == (200, "t7")


def test_a_window_is_answered(web: Web) -> None:
    waiting = {
        "status": Status.AWAITING_MODAL,
        "window": Window.OPEN,
        "attempts": (Attempt(1, NOW),),
    }
    job = web.put(kind=Kind.ACTION, task_id="t1", request={"custom_id": "x"}, **waiting)
    answer = post(web, "/v1/jobs", {"kind": "modal", "job_id": job.id, "prompt": "a hat"})
    assert (answer.status_code, answer.get_json()["id"]) == (200, job.id)
    assert len(get(web, "/v1/jobs").get_json()["items"]) == 1


def test_a_defect_of_ours_is_500_without_details(web: Web) -> None:
    class Broken(JobStore):
        def get(self, job_id: str) -> Job | None:
            raise RuntimeError("a secret detail")

    web.store.jobs = Broken(web.store.client, web.store.prefix)
    client = create_app(web.settings, web.services).test_client()
    answer = client.get("/v1/jobs/" + "0" * 32, headers=AUTH)
    assert answer.status_code == 500
    assert fields_of(answer) == []
    assert b"secret" not in answer.data


def test_where_too_many_pictures_come_at_a_time_the_caller_is_to_come_again(web: Web) -> None:
    services, full = web.services, Decoder(callers=0)
    enqueuer = Enqueuer(services.orchestrator, services.storage, decoder=full)
    vars(services)["enqueuer"] = enqueuer
    client = create_app(web.settings, services).test_client()
    picture = f"data:image/png;base64,{base64.b64encode(draw()).decode()}"
    for path in ("/v1/jobs", "/v1/jobs?dry_run=true"):
        answer = client.post(path, json={"kind": "describe", "image": picture}, headers=AUTH)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.get_json()["detail"] == "The pictures cannot be decoded now."
    assert client.post("/v1/jobs", json=CAT, headers=AUTH).status_code == 202


def test_a_bomb_is_refused_with_its_field_and_the_limit(web: Web) -> None:
    bomb = f"data:image/png;base64,{base64.b64encode(png_of_size(9000, 9000)).decode()}"
    answer = post(web, "/v1/jobs?dry_run=true", {"kind": "describe", "image": bomb})
    assert (answer.status_code, fields_of(answer)) == (400, ["image"])
    assert "67 million pixels (HOOKLINE_MAX_IMAGE_PIXELS)" in answer.get_data(as_text=True)
