"""The calls to a provider, against real sockets that misbehave."""

import json
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from config.proxies import read_proxies
from tests.support.certificates import certificates, server_side
from tests.support.rawserver import Script, http, says, serving
from worker.adapters.provider.client import ProviderClient
from worker.adapters.provider.payloads import Submission
from worker.adapters.provider.snapshots import MAX_ROWS
from worker.adapters.provider.transport import MAX_BODY
from worker.adapters.tokens import Tokens
from worker.domain.account import Account, Auth
from worker.domain.error_codes import ErrorCode
from worker.domain.errors import HooklineError, NoSuchCall, ProviderUnavailable
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import Outcome, TaskStatus, Verdict

KEY = "sk-secret-key"
SUBMISSION = Submission("/mj/submit/imagine", {"prompt": "a cat", "state": "s"})
TASK = {"id": "1", "action": "IMAGINE", "status": "IN_PROGRESS", "progress": "5%", "submitTime": 1}


def client(port: int, auth: Auth = "bearer", scheme: str = "http", **more: Any) -> ProviderClient:
    account = Account("main", f"{scheme}://127.0.0.1:{port}", KEY, auth)
    return ProviderClient(account, **({"deadline_s": 2.0} | more))


def answer(value: Any, status: str = "200 OK") -> Script:
    return says(http(json.dumps(value).encode(), status))


def submitted(script: Script, **more: Any) -> tuple[Verdict, list[bytes]]:
    """The verdict on one submit to a server of this script, and all that the server was asked."""
    asked: list[bytes] = []

    def source(sock: socket.socket, request: bytes) -> None:
        asked.append(entire(sock, request))
        script(sock, request)

    with serving(source) as (port, _):
        verdict = client(port, **more).submit(Kind.IMAGINE, SUBMISSION)
        return verdict, asked  # a second try would have been made by now


