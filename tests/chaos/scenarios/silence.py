"""F37 to F39: the way to the broker, or to Redis, is cut off without a word.

No packet comes through, so nothing is refused or reset: only deadlines end a wait. When the way is
whole again the connections from before stay dead, as behind a firewall that forgot them. Jobs are
handed in all the while, and every answer is timed.
"""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any
from uuid import uuid4

from tests.chaos.load import Acknowledged, post
from tests.chaos.oracle import Rules
from tests.chaos.proxy import Proxy
from tests.chaos.redis_server import RedisServer
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import MAX_RUNNING, Setup, Stage
from tests.chaos.trial import Findings, Trouble, trial
from tests.chaos.waiting import NotInTime, pause
from tests.support.ports import free_port
from worker.adapters.messaging.broker import send_ping
from worker.adapters.messaging.names import FILES, WAKE
from worker.domain.errors import HooklineError
from worker.domain.job import Job
from worker.entrypoints.cli.http import answers

#: No answer may take longer: the store is tried twice, with three seconds for each.
_ANSWERED_S = 10.0
_PASSWORD = "canary-broker-password"
#: Seconds after the way is whole until a worker takes messages: two missed heartbeats of RabbitMQ,
#: or two health checks of Redis, the pause until it connects again, and a machine that is busy.
_BACK_S = 60.0
#: A commit whose answer was cut off leaves open whether its POST left.
_DOUBTS = Rules(in_doubt_per_fault=MAX_RUNNING, callbacks_lost=True)
_THEN = [{"press": "U1"}, {"press": "V2"}]


@dataclass(slots=True)
class Steady:
    """One root after another, each until it is stored, until ``enough``."""

    every_s: float
    enough: Event = field(default_factory=Event)
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def hand_in(self, stage: Stage, name: str) -> Acknowledged:
        """See ``Work``."""
        ids: list[str] = []
        while not self.enough.is_set():
            key = f"{name}-{len(ids)}"
            body: dict[str, Any] = {
                "kind": "imagine",
                "prompt": f"a lighthouse, study {key}",
                "then": _THEN,
            }
            while not (job_id := self._post(stage, body, key)):
                pause(self.every_s)
            ids.append(job_id)
            self._note("health", lambda: str(answers(f"{stage.web_url}/healthz")))
            pause(self.every_s)
        return Acknowledged(tuple(ids))

    def _post(self, stage: Stage, body: dict[str, Any], key: str) -> str | None:
        found: list[str] = []

        def ask() -> str:
            status, answer = post(stage, body, key)
            if status in (200, 202):
                found.append(json.loads(answer)["id"])
            return str(status)

        self._note("job", ask)
        return found[0] if found else None

    def _note(self, what: str, ask: Callable[[], str]) -> None:
        began = time.monotonic()
        try:
            said = ask()
        except (OSError, HTTPException) as error:
            said = type(error).__name__
        self.took[f"{what} {said}"].append(time.monotonic() - began)


def rabbitmq(run: Run) -> Row:
    """RabbitMQ with quorum queues and publisher confirms."""
    # Imported here: without Debian's package there is no such server.
    from tests.neighbours import servers  # noqa: PLC0415

    with ExitStack() as running:
        folder = running.enter_context(TemporaryDirectory(prefix="hl-"))
        server = running.enter_context(servers.rabbitmq(Path(folder)))
        proxy = running.enter_context(Proxy("127.0.0.1", server.port))
        url = server.virtual_host("partition").replace(f":{server.port}/", f":{proxy.port}/")
        # A password that is no word of the logs.
        server.control("change_password", "guest", _PASSWORD)
        url = url.replace("guest:guest", f"guest:{_PASSWORD}")
        settings = {"HOOKLINE_BROKER_URL": url, "HOOKLINE_QUEUE_TYPE": "quorum"}
        return _partitioned(run, proxy, Setup(workers=2, settings=settings), Rules())


def redis_broker(run: Run) -> Row:
    """A Redis that is the broker; jobs are in another one."""
    with ExitStack() as running:
        folder = Path(running.enter_context(TemporaryDirectory(prefix="hl-")))
        server = RedisServer(folder / "broker", free_port(), _PASSWORD, "everysec")
        running.callback(server.end)
        server.start()
        proxy = running.enter_context(Proxy("127.0.0.1", server.port))
        setup = Setup(workers=2, settings={"HOOKLINE_BROKER_URL": server.url(proxy.port)})
        return _partitioned(run, proxy, setup, Rules())


def store(run: Run) -> Row:
    """The Redis with the jobs; the broker is there too."""
    port = free_port()
    with Proxy("127.0.0.1", port) as proxy:
        setup = Setup(workers=2, redis_port=port, redis_via=proxy.port)
        return _partitioned(run, proxy, setup, _DOUBTS)


def _partitioned(run: Run, proxy: Proxy, setup: Setup, rules: Rules) -> Row:
    seconds = run.pick([5.0, 5.0], [5.0, 30.0] * 3)
    load, back = Steady(run.pick(0.3, 0.2)), list[float]()

    def part(trouble: Trouble) -> None:
        try:
            for silent_s in seconds:
                trouble.pause(3.0)
                with proxy.partitioned():
                    trouble.faults += 1
                    trouble.pause(silent_s)
                back.append(_back(trouble))
            trouble.pause(3.0)
        finally:
            load.enough.set()

    def look(_: Stage, __: Sequence[Job]) -> Findings:
        return _findings(load, back)

    end_s = run.pick(300, 900)
    return trial(run, setup, load, part, rules, look=look, seconds=end_s, at_least=len(seconds))


def _back(trouble: Trouble) -> float:
    """Wait until a worker took a message; how many seconds it took."""
    stage, began = trouble.stage, time.monotonic()
    services, trip = stage.services, uuid4().hex

    def taken() -> bool:
        for queue in (WAKE, FILES):
            try:
                send_ping(services.celery, trip, queue)
            except HooklineError:
                return False
        time.sleep(0.2)
        return set(services.roster.answers(trip)) >= {WAKE, FILES}

    try:
        stage.wait_for(taken, "messages that are taken after the partition", _BACK_S)
    except NotInTime as error:
        trouble.problems.append(str(error))
    return time.monotonic() - began


def _findings(load: Steady, back: Sequence[float]) -> Findings:
    slowest = max(max(seconds) for seconds in load.took.values())
    told = ", ".join(
        f"{len(seconds)} {said} (within {max(seconds):.1f} s)"
        for said, seconds in sorted(load.took.items())
    )
    wrong = []
    if slowest > _ANSWERED_S:
        wrong.append(f"an answer took {slowest:.1f} s")
    if [said for said in load.took if said.startswith("health") and said != "health True"]:
        wrong.append("/healthz failed")
    return Findings(tuple(wrong), f"{told}; messages taken within {max(back):.1f} s of the return")


SCENARIOS = (
    Scenario("F37", "RabbitMQ partitioned silently", rabbitmq, short=False),
    Scenario("F38", "a Redis broker partitioned silently", redis_broker, short=False),
    Scenario("F39", "Redis partitioned silently", store, short=False),
)
