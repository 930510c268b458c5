"""Real servers of other people's making: each is a process on a loopback port of its own.

Every one of them ends with its context, and says why where it does not start.
"""

import fcntl
import os
import pickle
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TypeVar

import pytest

from tests.support.certificates import Certificates, certificates, server_side
from tests.support.ports import free_port
from tests.support.processes import wait_for

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_Server = TypeVar("_Server")


def program(name: str, package: str) -> str:
    """The path of a server's program; without it a test is skipped, and fails in CI."""
    path = shutil.which(name)
    if path is None and os.environ.get("CI"):
        pytest.fail(f"{name} is missing: install the package {package}")
    if path is None:
        pytest.skip(f"needs {name}: install the package {package}")
    return path


@contextmanager
def listener(tls: Certificates) -> Iterator[tuple[int, list[bytes]]]:
    """A server that speaks TLS and answers nothing: its port, and what it is sent."""
    context = server_side(tls)
    received: list[bytes] = []

    def serve(accepting: socket.socket) -> None:
        while True:
            try:
                connection, _ = accepting.accept()
            except OSError:  # closed: the test is over
                return
            with suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                received.append(secure.recv(1024))

    with socket.create_server(("127.0.0.1", 0)) as accepting:
        thread = Thread(target=serve, args=(accepting,))
        thread.start()
        try:
            yield accepting.getsockname()[1], received
        finally:
            accepting.shutdown(socket.SHUT_RDWR)
            thread.join()


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A Redis that runs; ``url`` is its plain address without user and password."""

    port: int
    scheme: str
    version: str

    def url(self, credentials: str = "", db: int = 0, query: str = "") -> str:
        """Its address, with ``user:password`` and options if given."""
        user = f"{credentials}@" if credentials else ""
        options = f"?{query}" if query else ""
        return f"{self.scheme}://{user}127.0.0.1:{self.port}/{db}{options}"


@contextmanager
def redis_server(
    folder: Path, *lines: str, tls: Certificates | None = None, port: int | None = None
) -> Iterator[RedisServer]:
    """A Redis that keeps nothing on disk; ``lines`` are more of its configuration."""
    server, port = program("redis-server", "redis-server"), port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = ["bind 127.0.0.1", f"dir {folder}", 'save ""', "daemonize no", *lines]
    if tls is None:
        config.append(f"port {port}")
    else:
        config += [
            "port 0",
            f"tls-port {port}",
            f"tls-ca-cert-file {tls.authority}",
            f"tls-cert-file {tls.server}",
            f"tls-key-file {tls.server_key}",
        ]
        if not any(line.startswith("tls-auth-clients") for line in lines):
            config.append("tls-auth-clients no")
    file = folder / "redis.conf"
    file.write_text("\n".join(config) + "\n")
    with _running([server, str(file)], folder / "redis.log", port):
        yield RedisServer(port, "rediss" if tls else "redis", _version_of(server))


@dataclass(frozen=True, slots=True)
class SentinelServer:
    """A Sentinel that runs, and the name of the master that it watches."""

    port: int
    master: str
    version: str


@contextmanager
def sentinel_server(
    folder: Path, watched: RedisServer, *lines: str, master: str = "main"
) -> Iterator[SentinelServer]:
    """A Sentinel that watches one master."""
    server, port = program("redis-sentinel", "redis-sentinel"), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "sentinel.conf"
    config = [
        "bind 127.0.0.1",
        f"port {port}",
        f"dir {folder}",
        f"sentinel monitor {master} 127.0.0.1 {watched.port} 1",
        *lines,
    ]
    file.write_text("\n".join(config) + "\n")
    with _running([server, str(file)], folder / "sentinel.log", port):
        yield SentinelServer(port, master, _version_of(program("redis-server", "redis-server")))


@dataclass(frozen=True, slots=True)
class RabbitMQ:
    """A RabbitMQ that runs, as the user guest."""

    port: int
    version: str
    tls_port: int
    tls: Certificates
    env: Mapping[str, str]  #: for its command line

    @property
    def url(self) -> str:
        """Its address for Celery."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def virtual_host(self, name: str, configure: str = ".*", write: str = ".*") -> str:
        """The address of a new virtual host; ``configure``, ``write``: what guest may there."""
        return self.virtual_hosts([name], configure, write)[0]

    def virtual_hosts(
        self, names: Sequence[str], configure: str = ".*", write: str = ".*"
    ) -> list[str]:
        """Several at once: most of the time goes into the command that makes them."""
        code = ""
        for name in names:
            given = ("guest", name, configure, write, ".*", "tests")
            rights = ", ".join(f'<<"{each}">>' for each in given)
            code += (
                f'rabbit_vhost:add(<<"{name}">>, <<"tests">>), '
                f"rabbit_auth_backend_internal:set_permissions({rights}), "
            )
        self.control("eval", f"{code}ok.")
        return [f"amqp://guest:guest@127.0.0.1:{self.port}/{name}" for name in names]

    def control(self, *args: str) -> str:
        """Run a command of ``rabbitmqctl``, such as ``stop_app``; what it prints."""
        done = subprocess.run(
            [str(RABBITMQ.with_name("rabbitmqctl")), *args],
            env=dict(self.env),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def held(self, host: str) -> dict[str, int]:
        """By queue of the virtual host: messages that wait, or are not acknowledged."""
        columns = ("name", "messages")
        rows = self.control("list_queues", "-q", "--no-table-headers", "-p", host, *columns)
        return {name: int(count) for name, count in (row.split("\t") for row in rows.splitlines())}


@contextmanager
def rabbitmq(folder: Path) -> Iterator[RabbitMQ]:
    """A RabbitMQ of this test run alone, with its own Erlang port mapper; it takes ten seconds."""
    program("epmd", "rabbitmq-server")
    if not RABBITMQ.exists():
        program("rabbitmq-server", "rabbitmq-server")
    port, tls_port, mapper, distribution = (free_port() for _ in range(4))
    tls = certificates(folder / "tls")
    (folder / "rabbitmq.conf").write_text(
        f"listeners.ssl.1 = 127.0.0.1:{tls_port}\n"
        f"ssl_options.cacertfile = {tls.authority}\n"
        f"ssl_options.certfile = {tls.server}\n"
        f"ssl_options.keyfile = {tls.server_key}\n"
    )
    env = rabbitmq_env(folder, "127.0.0.1", port) | {
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": str(distribution),
    }
    with ExitStack() as started:
        ports = ["epmd", "-port", str(mapper), "-address", "127.0.0.1"]
        started.enter_context(_running(ports, folder / "epmd.log", mapper, env))
        started.enter_context(_running([str(RABBITMQ)], folder / "out.log", port, env, 120))
        yield RabbitMQ(port, _rabbitmq_version(port), tls_port, tls, env)


def rabbitmq_env(folder: Path, address: str, port: int) -> dict[str, str]:
    """The environment of a RabbitMQ that keeps everything in ``folder``, and of its command line.

    ``folder`` has its ``rabbitmq.conf``.
    """
    return {
        "HOME": str(folder),  # holds Erlang's cookie
        "PATH": os.environ["PATH"],
        "RABBITMQ_NODENAME": f"hookline-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": address,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        # Idle schedulers would spin, on a machine that other tests need.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
    }


@contextmanager
def nginx(folder: Path, site: str, port: int) -> Iterator[str]:
    """An nginx with one file of servers, which listen on ``port``: its version."""
    server = program("nginx", "nginx-light")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "site.conf").write_text(site)
    temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    lines = (
        "daemon off; master_process off; pid nginx.pid; error_log stderr;",
        "events { worker_connections 8192; }",
        "http {",
        *(f"{name}_temp_path {folder}/{name};" for name in temporary),
        f"include {folder}/site.conf;",
        "}",
    )
    (folder / "nginx.conf").write_text("\n".join(lines))
    command = [server, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    with _running(command, folder / "nginx.log", port):
        said = subprocess.run([server, "-v"], capture_output=True, text=True, check=True).stderr
        yield said.strip().rpartition(" ")[2].replace("/", " ")


@contextmanager
def caddy(folder: Path, caddyfile: str, port: int) -> Iterator[str]:
    """A Caddy that listens on ``port``: its version."""
    server = program("caddy", "caddy")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Caddyfile").write_text(caddyfile)
    env = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    command = [server, "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    with _running(command, folder / "caddy.log", port, env):
        said = subprocess.run([server, "version"], capture_output=True, text=True, check=True)
        yield f"Caddy {said.stdout.split()[0]}"


@contextmanager
def shared(
    folder: Path, start: Callable[[Path], AbstractContextManager[_Server]]
) -> Iterator[_Server]:
    """A server that the processes of a run share: the first one starts it, and ends it last."""
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "server.pickle"
    with (folder / "users").open("w") as users, ExitStack() as started:
        with (folder / "door").open("w") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            if not note.exists():
                note.write_bytes(pickle.dumps(started.enter_context(start(folder))))
                # Before the server ends, this waits for all others to have left.
                started.callback(fcntl.flock, users, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)
        yield pickle.loads(note.read_bytes())


@contextmanager
def _running(
    command: Sequence[str],
    log: Path,
    port: int,
    env: Mapping[str, str] | None = None,
    seconds: float = 30,
) -> Iterator[None]:
    """A server in a process group of its own, which listens on ``port`` when this returns."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,
        )
    try:
        wait_for(lambda: _listens(port) or process.poll() is not None, command[0], seconds)
        assert process.poll() is None, f"{command[0]} does not start: {log.read_text()}"
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _version_of(server: str) -> str:
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
    return f"Redis {said.split('v=')[1].split()[0]}"


def _rabbitmq_version(port: int) -> str:
    # Imported here: kombu is slow to import, and most tests use no RabbitMQ.
    from kombu import Connection  # noqa: PLC0415

    with Connection(f"amqp://guest:guest@127.0.0.1:{port}//") as connection:
        connection.connect()
        properties = connection.connection.server_properties
    return f"RabbitMQ {properties['version']}"
