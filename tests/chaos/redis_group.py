"""A primary with two replicas under three sentinels, as people run Redis on three machines."""

import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.chaos.redis_server import Fsync, RedisServer
from tests.chaos.waiting import wait_for
from tests.support.ports import free_port
from tests.support.switch import redis_program
from worker.adapters.store.connection import connect

NAME = "main"
#: Milliseconds of silence after which the sentinels call the primary dead.
DOWN_MS = 1000
_SENTINEL = """\
bind 127.0.0.1
port {port}
dir {folder}
logfile {folder}/sentinel.log
daemonize no
sentinel monitor {name} 127.0.0.1 {primary} 2
sentinel auth-pass {name} {password}
sentinel down-after-milliseconds {name} {down_ms}
sentinel failover-timeout {name} 10000
sentinel parallel-syncs {name} 2
"""


class RedisGroup:
    """Three servers and three sentinels. ``kill`` takes the present primary, ``start`` brings back
    whatever is away. ``lines``: more of the servers' configuration.
    """

    def __init__(
        self, folder: Path, port: int, password: str, fsync: Fsync, lines: Sequence[str] = ()
    ) -> None:
        self.folder = folder / "0"
        self._password = password
        self._sentinels = [free_port() for _ in range(3)]
        replica = (f"replicaof 127.0.0.1 {port}",)
        common = (f"masterauth {password}", "repl-diskless-sync-delay 0", *lines)
        self._servers = [
            RedisServer(
                folder / str(n),
                port if n == 0 else free_port(),
                password,
                fsync,
                (*common, *(replica if n else ())),
            )
            for n in range(3)
        ]
        self._folder = folder
        self._watching: list[subprocess.Popen[bytes]] = []

    def url(self, port: int | None = None) -> str:
        """The sentinels' address; there is no proxy in front of a group."""
        assert port is None
        hosts = ",".join(f"127.0.0.1:{each}" for each in self._sentinels)
        return f"sentinel://:{self._password}@{hosts}/{NAME}/0"

    def start(self) -> None:
        """Start what does not run, and wait until two replicas follow one primary."""
        for server in self._servers:
            if not server.runs:
                server.start()
        if not self._watching:
            for port in self._sentinels:
                self._watch(port)
        wait_for(self.in_step, f"two replicas in {self._folder}", 60)

    def kill(self) -> None:
        """Kill the primary."""
        primary = self.primary()
        for server in self._servers:
            if server.port == primary:
                server.kill()

    def end(self) -> None:
        """Kill all of it."""
        for process in self._watching:
            process.kill()
            process.wait(30)
        for server in self._servers:
            server.kill()

    def primary(self) -> int:
        """The port of the primary, as two of the sentinels agree. Raises ``RedisError``."""
        said = [self._asked(port) for port in self._sentinels]
        agreed = max(set(said), key=said.count)
        if said.count(agreed) < 2:
            raise redis.ConnectionError("the sentinels do not agree")
        return agreed

    def in_step(self) -> bool:
        """Whether the primary has two replicas, and all sentinels know them and one another."""
        try:
            primary = self.primary()
            with _client(primary, self._password) as client:
                followed = client.wait(2, 100) == 2
            return followed and all(self._knows_all(port) for port in self._sentinels)
        except redis.RedisError:
            return False

    def cut_replicas(self) -> None:
        """From now on the replicas hear nothing, and the primary does not learn of it."""
        primary = self.primary()
        self._set_password(primary, "wrong")
        with _client(primary, self._password) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "replica")

    def heal_replicas(self) -> None:
        """They follow the primary again, whichever it is."""
        self._set_password(None, self._password)

    def fail_over(self, cut_off_s: float) -> float:
        """Kill the primary, whose replicas were cut off for the last ``cut_off_s``.

        Returns the seconds that the sentinels took.
        """
        before = self.primary()
        if cut_off_s:
            self.cut_replicas()
            time.sleep(cut_off_s)
        self.kill()
        began = time.monotonic()
        self.heal_replicas()
        wait_for(lambda: self._moved_from(before), "another primary", 60)
        return time.monotonic() - began

    def _moved_from(self, before: int) -> bool:
        with suppress(redis.RedisError):
            return self.primary() != before and self._answers_writes()
        return False

    def _answers_writes(self) -> bool:
        with connect(self.url(), retries=0) as client:
            return bool(client.set("moved", 1, px=1))

    def _set_password(self, leave_out: int | None, password: str) -> None:
        for server in self._servers:
            if server.runs and server.port != leave_out:
                with _client(server.port, self._password) as client:
                    client.config_set("masterauth", password)

    def _watch(self, port: int) -> None:
        folder = self._folder / f"sentinel-{port}"
        folder.mkdir(parents=True)
        file = folder / "sentinel.conf"
        text = _SENTINEL.format(
            port=port,
            folder=folder,
            name=NAME,
            primary=self._servers[0].port,
            password=self._password,
            down_ms=DOWN_MS,
        )
        file.write_text(text)
        self._watching.append(
            subprocess.Popen(
                [redis_program(), str(file), "--sentinel"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )

    def _asked(self, sentinel: int) -> int:
        with _client(sentinel) as client:
            address = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return int(address[1])

    def _knows_all(self, sentinel: int) -> bool:
        with _client(sentinel) as client:
            known = client.sentinel_master(NAME)
            replicas = client.sentinel_slaves(NAME)
        well = [each for each in replicas if not (each["is_sdown"] or each["is_disconnected"])]
        return len(well) == 2 and known["num-other-sentinels"] == 2


def _client(port: int, password: str | None = None) -> "redis.Redis":
    once = Retry(NoBackoff(), 0)
    return redis.Redis(port=port, password=password, socket_timeout=2, retry=once)
