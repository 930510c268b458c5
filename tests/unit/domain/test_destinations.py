"""Where a message of ours may go."""

import pytest
from kombu.transport.redis import Channel

from worker.domain.destinations import (
    SEPARATOR,
    Destinations,
    check_pattern,
    check_queue,
    check_task,
    reserved,
)
from worker.domain.errors import InvalidRequest
from worker.domain.job_spec import Notify

#: What kombu, Celery, RabbitMQ and we keep under a name of our own.
KEPT = (
    Channel.unacked_key,
    Channel.unacked_index_key,
    Channel.unacked_mutex_key,
    Channel.keyprefix_queue % "celery",
    "_kombu.binding_deadlines",
    "shop:unacked",
    "shop._kombu.binding.x",
    "hookline",
    "hookline.wake",
    "hookline.unacked",
    "hookline.unacked_index",
    f"hookline.wake{SEPARATOR}3",
    "hookline:jobs",
    "hookline:job:0",
    "celery-task-meta-1",
    "shop_celery-taskset-meta-1",
    "chord-unlock-1.j",
    "celery.pidbox",
    "celery@shop.celery.pidbox",
    "x.reply.celery.pidbox",
    "celeryev",
    "celeryev.1",
    "celery_delayed_27",
    "amq.gen-x",
    "amq.rabbitmq.reply-to",
    "0b7a1f2e-8d9c-4c39-9f10-1b6a4f0f7a55",
    f"shop{SEPARATOR}3",
    "shop\nx",
)
FREE = (
    "shop", "celery", "shop.images", "shop:images", "{shop}", "w1@host.dq", "hookline_results",
    "hookline-results", "myhookline", "7", "a/b", "my.pickbox", "x" * 200,
)  # fmt: skip


def test_kombus_separator_is_known() -> None:
    assert Channel.sep == SEPARATOR


@pytest.mark.parametrize("name", KEPT)
def test_reserved_queues_are_refused(name: str) -> None:
    assert reserved(name)
    with pytest.raises(ValueError, match=r"is |must not"):
        check_queue(name)


@pytest.mark.parametrize("name", FREE)
def test_other_queues_are_not(name: str) -> None:
    assert reserved(name) is None
    assert check_queue(name) == name


@pytest.mark.parametrize("name", ["", "two words", "x" * 201, "ключ", "a,b", "a*", "'a'", ".a"])
def test_a_queue_has_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="must be the name of a queue"):
        check_queue(name)


@pytest.mark.parametrize(
    "name", ["celery", "celery.chord_unlock", "hookline.notify", "hookline.imagine", "hookline"]
)
def test_tasks_of_celery_and_hookline_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="own: name one of your program"):
        check_task(name)


@pytest.mark.parametrize("name", ["", "a b", "x" * 201, "a@b", "ключ", "a\nb"])
def test_a_task_has_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="must be the name of a Celery task"):
        check_task(name)


@pytest.mark.parametrize("name", ["t", "shop.image_ready", "celery_shop.x", "hookline_shop.done"])
def test_other_tasks_are_not(name: str) -> None:
    assert check_task(name) == name


@pytest.mark.parametrize("text", ["*", "shop", "shop.*", "{shop}*"])
def test_a_pattern_is_a_name_or_its_beginning(text: str) -> None:
    assert check_pattern(text) == text


@pytest.mark.parametrize("text", ["", "**", "a*b", "*.x", "a b"])
def test_others_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="must be names"):
        check_pattern(text)


SHOP = Destinations(("shop.*", "till"), ("shop", "celery"))


def fields(where: Destinations, task: str, queue: str | None = None) -> list[str]:
    try:
        where.check(Notify((), celery_task=task, queue=queue))
    except InvalidRequest as error:
        return [each.field for each in error.errors]
    return []


@pytest.mark.parametrize(
    ("task", "queue", "wrong"),
    [
        ("shop.ready", "shop", []),
        ("till", None, []),
        ("till.x", "shop", ["notify.celery_task"]),
        ("shop", "shop.x", ["notify.celery_task", "notify.queue"]),
    ],
)
def test_an_operator_lists_what_is_allowed(task: str, queue: str | None, wrong: list[str]) -> None:
    assert fields(SHOP, task, queue) == wrong


def test_the_default_queue_counts_as_one() -> None:
    assert fields(Destinations(queues=("shop",)), "t") == ["notify.queue"]


def test_no_list_allows_what_is_reserved() -> None:
    assert fields(Destinations(), "celery.map", "unacked") == ["notify.celery_task", "notify.queue"]
    assert fields(Destinations(("celery.*",), ("una*",)), "celery.map", "unacked")


def test_a_queue_has_no_separator_of_priorities() -> None:
    assert fields(Destinations(separator="::"), "t", "shop::3") == ["notify.queue"]


def test_a_url_is_none_of_its_business() -> None:
    Destinations((), ()).check(Notify((), url="https://app.example/hook"))
