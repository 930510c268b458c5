"""PURE. What may be set of Celery's broker: kombu's transport options, and their checks.

Redis's are described in `kombu.transport.redis`, RabbitMQ's in `amqp.connection`; both of them
ignore a name that they do not know.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

QueueType = Literal["classic", "quorum"]
#: RabbitMQ's URLs.
RABBITMQ = ("amqp", "amqps")

#: kombu joins a queue's name and its priority with `sep`, and splits them again at the last one.
_QUEUE_NAMES = ("hookline", "hookline.wake", "hookline.files", "hookline.notify")


@dataclass(frozen=True, slots=True)
class _Option:
    """``must``: what a value must be, in words that follow "must be"."""

    fits: Callable[[Any], bool]
    must: str


def _number(low: float, high: float) -> _Option:
    def fits(value: Any) -> bool:
        return type(value) in (int, float) and low <= value <= high

    return _Option(fits, f"a number of {low:g} to {high:g}")


def _whole(low: int, high: int) -> _Option:
    def fits(value: Any) -> bool:
        return type(value) is int and low <= value <= high

    return _Option(fits, f"a whole number of {low} to {high}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 100 and value.isprintable()


def _is_separator(value: Any) -> bool:
    return (
        isinstance(value, str) and 0 < len(value) <= 8 and all(value not in q for q in _QUEUE_NAMES)
    )


def _are_steps(value: Any) -> bool:
    # kombu takes the last step that is not above a message's priority, so the first must be 0.
    whole = isinstance(value, list) and all(type(step) is int for step in value)
    return whole and value[:1] == [0] and value == sorted(set(value)) and value[-1] <= 9


_SWITCH = _Option(lambda value: isinstance(value, bool), "true or false")
_TEXT = _Option(_is_text, "text of 1 to 100 characters")
_ORDERS = ("round_robin", "sorted", "priority")

_OF_REDIS = {
    "client_name": _Option(
        lambda value: _is_text(value) and " " not in value, "text without spaces"
    ),
    "global_keyprefix": _TEXT,
    "health_check_interval": _whole(0, 3600),
    "max_connections": _whole(10, 100_000),
    "priority_steps": _Option(_are_steps, "whole numbers of 0 to 9, ascending from 0"),
    "queue_order_strategy": _Option(lambda value: value in _ORDERS, f"one of {', '.join(_ORDERS)}"),
    "retry_on_timeout": _SWITCH,
    "sep": _Option(_is_separator, "1 to 8 characters that are in none of our queues' names"),
    "socket_connect_timeout": _number(0.1, 600),
    "socket_keepalive": _SWITCH,
    "socket_timeout": _number(2, 600),  # a worker waits for a second until it asks again
    "unacked_restore_interval": _number(0.1, 3600),
    "unacked_restore_limit": _whole(1, 100_000),
    "unacked_restore_throttle": _whole(1, 1000),
    "visibility_timeout": _number(1, 86_400),
}
_OF_RABBITMQ = {
    "confirm_publish": _SWITCH,
    "connect_timeout": _number(0.1, 600),
    "login_method": _Option(
        lambda value: value in ("PLAIN", "AMQPLAIN", "EXTERNAL"), "PLAIN, AMQPLAIN or EXTERNAL"
    ),
    "read_timeout": _number(2, 600),
    "write_timeout": _number(2, 600),
}
_ALL = _OF_REDIS | _OF_RABBITMQ


def parse(text: object) -> Mapping[str, Any]:
    """The options of a JSON object. Raises `ValueError` with everything that is wrong with them."""
    if isinstance(text, Mapping):
        return text
    try:
        options = dict[str, Any](json.loads(str(text)).items())
    except (ValueError, AttributeError):
        raise ValueError('must be a JSON object such as {"global_keyprefix": "shop:"}') from None
    problems = [_unknown(name, _ALL) for name in options if name not in _ALL]
    problems += [
        f"{name} must be {_ALL[name].must}"
        for name, value in options.items()
        if name in _ALL and not _ALL[name].fits(value)
    ]
    if problems:
        raise ValueError("; ".join(problems))
    return options


def misplaced(options: Mapping[str, Any], scheme: str) -> list[str]:
    """The problems of options that are not for brokers with such URLs."""
    ours, theirs = (_OF_RABBITMQ, "Redis") if scheme in RABBITMQ else (_OF_REDIS, "RabbitMQ")
    return [f"{name} is an option for {theirs}" for name in options if name not in ours]


def _unknown(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, n=1)
    meant = f"; meant {near[0]}?" if near else ""
    return f"{name!r} is not an option{meant} Known are {', '.join(sorted(known))}"
