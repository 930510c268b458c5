"""Variables that other programs on the machine need do nothing to Hookline."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from tests.neighbours.conftest import Seen
from tests.support.processes import hookline, up
from worker.adapters.local.running import told_by_up
from worker.entrypoints.cli.http import call


class Listener:
    """A port where another program's broker would be."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.url = f"redis://127.0.0.1:{sock.getsockname()[1]}/0"
        self.callers = 0

    def run(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._sock.accept()
                caller.close()
                self.callers += 1


@contextmanager
def another_broker() -> Iterator[Listener]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        listener = Listener(sock)
        Thread(target=listener.run, daemon=True).start()
        try:
            yield listener
        finally:
            sock.shutdown(socket.SHUT_RDWR)


def of_a_celery_app(broker: str) -> dict[str, str]:
    """Another app's variables; each is read by Celery, its parts or its command line."""
    urls = ("BROKER_URL", "CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL")
    modules = (
        "APP", "LOADER", "CONFIG_MODULE", "CELERY_APP", "CELERY_LOADER", "CELERY_CONFIG_MODULE",
        "CELERY_CUSTOM_WORKER_POOL", "DJANGO_SETTINGS_MODULE",
    )  # fmt: skip
    numbers = (
        "CELERY_BENCH_EVERY", "C_BENCH_EVERY", "CELERY_WORKER_CONCURRENCY", "AUTOSCALE_KEEPALIVE",
        "PICKLE_PROTOCOL", "CELERY_WORKER_REVOKES_MAX", "CELERY_WORKER_REVOKE_EXPIRES",
    )  # fmt: skip
    switches = (
        "CELERY_WORKER_DETACH", "CELERY_WORKER_PURGE", "CELERY_BENCH", "CELERY_RDBSIG",
        "CELERY_TRACE_APP", "C_STRICT_APP", "KOMBU_LOG_DEBUG", "FORKED_BY_MULTIPROCESSING",
    )  # fmt: skip
    return {
        **dict.fromkeys(urls, broker),
        **dict.fromkeys(("RESULT_BACKEND", "CELERY_RESULT_BACKEND"), broker),
        **dict.fromkeys(modules, "no.such.module"),
        **dict.fromkeys(numbers, "often"),
        **dict.fromkeys(switches, "1"),
        "CELERY_WORKER_QUEUES": "theirs",
        "CELERY_WORKER_POOL": "solo",
        "REMAP_SIGTERM": "SIGQUIT",
    }


OF_A_WEB_APP = {
    "FLASK_APP": "no.such.module",
    "FLASK_DEBUG": "1",
    "FLASK_ENV": "development",
    "FLASK_RUN_FROM_CLI": "true",
    "FLASK_RUN_PORT": "1",
    "WERKZEUG_RUN_MAIN": "true",
    "WERKZEUG_SERVER_FD": "99",
    "SCRIPT_NAME": "/theirs",
    "CONTENT_TYPE": "text/plain",
    "HTTP_CONTENT_ENCODING": "br",
    "HTTP_IDEMPOTENCY_KEY": "theirs",
}


@pytest.fixture(params=["Redis", "RabbitMQ"])
def our_broker(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """Its name, and our setting: none for the private Redis."""
    if request.param == "Redis":
        return "a private Redis", {}
    server = request.getfixturevalue("rabbitmq")
    url = request.getfixturevalue("virtual_host")
    return server.version, {"HOOKLINE_BROKER_URL": url}


def test_no_variable_of_another_program_reaches_us(
    tmp_path: Path, our_broker: tuple[str, dict[str, str]], seen: Seen
) -> None:
    server, ours = our_broker
    with another_broker() as theirs:
        others = of_a_celery_app(theirs.url) | OF_A_WEB_APP
        count, others = len(others), others | ours
        with up(tmp_path, **others):
            done = hookline(tmp_path, "imagine", "a red fox", "--wait", "--json", **others)
            assert done.returncode == 0, done.stderr

            url = told_by_up(tmp_path / ".hookline")["HOOKLINE_PUBLIC_URL"]
            token = (tmp_path / ".hookline/api-token").read_text().strip()
            status, job = call(
                "POST", f"{url}/v1/jobs", {"kind": "imagine", "prompt": "a"}, token=token
            )
            assert status == 202, job
            assert hookline(tmp_path, "watch", job["id"], **others).returncode == 0

            checked = hookline(tmp_path, "doctor", "--json", **others)
            findings = {each["name"]: each for each in json.loads(checked.stdout)}
            assert {each["verdict"] for each in findings.values()} == {"ok"}, findings
            assert "CELERY_BROKER_URL" in findings["environment"]["message"]
        assert theirs.callers == 0, "nothing asked the other program's broker"
    seen(
        case=f"{count} variables of Celery and Flask apps (`CELERY_BROKER_URL`, `APP`, ...)",
        server=server,
        result="Jobs from the command line and over HTTP ran; the other broker was not called; "
        "doctor lists the variables.",
    )


def test_a_caller_without_the_token_is_not_let_in_by_a_variable(tmp_path: Path, seen: Seen) -> None:
    token = "0123456789abcdef"
    with up(tmp_path, HOOKLINE_API_TOKEN=token, HTTP_AUTHORIZATION=f"Bearer {token}"):
        url = told_by_up(tmp_path / ".hookline")["HOOKLINE_PUBLIC_URL"]
        assert call("GET", f"{url}/v1/jobs")[0] == 401
        assert call("GET", f"{url}/v1/jobs", token=token)[0] == 200
    seen(
        case="`HTTP_AUTHORIZATION` in the environment of the web process",
        server="`hookline web`",
        result="It is no part of any request: without a token the answer is 401.",
    )
