"""The OpenAPI document: valid, complete, and what the calls really take and answer."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask, Response
from schemathesis.specs.openapi.definitions import OPENAPI_31

from tests.support.jobs import GRID, NOW
from tests.support.openapi import NotAsDescribed, checked, described, path_of, validator
from tests.support.web import AUTH, Web
from webhooks.api.calls import needs_token
from webhooks.api.openapi import document
from worker.domain.job import Attempt, AttemptOutcome, Status
from worker.domain.job_spec import Kind
from worker.domain.notifications import Topic
from worker.domain.requests.requests import parse_press, parse_request, parse_resolve
from worker.domain.result import AssetsRetry, AssetsStatus, JobError, Result, StoredFile
from worker.services.reports import answers

#: Methods that Flask adds by itself to a rule with GET.
_ADDED = {"HEAD", "OPTIONS"}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return checked(Web(tmp_path_factory.mktemp("openapi")))


def routes(app: Flask) -> set[tuple[str, str, str]]:
    """Those of programs; pages are for people."""
    return {
        (method.lower(), path_of(rule), rule.endpoint)
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.startswith("pages.")
        for method in (rule.methods or set()) - _ADDED
    }


def test_it_is_a_valid_document() -> None:
    jsonschema_rs.Draft202012Validator(OPENAPI_31).validate(document())
    for schema in document()["components"]["schemas"].values():
        jsonschema_rs.meta.validate(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        )


def test_every_route_is_described_and_nothing_else(web: Web) -> None:
    assert {(m, p, each["operationId"]) for m, p, each in described()} == routes(web.app)


def test_every_topic_is_described_as_a_webhook() -> None:
    assert set(document()["webhooks"]) == set(Topic)


def test_it_is_served_with_the_token_only(web: Web) -> None:
    assert web.client.get("/v1/openapi.json").status_code == 401
    answer = web.client.get("/v1/openapi.json", headers=AUTH)
    assert answer.content_type == "application/json"
    assert answer.get_json() == json.loads(json.dumps(document()))


def test_what_needs_no_token_says_so(web: Web) -> None:
    for method, path, call in described():
        public = call.get("security") == []
        assert public is not needs_token(path)
        if not public:
            answer = web.client.open(re.sub(r"{\w+}", "0" * 32, path), method=method.upper())
            assert answer.status_code == 401, path


def test_every_path_parameter_is_declared() -> None:
    for _, path, call in described():
        declared = {p["name"] for p in call.get("parameters", ()) if p["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))


def references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_reference_leads_somewhere_and_no_schema_is_left_over() -> None:
    schemas = document()["components"]["schemas"]
    assert set(references(document())) == {f"#/components/schemas/{name}" for name in schemas}


def test_a_schema_is_known_by_a_name_of_its_own() -> None:
    leaks = [name for name in document()["components"]["schemas"] if "__" in name]
    assert leaks == [], "two models of one name: pydantic puts the module's before it"


def test_a_job_with_all_that_it_can_have_is_as_described(web: Web) -> None:
    grid = Result(
        image_url="https://cdn.example/1.png",
        image_urls=("https://cdn.example/1.png",),
        video_urls=("https://cdn.example/1.mp4",),
        prompt="a cat",
        prompts=("a cat",),
        text="a cat",
        buttons=GRID,
        assets=("a/1.png",),
        assets_status=AssetsStatus.STORED,
        seed="1234567890",
        seed_error="The provider gave no seed.",
        assets_error=JobError("link_dead", "cdn.example answered 404", "Ask the provider."),
        assets_retry=AssetsRetry(JobError("not_reached", "No space left"), 3, 1.0, 9.0),
        files=(
            StoredFile("a/1.png", "image/png", 9, "0" * 64, 2, 2, "picture"),
            StoredFile("a/2.mp4", "video/mp4", 9, "0" * 64, None, None, "video"),
        ),
    )
    for status in Status:
        job = web.put(
            status=status,
            progress=50,
            task_id="t1",
            batch_id="b1",
            parent_id="0" * 32,
            then=({"press": "U1", "then": [{"describe": True}]},),
            metadata={"order": 7},
            result=grid,
            error=JobError("moderated", "Banned word.", "Choose another."),
            attempts=(
                Attempt(1, NOW, AttemptOutcome.IN_DOUBT, NOW, "t0", extra=True),
                Attempt(2, NOW),
            ),
            submitted_at=NOW,
            finished_at=NOW + 1.5,
            due_at=NOW,
        )
        assert web.client.get(f"/v1/jobs/{job.id}", headers=AUTH).status_code == 200
        pipeline = web.client.get(f"/v1/pipelines/{job.spec.pipeline_id}", headers=AUTH)
        assert pipeline.status_code == 200
    for kind in Kind:
        job = web.put(kind=kind)
        shown = web.client.get(f"/v1/jobs/{job.id}", headers=AUTH).get_json()
        assert shown.pop("waiting")["message"]
        assert shown == answers.Job.of(job, web.services.accounts).to_dict()
    assert web.client.get("/v1/jobs?limit=7", headers=AUTH).get_json()["next_cursor"]


def test_a_stored_file_is_read_by_its_number(web: Web) -> None:
    path = web.services.storage.put_result("a/1.png", b"a picture")
    file = StoredFile(path, "image/png", 9, "0" * 64, 2, 2, "picture")
    gone = file._replace(path="a/2.png")
    job = web.put(status=Status.SUCCEEDED, result=Result(files=(file, gone)))
    answer = web.client.get(f"/v1/jobs/{job.id}/files/0", headers=AUTH)
    assert (answer.status_code, answer.data) == (200, b"a picture")
    assert (answer.content_type, answer.content_length) == ("image/png", 9)
    for number in ("1", "2", "x", "-1"):
        answer = web.client.get(f"/v1/jobs/{job.id}/files/{number}", headers=AUTH)
        assert answer.status_code == 404, number


def schema(name: str) -> jsonschema_rs.Validator:
    return validator({"$ref": f"#/components/schemas/{name}"})


def new_job() -> jsonschema_rs.Validator:
    return validator(
        document()["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"][
            "schema"
        ]
    )


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "imagine", "prompt": "a cat", "images": ["https://x.example/1.png"]},
        {"kind": "imagine", "prompt": "a cat", "mode": None, "then": None, "bot_type": None},
        {"kind": "blend", "images": ["a", "b"], "dimensions": "SQUARE"},
        {"kind": "describe", "image": "a", "then": [{"imagine": "{prompts[0]}, watercolor"}]},
        {"kind": "action", "job_id": "x", "button": "U1", "then": [{"describe": True}]},
        {"kind": "modal", "task_id": "x", "prompt": "a hat"},
        {"kind": "shorten", "prompt": "a cat", "bot_type": "NIJI_JOURNEY"},
        {"kind": "change", "task_id": "x", "action": "UPSCALE", "index": 4},
        {"kind": "edits", "prompt": "a cat", "image": "a", "mask": "b"},
        {"kind": "retexture", "prompt": "a cat", "image": "a"},
        {"kind": "video", "prompt": "a cat", "image": "a", "batch_size": 4, "loop": True},
        {"kind": "swap_face", "source": "a", "target": "b"},
        {"kind": "upload", "images": ["a"], "metadata": {"deep": [{}]}, "deadline_s": 60},
    ],
)
def test_what_may_be_handed_in_is_as_described(body: Any) -> None:
    parse_request(body)
    new_job().validate(body)
    for wrong in (
        {**body, "promt": "a cat"},
        {**body, "kind": "cat"},
        {**body, "priority": "5"},
        {**body, "mode": "slow"},
        {key: value for key, value in body.items() if key != "kind"},
    ):
        assert not new_job().is_valid(wrong), wrong


def test_a_press_and_a_resolve_are_as_described() -> None:
    press = {"button": "Vary (Region)", "modal": {"prompt": "a hat"}, "then": [{"press": "U1"}]}
    resolve = {"outcome": "accepted", "task_id": "t1"}
    parse_press(press)
    parse_resolve(resolve)
    schema("Press").validate(press)
    schema("Resolve").validate(resolve)
    assert not schema("Press").is_valid({"button": "U1", "modul": {}})
    assert not schema("Press").is_valid({})
    assert not schema("Resolve").is_valid({"outcome": "lost"})


def test_an_answer_that_is_not_described_is_noticed(tmp_path: Path) -> None:
    web = checked(Web(tmp_path))
    job = web.put()
    shown = answers.Job.of(job).to_dict()
    wrong = [
        ({**shown, "secret": 1}, 200, "application/json"),
        ({**shown, "status": "lost"}, 200, "application/json"),
        ({**shown, "created_at": "yesterday"}, 200, "application/json"),
        ({name: shown[name] for name in shown if name != "error"}, 200, "application/json"),
        (shown, 201, "application/json"),
        (shown, 200, "text/html"),
    ]
    for body, status, kind in wrong:
        answer = Response(json.dumps(body), status, content_type=kind)
        web.app.view_functions["show"] = lambda job_id, answer=answer: answer
        with pytest.raises(NotAsDescribed):
            web.client.get(f"/v1/jobs/{job.id}", headers=AUTH)
