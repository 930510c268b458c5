"""No secret gets out: not into a log, an answer, a job, the command line's output or a ``repr``.

The provider is the worst one: it quotes all that it was sent, in answers, refusals and tasks.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
import structlog

from config.logs import configure_logging
from tests.chaos.leaks import leaks, secrets_in
from tests.chaos.stage import Setup, Stage, stage
from tests.chaos.system import SECRETS
from tests.support.brokers import rabbitmq_for
from tests.support.processes import hookline
from tests.support.web import AUTH, TOKEN, Web
from webhooks.app import create_app
from worker.domain.job import Job, Status

_NOTIFY_SECRET = "whsec_Y2FuYXJ5LW5vdGlmeS1zZWNyZXQtMjUtYnl0ZXM="

_RECEIVER_KEY = "canary-receiver-key-6c2e"

#: How the provider answers, by the prompt.
_ANSWERS: dict[str, tuple[int, str]] = {
    "refused key": (401, '{{"error": {{"message": "Incorrect API key: {key}", "type": "x"}}}}'),
    "refused body": (200, '{{"code": 24, "description": "may be sensitive: {body}"}}'),
    "bad request": (400, '{{"message": "cannot read {body} of {key}"}}'),
    "broken": (500, "<html>{key} {body}</html>"),
    "accepted": (200, '{{"code": 1, "description": "{body}", "result": "t-{number}"}}'),
}


class _Quoting(BaseHTTPRequestHandler):
    """Quotes the key and the whole body, with the hook and the state in it."""

    protocol_version = "HTTP/1.1"
    number = 0

    def do_POST(self) -> None:
        type(self).number += 1
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        told = json.loads(body)
        if told.get("prompt") == "cut off":
            self.close_connection = True
            return
        status, text = _ANSWERS.get(told.get("prompt"), (500, "{key} {body}"))
        quoted = json.dumps(body)[1:-1]
        self._say(status, text.format(key=self._key(), body=quoted, number=self.number))

    def do_GET(self) -> None:
        self._say(401, json.dumps({"message": f"Invalid key {self._key()} for {self.path}"}))

    def _key(self) -> str:
        return self.headers.get("Authorization", "")

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def quoting_provider() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Quoting)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Flow:
    """A running system; all that anybody outside gets to read is kept in ``seen``."""

    def __init__(self, running: Stage, folder: Path, quoting: int) -> None:
        self.running = running
        self.seen: dict[str, str] = {}
        self._folder = folder
        self._quoting = f"http://127.0.0.1:{quoting}"
        self._headers = {"Authorization": f"Bearer {running.api_token}"}
        self._env = {
            "HOOKLINE_REDIS_URL": running.server.url(),
            "HOOKLINE_PROVIDER_URL": running.services.settings.provider_url or "",
            "HOOKLINE_PUBLIC_URL": running.web_url,
            "HOOKLINE_PORT": running.web_url.rpartition(":")[2],
            "HOOKLINE_STATE_DIR": str(folder / "state"),
            "HOOKLINE_LOG_LEVEL": "debug",
            **rabbitmq_for(running.folder),
            **SECRETS,
        }

    def call(self, method: str, path: str, data: Any = None, **headers: str) -> Any:
        api = self._headers if path.startswith("/v1") else {}
        answer = requests.request(
            method, self.running.web_url + path, data=data, headers={**api, **headers}, timeout=20
        )
        name = f"{method} {path[:20]} {len(self.seen)}"
        self.seen[name] = f"{answer.headers} {answer.text}"
        return answer.json()

    def hand_in(self, prompt: str) -> str:
        # Whoever is told of it, at the port of a provider that quotes, gets no secret either.
        notify = {"url": self._quoting + "/hook?key=" + _RECEIVER_KEY, "on": ["job.failed"]}
        body = json.dumps({"kind": "imagine", "prompt": prompt, "notify": notify})
        return str(self.call("POST", "/v1/jobs", body)["id"])

    def command(self, *args: str) -> None:
        done = hookline(self._folder, *args, **self._env)
        self.seen["hookline " + " ".join(args)] = done.stdout + done.stderr

    def tried(self) -> list[str]:
        """The notifications that were sent at least once."""
        page = self.running.services.store.outbox.page(None, 99)
        return [one.id for one in page.notifications if one.tries]

    def delivery(self) -> str:
        return self.tried()[0]

    def settled(self, ids: dict[str, str]) -> bool:
        jobs = [self.running.services.store.jobs.get(job_id) for job_id in ids.values()]
        return all(job is not None and _settled(job) for job in jobs)

    def leaked(self) -> dict[str, list[str]]:
        services = self.running.services
        secrets = self.running.secrets | {_NOTIFY_SECRET, _RECEIVER_KEY, *SECRETS.values()}
        found = {
            name: [*secrets_in(text, secrets, services.tokens)] for name, text in self.seen.items()
        }
        # The doctor shows the one hook that a provider without hooks per task is given.
        shown = services.tokens.for_account("default")
        found["hookline doctor"] = [each for each in found["hookline doctor"] if each != shown]
        found["logs"] = [*leaks(self.running)]
        return {name: each for name, each in found.items() if each}


def _settled(job: Job) -> bool:
    """Whether the provider has said about it what it will."""
    said = job.status.terminal or job.status is Status.IN_DOUBT
    return said or job.task_id is not None or job.refusals > 0


def _callbacks(flow: Flow, ids: dict[str, str]) -> None:
    """Refused, unreadable, for another's state, and one that quotes its own hook as the reason."""
    token = flow.running.services.tokens.for_job(ids["accepted"], 1)
    other = flow.running.services.tokens.for_job(ids["broken"], 1)
    hook = f"/webhooks/midjourney/{token}"
    flow.call("POST", hook[:-9], "{}")
    flow.call("POST", hook, "no JSON")
    flow.call("POST", hook, json.dumps({"id": "t", "status": "SUCCESS", "state": other}))
    flow.call("GET", hook)
    flow.call("POST", hook + "/" + other, "{}")
    quoted = f"no answer from {flow.running.web_url}{hook}, state {token}"
    flow.call("POST", hook, json.dumps({"status": "FAILURE", "failReason": quoted}))