def entire(sock: socket.socket, request: bytes) -> bytes:
    """The request with its body, which comes in a segment of its own."""
    head, _, body = request.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def reset(sock: socket.socket, _: bytes) -> None:
    """Cut the connection so that the other side sees a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def silence(sock: socket.socket, _: bytes) -> None:
    sock.recv(1)  # until the client gives up


def trickle(sock: socket.socket, _: bytes) -> None:
    sock.sendall(http(status="200 OK", Content_Length="1000"))
    while True:
        sock.sendall(b" ")
        time.sleep(0.05)


def test_accepted() -> None:
    verdict, asked = submitted(answer({"code": 1, "result": "7"}))
    assert verdict == Verdict(Outcome.ACCEPTED, task_id="7")
    (request,) = asked
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /mj/submit/imagine HTTP/1.1\r\n")
    assert b"\r\nContent-Type: application/json\r\n" in head
    assert b"\r\nContent-Length: " in head
    assert json.loads(body) == SUBMISSION.body


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ("bearer", f"Authorization: Bearer {KEY}"),
        ("mj-api-secret", f"mj-api-secret: {KEY}"),
        ("raw", f"Authorization: {KEY}"),
    ],
)
def test_three_ways_to_show_the_key(
    auth: Auth, header: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    _, asked = submitted(answer({}), auth=auth)
    keys = [line for line in asked[0].decode().split("\r\n") if KEY in line or "Basic" in line]
    assert keys == [header]


def test_no_key_no_header() -> None:
    with serving(answer(None)) as (port, asked):
        ProviderClient(Account("main", f"http://127.0.0.1:{port}")).fetch("1")
    assert b"authorization" not in asked[0].lower()


def nothing_sent(verdict: Verdict) -> bool:
    assert verdict.error is not None
    assert verdict.error.message
    return (verdict.outcome, verdict.error.code) == (Outcome.TRY_LATER, "unreachable")


def test_refused_connection() -> None:
    verdict = client(unused_port()).submit(Kind.IMAGINE, SUBMISSION)
    assert nothing_sent(verdict)
    assert verdict.error is not None
    assert "refused" in verdict.error.message.lower()


@pytest.mark.parametrize(
    "url", ["http://no-such-host.invalid", "http://[", "nonsense", "http://a b"]
)
def test_no_such_address(url: str) -> None:
    found = ProviderClient(Account("main", url, KEY), deadline_s=2.0)
    assert nothing_sent(found.submit(Kind.IMAGINE, SUBMISSION))


def test_connection_that_is_never_taken() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):  # the backlog is full now
            started = time.monotonic()
            found = ProviderClient(Account("m", f"http://127.0.0.1:{port}"), deadline_s=0.6)
            verdict = found.submit(Kind.IMAGINE, SUBMISSION)
    assert time.monotonic() - started < 2
    # Some systems take one connection more than asked for: then the request was sent.
    assert nothing_sent(verdict) or verdict.outcome is Outcome.IN_DOUBT


@pytest.mark.parametrize("script", [reset, silence, says(b"HTTP/1.0 400 no TLS here\r\n\r\n")])
def test_tls_that_fails_before_the_request(script: Script) -> None:
    with serving(script) as (port, _):
        verdict = client(port, scheme="https").submit(Kind.IMAGINE, SUBMISSION)
    assert nothing_sent(verdict)


def test_key_that_no_header_can_carry() -> None:
    for key in ("a\nb", "ключ"):
        with serving(answer({})) as (port, _):
            found = ProviderClient(Account("main", f"http://127.0.0.1:{port}", key))
            verdict = found.submit(Kind.IMAGINE, SUBMISSION)
        assert nothing_sent(verdict)
        assert verdict.error is not None
        assert "a\\nb" not in verdict.error.message


def test_reset_in_the_middle_of_a_long_request() -> None:
    long = Submission("/mj/submit/blend", {"base64Array": ["x" * 20_000_000]})
    with serving(reset, whole=False) as (port, _):
        verdict = client(port).submit(Kind.BLEND, long)
    assert nothing_sent(verdict)  # a body without its end cannot be accepted


@pytest.mark.parametrize(
    "script",
    [
        reset,
        lambda sock, _: sock.close(),
        silence,
        trickle,
        says(b"HTTP/1.1 200 OK\r\nContent-"),
        says(b"what?\r\n\r\n"),
        says(http(b'{"code":1,"resu', Content_Length="40")),
        says(http(b'5\r\n{"cod', Transfer_Encoding="chunked")),
        says(http(b'zz\r\n{"cod', Transfer_Encoding="chunked")),
        says(http(b"not gzip", Content_Encoding="gzip")),
        says(http(b"", "502 Bad Gateway")),
        says(http(b"", "200 OK")),
    ],
)
def test_in_doubt(script: Script) -> None:
    verdict, asked = submitted(script, deadline_s=0.6)
    assert verdict.outcome is Outcome.IN_DOUBT
    assert len(asked) == 1


def test_what_was_given_up_does_not_arrive_later() -> None:
    """As of a host that was cut off: else its kernel would go on sending for minutes."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        submission = Submission("/mj/submit/imagine", {"prompt": "x" * 40_000})
        verdict = client(port, deadline_s=0.6).submit(Kind.IMAGINE, submission)
        assert verdict.outcome is Outcome.IN_DOUBT
        came = b""
        with listener.accept()[0] as late, suppress(ConnectionResetError):
            late.settimeout(10)
            while more := late.recv(65536):
                came += more
    assert not came.endswith(b"}"), "all of it came after nobody waited any more"


def test_a_reply_without_end_is_cut_in_time() -> None:
    started = time.monotonic()
    submitted(trickle, deadline_s=0.6)
    assert time.monotonic() - started < 3


#: Of several blocks: the connection takes 16 KiB at a time.
LONG = Submission("/mj/submit/blend", {"base64Array": ["x" * 400_000]})


class Fenced:
    """A server that keeps what it gets, and a clock that passes the end of the lease."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.looks = 0
        self.over_after = 0  #: looks at the clock, before the lease is over
        self.ended = threading.Event()

    def submit(self, submission: Submission, script: Script) -> Verdict:
        # What is given up is reset, maybe in the middle of the request.
        with serving(script, whole=False) as (port, _):
            verdict = client(port, clock=self._time).submit(Kind.BLEND, submission, 100.0)
            assert self.ended.wait(10), "the server saw the connection to its end"
        return verdict

    def keep(self, sock: socket.socket, request: bytes) -> None:
        """Everything to the connection's end, and an acceptance in any case."""
        got = request
        try:
            while got:
                self.got += got
                if self.is_whole:
                    sock.sendall(http(b'{"code": 1, "result": "7"}', Content_Length="26"))
                got = sock.recv(1 << 20)
        finally:
            self.ended.set()

    @property
    def is_whole(self) -> bool:
        head, _, body = bytes(self.got).partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        return len(body) >= length

    def _time(self) -> float:
        self.looks += 1
        return 99.0 if self.looks <= self.over_after else 101.0


