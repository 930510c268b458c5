"""The provider's door: what is answered, and that no body can do harm."""

import gzip
import io
import json
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support.jobs import NOW
from tests.support.openapi import checked
from tests.support.web import Web
from webhooks.callbacks import MAX_BYTES
from worker.adapters.tokens import Tokens
from worker.domain.events import Policy
from worker.domain.job import Attempt, AttemptOutcome, Status
from worker.domain.presence import ANSWER_S, Proof


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return checked(Web(tmp_path_factory.mktemp("web")))


def send(web: Web, path: str, body: Any) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = web.client.post(path, data=data)
    return answer.status_code, answer.get_json()


def test_what_needs_no_repeat_is_200(web: Web) -> None:
    job = web.running()
    sample = {"id": "t1", "status": "IN_PROGRESS", "progress": "40%"}
    assert send(web, web.hook(job), sample) == (200, {"status": "applied"})
    assert web.job(job.id).progress == 40
    assert send(web, web.hook(job), sample) == (200, {"status": "duplicate"})
    assert send(web, web.hook(job, attempt=7), sample) == (200, {"status": "stale"})
    assert send(web, web.hook(job), {"id": "t9", "status": "SUCCESS"}) == (
        200,
        {"status": "foreign"},
    )
    assert send(web, web.hook(job), {}) == (200, {"status": "foreign"})


def test_the_content_type_does_not_matter(web: Web) -> None:
    job = web.running()
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", ""):
        answer = web.client.post(web.hook(job), data=b'{"status": "SUBMITTED"}', content_type=kind)
        assert answer.status_code == 200


def unread(web: Web, path: str) -> tuple[int, Any]:
    """The answer to a callback whose body cannot be read."""

    class Body(io.RawIOBase):
        def tell(self) -> int:
            return 0

        def seek(self, *_: int) -> int:
            return 100

        def read(self, _: int = -1) -> bytes:
            raise AssertionError("the body was read")

    answer = web.client.post(path, input_stream=Body())
    return answer.status_code, answer.get_json()


GIVEN_UP = Attempt(1, NOW, AttemptOutcome.IN_DOUBT, posted_at=NOW)
ENDED = Attempt(1, NOW, AttemptOutcome.SUCCEEDED, posted_at=NOW, task_id="t1")
OVER = {"status": Status.SUCCEEDED, "attempts": (ENDED,), "due_at": None, "finished_at": NOW}


def test_no_body_is_read_for_a_token_that_buys_nothing(web: Web) -> None:
    over = web.running(**OVER | {"finished_at": time() - Policy().doubt_window_s - 1})
    assert unread(web, web.hook(over)) == (200, {"status": "stale"})
    gone = f"/webhooks/midjourney/{web.services.tokens.for_job('0' * 32, 1)}"
    assert unread(web, gone)[0] == 404
    assert unread(web, "/webhooks/midjourney/x")[0] == 401
    late = web.services.tokens.for_proof(Proof("way", "a", time() - ANSWER_S - 1, None))
    assert unread(web, f"/webhooks/midjourney/{late}") == (200, {"status": "stale"})


def test_news_of_what_may_be_a_second_payment_is_always_read(web: Web) -> None:
    over = web.running(
        **OVER | {"finished_at": time() - 1e6, "attempts": (GIVEN_UP, replace(ENDED, number=2))}
    )
    late = {"id": "t0", "status": "IN_PROGRESS"}
    assert send(web, web.hook(over), late) == (200, {"status": "applied"})
    assert [paid.task_id for paid in web.job(over.id).double_payments] == ["t0"]
    lately = web.running(**OVER | {"finished_at": time() - 60})
    assert send(web, web.hook(lately), b"{")[0] == 400


