"""Decides what runs on one machine: private Redis, sandbox, web process and worker.

What is configured is used, the rest is started; `up` and `demo` differ only in their settings.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import hookline
from config.checks import host_of, is_loopback
from config.loading import load_settings
from config.settings import Settings
from worker.adapters.local.claim import keep_ports, kept_ports
from worker.adapters.local.listening import listen, port_of
from worker.adapters.local.supervisor import Program
from worker.domain.errors import ServiceUnavailable
from worker.entrypoints.stack import Stack

_LOCAL = "127.0.0.1"
#: The file that starts our programs.
START = Path(hookline.__file__).with_name("start.py")


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run, and the settings that it needs in addition to the given ones."""

    settings: Settings
    made_up: Mapping[str, str]  #: settings chosen here because they were not given, by name
    web: socket.socket  #: the listening socket of the web process
    sandbox: socket.socket | None = None  #: likewise of the sandbox, if it runs
    port_taken: int | None = None  #: the default port, if it was taken

    @property
    def web_url(self) -> str:
        """The address of the web process on this machine."""
        return local_url(self.settings)

    @property
    def sandbox_url(self) -> str | None:
        """The address of the sandbox, if it runs."""
        return f"http://{_LOCAL}:{port_of(self.sandbox)}" if self.sandbox else None

    def stack(
        self, env: Mapping[str, str], folder: Path, sandbox_args: tuple[str, ...] = ()
    ) -> Stack:
        """What runs, with this environment and in this folder."""
        return Stack(
            self.settings.state_dir,
            private_redis=self.settings.redis_url is None,
            programs=tuple(_programs(self, {**env, **self.made_up}, folder, sandbox_args)),
            ready=tuple(filter(None, (f"{self.web_url}/readyz", self.sandbox_url))),
        )


@contextmanager
def plan(env: Mapping[str, str], dotenv: Path | None) -> Iterator[Plan]:
    """Decide what runs where, and hold the ports while the context lasts.

    Two that start at once never choose the same port, and a caller that connects while a program
    restarts waits for it. Raises ``SettingsError``, and ``ServiceUnavailable`` if the given port is
    taken.
    """
    given = load_settings(env, dotenv)
    with ExitStack() as claimed:
        kept = kept_ports(given.state_dir)
        web, taken = _listen_for_web(given, kept.get("web", 0))
        claimed.enter_context(web)
        made_up = {"HOOKLINE_PORT": str(port_of(web))} if port_of(web) != given.port else {}
        sandbox = None
        if not given.accounts:
            sandbox = claimed.enter_context(_listen_again(_LOCAL, kept.get("sandbox", 0)))
            made_up["HOOKLINE_PROVIDER_URL"] = f"http://{_LOCAL}:{port_of(sandbox)}"
        # A remote provider could not reach this address: it is polled.
        if given.public_url is None and all(is_loopback(host_of(a.url)) for a in given.accounts):
            made_up["HOOKLINE_PUBLIC_URL"] = f"http://{_reachable(given.host)}:{port_of(web)}"
        settings = load_settings({**env, **made_up}, dotenv)
        listening = {"web": web, "sandbox": sandbox}
        keep_ports(given.state_dir, {n: port_of(each) for n, each in listening.items() if each})
        yield Plan(settings, made_up, web, sandbox, taken)


def _listen_for_web(given: Settings, kept: int) -> tuple[socket.socket, int | None]:
    """The listener, and the default port if that was taken.

    ``kept``: the port of the last time, which links and callbacks of its jobs have; where no port
    is set it comes first.
    """
    if given.port and "port" in given.model_fields_set:
        return listen(given.host, given.port), None
    for port in filter(None, (kept, given.port)):
        with suppress(ServiceUnavailable):
            return listen(given.host, port), None
    return listen(given.host, 0), given.port or None


def _listen_again(host: str, kept: int) -> socket.socket:
    """Listen on the port of the last time, which jobs and callbacks know, or else a free one."""
    try:
        return listen(host, kept)
    except ServiceUnavailable:
        return listen(host, 0)


def check_servers(settings: Settings) -> None:
    """Raise ``ServiceUnavailable`` if a given Redis or broker does not answer."""
    # Imported here because these are slow to import, and often not needed.
    if settings.redis_url:
        from worker.adapters.store.connection import check_rights, connect  # noqa: PLC0415

        with _naming("HOOKLINE_REDIS_URL"):
            check_rights(connect(settings.redis_url, retries=0))
    if given := settings.broker_url or settings.redis_url:
        from worker.adapters.messaging.broker import make_celery, ping  # noqa: PLC0415

        with _naming("HOOKLINE_BROKER_URL" if settings.broker_url else "HOOKLINE_REDIS_URL"):
            ping(make_celery(settings.broker(given)))


@contextmanager
def _naming(setting: str) -> Iterator[None]:
    """Add the setting to check to the message of a server that does not answer."""
    try:
        yield
    except ServiceUnavailable as error:
        raise ServiceUnavailable(f"{str(error).rstrip('.')}. Check {setting}.") from error


def local_url(settings: Settings) -> str:
    """The address of the web process on this machine."""
    return f"http://{_reachable(settings.host)}:{settings.port}"


def _reachable(host: str) -> str:
    """The host for a URL that reaches a listener on ``host``."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  # nothing listens there because of this
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _programs(
    planned: Plan, env: Mapping[str, str], folder: Path, sandbox_args: tuple[str, ...]
) -> list[Program]:
    env = {**env, "PYTHONUNBUFFERED": "1"}

    def program(name: str, *args: str, listener: socket.socket | None = None) -> Program:
        # The same code as this process, from its file: `-m` would look in the folder first.
        command = ("-P", str(START), name, "--supervised", *args)
        if listener is None:
            return Program(name, command, env, folder)
        file = listener.fileno()
        return Program(name, (*command, "--listener", str(file)), env, folder, (file,))

    programs = [program("web", listener=planned.web), program("worker")]
    if planned.sandbox:
        dialect = planned.settings.provider_dialect
        spoken = () if dialect == "auto" else ("--dialect", dialect)
        memory = ("--memory-path", str(planned.settings.state_dir / "sandbox.db"))
        args = (*spoken, *memory, *sandbox_args)
        programs.insert(0, program("sandbox", *args, listener=planned.sandbox))
    return programs
