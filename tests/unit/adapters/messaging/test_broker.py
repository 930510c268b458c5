"""Celery as it is set up: names of our own at the broker, and nothing declared for others."""

import pytest
from celery.utils.quorum_queues import detect_quorum_queues
from kombu.transport.redis import Channel

from config.broker_urls import Broker
from worker.adapters.messaging.broker import make_celery
from worker.adapters.messaging.names import DOOR, QUEUES
from worker.adapters.messaging.queues import QueueRules, TheirQueue


def test_on_redis_what_is_unacknowledged_is_ours_alone() -> None:
    options = make_celery(Broker("redis://h/1")).conf.broker_transport_options
    shared = [name for name in Channel.from_transport_options if name.startswith("unacked_")]
    keys = [name for name in shared if name.endswith("_key")]
    assert len(keys) == 3
    for name in keys:
        assert options[name].startswith("hookline."), "kombu's default is shared by all apps"
        assert options[name] not in QUEUES.values()


def test_options_of_the_broker_replace_ours_but_not_the_keys() -> None:
    options = make_celery(
        Broker("redis://h/1", {"visibility_timeout": 60})
    ).conf.broker_transport_options
    assert options["visibility_timeout"] == 60
    assert options["unacked_key"] == "hookline.unacked"


def test_rabbitmq_gets_no_option_of_redis() -> None:
    """``amqp.Connection`` would swallow them; and Redis's `socket_timeout` says nothing there."""
    app = make_celery(Broker("amqps://h//;amqps://i//", {"write_timeout": 9}))
    assert app.conf.broker_transport_options == {
        "confirm_publish": True,
        "write_timeout": 9,
        # How often kombu connects, to whichever broker.
        "max_retries": 1,
        "interval_start": 0,
        "connect_retries_timeout": 1,
    }


def test_no_queue_has_an_exchange() -> None:
    queues = make_celery(Broker("redis://h/1")).amqp.queues
    assert set(queues) == set(QUEUES.values())
    for name, queue in queues.items():
        assert (queue.exchange.name, queue.routing_key) == ("", name)


@pytest.mark.parametrize(
    ("rules", "queue", "arguments"),
    [
        (QueueRules(), DOOR, {}),
        (QueueRules("quorum"), DOOR, {"x-queue-type": "quorum"}),
        (QueueRules(max_priority=9), DOOR, {"x-max-priority": 9}),
        (QueueRules(max_priority=9), "hookline.wake", {}),
        (QueueRules("quorum"), "hookline.wake", {"x-queue-type": "quorum"}),
    ],
)
def test_how_queues_are_created(
    rules: QueueRules, queue: str, arguments: dict[str, object]
) -> None:
    assert rules.arguments(queue) == arguments


def test_celery_does_not_learn_of_quorum_queues() -> None:
    """It would declare exchanges and queues for delayed tasks, under everybody's names."""
    app = make_celery(Broker("amqp://h//"), QueueRules("quorum"))
    assert detect_quorum_queues(app, "amqp") == (False, "")
    assert app.connection_for_read().qos_semantics_matches_spec, "quorum queues have no global QoS"


def test_queues_that_others_name_are_theirs() -> None:
    queue = make_celery(Broker("amqp://h//")).amqp.queues["shop"]
    assert type(queue) is TheirQueue
    assert not queue.can_cache_declaration
