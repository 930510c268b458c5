"""Transport options of the broker: known, of the right kind, and of this broker."""

import json

import pytest

from config.broker_options import parse
from config.loading import load_settings
from worker.domain.errors import SettingsError

AMQP = "amqp://rabbit.example//"


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))


def problems(**env: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load_settings({f"HOOKLINE_{name}": value for name, value in env.items()}, None)
    return {problem.field: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"global_keyprefix": "shop:", "sep": ":", "priority_steps": list(range(10))},
        {"priority_steps": [0]},
        {"queue_order_strategy": "priority", "visibility_timeout": 3600},
        {"visibility_timeout": 1.5, "unacked_restore_interval": 0.5, "unacked_restore_limit": 100},
        {"socket_timeout": 30, "socket_keepalive": False, "client_name": "hookline"},
    ],
)
def test_options_of_redis_reach_celery(options: dict[str, object]) -> None:
    settings = load_settings({"HOOKLINE_BROKER_OPTIONS": json.dumps(options)}, None)
    assert settings.broker_options == options
    assert settings.broker("redis://h:1/0").options == options


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "1", "null", '"global_keyprefix"', "{'sep': ':'}", '{"sep": ":"']
)
def test_only_a_json_object_is_taken(text: str) -> None:
    with pytest.raises(ValueError, match="must be a JSON object such as"):
        parse(text)


@pytest.mark.parametrize(
    ("option", "value", "must"),
    [
        ("global_keyprefix", "", "text of 1 to 100 characters"),
        ("global_keyprefix", 7, "text of 1 to 100 characters"),
        ("sep", "", "in none of our queues' names"),
        ("sep", ".", "in none of our queues' names"),
        ("sep", "line", "in none of our queues' names"),
        ("priority_steps", [3, 6], "ascending from 0"),
        ("priority_steps", [0, 6, 3], "ascending from 0"),
        ("priority_steps", [0, 10], "ascending from 0"),
        ("priority_steps", [0, True], "ascending from 0"),
        ("priority_steps", [], "ascending from 0"),
        ("priority_steps", "0,3", "ascending from 0"),
        ("queue_order_strategy", "random", "one of round_robin, sorted, priority"),
        ("queue_order_strategy", ["sorted"], "one of round_robin, sorted, priority"),
        ("visibility_timeout", 0, "a number of 1 to 86400"),
        ("visibility_timeout", "300", "a number of 1 to 86400"),
        ("visibility_timeout", True, "a number of 1 to 86400"),
        ("visibility_timeout", float("nan"), "a number of 1 to 86400"),
        ("unacked_restore_limit", 1.5, "a whole number"),
        ("socket_keepalive", 1, "true or false"),
        ("client_name", "a b", "text without spaces"),
        ("login_method", "GUESS", "PLAIN, AMQPLAIN or EXTERNAL"),
    ],
)
def test_a_value_of_another_kind_is_refused(option: str, value: object, must: str) -> None:
    with pytest.raises(ValueError, match=f"^{option} must be ") as caught:
        parse(json.dumps({option: value}))
    assert must in str(caught.value)


def test_unknown_names_are_refused_by_name_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="'visibilty_timeout' is not an option") as caught:
        parse('{"visibilty_timeout": 60, "unacked_key": "x"}')
    said = str(caught.value)
    assert "meant visibility_timeout?" in said
    assert "'unacked_key' is not an option" in said
    assert "Known are client_name, confirm_publish, " in said


def test_every_problem_of_the_broker_is_said_at_once() -> None:
    found = problems(BROKER_OPTIONS='{"sep": ".", "x": 1}', QUEUE_TYPE="mirrored")
    assert "sep must be" in found["HOOKLINE_BROKER_OPTIONS"]
    assert "'x' is not an option" in found["HOOKLINE_BROKER_OPTIONS"]
    assert "HOOKLINE_QUEUE_TYPE" in found


@pytest.mark.parametrize(
    ("env", "name", "said"),
    [
        (
            {"BROKER_OPTIONS": '{"confirm_publish": true}'},
            "HOOKLINE_BROKER_OPTIONS",
            "confirm_publish is an option for RabbitMQ",
        ),
        (
            {"BROKER_OPTIONS": '{"global_keyprefix": "x"}', "BROKER_URL": AMQP},
            "HOOKLINE_BROKER_OPTIONS",
            "global_keyprefix is an option for Redis",
        ),
        ({"QUEUE_TYPE": "quorum"}, "HOOKLINE_QUEUE_TYPE", "is for RabbitMQ"),
        (
            {"QUEUE_MAX_PRIORITY": "5", "BROKER_URL": "redis://h:1/0"},
            "HOOKLINE_QUEUE_MAX_PRIORITY",
            "is for RabbitMQ",
        ),
        (
            {"QUEUE_MAX_PRIORITY": "5", "QUEUE_TYPE": "quorum", "BROKER_URL": AMQP},
            "HOOKLINE_QUEUE_MAX_PRIORITY",
            "cannot be combined with HOOKLINE_QUEUE_TYPE=quorum",
        ),
    ],
)
def test_what_this_broker_does_not_have_is_not_ignored(
    env: dict[str, str], name: str, said: str
) -> None:
    assert said in problems(**env)[name]


def test_rabbitmq_has_options_of_its_own() -> None:
    options = {"confirm_publish": True, "write_timeout": 10}
    env = {
        "HOOKLINE_BROKER_URL": AMQP,
        "HOOKLINE_BROKER_OPTIONS": json.dumps(options),
        "HOOKLINE_QUEUE_TYPE": "quorum",
    }
    settings = load_settings(env, None)
    assert settings.broker("redis://h:1/0").options == options
    assert settings.queue_type == "quorum"