@pytest.mark.parametrize("submission", [SUBMISSION, LONG], ids=["one block", "many blocks"])
@pytest.mark.parametrize("blocks", [0, 1, 2, 20])
def test_nothing_leaves_after_the_lease(blocks: int, submission: Submission) -> None:
    fenced = Fenced()
    fenced.over_after = blocks
    verdict = fenced.submit(submission, fenced.keep)
    if submission is SUBMISSION and blocks:
        assert verdict == Verdict(Outcome.ACCEPTED, task_id="7"), "all of it had left in time"
        return
    assert verdict.error is not None
    assert verdict.outcome is Outcome.TRY_LATER, "the job goes back to the queue"
    assert verdict.error.code == ErrorCode.NOT_PREPARED, "the account did nothing wrong"
    assert "Too late to send" in verdict.error.message
    assert not fenced.is_whole, "and nobody can accept a body without its end"


def test_a_lease_that_lasts_stops_nothing() -> None:
    fenced = Fenced()
    fenced.over_after = 10_000
    assert fenced.submit(LONG, fenced.keep) == Verdict(Outcome.ACCEPTED, task_id="7")
    assert fenced.looks > 20, "it is looked at for every block"


def slowly(sock: socket.socket, text: bytes) -> None:
    for at in range(len(text)):
        sock.sendall(text[at : at + 1])
        time.sleep(0.05)


def slow_head(sock: socket.socket, _request: bytes) -> None:
    slowly(sock, http(b"{}", X_Long="x" * 60, Content_Length="2"))


def slow_fields(sock: socket.socket, _request: bytes) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\n")
    slowly(sock, b"X-Long: " + b"x" * 60)


def slow_refusal(sock: socket.socket, _request: bytes) -> None:
    """Cut in its head it would look like a whole one, and as if the job were refused."""
    sock.sendall(b"HTTP/1.1 400 Bad Request\r\n")
    slowly(sock, b"X-Long: " + b"x" * 60)


def slow_chunk(sock: socket.socket, _request: bytes) -> None:
    sock.sendall(http(Transfer_Encoding="chunked"))
    slowly(sock, b"0" * 60 + b"2\r\n{}\r\n0\r\n\r\n")


def slow_reader(sock: socket.socket, _request: bytes) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(60):
        sock.recv(4096)
        time.sleep(0.05)


_ENDLESS = Submission("/mj/submit/blend", {"base64Array": ["x" * 20_000_000]})


@pytest.mark.parametrize(
    ("script", "submission"),
    [
        (trickle, SUBMISSION),
        (silence, SUBMISSION),
        (slow_head, SUBMISSION),
        (slow_fields, SUBMISSION),
        (slow_refusal, SUBMISSION),
        (slow_chunk, SUBMISSION),
        (slow_reader, _ENDLESS),
    ],
)
def test_the_whole_deadline_is_kept(script: Script, submission: Submission) -> None:
    started = time.monotonic()
    with serving(script, whole=script is not slow_reader) as (port, _):
        verdict = client(port, deadline_s=0.6).submit(Kind.BLEND, submission)
        assert time.monotonic() - started < 2
    if submission is SUBMISSION:
        assert verdict.outcome is Outcome.IN_DOUBT
    else:
        assert nothing_sent(verdict), "its end was never given away"


def test_a_cut_is_called_so() -> None:
    verdict, _ = submitted(slow_head, deadline_s=0.6)
    assert verdict.error is not None
    assert "did not end in time" in verdict.error.message


def test_the_deadline_of_a_question_on_a_kept_connection() -> None:
    answered = http(json.dumps(TASK).encode(), Content_Length=str(len(json.dumps(TASK))))
    connections = []

    def slow_second(sock: socket.socket, request: bytes) -> None:
        connections.append(sock)
        sock.sendall(answered.replace(b"Connection: close\r\n", b""))
        slow_head(sock, sock.recv(65536))

    with serving(slow_second, answer(TASK)) as (port, _):
        found = client(port, deadline_s=0.6)
        assert found.fetch("1") is not None
        started = time.monotonic()
        with pytest.raises(ProviderUnavailable, match="did not end in time"):
            found.fetch("1")
        assert time.monotonic() - started < 2
        assert len(connections) == 1, "both were asked on one connection"
        assert found.fetch("1") is not None, "the next question takes a new connection"


