"""The real store for tests: one server (or group, see ``switch``) for the whole run, a prefix for
each store.

Nothing is cleaned up: the server goes with the run.
"""

import os
import re
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import redis

from tests.support import switch
from tests.support.indexes import Snapshot
from tests.support.ports import free_port
from worker.adapters.local.private_redis import start_private_redis
from worker.adapters.store.connection import connect
from worker.adapters.store.store import Store

#: Of the servers that only tests start; the product's own has 16.
_DATABASES = 1024


class _Run:
    url: str | None = None
    pools: ClassVar[dict[int, redis.ConnectionPool]] = {}
    databases: ClassVar[dict[Path, int]] = {}  #: by the folder of the one who uses it
    resources = ExitStack()


def server_url() -> str:
    """The server of this run, started when it is first asked for."""
    if _Run.url is None:
        # A socket's path must be short, and pytest's own temporary folders are not.
        folder = Path(_Run.resources.enter_context(tempfile.TemporaryDirectory(prefix="hl-")))
        _Run.url = _start_given(folder) if switch.GIVEN else _start_private(folder)
    return _Run.url


def _start_private(folder: Path) -> str:
    server = _Run.resources.enter_context(start_private_redis(folder))
    with redis.Redis.from_url(server.url) as client:
        client.config_set("appendonly", "no")
    return server.url


def _start_given(folder: Path) -> str:
    # Imported here: few runs need them, and they need much.
    from tests.chaos.redis_group import RedisGroup  # noqa: PLC0415
    from tests.chaos.redis_server import RedisServer  # noqa: PLC0415

    kind = RedisGroup if switch.SENTINELS else RedisServer
    lines = (f"databases {_DATABASES}",)
    server = kind(folder / "store", free_port(), "of-this-run", "everysec", lines)
    _Run.resources.callback(server.end)
    server.start()
    return server.url()


def database_url(db: int) -> str:
    """The address of another database of the run's server than its first one."""
    return re.sub(r"(db=|/)0$", rf"\g<1>{db}", server_url())


def database_for(folder: Path) -> str:
    """The address of a database for processes that run in ``folder``, and of nobody else.

    Only where such a server is given. The next database is theirs, too.
    """
    own = _Run.databases.setdefault(folder, len(_Run.databases))
    return database_url(16 + 64 * process_number() + 2 * own)


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
    return 15 - process_number() % 8  # the web server of an integration test is in 7


def process_number() -> int:
    """Which of the processes of this run this is."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


class Line:
    """One store's way to the server: ``asked`` counts its calls; ``cut``: why there are none."""

    def __init__(self, db: int = 0) -> None:
        if db not in _Run.pools:
            pool = connect(server_url()).connection_pool
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
        client = redis.Redis(connection_pool=pool)
        super().__init__(client, self.prefix, replicas=switch.REPLICAS)
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
