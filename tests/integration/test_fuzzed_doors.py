"""No body and no token makes the web app fail, and none that is wrong changes a job."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.jobs import GRID
from tests.support.openapi import checked
from tests.support.web import AUTH, Web
from worker.domain.job import Status
from worker.domain.result import Result


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return checked(Web(tmp_path_factory.mktemp("web")))


def status_of(web: Web, path: str, body: Any, **headers: str) -> int:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return web.client.post(path, data=data, headers=headers).status_code


#: With half surrogate pairs, which JSON can write and UTF-8 cannot.
TEXT = st.text(st.characters(), max_size=20)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)
TASKS = st.fixed_dictionaries(
    {},
    optional={
        name: JSON_VALUES | st.sampled_from(usual)
        for name, usual in {
            "id": ("t1", "t2"),
            "status": (
                "NOT_START",
                "SUBMITTED",
                "IN_PROGRESS",
                "MODAL",
                "CANCEL",
                "FAILURE",
                "SUCCESS",
            ),
            "progress": ("0%", "55%", "1e9%", 10**400, -1),
            "state": ("", "\ud800"),
            "imageUrl": ("https://cdn.example/1.png", "\udc00"),
            "failReason": ("timeout", "banned"),
            "buttons": ([{"customId": "MJ::JOB::upsample::1::x", "label": "U1"}], [None], {}),
            "properties": ({"finalPrompt": "a cat"}, []),
        }.items()
    },
)


@settings(max_examples=400)
@given(task=TASKS, then=st.sampled_from([(), ({"press": "U*"},), ({"describe": True},)]))
def test_no_json_is_a_5xx(web: Web, task: dict[str, Any], then: Any) -> None:
    job = web.running(then=then)
    assert status_of(web, web.hook(job), task) in (200, 400)


@settings(max_examples=400)
@given(
    body=st.binary(max_size=300)
    | st.text(alphabet='{}[]",:\\u0eNaIn-1 t', max_size=60).map(str.encode)
)
def test_no_bytes_are_a_5xx_or_change_a_job(web: Web, body: bytes) -> None:
    job = web.running()
    assert status_of(web, web.hook(job), body) in (200, 400)
    assert web.job(job.id) == job


@settings(max_examples=200)
@given(token=st.text(max_size=200).filter(lambda t: "/" not in t))
def test_no_token_is_a_5xx(web: Web, token: str) -> None:
    path = "/webhooks/midjourney/" + token.encode("utf-8", "replace").decode("latin-1")
    answer = web.client.post("/", environ_overrides={"PATH_INFO": path})
    assert answer.status_code in (401, 404)


@settings(max_examples=300)
@given(
    path=st.sampled_from(["", "press", "resolve"]),
    body=st.dictionaries(
        st.sampled_from(
            [
                "kind",
                "prompt",
                "images",
                "then",
                "metadata",
                "priority",
                "tenant",
                "button",
                "modal",
                "outcome",
                "task_id",
                "job_id",
                "index",
                "action",
                "account",
                "notify",
                "mode",
                "deadline_s",
                "retry",
            ]
        )
        | st.text(max_size=5),
        JSON_VALUES
        | st.sampled_from(["imagine", "action", "U1", "U*", "accepted", "a cat", {"press": "U1"}]),
        max_size=6,
    ),
)
def test_no_body_is_a_5xx(web: Web, path: str, body: Any) -> None:
    done = Result(image_url="https://cdn.example/1.png", buttons=GRID)
    job = web.put(status=Status.SUCCEEDED, task_id="t1", result=done)
    door = f"/v1/jobs/{job.id}/{path}" if path else "/v1/jobs"
    assert status_of(web, door, body, **AUTH) < 500
