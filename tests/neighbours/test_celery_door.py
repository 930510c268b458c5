"""Celery apps that know nothing of Hookline send it jobs, in every way that Celery has."""

import datetime as dt
import decimal
import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import celery
import kombu
import pytest
import redis
from celery import Celery, chain, group

from tests.neighbours import servers
from tests.neighbours.apps import logged_process
from tests.neighbours.conftest import Seen
from tests.support.ports import free_port
from tests.support.processes import clean_env, command, wait_for
from worker.adapters.store import Filter
from worker.adapters.store.store import Store
from worker.domain.job import Job
from worker.domain.refusals import Refusal

CELERY = f"Celery {celery.__version__}"

#: Another program: what its tasks are called with is written to a file.
SHOP = dedent(
    """
    import json
    import os
    from pathlib import Path

    from celery import Celery

    app = Celery("shop", broker=os.environ["SHOP_BROKER"], backend=os.environ["SHOP_BACKEND"])
    app.conf.update(task_default_queue="shop", broker_connection_retry_on_startup=True)
    ran = Path(__file__).with_name("ran")


    def note(name, *given):
        with ran.open("a") as file:
            file.write(json.dumps([name, *given]) + "\\n")


    @app.task
    def ok(number):
        note("ok", number)
        return number


    @app.task
    def made(job_id):
        note("made", job_id)


    @app.task
    def failed(task_id):
        note("failed", task_id)


    @app.task
    def refused(event):
        note("refused", event)
    """
)

#: A request in the shop's code.
SIGNATURE = (
    'app.signature("hookline.imagine", kwargs={"prompt": "%s"}, queue="hookline", immutable=True)'
)


