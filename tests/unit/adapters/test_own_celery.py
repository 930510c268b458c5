from typing import Any

import pytest

from config.broker_urls import Broker
from worker.adapters.messaging.broker import make_celery
from worker.domain.errors import QueueRefused

OURS = "redis://ours.test:6379/1"


@pytest.fixture
def _another_app_s_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BROKER_URL", "BROKER_READ_URL", "BROKER_WRITE_URL", "RESULT_BACKEND"):
        monkeypatch.setenv(f"CELERY_{name}", "redis://theirs.test:6379/0")
    for name in ("CELERY_LOADER", "CELERY_CONFIG_MODULE", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.setenv(name, "no.such.module")


@pytest.mark.usefixtures("_another_app_s_variables")
@pytest.mark.parametrize(
    "url_of",
    [
        lambda app: app.conf.broker_url,
        lambda app: app.conf.broker_read_url,
        lambda app: app.conf.broker_write_url,
        lambda app: app.connection().as_uri(include_password=True),
        lambda app: app.connection_for_read().as_uri(include_password=True),
        lambda app: app.connection_for_write().as_uri(include_password=True),
        lambda app: app.producer_pool.connections.connection.as_uri(include_password=True),
    ],
)
def test_in_a_process_of_another_app_messages_go_to_our_broker(url_of: Any) -> None:
    assert "ours.test" in url_of(make_celery(Broker(OURS, {})))


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("shop.made", {"queue": "unacked"}),
        ("shop.made", {"queue": "shop", "routing_key": "hookline.unacked"}),
        ("shop.made", {"exchange": "celery.pidbox"}),
        ("shop.made", {"queue": "hookline.wake"}),
        ("hookline.imagine", {"queue": "hookline.unacked"}),
    ],
)
def test_nothing_is_sent_to_keys_of_the_broker(task: str, options: Any) -> None:
    app = make_celery(Broker("memory://"))
    for send in (app.send_task, lambda name, **where: app.signature(name).apply_async(**where)):
        with pytest.raises(QueueRefused):
            send(task, **options)


def test_our_own_tasks_come_to_our_own_queues() -> None:
    make_celery(Broker("memory://")).send_task("hookline.tidy", queue="hookline.wake")


@pytest.mark.usefixtures("_another_app_s_variables")
def test_our_configuration_stays_and_there_is_no_result_backend() -> None:
    app = make_celery(Broker(OURS, {}))
    assert app.conf.accept_content == ["json"]
    assert app.conf.result_backend is None
    assert type(app.backend).__name__ == "DisabledBackend"