def test_a_proxy_that_drips_is_cut_in_time() -> None:
    def drip(sock: socket.socket, _request: bytes) -> None:
        slowly(sock, b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 60)

    with serving(drip) as (port, asked):
        account = Account("main", "https://provider.example", KEY)
        proxies = read_proxies(f"http://127.0.0.1:{port}", {})
        found = ProviderClient(account, deadline_s=0.6, proxies=proxies)
        started = time.monotonic()
        verdict = found.submit(Kind.IMAGINE, SUBMISSION)
        assert time.monotonic() - started < 2
    assert nothing_sent(verdict)
    assert asked[0].startswith(b"CONNECT provider.example:443 ")
    assert KEY.encode() not in asked[0]


def test_redirects_are_not_followed() -> None:
    with serving(answer({"code": 1, "result": "7"})) as (other, asked_there):
        location = f"http://127.0.0.1:{other}/"
        for status in ("301 Moved", "302 Found", "307 Temporary", "308 Permanent"):
            verdict, asked = submitted(says(http(b"", status, Location=location + KEY)))
            assert verdict.outcome is Outcome.TRY_LATER
            assert verdict.error is not None
            assert f"redirects to {location}[redacted] (" in verdict.error.message
            assert len(asked) == 1
    assert asked_there == []


def test_a_question_says_where_it_was_redirected_to() -> None:
    location = f"https://new.example/{KEY}?x={KEY}"
    moved = says(http(b"", "302 Found", Location=location))
    with serving(moved) as (port, asked), pytest.raises(ProviderUnavailable) as caught:
        client(port).fetch("1")
    assert "redirects to https://new.example/[redacted] (HTTP 302)" in str(caught.value)
    assert len(asked) == 1


def test_early_refusal_of_a_long_request_is_read() -> None:
    def refuse(sock: socket.socket, _: bytes) -> None:
        sock.sendall(http(b"too much", "413 Payload Too Large", Content_Length="8"))
        while sock.recv(1 << 20):
            pass

    long = Submission("/mj/submit/blend", {"base64Array": ["x" * 5_000_000]})
    with serving(refuse) as (port, _):
        verdict = client(port).submit(Kind.BLEND, long)
    assert verdict.outcome is Outcome.PERMANENT


def test_the_key_is_nowhere_to_be_seen() -> None:
    found = client(unused_port())
    verdict = found.submit(Kind.IMAGINE, SUBMISSION)
    with pytest.raises(ProviderUnavailable) as caught:
        found.fetch("1")
    assert KEY not in repr(found) + repr(verdict) + repr(caught.value) + str(caught.value)


@pytest.mark.parametrize(
    "reply",
    [
        http(b""),
        http(b"null"),
        http(b"", "204 No Content"),
        http(b'{"description":"task_no_found ","code":4}', "400 Bad Request"),
        http(b'{"code":3}', "404 Not Found"),
    ],
)
def test_unknown_task(reply: bytes) -> None:
    with serving(says(reply)) as (port, _):
        assert client(port).fetch("1") is None


def test_fetch() -> None:
    with serving(answer(TASK | {"displays": {}})) as (port, asked):
        found = client(port)
        snapshot = found.fetch("a/b?c#d é")
    assert snapshot is not None
    assert (snapshot.status, snapshot.progress) == (TaskStatus.IN_PROGRESS, 5)
    assert asked[0].startswith(b"GET /mj/task/a%2Fb%3Fc%23d%20%C3%A9/fetch HTTP/1.1\r\n")
    assert found.last_dialect == "trueai"


def test_a_task_without_an_id_is_the_one_asked_for() -> None:
    with serving(answer(TASK | {"id": None})) as (port, _):
        snapshot = client(port).fetch("7")
    assert snapshot is not None
    assert snapshot.task_id == "7"


