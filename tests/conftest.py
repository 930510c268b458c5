"""What every test may use."""

import signal
from typing import Any

import pytest
from hypothesis import settings

from tests.support import switch
from tests.support.brokers import shared_broker, stop_broker, use_broker
from tests.support.stores import server_url, stop_server, use_server

# What a shell starts in the background ignores Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine is no defect of what a property tests.
settings.register_profile("default", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)
settings.load_profile("default")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """All processes of pytest-xdist share the servers; the one that starts them ends them."""
    node.workerinput["redis_url"] = server_url()
    if switch.BROKER == "rabbitmq":
        node.workerinput["broker"] = shared_broker()


def pytest_configure(config: pytest.Config) -> None:
    shared: dict[str, Any] = getattr(config, "workerinput", {})
    if "redis_url" in shared:
        use_server(shared["redis_url"])
    if "broker" in shared:
        use_broker(shared["broker"])


def pytest_unconfigure() -> None:
    stop_broker()
    stop_server()


@pytest.fixture(scope="session")
def redis_url() -> str:
    """A real Redis (or Valkey) of this test run's own; it keeps nothing on disk."""
    return server_url()
