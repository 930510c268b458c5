"""The processes of one machine together: private Redis, sandbox, web and worker.

What is set is used, what is not is started: `up` and `demo` differ only in their settings.
"""

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.checks import host_of, is_loopback
from config.settings import Settings, load_settings
from worker.cli.http import answers
from worker.errors import ServiceUnavailable
from worker.stopping import Stop
from worker.supervisor import OnLine, Program, Supervisor

#: Seconds for the web process to be ready.
READY_S = 30.0
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run, and the settings that it takes beside those that are given."""

    settings: Settings
    made_up: Mapping[str, str]  #: settings by name: what `up` decided where nothing was set
    sandbox_url: str | None = None
    port_taken: int | None = None  #: the usual port, where it was taken

    @property
    def web_url(self) -> str:
        """Where the web process is reached from here."""
        return local_url(self.settings)


def plan(env: Mapping[str, str], dotenv: Path | None) -> Plan:
    """Decide what runs where.

    Raises ``SettingsError``, and ``ServiceUnavailable`` where the port that was set is taken.
    """
    given = load_settings(env, dotenv)
    made_up: dict[str, str] = {}
    port, taken = given.port, None
    if not is_free(given.host, port):
        if "port" in given.model_fields_set:
            raise ServiceUnavailable(f"Port {port} is taken: free it, or choose another (--port).")
        port, taken = free_port(given.host), port
    if "port" not in given.model_fields_set:
        made_up["HOOKLINE_PORT"] = str(port)
    sandbox_url = None
    if not given.accounts:
        made_up["HOOKLINE_PROVIDER_URL"] = sandbox_url = f"http://127.0.0.1:{free_port()}"
    # A provider elsewhere could not reach this address, and is better polled than waited for.
    if given.public_url is None and all(is_loopback(host_of(a.url)) for a in given.accounts):
        made_up["HOOKLINE_PUBLIC_URL"] = f"http://{_reachable(given.host)}:{port}"
    settings = load_settings({**env, **made_up}, dotenv)
    return Plan(settings, made_up, sandbox_url, taken)


@contextmanager
def running(
    planned: Plan,
    env: Mapping[str, str],
    folder: Path,
    on_line: OnLine,
    *,
    sandbox_args: tuple[str, ...] = (),
) -> Iterator[Supervisor]:
    """All that is planned, running; every process has ended when this is left, Redis last."""
    settings = planned.settings
    with ExitStack() as stack:
        private = None
        if settings.redis_url is None:
            # Not before it is needed: the Redis client takes a while to import.
            from worker.local_redis import start_private_redis  # noqa: PLC0415

            private = stack.enter_context(start_private_redis(settings.state_dir))
        programs = _programs(planned, {**env, **planned.made_up}, folder, sandbox_args)
        supervisor = Supervisor(
            programs, settings.state_dir / "logs", on_line, beside=private.look if private else None
        )
        stack.enter_context(supervisor)
        supervisor.start()
        yield supervisor


def wait_until_ready(planned: Plan, supervisor: Supervisor, stop: Stop) -> None:
    """Wait for the web process. Raises ``ServiceUnavailable`` and ``ProgramRefused``."""
    deadline = time.monotonic() + READY_S
    urls = [f"{planned.web_url}/readyz", *filter(None, [planned.sandbox_url])]
    while not stop.wait(_LOOK_EVERY_S) and not all(map(answers, urls)):
        supervisor.look()
        if time.monotonic() > deadline:
            logs = planned.settings.state_dir / "logs"
            raise ServiceUnavailable(f"Not ready within {READY_S:g} s; see {logs}.")


def local_url(settings: Settings) -> str:
    """Where the web process is reached from this machine."""
    return f"http://{_reachable(settings.host)}:{settings.port}"


def _reachable(host: str) -> str:
    """A host to reach what listens on ``host``, as a URL has it."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  # nothing listens there because of this
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def free_port(host: str = "127.0.0.1") -> int:
    """A port on which nobody listens now."""
    with socket.create_server((host, 0), family=_family(host)) as server:
        port: int = server.getsockname()[1]
        return port


def is_free(host: str, port: int) -> bool:
    """Whether one can listen there."""
    try:
        socket.create_server((host, port), family=_family(host)).close()
    except OSError:
        return False
    return True


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _programs(
    planned: Plan, env: Mapping[str, str], folder: Path, sandbox_args: tuple[str, ...]
) -> list[Program]:
    # The same code as this process runs, wherever the programs work.
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**env, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}

    def program(name: str, *args: str) -> Program:
        command = ("-m", "worker.cli", name, "--supervised", *args)
        return Program(name, command, env, folder)

    programs = [program("web"), program("worker")]
    if planned.sandbox_url:
        _, _, port = planned.sandbox_url.rpartition(":")
        dialect = planned.settings.provider_dialect
        spoken = () if dialect == "auto" else ("--dialect", dialect)
        programs.insert(0, program("sandbox", "--port", port, *spoken, *sandbox_args))
    return programs