def test_an_unknown_and_a_forged_token_get_the_same_answer(web: Web) -> None:
    job = web.running()
    right = web.services.tokens.for_job(job.id, 1)
    forged = Tokens(["somebody-else's secret"]).for_job(job.id, 1)
    ended = {"id": "t1", "status": "FAILURE", "failReason": "no"}
    wrong = ("x", forged, right[:-1], right + "x", right.upper(), "j." + "é" * 5, "a" * 5000)
    answers = {json.dumps(send(web, f"/webhooks/midjourney/{each}", ended)) for each in wrong}
    assert len(answers) == 1
    assert json.loads(answers.pop())[0] == 401
    assert web.job(job.id) == job


def test_a_state_of_another_job_is_401(web: Web) -> None:
    job, other = web.running(), web.running()
    state = web.services.tokens.for_job(other.id, 1)
    status, _ = send(web, web.hook(job), {"id": "t1", "status": "FAILURE", "state": state})
    assert status == 401
    assert (web.job(job.id), web.job(other.id)) == (job, other)


def test_a_job_that_is_gone_is_404(web: Web) -> None:
    path = f"/webhooks/midjourney/{web.services.tokens.for_job('0' * 32, 1)}"
    assert send(web, path, {"status": "SUCCESS"})[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"SUCCESS"',
        b"7",
        b"{",
        b"<html>",
        b'{"status": "SUCCESS"',
        b'{"status": "SUCCESS"} x',
        b'{"id": "\xff"}',
        '{"id": "t1"}'.encode("utf-16"),
        b'{"progress": NaN}',
        b'{"progress": -Infinity}',
        b'{"progress": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 22 + b"]" * 22 + b"}",
        b'{"a": ' * 30 + b"1" + b"}" * 30,
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_no_json_object_is_400(web: Web, body: bytes) -> None:
    job = web.running()
    status, answer = send(web, web.hook(job), body)
    assert status == 400, answer
    assert answer["errors"][0]["field"] == "request"
    assert web.job(job.id) == job


def test_oddities_of_providers_are_taken(web: Web) -> None:
    job = web.running()
    twice = (
        b'\xef\xbb\xbf{"progress": "1%", "status": "IN_PROGRESS", "progress": "77%", "x": 1e999}'
    )
    assert send(web, web.hook(job), twice) == (200, {"status": "applied"})
    assert web.job(job.id).progress == 77


def test_bodies_above_1_mib_are_413(web: Web) -> None:
    job = web.running()
    full = b"{}" + b" " * (MAX_BYTES - 2)
    assert send(web, web.hook(job), full)[0] == 200
    assert send(web, web.hook(job), full + b" ")[0] == 413


@pytest.mark.parametrize(
    "headers", [{"CONTENT_LENGTH": "3"}, {"HTTP_TRANSFER_ENCODING": "chunked"}]
)
@pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 413), (MAX_BYTES, 413)])
def test_the_limit_holds_whatever_the_headers_say(
    web: Web, headers: dict[str, str], extra: int, status: int
) -> None:
    body = b"{}" + b" " * (MAX_BYTES - 2 + extra)
    environ = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, **headers}
    answer = web.client.post(web.hook(web.running()), environ_overrides=environ)
    assert answer.status_code == status


def test_a_strangers_body_is_not_read(web: Web) -> None:
    class Unread(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("the body was read")

    environ = {"wsgi.input": Unread(), "wsgi.input_terminated": True}
    answer = web.client.post("/webhooks/midjourney/x", environ_overrides=environ)
    assert answer.status_code == 401


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_405(web: Web, method: str) -> None:
    answer = web.client.open(web.hook(web.running()), method=method)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_provider_that_looks_first_learns_nothing_of_the_token(web: Web, method: str) -> None:
    job = web.running()
    web.store.line.cut = "the line"
    try:
        right, wrong = (
            web.client.open(f"{path}{slash}", method=method)
            for path, slash in ((web.hook(job), ""), ("/webhooks/midjourney/x", "/"))
        )
    finally:
        web.store.line.cut = None
    assert (right.status_code, right.data) == (wrong.status_code, wrong.data)
    assert right.status_code == 200
    assert dict(right.headers) == dict(wrong.headers)
    assert web.job(job.id) == job


def test_a_slash_at_the_end_changes_nothing(web: Web) -> None:
    job = web.running()
    sample = {"id": "t1", "status": "IN_PROGRESS", "progress": "40%"}
    assert send(web, f"{web.hook(job)}/", sample) == (200, {"status": "applied"})
    assert send(web, "/webhooks/midjourney/x/", sample)[0] == 401
    assert send(web, f"{web.hook(job)}//", sample)[0] == 404
    assert send(web, "/webhooks/midjourney/", sample)[0] == 404


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP ": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "identity": bytes,
    "": bytes,
}


