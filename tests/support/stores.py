"""The real store for tests: one server without a disk for the whole run, a prefix for each store.

Nothing is cleaned up: the server goes with the run.
"""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import redis

from tests.support.indexes import Snapshot
from worker.adapters.local.private_redis import start_private_redis
from worker.adapters.store.store import Store


class _Run:
    url: str | None = None
    pools: ClassVar[dict[int, redis.ConnectionPool]] = {}
    resources = ExitStack()


def server_url() -> str:
    """The server of this run, started when it is first asked for."""
    if _Run.url is None:
        # A socket's path must be short, and pytest's own temporary folders are not.
        folder = _Run.resources.enter_context(tempfile.TemporaryDirectory(prefix="hl-"))
        server = _Run.resources.enter_context(start_private_redis(Path(folder)))
        with redis.Redis.from_url(server.url) as client:
            client.config_set("appendonly", "no")
        _Run.url = server.url
    return _Run.url


def use_server(url: str) -> None:
    """Use the server that another process of this run started."""
    _Run.url = url


def stop_server() -> None:
    """End the server, if this process started it."""
    _Run.resources.close()
    _Run.url = None
    _Run.pools.clear()


def own_db() -> int:
    """A database of the server that no other process of this run uses: its keys may all be read."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return 15 - int(worker) % 8  # the web server of an integration test is in 7


class Line:
    """One store's way to the server: ``asked`` counts its calls; ``cut``: why there are none."""

    def __init__(self, db: int = 0) -> None:
        if db not in _Run.pools:
            pool = redis.ConnectionPool.from_url(server_url())
            pool.connection_kwargs["db"] = db  # as an argument it would lose to the URL's own
            _Run.pools[db] = pool
        self.pool = _Run.pools[db]
        self.cut: str | None = None
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pool, name)

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        self.asked += 1
        if self.cut is not None:
            raise redis.ConnectionError(self.cut)
        return self.pool.get_connection(*args, **kwargs)


class OwnStore(Store):
    """A store that nobody else uses. ``line`` can be cut; ``client`` goes around it."""

    def __init__(self, db: int = 0) -> None:
        self.line = Line(db)
        self.client = redis.Redis(connection_pool=self.line.pool)
        self.prefix = f"test-{uuid4().hex}:"
        pool: Any = self.line
        super().__init__(redis.Redis(connection_pool=pool), self.prefix)
        self._expiring = {"receiving:"}

    def once(self, name: str, seconds: float) -> bool:
        self._expiring.add(f"once:{name}")
        return super().once(name, seconds)

    def left_s(self, name: str) -> float:
        """Until the key goes by itself; negative where it does not, or is not there."""
        left: Any = self.client.pttl(f"{self.prefix}{name}")
        return float(left) / 1000

    def let_pass(self, seconds: float, *, heard: bool = False) -> None:
        """What expires by the server's clock does so as much earlier.

        ``heard``: proofs come back all the while.
        """
        names = sorted(self._expiring - {"receiving:"} if heard else self._expiring)
        for name in names:
            if (left := self.left_s(name)) >= 0:
                self.client.pexpire(f"{self.prefix}{name}", max(0, int((left - seconds) * 1000)))

    def snapshot(self) -> Snapshot:
        """All that is stored."""
        return Snapshot.read(self.client, self.prefix)