@pytest.mark.parametrize(
    "script",
    [
        answer({"code": 4, "description": "?"}, "400 Bad Request"),
        answer({"some": "thing"}),
        answer([TASK]),
        answer({}, "500 Oops"),
        answer({}, "503 Away"),
        answer({}, "429 Slowly"),
        says(http(b"<html>maintenance</html>")),
        says(http(b"<html>no such page</html>", "404 Not Found")),
        says(http(b"", "302 Found", Location="http://127.0.0.1:1/")),
        says(http(b'{"id":"1"', Content_Length="4000")),
        reset,
        silence,
    ],
)
def test_no_answer_to_a_question(script: Script) -> None:
    with serving(script) as (port, _), pytest.raises(ProviderUnavailable) as caught:
        client(port, deadline_s=0.6).fetch("1")
    assert caught.value.retryable


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_refused_key(status: str) -> None:
    script = answer({"error": {"message": "bad key"}}, status)
    with serving(script) as (port, _), pytest.raises(HooklineError, match="bad key") as caught:
        client(port).fetch("1")
    assert not caught.value.retryable


def test_fetch_many() -> None:
    def rows(sock: socket.socket, request: bytes) -> None:
        ids = json.loads(entire(sock, request).partition(b"\r\n\r\n")[2])["ids"]
        known = [TASK | {"id": i} for i in ids if i != "3"]
        sock.sendall(http(json.dumps([*known, known[0]]).encode()))

    with serving(rows) as (port, asked):
        found = client(port).fetch_many([str(n) for n in range(150)])
    assert {s.task_id for s in found} == {str(n) for n in range(150)} - {"3"}
    assert len(asked) == 2
    assert asked[0].startswith(b"POST /mj/task/list-by-condition ")


def test_fetch_of_none_asks_nothing() -> None:
    assert client(unused_port()).fetch_many([]) == []


def test_task_list() -> None:
    with serving(answer([TASK, TASK | {"id": "2"}])) as (port, asked):
        assert [s.task_id for s in client(port).task_list()] == ["1", "2"]
    assert asked[0].startswith(b"GET /mj/task/list ")


@pytest.mark.parametrize("value", [None, {}, "x"])
def test_a_list_that_is_none_is_not_an_empty_one(value: Any) -> None:
    with serving(answer(value)) as (port, _), pytest.raises(ProviderUnavailable):
        client(port).task_list()


def test_a_provider_that_lists_nothing() -> None:
    with serving(answer({}, "404 Not Found")) as (port, _):
        with pytest.raises(HooklineError, match="task/list") as caught:
            client(port).task_list()
        assert not caught.value.retryable
        assert isinstance(caught.value, NoSuchCall)
        assert not caught.value.proven, "nothing else is there either"


def test_a_list_too_long_to_be_read() -> None:
    long = http(b"[" + b" " * (MAX_BODY + 200_000) + b"]")
    with serving(says(long)) as (port, _), pytest.raises(ProviderUnavailable):
        client(port).task_list()


@pytest.mark.parametrize(
    "rows", [[{"id": "1"}] * (MAX_ROWS + 1), [TASK] * 5 + [[]] * 500_000], ids=["rows", "values"]
)
def test_a_list_of_too_many_is_no_evidence(rows: list[Any]) -> None:
    """Half of it would lack tasks that were accepted."""
    with serving(answer(rows)) as (port, _), pytest.raises(ProviderUnavailable):
        client(port, deadline_s=20.0).task_list()
    with serving(answer(rows)) as (port, _), pytest.raises(ProviderUnavailable):
        client(port, deadline_s=20.0).fetch_many(["1"])


