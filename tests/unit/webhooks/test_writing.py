"""What requests leave behind is written, even in a process that stops."""

from pathlib import Path

import pytest

from tests.support.web import Web
from webhooks.writing import Writer
from worker.domain.errors import StoreUnavailable


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return Web(tmp_path)


def call_back_twice(web: Web) -> None:
    told, path = {"id": "t1", "status": "IN_PROGRESS", "progress": "40%"}, web.hook(web.running())
    for _ in range(2):
        assert web.client.post(path, json=told).status_code == 200


def counted(web: Web) -> bool:
    """Whether the second one, which no commit is about, was counted."""
    return any("duplicate" in field for field in web.store.metrics.counters())


def test_a_process_that_stops_writes_what_is_left(web: Web) -> None:
    call_back_twice(web)
    assert not counted(web)
    Writer(lambda: web.services).finish()
    assert len(web.store.inbox.page(None, 10).callbacks) == 2
    assert counted(web)


def test_what_cannot_be_written_keeps_nothing_else_out(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_back_twice(web)

    def fails() -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(web.services.inbox, "write", fails)
    Writer(lambda: web.services).finish()
    assert counted(web)


def test_before_the_services_are_built_there_is_nothing_to_write() -> None:
    Writer(lambda: None).finish()
