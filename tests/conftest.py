"""What every test may use."""

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from worker.adapters.local.private_redis import start_private_redis

# What a shell starts in the background ignores Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine is no defect of what a property tests.
settings.register_profile("default", deadline=None)
settings.load_profile("default")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis (or Valkey) of this test run's own."""
    # A socket's path must be short, and pytest's own temporary folders are not.
    with (
        tempfile.TemporaryDirectory(prefix="hl-") as folder,
        start_private_redis(Path(folder)) as redis,
    ):
        yield redis.url