@pytest.fixture
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.mark.usefixtures("_logging_restored")
@pytest.mark.parametrize("fmt", ["json", "console"])
def test_a_crash_tells_no_secret(
    tmp_path: Path, fmt: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    web = Web(tmp_path)
    job = web.running()
    token, account = web.services.tokens.for_job(job.id, 1), web.services.tokens.for_account("a-b")
    configure_logging(fmt, "debug", web.settings.secret_values())
    said = f"{token!r} at /webhooks/midjourney/{token}?x of {account}, {TOKEN}"

    class Broken:
        def expected(self, named: object) -> None:
            return None

        def receive(self, url_token: str, body: Any, _job: object) -> str:
            structlog.get_logger().warning("on the way", arguments=(url_token, body), x=[said])
            logging.getLogger("a.server.access").info('"POST /webhooks/midjourney/%s" 500', token)
            raise RuntimeError(f"receive({url_token!r}, {body!r}): {said}") from KeyError(token)

    vars(web.services)["receiver"] = Broken()
    client = create_app(web.settings, web.services).test_client()
    answer = client.post(web.hook(job), json={"state": token, "key": TOKEN}, headers=AUTH)
    written = capsys.readouterr()
    assert answer.status_code == 500
    assert "RuntimeError" in written.err
    for text in (written.err, written.out, answer.get_data(as_text=True), str(answer.headers)):
        secrets = frozenset(web.settings.secret_values())
        assert list(secrets_in(text, secrets, web.services.tokens)) == []


@pytest.fixture(scope="module")
def leaked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What got out of a whole flow, and where."""
    tmp_path = tmp_path_factory.mktemp("canary")
    with quoting_provider() as port:
        setup = Setup(
            provider_via=port,
            settings={
                "HOOKLINE_LOG_LEVEL": "debug",
                "HOOKLINE_NOTIFY_SECRET": _NOTIFY_SECRET,
                "HOOKLINE_SUBMIT_TIMEOUT_S": "5",
            },
        )
        with stage(tmp_path / "stage", setup) as running:
            flow = Flow(running, tmp_path, port)
            ids: dict[str, str] = {}
            # A refused key closes the account, so that nothing starts after it.
            for names in ([*_ANSWERS.keys() - {"refused key"}, "cut off"], ["refused key"]):
                ids.update({name: flow.hand_in(name) for name in names})
                running.wait_for(lambda: flow.settled(ids), f"the answers to {ids}", 60)
            running.wait_for(flow.tried, "a notification that was tried", 60)
            _callbacks(flow, ids)
            for job_id in ids.values():
                flow.call("GET", f"/v1/jobs/{job_id}")
                flow.call("POST", f"/v1/jobs/{job_id}/retry", TOKEN)
                flow.command("show", job_id)
            flow.call("GET", "/v1/jobs", Authorization="Bearer wrong")
            told = ("/v1/deliveries", f"/v1/deliveries/{flow.delivery()}")
            for path in ("/v1/jobs", "/v1/accounts", "/v1/openapi.json", "/readyz", *told):
                flow.call("GET", path)
            flow.command("jobs", "--json")
            flow.command("deliveries")
            flow.command("deliveries", "show", flow.delivery())
            flow.command("deliveries", "replay", flow.delivery(), "--json")
            flow.command("doctor")
            running.server.kill()
            flow.call("POST", f"/webhooks/midjourney/{running.services.tokens.for_account('x')}")
            flow.call("GET", "/readyz")
            flow.command("doctor")
            running.server.start()
            flow.seen |= {
                type(each).__name__: f"{each!r} {each}"
                for each in (
                    running.services,
                    running.services.settings,
                    running.services.tokens,
                    running.services.store,
                    running.services.celery,
                    *running.services.accounts.values(),
                )
            }
            found = flow.leaked()
    return found


def test_no_secret_gets_out(leaked: dict[str, list[str]]) -> None:
    """Into logs, answers, jobs, what commands print, and reprs."""
    assert not leaked
