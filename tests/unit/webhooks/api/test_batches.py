"""The calls under /v1/batches, over a store in memory."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support.jobs import NOW
from tests.support.openapi import checked
from tests.support.web import AUTH, Web
from webhooks.api import batches
from worker.domain.job import Attempt, AttemptOutcome, Job, Status
from worker.domain.result import JobError
from worker.services.batches import CHUNK

LINES = "text/plain"


@pytest.fixture
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return checked(Web(tmp_path_factory.mktemp("web")))


def hand_in(web: Web, data: bytes, kind: str = LINES, **query: Any) -> TestResponse:
    return web.client.post(
        "/v1/batches", query_string={"name": "cats", **query}, data=data,
        headers=AUTH, content_type=kind,
    )  # fmt: skip


def stream_in(web: Web, stream: Any, **environ: str) -> TestResponse:
    """Hand in what the server reads from ``stream``, chunked unless ``environ`` has its length."""
    return web.client.post(
        "/v1/batches?name=cats", headers=AUTH, content_type=LINES,
        environ_overrides={"wsgi.input": stream, "wsgi.input_terminated": True, **environ},
    )  # fmt: skip


def get(web: Web, path: str = "/v1/batches/cats", **query: Any) -> TestResponse:
    return web.client.get(path, query_string=query, headers=AUTH)


def do(web: Web, what: str) -> TestResponse:
    return web.client.post(f"/v1/batches/cats/{what}", headers=AUTH)


def roots(web: Web) -> list[Job]:
    return [root for root, _ in web.services.batches.jobs(web.services.batches.find("cats"))]


def errors_of(answer: TestResponse) -> list[str]:
    assert answer.status_code == 400
    return sorted(error["field"] for error in answer.get_json()["errors"])


def test_every_wrong_parameter_is_named_at_once(web: Web) -> None:
    wrong = {"form": "xml", "budget": "a", "strict": "1", "defaults": "{", "notify": "[]"}
    answer = hand_in(web, b"a cat\n", name=" ", **wrong)
    assert errors_of(answer) == sorted(["name", *wrong])


def test_null_counts_as_left_out(web: Web) -> None:
    assert hand_in(web, b"a cat\n", form="", defaults="null", notify="null").status_code == 202


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("application/x-ndjson", b'{"prompt": "a cat"}\n{"prompt": "a dog"}'),
        ("application/x-ndjson; charset=utf-8", b'{"prompt": "a cat"}\n{"prompt": "a dog"}'),
        ("text/csv", b"prompt\na cat\na dog\n"),
        ("text/tab-separated-values", b"prompt\tbot_type\na cat\t\na dog\t\n"),
        (LINES, b"a cat\n# a remark\na dog"),
    ],
)
def test_the_content_type_tells_the_form(web: Web, kind: str, data: bytes) -> None:
    answer = hand_in(web, data, kind)
    assert answer.status_code == 202
    taken = answer.get_json()
    assert answer.headers["Location"] == f"/v1/batches/{taken['id']}"
    counts = {"rows": 2, "new": 2, "known": 0, "bad": 0, "bad_rows": []}
    assert taken == {"id": taken["id"], "name": "cats", **counts}
    assert [root.request["prompt"] for root in roots(web)] == ["a cat", "a dog"]


def test_form_says_more_than_the_content_type(web: Web) -> None:
    data = b'{"prompt": "a cat"}'
    answer = hand_in(web, data, "application/x-www-form-urlencoded", form="ndjson")
    assert answer.get_json()["new"] == 1
    assert errors_of(hand_in(web, data, "application/x-www-form-urlencoded")) == ["form"]


def test_the_query_says_what_all_rows_share(web: Web) -> None:
    defaults = {"prompt": "{subject}, ink", "priority": 7, "then": [{"press": "U1"}]}
    answer = hand_in(web, b'subject\n"{red, green} cat"\n', "text/csv", permute="false",
                     defaults=json.dumps(defaults), budget="12.5")  # fmt: skip
    assert answer.status_code == 202
    [root] = roots(web)
    assert root.request["prompt"] == "{red, green} cat, ink"
    assert (root.options.priority, root.spec.then) == (7, ({"press": "U1"},))
    shown = get(web).get_json()
    assert (shown["planned"], shown["cost"]["budget"]) == (2, 12.5)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"form": "xml"}, ["form"]),
        ({"strict": "yes", "permute": "1", "budget": "much"}, ["budget", "permute", "strict"]),
        ({"budget": "-1"}, ["budget"]),
        ({"budget": "nan"}, ["budget"]),
        ({"defaults": "[]"}, ["defaults"]),
        ({"defaults": "{"}, ["defaults"]),
        ({"defaults": '{"promt": "a"}'}, ["promt"]),
        ({"name": ""}, ["name"]),
        ({"nmae": "cats"}, ["nmae"]),
    ],
)
def test_every_wrong_parameter_is_named(web: Web, query: dict[str, str], fields: list[str]) -> None:
    assert errors_of(hand_in(web, b"a cat", **query)) == fields
    assert get(web, "/v1/batches").get_json() == {"items": []}


def test_a_batch_needs_a_name(web: Web) -> None:
    answer = web.client.post("/v1/batches", data=b"a cat", headers=AUTH, content_type=LINES)
    assert errors_of(answer) == ["name"]


def test_the_name_makes_a_repeat_harmless(web: Web) -> None:
    first = hand_in(web, b"a cat\na dog").get_json()
    again = hand_in(web, b"a cat\na dog\na fox").get_json()
    assert (again["id"], again["new"], again["known"]) == (first["id"], 1, 2)


def test_bad_rows_are_told_and_kept(web: Web) -> None:
    data = b'{"prompt": "a cat"}\n' + b"{}\n" * 150
    taken = hand_in(web, data, "application/x-ndjson").get_json()
    assert (taken["new"], taken["bad"], len(taken["bad_rows"])) == (1, 150, 100)
    assert taken["bad_rows"][0]["row"] == 2
    assert taken["bad_rows"][0]["errors"][0]["field"] == "prompt"
    shown = get(web).get_json()
    assert (shown["bad"], shown["bad_rows"]) == (150, taken["bad_rows"])


def test_strict_refuses_the_file_for_a_bad_row(web: Web) -> None:
    answer = hand_in(web, b'{"prompt": "a cat"}\n{}', "application/x-ndjson", strict="true")
    assert errors_of(answer) == ["row 2, prompt"]
    assert get(web).status_code == 404


def test_no_file_is_too_long_for_being_longer_than_other_bodies(web: Web) -> None:
    many = b"".join(b"a cat %d %s\n" % (n, b"x" * 2000) for n in range(700))
    assert len(many) > 1024 * 1024
    assert hand_in(web, many).get_json()["new"] == 700


def test_a_longer_file_is_refused(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_FILE_BYTES", 10)
    assert hand_in(web, b"a cat, a dog").status_code == 413
    assert stream_in(web, io.BytesIO(b"a cat, a dog")).status_code == 413
    assert get(web).status_code == 404


@pytest.mark.parametrize("chunked", [False, True])
def test_the_last_line_of_a_body_that_breaks_off_is_no_job(web: Web, chunked: bool) -> None:
    whole = b"".join(b"a cat %d\n" % n for n in range(CHUNK)) + b"a dog in a red hat\n"
    length = {} if chunked else {"CONTENT_LENGTH": str(len(whole))}
    broken = stream_in(web, io.BytesIO(whole[:-12]), **length)
    assert errors_of(broken) == ["file"]
    assert len(roots(web)) == CHUNK
    assert stream_in(web, io.BytesIO(whole), **length).get_json()["new"] == 1
    assert roots(web)[-1].request["prompt"] == "a dog in a red hat"


def test_a_last_line_without_its_break_is_a_row_where_the_length_is_known(web: Web) -> None:
    assert hand_in(web, b"a cat\na dog").get_json()["new"] == 2


def test_a_file_is_taken_in_while_it_comes(web: Web) -> None:
    """Nothing waits for its end: jobs are stored while rows are still on their way."""
    stored: list[int] = []

    class Slow(io.RawIOBase):
        def __init__(self) -> None:
            self._pieces = self._rows()

        def _rows(self) -> Iterator[bytes]:
            for part in range(3):
                found = web.services.store.batches.newest(1)
                stored.append(found[0].rows if found else 0)
                yield b"".join(b"a cat %d %d\n" % (part, n) for n in range(CHUNK + 1))

        def read(self, size: int = -1) -> bytes:
            return next(self._pieces, b"")

    assert stream_in(web, Slow()).get_json()["new"] == 3 * (CHUNK + 1)
    assert stored == [0, CHUNK, 2 * CHUNK]


def test_a_batch_shows_how_it_stands(web: Web) -> None:
    hand_in(web, b"a cat\na dog\na fox")
    cat, *_ = roots(web)
    web.client.post(f"/v1/jobs/{cat.id}/cancel", headers=AUTH)
    shown = get(web).get_json()
    assert (shown["name"], shown["status"], shown["rows"], shown["planned"]) == (
        "cats", "running", 3, 3,
    )  # fmt: skip
    assert shown["counts"] == dict.fromkeys(map(str, Status), 0) | {
        "queued": 2, "cancelled": 1, "total": 3,
    }  # fmt: skip
    assert shown["errors"] == {}
    assert get(web, f"/v1/batches/{shown['id']}").get_json() == shown
    listed = {name: value for name, value in shown.items() if name != "bad_rows"}
    assert get(web, "/v1/batches").get_json() == {"items": [listed]}


def test_a_listing_has_no_more_than_asked_for(web: Web) -> None:
    for name in "abc":
        hand_in(web, b"a cat", name=name)
    assert len(get(web, "/v1/batches", limit=2).get_json()["items"]) == 2
    for wrong in ("0", "201", "x", "-1", "٣"):
        assert errors_of(get(web, "/v1/batches", limit=wrong)) == ["limit"]


def test_pause_and_resume(web: Web) -> None:
    hand_in(web, b"a cat")
    assert do(web, "pause").get_json()["status"] == "paused"
    assert do(web, "pause").get_json()["status"] == "paused"
    assert do(web, "resume").get_json()["status"] == "running"


def test_cancel_and_retry_answer_how_many_jobs_changed(web: Web) -> None:
    hand_in(web, b"a cat\na dog")
    answer = do(web, "cancel")
    assert (answer.status_code, answer.get_json()) == (200, {"jobs": 2})
    assert get(web).get_json()["status"] == "finished"
    assert do(web, "cancel").get_json() == {"jobs": 0}
    failed = web.put(batch_id=get(web).get_json()["id"], status=Status.FAILED,
                     attempts=(Attempt(1, NOW, AttemptOutcome.FAILED, NOW, "t1"),),
                     error=JobError("failed", "It failed."))  # fmt: skip
    answer = do(web, "retry")
    assert (answer.status_code, answer.get_json()) == (202, {"jobs": 1})
    assert web.job(failed.id).status is Status.QUEUED


def test_the_manifest_has_a_line_per_job(web: Web) -> None:
    hand_in(web, b"a cat\na dog")
    answer = get(web, "/v1/batches/cats/manifest")
    told = [json.loads(line) for line in answer.get_data(as_text=True).splitlines()]
    assert [(line["row"], line["prompt"], line["status"]) for line in told] == [
        (1, "a cat", "queued"), (2, "a dog", "queued"),
    ]  # fmt: skip
    as_csv = get(web, "/v1/batches/cats/manifest", format="csv").get_data(as_text=True)
    assert [row["job"] for row in csv.DictReader(io.StringIO(as_csv))] == [j["job"] for j in told]
    assert errors_of(get(web, "/v1/batches/cats/manifest", format="xml")) == ["format"]


@pytest.mark.parametrize("what", ["", "/manifest"])
def test_what_is_not_there_is_404(web: Web, what: str) -> None:
    assert get(web, f"/v1/batches/dogs{what}").status_code == 404


@pytest.mark.parametrize("what", ["cancel", "retry", "pause", "resume"])
def test_nothing_can_be_asked_of_a_batch_that_is_not_there(web: Web, what: str) -> None:
    assert do(web, what).status_code == 404
    assert not web.store.queue.paused()


def test_all_of_it_wants_the_token(web: Web) -> None:
    assert web.client.post("/v1/batches?name=cats", data=b"a cat").status_code == 401
    assert web.client.get("/v1/batches/cats/manifest").status_code == 401