class Neighbours:
    """Hookline's worker and a shop's on one broker; no provider answers."""

    def __init__(
        self, folder: Path, jobs: str, broker: str, backend: str, server: str, **env: str
    ) -> None:
        self.folder, self.server = folder, f"{server}, {CELERY}"
        self.store = Store(redis.Redis.from_url(jobs))
        self.app = Celery("shop", broker=broker, set_as_current=False)
        self.app.conf.task_default_queue = "shop"
        (folder / "shop.py").write_text(SHOP)
        self._hookline = clean_env(
            HOOKLINE_REDIS_URL=jobs,
            HOOKLINE_BROKER_URL=broker,
            HOOKLINE_PROVIDER_URL="http://127.0.0.1:9",
            HOOKLINE_LOG_FORMAT="json",
            HOOKLINE_REFUSED_NOTIFY="shop.refused@shop",
            **env,
        )
        self._shop = clean_env(SHOP_BROKER=broker, SHOP_BACKEND=backend, PYTHONPATH=str(folder))

    @contextmanager
    def working(self) -> Iterator["Neighbours"]:
        """Both workers run, and take messages."""
        shop = [sys.executable, "-m", "celery", "-A", "shop", "worker", "--pool=solo"]
        shop += ["-Q", "shop,celery", "--loglevel=INFO"]
        with (
            self.hookline(),
            logged_process(shop, self.folder, self._shop, "shop.log") as log,
        ):
            wait_for(lambda: " ready." in log.read_text(), "the shop's worker", 60)
            yield self

    @contextmanager
    def hookline(self) -> Iterator[None]:
        """Hookline's worker runs."""
        with logged_process(command("worker"), self.folder, self._hookline, "worker.log"):
            wait_for(self.store_has_workers, "Hookline's worker", 60)
            yield

    def store_has_workers(self) -> bool:
        return bool(self.store.workers.present(0))

    def send(self, prompt: str | None = None, kind: str = "imagine", **options: Any) -> str:
        """Send a request; return the id of its message."""
        kwargs = options.pop("kwargs", {})
        kwargs = kwargs if prompt is None else {"prompt": prompt, **kwargs}
        name = f"hookline.{kind}"
        return str(self.app.send_task(name, kwargs=kwargs, queue="hookline", **options).id)

    def shop_sends(self, code: str) -> Any:
        """Run code of the shop, which has results; return the JSON that it prints."""
        done = subprocess.run(
            [sys.executable, "-c", f"from shop import *\nfrom celery import chord\n{dedent(code)}"],
            cwd=self.folder, env=self._shop, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def signature(self, prompt: str, *, immutable: bool = True, **kwargs: Any) -> Any:
        return self.app.signature(
            "hookline.imagine",
            kwargs={"prompt": prompt, **kwargs},
            queue="hookline",
            immutable=immutable,
        )

    def shop_task(self, name: str, *args: Any) -> Any:
        return self.app.signature(f"shop.{name}", args=args, queue="shop")

    def jobs(self, prompt: str) -> list[Job]:
        found = self.store.jobs.page(Filter(), 500).jobs
        return [job for job in found if job.request.get("prompt") == prompt]

    def job(self, prompt: str) -> Job:
        """The one job of this prompt, once it is there and the door has no more messages."""
        wait_for(lambda: self.jobs(prompt), f"the job {prompt!r}")
        self.settle()
        [job] = self.jobs(prompt)
        return job

    def refusal(self, message_id: str) -> Refusal:
        def kept() -> list[Refusal]:
            found = self.store.refusals.page(200).refusals
            return [one for one in found if one.message_id == message_id]

        wait_for(kept, f"the refusal of {message_id}")
        self.settle()
        [one] = kept()
        return one

    def settle(self) -> None:
        """Everything that was sent to the door before has been worked on."""
        last = f"settled {uuid.uuid4().hex}"
        self.send(last)
        wait_for(lambda: self.jobs(last), "the last message")

    def ran(self, name: str) -> list[Any]:
        """What the shop's task was called with."""
        file = self.folder / "ran"
        lines = map(json.loads, file.read_text().splitlines() if file.exists() else ())
        return [given[0] for task, *given in lines if task == name]


@pytest.fixture(scope="module", params=["Redis", "RabbitMQ"])
def both(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    plain_redis: servers.RedisServer,
) -> Iterator[Neighbours]:
    jobs, broker, backend = (plain_redis.url(db=db) for db in (0, 1, 2))
    server = plain_redis.version
    if request.param == "RabbitMQ":
        rabbitmq: servers.RabbitMQ = request.getfixturevalue("rabbitmq")
        broker, server = rabbitmq.virtual_host(uuid.uuid4().hex), rabbitmq.version
    with redis.Redis.from_url(jobs) as client:
        client.flushall()
    made = Neighbours(tmp_path_factory.mktemp("door"), jobs, broker, backend, server)
    with made.app, made.working():
        yield made


def test_a_chain_with_a_mutable_signature_is_refused_and_said(both: Neighbours, seen: Seen) -> None:
    results = [
        chain(both.shop_task("ok", number), both.signature("mutable", immutable=False))()
        for number in (1, 2, 3)
    ]
    found = [both.refusal(result.id) for result in results]
    assert [one.args for one in found] == [[1], [2], [3]]
    assert all("immutable=True" in one.message for one in found)
    assert both.jobs("mutable") == []
    seen(
        case="`chain(shop.ok.s(1), hookline.s(...))`: the result before comes as a positional "
        "argument",
        server=both.server,
        result="refused and listed, with how to write it; no job",
    )


def test_a_chain_with_an_immutable_signature_makes_its_jobs(both: Neighbours, seen: Seen) -> None:
    for number in (1, 2, 3):
        chain(both.shop_task("ok", number), both.signature("immutable", job_key=number))()
    wait_for(lambda: len(both.jobs("immutable")) == 3, "three jobs")
    seen(
        case="`chain(shop.ok.s(1), hookline.si(...))`, three times with keys 1, 2 and 3",
        server=both.server,
        result="three jobs",
    )


def test_what_follows_in_a_chain_gets_the_jobs_id(both: Neighbours, seen: Seen) -> None:
    chain(both.signature("then the shop"), both.shop_task("made"))()
    job = both.job("then the shop")
    wait_for(lambda: job.id in both.ran("made"), "the shop's task")
    seen(
        case="`chain(hookline.si(...), shop.made.s())`",
        server=both.server,
        result="`shop.made` receives the job's id",
    )


def test_a_link_gets_the_jobs_id(both: Neighbours, seen: Seen) -> None:
    made = both.app.signature("shop.made")
    both.send("linked", link=both.shop_task("made"), ignore_result=False)
    both.send("linked without a queue", link=made)
    for prompt in ("linked", "linked without a queue"):
        job = both.job(prompt)
        wait_for(lambda job=job: job.id in both.ran("made"), "the link")  # type: ignore[misc]
    seen(
        case="`link=shop.made.s()`, with and without a queue",
        server=both.server,
        result="`shop.made` receives the job's id, without a queue in `celery`",
    )


def test_a_link_that_cannot_be_sent_costs_no_job(both: Neighbours, seen: Seen) -> None:
    link = both.app.signature("shop.made", queue=f"unread {uuid.uuid4().hex}")
    both.send("linked to an unread queue", link=link, kwargs={"job_key": "unread"})
    both.job("linked to an unread queue")
    both.send("linked to an unread queue", link=link, kwargs={"job_key": "unread"})
    both.job("linked to an unread queue")
    seen(
        case="`link=` to a queue that does not exist, sent twice with one `job_key`",
        server=both.server,
        result="one job; the worker goes on",
    )


def test_a_refused_request_starts_link_error_and_not_link(both: Neighbours, seen: Seen) -> None:
    before = both.ran("made")
    message = both.send(
        kwargs={"promt": "x"},
        link=both.shop_task("made"),
        link_error=both.shop_task("failed"),
    )
    one = both.refusal(message)
    assert "did you mean `prompt`" in one.message
    wait_for(lambda: message in both.ran("failed"), "the link_error")
    broken = chain(both.signature("", job_key=7), both.shop_task("made"))()
    both.refusal(broken.parent.id)
    chain(both.signature("after both"), both.shop_task("made"))()
    job = both.job("after both")
    wait_for(lambda: job.id in both.ran("made"), "the last link")
    assert both.ran("made") == [*before, job.id]
    seen(
        case="`link`, `link_error` and a chain of a request with a wrong field",
        server=both.server,
        result="`link_error` receives the task's id; neither `link` nor the rest of the chain "
        "starts",
    )


def test_groups_and_the_body_of_a_chord_are_jobs(both: Neighbours, seen: Seen) -> None:
    group(both.signature(f"of a group {number}") for number in (1, 2))()
    both.shop_sends(f"""
        body = {SIGNATURE % "a body"}
        print(json.dumps(chord([ok.s(1), ok.s(2)], body)().id))
    """)
    for prompt in ("of a group 1", "of a group 2", "a body"):
        both.job(prompt)
    seen(
        case="`group` of Hookline's tasks; one as the body of a `chord` of the shop's",
        server=both.server,
        result="a job each",
    )


def test_the_members_of_a_chord_are_refused(both: Neighbours, seen: Seen) -> None:
    members = both.shop_sends(f"""
        head = [{SIGNATURE % "a member"} for _ in range(2)]
        print(json.dumps([each.id for each in chord(head, made.s())().parent]))
    """)
    assert len(members) == 2
    for member in members:
        assert "`notify`" in both.refusal(member).message
    assert not both.jobs("a member")
    seen(
        case="`chord` of Hookline's tasks",
        server=both.server,
        result="refused, because no result is stored and its body would never run",
    )


def test_the_reason_is_told_to_the_task_that_is_named(both: Neighbours, seen: Seen) -> None:
    message = both.send("told", kwargs={"priority": 99})
    one = both.refusal(message)

    def told() -> list[Any]:
        events = both.ran("refused")
        return [event for event in events if event["data"]["message_id"] == message]

    wait_for(told, "the notification")
    [event] = told()
    assert event["type"] == "request.refused"
    assert event["data"]["id"] == one.id
    assert event["data"]["fields"] == {"prompt": "told", "priority": 99}
    assert event["data"]["errors"][0]["field"] == "priority"
    seen(
        case="`HOOKLINE_REFUSED_NOTIFY=shop.refused@shop`",
        server=both.server,
        result="the task receives what was sent, by whom, and what is wrong with it",
    )


def test_a_key_may_be_a_number_or_a_uuid(both: Neighbours, seen: Seen) -> None:
    keys = (18, uuid.UUID(int=7), decimal.Decimal(19), "20", "ключ")
    for key in keys:
        for given in (key, str(key), key):
            both.send(f"with the key {key}", kwargs={"job_key": given})
    for key in keys:
        both.job(f"with the key {key}")
    seen(
        case="`job_key` is a number, a UUID, a Decimal or text, each sent three times",
        server=both.server,
        result="one job for each; as text it is the same key",
    )


def test_a_key_of_another_kind_is_refused(both: Neighbours, seen: Seen) -> None:
    keys: tuple[Any, ...] = (None, True, [], 1.5, "", "x" * 300)
    for message in [both.send("keyless", kwargs={"job_key": key}) for key in keys]:
        assert "job_key" in both.refusal(message).message
    assert not both.jobs("keyless")
    seen(
        case="`job_key` is None, true, a list, 1.5, empty or too long",
        server=both.server,
        result="refused and listed",
    )


def test_values_of_celerys_json_are_taken_as_text(both: Neighbours, seen: Seen) -> None:
    order, at = uuid.uuid4(), dt.datetime(2026, 11, 29, 12, tzinfo=dt.UTC)
    metadata = {"order": order, "at": at, "price": decimal.Decimal("9.90"), "day": at.date()}
    both.send("rich", kwargs={"tenant": 42, "metadata": metadata})
    job = both.job("rich")
    assert job.options.tenant == "42"
    assert job.spec.metadata == {
        "order": str(order), "at": at.isoformat(), "price": "9.90", "day": "2026-11-29",
    }  # fmt: skip
    seen(
        case="UUID, datetime, date and Decimal in `metadata`, a number as `tenant`",
        server=both.server,
        result="taken as text",
    )


def test_only_json_is_read(both: Neighbours, seen: Seen) -> None:
    both.send("in json", serializer="json")
    for name in ("yaml", "pickle"):
        one = both.refusal(both.send(f"in {name}", serializer=name))
        assert one.reason == "unreadable"
        assert 'serializer="json"' in one.message
        assert f"in {name}" in one.fields, "Celery sends a text of the arguments along"
        assert not both.jobs(f"in {name}")
    both.job("in json")
    seen(
        case="`serializer=` `json`, `yaml`, `pickle`",
        server=both.server,
        result="a job; the others are refused and listed, and never opened",
    )


@pytest.mark.parametrize("protocol", [1, 2])
def test_both_protocols_are_understood(both: Neighbours, seen: Seen, protocol: int) -> None:
    prompt = f"by protocol {protocol}"
    both.app.conf.task_protocol = protocol
    try:
        with fresh_amqp(both.app):
            both.send(prompt, link=both.shop_task("made"))
            message = both.send(kwargs={"promt": prompt}, link_error=both.shop_task("failed"))
            pickled = both.send(prompt, serializer="pickle")
    finally:
        both.app.conf.task_protocol = 2
    job = both.job(prompt)
    wait_for(lambda: job.id in both.ran("made"), "the link")
    wait_for(lambda: message in both.ran("failed"), "the link_error")
    assert both.refusal(message).fields == {"promt": prompt}
    if protocol == 2:  # a message of protocol 1 has its id inside of what is not opened
        both.refusal(pickled)
    seen(
        case=f"`task_protocol={protocol}`",
        server=both.server,
        result="jobs, refusals, `link` and `link_error` as usual",
    )


@contextmanager
def fresh_amqp(app: Celery) -> Iterator[None]:
    """The app looks at its setting `task_protocol` when it is first used."""
    app.__dict__.pop("amqp", None)
    try:
        yield
    finally:
        app.__dict__.pop("amqp", None)


def test_compressed_messages_are_read(both: Neighbours, seen: Seen) -> None:
    for name in ("gzip", "bzip2", "lzma"):
        both.send(f"in {name}", compression=name)
        both.job(f"in {name}")
    seen(case="`compression=` `gzip`, `bzip2`, `lzma`", server=both.server, result="a job each")


def test_expires_and_countdown(both: Neighbours, seen: Seen) -> None:
    late = both.send("too late", expires=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    both.send("in time", expires=3600)
    both.send("later", countdown=2)
    assert not both.jobs("later")
    assert both.refusal(late).reason == "expired"
    both.job("in time")
    both.job("later")
    assert not both.jobs("too late")
    seen(
        case="`expires` in the past and in an hour, `countdown` of two seconds",
        server=both.server,
        result="refused as `expired`; a job; a job two seconds later",
    )


def test_messages_of_any_priority_are_taken(both: Neighbours, seen: Seen) -> None:
    for priority in (0, 5, 9):
        both.send(f"of priority {priority}", priority=priority, time_limit=1, soft_time_limit=1)
        assert both.job(f"of priority {priority}").options.priority == 5
    seen(
        case="`priority=` 0, 5, 9 of the message, with time limits",
        server=both.server,
        result="a job each; its own priority is the field, and the limits are ignored",
    )


def unreadable() -> dict[str, Callable[[Any], None]]:
    """Messages that no Celery app sends for a task, by what is odd about them."""
    task = {"task": "hookline.imagine", "id": "odd"}
    bodies: dict[str, tuple[bytes, dict[str, Any]]] = {
        "null": (b"null", task),
        "two parts": (b"[[], {}]", task),
        "a number": (b"7", task),
        "cut off": (b'[[], {"prompt": "x"', task),
        "no id": (b'[[], {"prompt": "x"}, {}]', {"task": "hookline.imagine"}),
        "a list as name": (b'[[], {"prompt": "x"}, {}]', {**task, "task": ["a"]}),
        "arguments a number": (b'[5, {"prompt": "x"}, {}]', task),
        "fields a text": (b'[[], "x", {}]', task),
        "an odd eta": (b'[[], {"prompt": "x"}, {}]', {**task, "eta": "soon"}),
        "unknown compression": (b"x", {**task, "compression": "application/x-odd"}),
        "broken gzip": (b"x", {**task, "compression": "application/x-gzip"}),
        "no headers": (b"hello", {}),
        "protocol 1 without an id": (b'{"task": "hookline.imagine", "kwargs": {}}', {}),
    }
    return {name: sender(body, headers) for name, (body, headers) in bodies.items()}


def sender(body: bytes, headers: dict[str, Any]) -> Callable[[Any], None]:
    def send(app: Celery) -> None:
        with app.connection_for_write() as connection:
            kombu.Producer(connection.default_channel).publish(
                body, exchange="", routing_key="hookline", headers=headers, serializer=None,
                content_type="application/json", content_encoding="utf-8",
            )  # fmt: skip

    return send


def test_messages_that_are_no_task_are_kept_and_harm_nobody(both: Neighbours, seen: Seen) -> None:
    odd = unreadable()
    for what, send in odd.items():
        both.store.refusals.forget(float("inf"), 1000)
        send(both.app)
        both.settle()
        wait_for(lambda: both.store.refusals.page(1).refusals, f"the refusal of {what}")
        [one] = both.store.refusals.page(10).refusals
        assert one.reason == "unreadable", what
    log = (both.folder / "worker.log").read_text()
    assert "Unrecoverable" not in log
    assert "Connection to broker lost" not in log
    assert len(both.store.workers.present(0)) == 1, "the first one goes on"
    seen(
        case=f"{len(odd)} kinds of message that are no task: no id, a body of null, cut off, ...",
        server=both.server,
        result="kept as `unreadable` and acknowledged; the worker goes on",
    )


def test_a_task_of_another_program_at_our_door_is_kept(both: Neighbours, seen: Seen) -> None:
    message = both.app.send_task("shop.ok", args=(1,), queue="hookline").id
    typo = both.send("x", kind="imagin")
    assert both.refusal(message).reason == "unknown_task"
    assert "did you mean `hookline.imagine`" in both.refusal(typo).message
    seen(
        case="`shop.ok` and `hookline.imagin` sent to the queue `hookline`",
        server=both.server,
        result="kept as `unknown_task`, with the nearest name",
    )


def test_a_request_waits_for_redis_for_as_long_as_it_takes(
    tmp_path: Path, plain_redis: servers.RedisServer, seen: Seen
) -> None:
    """Celery's default is to give a message up after three retries."""
    port, broker, backend = free_port(), plain_redis.url(db=3), plain_redis.url(db=4)
    with ExitStack() as away:
        jobs = away.enter_context(servers.redis_server(tmp_path / "jobs", port=port))
        one = Neighbours(tmp_path, jobs.url(), broker, backend, plain_redis.version)
        with one.app, ExitStack() as working:
            working.enter_context(one.hookline())
            away.close()
            one.send("patient", retries=50)
            wrong = one.send(kwargs={"promt": "patient"}, retries=50)
            log = tmp_path / "worker.log"
            wait_for(lambda: log.read_text().count("task.sent_again") >= 2, "both are sent again")
            with servers.redis_server(tmp_path / "jobs", port=port):
                wait_for(lambda: one.jobs("patient"), "the job", 60)
                assert one.refusal(wrong).reason == "invalid"
                working.close()
    seen(
        case="the job store is away when a request comes, which was sent again 50 times before",
        server=one.server,
        result="sent again every five seconds; then the job is made, and a wrong one kept as "
        "refused",
    )


def test_an_eta_longer_than_the_visibility_timeout_is_one_job(
    tmp_path: Path, plain_redis: servers.RedisServer, seen: Seen
) -> None:
    jobs, broker, backend = (plain_redis.url(db=db) for db in (5, 6, 7))
    options = json.dumps({"visibility_timeout": 2})
    one = Neighbours(
        tmp_path, jobs, broker, backend, plain_redis.version, HOOKLINE_BROKER_OPTIONS=options
    )
    with one.app, one.hookline():
        one.send("later", countdown=15)
        with redis.Redis.from_url(broker) as client:
            wait_for(lambda: redelivered(client), "it is delivered again")
        one.job("later")
    seen(
        case="`countdown` longer than the `visibility_timeout` of a Redis broker",
        server=one.server,
        result="delivered again and again, and one job",
    )


def redelivered(client: "redis.Redis") -> bool:
    """Whether a message that is with a worker has been with one before."""
    return any(b'"redelivered": true' in held for held in client.hvals("hookline.unacked"))
