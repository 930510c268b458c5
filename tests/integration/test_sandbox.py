"""The sandbox over real sockets: callbacks, cut connections, and what survives a kill."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from tests.support.processes import ended, wait_for
from worker.sandbox.options import SandboxOptions
from worker.sandbox.server import Sandbox

Json = dict[str, Any]


class Receiver:
    """Takes callbacks, and remembers them; it answers while ``open`` is set."""

    def __init__(self) -> None:
        self.bodies: list[Json] = []
        self.status = 200
        self.open = threading.Event()
        self.open.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.bodies.append(json.loads(body))
                receiver.open.wait(30)
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait_for(self, count: int, status: str = "SUCCESS", seconds: float = 30) -> list[Json]:
        """The callbacks with that status, as soon as there are so many."""

        def found() -> list[Json]:
            return [body for body in self.bodies if body["status"] == status]

        wait_for(lambda: len(found()) >= count, f"{count} callbacks with {status}", seconds)
        return found()

    def stop(self) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


Start = Callable[..., Sandbox]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Sandbox] = []

    def new(dialect: str = "trueai", **options: Any) -> Sandbox:
        options.setdefault("task_seconds", (0.1, 0.1))
        started.append(Sandbox(SandboxOptions(dialect=dialect, **options)).start())
        return started[-1]

    yield new
    for sandbox in started:
        sandbox.stop()


def submit(sandbox: Sandbox, path: str = "imagine", **body: Any) -> requests.Response:
    return requests.post(f"{sandbox.url}/mj/submit/{path}", json=body, timeout=10)


def fetch(sandbox: Sandbox, task_id: str) -> Json:
    return dict(requests.get(f"{sandbox.url}/mj/task/{task_id}/fetch", timeout=10).json())


def finished(sandbox: Sandbox, *task_ids: str) -> list[Json]:
    """The tasks, as soon as all have succeeded."""
    found = list[Json]()

    def ended() -> bool:
        found[:] = [fetch(sandbox, task_id) for task_id in task_ids]
        return all(task["status"] == "SUCCESS" for task in found)

    wait_for(ended, f"the success of {', '.join(task_ids)}")
    return found


@pytest.mark.parametrize("dialect", ["trueai", "novicezk"])
def test_callbacks_carry_the_fetched_object(start: Start, receiver: Receiver, dialect: str) -> None:
    sandbox = start(dialect)
    reply = submit(sandbox, prompt="a dog", state="mine", notifyHook=receiver.url).json()
    [body] = receiver.wait_for(1)
    assert body == fetch(sandbox, reply["result"])
    assert body["state"] == "mine"
    receiver.wait_for(1, "SUBMITTED")
    receiver.wait_for(1, "IN_PROGRESS")
    picture = requests.get(body["imageUrl"], timeout=10)
    assert Image.open(io.BytesIO(picture.content)).size == (1024, 1024)


def test_a_novicezk_shows_previews_while_it_works(start: Start, receiver: Receiver) -> None:
    sandbox = start("novicezk", task_seconds=(0.6, 0.6))
    submit(sandbox, prompt="a dog", notifyHook=receiver.url)
    url = receiver.wait_for(3, "IN_PROGRESS")[-1]["imageUrl"]
    assert Image.open(io.BytesIO(requests.get(url, timeout=10).content)).size == (256, 256)


def test_a_gateway_strips_the_hook_unless_told_otherwise(start: Start, receiver: Receiver) -> None:
    silent = start("gateway")
    task_id = submit(silent, prompt="a dog", notifyHook=receiver.url).json()["result"]
    [task] = finished(silent, task_id)
    assert silent.stats.get("callbacks_sent") == silent.stats.get("callbacks_failed") == 0
    assert receiver.bodies == []
    picture = requests.get(task["imageUrl"], timeout=10)
    assert picture.headers["Content-Type"] == "image/png"
    submit(start("gateway", forward_hook=True), prompt="a dog", notifyHook=receiver.url)
    assert "clientIp" in receiver.wait_for(1)[0]


def test_crazyrouter_calls_per_status_and_again_when_refused(
    start: Start, receiver: Receiver
) -> None:
    corpus = Path(__file__).parent.parent / "corpus" / "callbacks" / "024.json"
    sandbox = start("crazyrouter", callback_retry_scale=0.002)
    receiver.status = 503
    submit(sandbox, prompt="a dog", state="mine", notifyHook=receiver.url)
    all_refused(sandbox, 3 * 4)  # three statuses, each once and three times again
    assert sandbox.stats.get("callbacks_retried") == 3 * 3
    bodies = receiver.wait_for(4)
    assert set(bodies[0]) == set(json.loads(corpus.read_text(encoding="utf-8")))
    assert len(receiver.wait_for(4, "IN_PROGRESS")) == 4
    assert len(receiver.bodies) == 3 * 4


def test_the_others_never_repeat_a_callback(start: Start, receiver: Receiver) -> None:
    sandbox = start("trueai")
    receiver.status = 500
    submit(sandbox, prompt="a dog", notifyHook=receiver.url)
    all_refused(sandbox, 7)  # submitted, five times in progress, success
    assert sandbox.stats.get("callbacks_retried") == 0
    assert len(receiver.wait_for(1)) == 1
    assert len(receiver.bodies) == 7


def all_refused(sandbox: Sandbox, count: int) -> None:
    """Wait until so many callbacks were refused; what is sent again is counted before that."""
    refused = partial(sandbox.stats.get, "callbacks_failed")
    wait_for(lambda: refused() >= count, f"{count} refused callbacks")


def test_a_slow_receiver_holds_up_no_task(start: Start, receiver: Receiver) -> None:
    sandbox = start("trueai")
    receiver.open.clear()
    ids = [
        submit(sandbox, prompt=f"p{n}", notifyHook=receiver.url).json()["result"] for n in range(10)
    ]
    finished(sandbox, *ids)
    assert sandbox.stats.get("callbacks_sent") == 0, "and the receiver holds all that it was sent"
    receiver.open.set()
    receiver.wait_for(10)


def test_habit_full_callbacks_at_an_interval(start: Start, receiver: Receiver) -> None:
    sandbox = start("trueai", callback_every_ms=20, task_seconds=(30, 30))
    submit(sandbox, prompt="a dog", notifyHook=receiver.url)
    receiver.wait_for(16, "IN_PROGRESS")  # without it there are five in half a minute


def test_fault_early_callback(start: Start, receiver: Receiver) -> None:
    sandbox = start("trueai", callbacks_early=1.0)
    submit(sandbox, prompt="a dog", notifyHook=receiver.url)
    assert receiver.bodies, "a callback came before the reply"


def test_fault_late_success(start: Start, receiver: Receiver) -> None:
    sandbox = start("trueai", late_successes=1.0, late_success_seconds=(0.2, 0.2))
    task_id = submit(sandbox, prompt="a dog", notifyHook=receiver.url).json()["result"]
    [failed] = receiver.wait_for(1, "FAILURE")
    assert "超时" in failed["failReason"]
    assert receiver.wait_for(1)[0]["buttons"]
    assert fetch(sandbox, task_id)["status"] == "SUCCESS"


def test_fault_cut_reply_is_accepted_all_the_same(start: Start) -> None:
    sandbox = start("trueai", cut_replies=1.0)
    with pytest.raises(requests.ConnectionError):
        submit(sandbox, prompt="a dog", state="mine")
    ledger = requests.get(f"{sandbox.url}/sandbox/ledger", timeout=10).json()
    assert [entry["state"] for entry in ledger] == ["mine"]


def test_faults_before_and_after_accepting_differ_in_the_ledger(start: Start) -> None:
    before, after = start(errors_before=1.0), start(errors_after=1.0)
    assert submit(before, prompt="a dog").status_code >= 500
    assert submit(after, prompt="a dog").status_code >= 500
    assert before.ledger.entries() == []
    assert len(after.ledger.entries()) == 1
    assert before.stats.get("errors_before", "faults") == 1


def picture_of(task: Json) -> bytes:
    return requests.get(task["imageUrl"], timeout=10).content


def test_equal_prompts_at_once_are_seen_and_may_swap(start: Start) -> None:
    sandbox = start(swap_equal_prompts=True, task_seconds=(3.0, 3.0))
    ids = [submit(sandbox, prompt="a dog").json()["result"] for _ in range(2)]
    submit(sandbox, prompt="a cat")
    second = picture_of(finished(sandbox, *ids)[1])
    alone = start()
    [first] = finished(alone, submit(alone, prompt="a dog").json()["result"])
    assert picture_of(first) == second
    counts = requests.get(f"{sandbox.url}/sandbox/stats", timeout=10).json()["counts"]
    assert (counts["equal_prompts_at_once"], counts["swapped"]) == (1, 1)


def test_many_jobs_at_once(start: Start, receiver: Receiver) -> None:
    sandbox = start("trueai", max_running=20, refuse_above=1000)

    def one(number: int) -> int:
        hook = receiver.url
        return int(submit(sandbox, prompt=f"p{number}", notifyHook=hook).json()["code"])

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(80))) <= {1, 22}
    ended = receiver.wait_for(80, seconds=60)
    assert len({body["id"] for body in ended}) == 80
    assert len(sandbox.ledger.entries()) == 80


def test_the_front_page_tells_what_this_is(start: Start) -> None:
    sandbox = start("novicezk", public_url="http://pictures.example")
    about = requests.get(sandbox.url, timeout=10).json()
    assert about["dialect"] == "novicezk"
    for link in ("ledger", "stats"):
        assert requests.get(sandbox.url + about["links"][link], timeout=10).ok
    assert requests.get(f"{sandbox.url}/sandbox/images/none.png", timeout=10).status_code == 404


SERVE = """
import sys
from worker.sandbox.options import SandboxOptions
from worker.sandbox.server import serve
serve(SandboxOptions(ledger_path=sys.argv[1]), port=0)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_ledger_file_survives_the_end(tmp_path: Path, how: signal.Signals) -> None:
    ledger = tmp_path / "ledger.jsonl"
    command = [sys.executable, "-c", SERVE, str(ledger)]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with ended(
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        requests.post(f"{url}/mj/submit/imagine", json={"prompt": "a dog"}, timeout=10)
        process.send_signal(how)
        assert process.wait(10) == (-how if how == signal.SIGKILL else 0)
    [line] = ledger.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["kind"] == "imagine"
