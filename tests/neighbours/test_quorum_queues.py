"""RabbitMQ with quorum queues, restarted in the middle of the work."""

from pathlib import Path

from kombu import Exchange, Queue
from kombu.exceptions import OperationalError

from tests.neighbours import servers
from tests.neighbours.apps import Hookline, Shop
from tests.neighbours.conftest import Seen
from tests.support.processes import wait_for

_JOBS = 10
#: As our worker declares it.
_QUEUE = Queue("hookline", Exchange(""), "hookline", queue_arguments={"x-queue-type": "quorum"})


def test_nothing_is_lost_when_it_restarts(tmp_path: Path, store: str, seen: Seen) -> None:
    """Jobs of an app wait in the queue while no worker runs, and others come during the restart."""
    (tmp_path / "rabbitmq").mkdir()
    with servers.rabbitmq(tmp_path / "rabbitmq") as rabbitmq:
        url = rabbitmq.virtual_host("quorum")
        shop = Shop(tmp_path / "shop", url, broker_transport_options={"confirm_publish": True})
        before, hookline = (
            Hookline(tmp_path / name, store, url, HOOKLINE_QUEUE_TYPE="quorum")
            for name in ("before", "hookline")
        )
        with before.working():
            shop.wish(queue=_QUEUE)
            wait_for(lambda: hookline.jobs() == 1, "the first job")
        for _ in range(_JOBS):
            shop.wish(queue=_QUEUE)
        with hookline.working() as log:
            rabbitmq.control("stop_app")
            refused = 0
            for _ in range(2):
                try:
                    shop.wish(queue=_QUEUE, retry=False)
                except OperationalError:
                    refused += 1
            rabbitmq.control("start_app")
            for _ in range(_JOBS):
                shop.wish(queue=_QUEUE)
            wait_for(lambda: hookline.jobs() == 2 * _JOBS + 1, "all jobs", 90)
            findings = hookline.findings()
        assert refused == 2, "what was not confirmed is not taken for sent"
        assert findings["queues"]["verdict"] == "ok", findings
        assert "submit.failed" not in log.read_text()
    seen(
        case="quorum queues and publisher confirms, RabbitMQ restarted in the middle",
        server=rabbitmq.version,
        result="every job that was confirmed is made once; the worker goes on by itself",
    )
