"""The Redis of a stage: a process that can be killed and started again with what it wrote."""

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.chaos.waiting import wait_for
from tests.support.switch import redis_program

Fsync = Literal["everysec", "always"]

_CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir {folder}
logfile {folder}/redis.log
daemonize no
save ""
appendonly yes
appendfsync {fsync}
aof-use-rdb-preamble no
maxmemory-policy noeviction
"""


class RedisServer:
    """One server on one port. Its files are in ``folder``, the append-only one among them.

    ``lines``: more of its configuration.
    """

    def __init__(
        self, folder: Path, port: int, password: str, fsync: Fsync, lines: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.port = port
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        self._config = folder / "redis.conf"
        self._config.write_text(
            _CONFIG.format(port=port, password=password, folder=folder, fsync=fsync)
            + "".join(f"{line}\n" for line in lines)
        )

    def url(self, port: int | None = None) -> str:
        """Its address, or that of a proxy before it."""
        return f"redis://:{self._password}@127.0.0.1:{port or self.port}/0"

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it with the data that is there; it answers when this returns."""
        self._process = subprocess.Popen(
            [redis_program(), str(self._config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us, who end it when all others have ended
        )
        wait_for(self._answers, f"the Redis in {self.folder}", 60)

    def kill(self) -> None:
        """End it at once; what it had written to its file is kept."""
        self._end(signal.SIGKILL)

    def terminate(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def end(self) -> None:
        """End all that was started, at once."""
        self.kill()

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        self._process.wait(30)

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"Redis does not start; see {self.folder}/redis.log")
        once = Retry(NoBackoff(), 0)
        try:
            with redis.Redis.from_url(self.url(), socket_timeout=2, retry=once) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