def send_packed(web: Web, path: str, encoding: str, data: bytes) -> TestResponse:
    return web.client.post(path, data=data, headers={"Content-Encoding": encoding})


@pytest.mark.parametrize("encoding", PACKED)
def test_a_body_may_be_compressed(web: Web, encoding: str) -> None:
    job = web.running()
    sample = json.dumps({"id": "t1", "status": "IN_PROGRESS", "progress": "40%"}).encode()
    answer = send_packed(web, web.hook(job), encoding, PACKED[encoding](sample))
    assert (answer.status_code, answer.get_json()) == (200, {"status": "applied"})


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 413), (1 << 28, 413)])
def test_a_body_that_unpacks_to_more_than_1_mib_is_413(
    web: Web, encoding: str, extra: int, status: int
) -> None:
    size = MAX_BYTES - 2 + extra
    packer = zlib.compressobj(1, wbits=31 if encoding == "gzip" else 15)
    pieces = [packer.compress(b"{}")]
    while size:
        step = min(size, 1 << 24)
        pieces.append(packer.compress(b" " * step))
        size -= step
    bomb = b"".join([*pieces, packer.flush()])[:MAX_BYTES]
    path = web.hook(web.running())
    tracemalloc.start()
    try:
        answer = send_packed(web, path, encoding, bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status_code == status
    assert peak < 20 * MAX_BYTES


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("gzip", b'{"status": "SUCCESS"}'),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-1]),
        ("gzip", gzip.compress(b"{}", mtime=0) * 2),
        ("gzip", b""),
        ("deflate", b"\x00\x01"),
        ("deflate", b""),
    ],
)
def test_a_body_that_is_not_what_it_says_is_400(web: Web, encoding: str, data: bytes) -> None:
    job = web.running()
    answer = send_packed(web, web.hook(job), encoding, data)
    assert answer.status_code == 400
    assert encoding in answer.get_json()["errors"][0]["message"]
    assert web.job(job.id) == job


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip;q=1", "\u00e9"])
def test_an_unknown_encoding_is_415_but_only_to_those_with_a_token(web: Web, encoding: str) -> None:
    answer = send_packed(web, web.hook(web.running()), encoding, b"{}")
    assert answer.status_code == 415
    assert answer.headers["Accept-Encoding"] == "gzip, deflate"
    assert send_packed(web, "/webhooks/midjourney/x", encoding, b"{}").status_code == 401


def test_503_and_nothing_done_while_redis_is_away(tmp_path: Path) -> None:
    web = Web(tmp_path)
    job = web.running()
    sample = {"id": "t1", "status": "IN_PROGRESS", "progress": "40%"}
    web.store.line.cut = "secrets of the house"
    answer = web.client.post(web.hook(job), json=sample)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert b"secrets" not in answer.data
    web.store.line.cut = None
    assert web.job(job.id) == job
    assert send(web, web.hook(job), sample) == (200, {"status": "applied"})


def test_a_running_job_ends_by_callback(web: Web) -> None:
    job = web.running(then=({"press": "U1"},))
    buttons = [{"customId": "MJ::JOB::upsample::1::x", "label": "U1"}]
    done = {
        "id": "t1",
        "status": "SUCCESS",
        "imageUrl": "https://cdn.example/1.png",
        "buttons": buttons,
    }
    assert send(web, web.hook(job), done)[0] == 200
    assert web.job(job.id).status is Status.SUCCEEDED
    pipeline = web.store.jobs.pipeline(job.id)
    assert pipeline is not None
    assert len(pipeline.jobs) == 2