def test_a_key_is_not_left_by_half_where_words_are_cut() -> None:
    for length in range(880, 1010, 7):
        said = "x " * (length // 2) + KEY + " is refused" * 100
        verdict, _ = submitted(answer({"code": 4, "description": said}))
        assert verdict.error is not None
        assert KEY[:6] not in verdict.error.message


WEB = b"<!doctype html><title>New API</title><div id=root></div>"
Calls = Callable[[str, bytes], bytes]  #: the reply to a method and path, and the body


def by_path(reply: Calls) -> Script:
    """A provider that has some calls."""

    def script(sock: socket.socket, request: bytes) -> None:
        line = request.partition(b" HTTP/1.1")[0].decode()
        read = entire(sock, request) if line.startswith("POST") else request
        sock.sendall(reply(line, read.partition(b"\r\n\r\n")[2]))

    return script


def web_for_unknown_paths(*known: str) -> Calls:
    """Like new-api: JSON for ``known`` paths, its web page for all others."""

    def reply(line: str, body: bytes) -> bytes:
        if "list-by-condition" in line and line not in known:
            rows = [TASK | {"id": i} for i in json.loads(body)["ids"] if not i.startswith("hook")]
            return http(json.dumps(rows).encode(), Content_Type="application/json")
        if line in known:
            return http(b'{"code":4,"description":"no such thing"}', "400 Bad Request")
        return http(WEB, Content_Type="text/html")

    return reply


def test_a_submit_answered_like_an_unknown_path_has_no_such_call() -> None:
    retexture = Submission("/mj/submit/retexture", {"prompt": "a cat"})
    with serving(by_path(web_for_unknown_paths())) as (port, asked):
        verdict = client(port).submit(Kind.RETEXTURE, retexture)
    assert (verdict.outcome, verdict.account_trouble) == (Outcome.PERMANENT, False)
    assert verdict.lacks_call
    assert verdict.error is not None
    assert verdict.error.code == "no_endpoint"
    assert "New API" in verdict.error.message
    sent = [each for each in asked if each.startswith(b"POST /mj/submit/retexture ")]
    assert len(sent) == 2, "the job once, and once what nothing can accept"
    assert not sent[1].endswith(b"}")


def test_where_even_imagine_is_unknown_the_address_is_wrong() -> None:
    with serving(by_path(web_for_unknown_paths())) as (port, _):
        verdict = client(port).submit(Kind.IMAGINE, SUBMISSION)
    assert (verdict.outcome, verdict.account_trouble) == (Outcome.PERMANENT, True)


def test_a_page_of_a_call_that_took_a_job_before_is_a_doubt_and_nobody_is_asked() -> None:
    with serving(by_path(web_for_unknown_paths())) as (port, asked):
        verdict = client(port).submit(Kind.IMAGINE, SUBMISSION, exists=True)
    assert (verdict.outcome, len(asked)) == (Outcome.IN_DOUBT, 1)


def test_a_page_instead_of_everything_is_a_doubt() -> None:
    """A front that answers `error_page 502 =200` for a while: the job may have been accepted."""
    with serving(says(http(WEB, Content_Type="text/html"))) as (port, _):
        verdict = client(port).submit(Kind.RETEXTURE, SUBMISSION)
    assert verdict.outcome is Outcome.IN_DOUBT


def test_a_page_that_hid_an_error_is_a_doubt() -> None:
    """By the time of the question the call is there again."""
    web = web_for_unknown_paths()
    first: list[str] = []

    def reply(line: str, body: bytes) -> bytes:
        if "submit/imagine" in line and first:
            return http(b'{"code":4,"description":"malformed"}', "400 Bad Request")
        first.append(line)
        return web(line, body)

    with serving(by_path(reply)) as (port, _):
        verdict = client(port).submit(Kind.IMAGINE, SUBMISSION)
    assert verdict.outcome is Outcome.IN_DOUBT


def test_a_call_that_took_a_job_and_is_missing_with_all_others_is_tried_later() -> None:
    """What stands before the provider answers alone, as while its servers are replaced."""
    gone = http(b"404 page not found", "404 Not Found")
    with serving(by_path(lambda line, body: gone)) as (port, _):
        found = client(port)
        later = found.submit(Kind.IMAGINE, SUBMISSION, exists=True)
        never = found.submit(Kind.IMAGINE, SUBMISSION)
    assert later.error is not None
    assert (later.outcome, later.error.code) == (Outcome.TRY_LATER, "unavailable")
    assert (never.outcome, never.account_trouble) == (Outcome.PERMANENT, True), "a wrong address"


def test_a_call_that_alone_is_missing_is_not_there_any_more() -> None:
    def reply(line: str, body: bytes) -> bytes:
        return http(b"[]") if "list-by" in line else http(b"404 page not found", "404 Not Found")

    with serving(by_path(reply)) as (port, _):
        verdict = client(port).submit(Kind.SHORTEN, SUBMISSION, exists=True)
    assert (verdict.outcome, verdict.error and verdict.error.code) == (
        Outcome.PERMANENT,
        "no_endpoint",
    )


def test_a_list_and_a_seed_answered_like_unknown_paths_do_not_exist() -> None:
    with serving(by_path(web_for_unknown_paths())) as (port, _):
        for ask in (client(port).task_list, lambda: client(port).image_seed("1")):
            with pytest.raises(NoSuchCall) as caught:
                ask()
            assert caught.value.proven


def test_one_call_for_many_tasks_may_be_unknown() -> None:
    def reply(line: str, body: bytes) -> bytes:
        if line.endswith("/mj/task/1/fetch"):
            return http(json.dumps(TASK).encode())
        return http(WEB, Content_Type="text/html")

    with serving(by_path(reply)) as (port, _), pytest.raises(NoSuchCall) as caught:
        client(port).fetch_many(["1", "2"])
    assert caught.value.proven


def test_a_page_instead_of_every_answer_says_nothing_of_calls() -> None:
    with serving(says(http(WEB, Content_Type="text/html"))) as (port, _):
        found = client(port)
        for ask in (found.task_list, lambda: found.image_seed("1"), lambda: found.fetch_many("1")):
            with pytest.raises(ProviderUnavailable, match="New API"):
                ask()


def test_image_seed() -> None:
    for value, seed in (({"code": 1, "result": "42"}, "42"), ({"seed": 42}, "42"), (None, None)):
        with serving(answer(value)) as (port, asked):
            assert client(port).image_seed("1").seed == seed
        assert asked[0].startswith(b"GET /mj/task/1/image-seed ")


def test_a_seed_that_a_provider_takes_long_for_is_not_waited_for_as_long_as_a_submit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.adapters.provider.client.SEED_S", 0.2)
    asked_at = time.monotonic()

    def silent(sock: socket.socket, _: bytes) -> None:
        sock.recv(1)

    with serving(silent) as (port, _), pytest.raises(ProviderUnavailable):
        client(port, deadline_s=80.0).image_seed("1")
    assert time.monotonic() - asked_at < 5


def test_what_is_secret_is_not_quoted_with_the_reason_for_a_missing_seed() -> None:
    token = Tokens(["a secret for this test only"]).for_job("0" * 32, 1)
    said = {"code": 4, "description": f"key {KEY} of {token}"}
    with serving(answer(said, "400 Bad Request")) as (port, _):
        assert client(port).image_seed("1").error == (
            "The provider gave no seed (HTTP 400): key [redacted] of [redacted]"
        )


def test_many_threads_share_one_client() -> None:
    seen: set[str] = set()
    lock = threading.Lock()

    def echo(sock: socket.socket, request: bytes) -> None:
        task_id = request.split(b"/")[3].decode()
        sock.sendall(http(json.dumps(TASK | {"id": task_id}).encode()))

    with serving(echo) as (port, _):
        found = client(port, deadline_s=10.0)

        def ask(task_id: str) -> bool:
            snapshot = found.fetch(task_id)
            with lock:
                seen.add(task_id)
            return snapshot is not None and snapshot.task_id == task_id

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(ask, map(str, range(60))))
    assert len(seen) == 60


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context with a certificate for the loopback that is trusted."""
    made = certificates(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.authority))
    return server_side(made)


def test_tls_that_fails_after_the_request(tls: ssl.SSLContext) -> None:
    """The same exception as a failed handshake, but this time the request was there."""

    def garble(sock: socket.socket, _: bytes) -> None:
        with socket.socket(fileno=os.dup(sock.fileno())) as below:
            below.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))  # nobody can decrypt this

    with serving(garble, tls=tls) as (port, asked):
        verdict = client(port, scheme="https").submit(Kind.IMAGINE, SUBMISSION)
    assert len(asked) == 1
    assert verdict.outcome is Outcome.IN_DOUBT


def test_the_deadline_holds_under_tls(tls: ssl.SSLContext) -> None:
    with serving(slow_head, tls=tls) as (port, asked):
        found = client(port, scheme="https", deadline_s=0.6)
        started = time.monotonic()
        verdict = found.submit(Kind.IMAGINE, SUBMISSION)
        assert time.monotonic() - started < 2
    assert len(asked) == 1
    assert verdict.outcome is Outcome.IN_DOUBT
