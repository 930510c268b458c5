"""A running system in a folder of its own: Redis, a sandbox, the web process and some workers.

What is killed comes back by itself, as under ``hookline up``. Everything that was started ends with
the stage.
"""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from tests.chaos.providers import Provider, write_accounts
from tests.chaos.redis_group import RedisGroup
from tests.chaos.redis_server import Fsync, RedisServer
from tests.chaos.system import SECRETS, System, ledger_path
from tests.support import switch
from tests.support.brokers import rabbitmq_for
from tests.support.ports import free_port
from tests.support.processes import clean_env, descendants, living
from worker.adapters.local.stopping import Stop
from worker.adapters.local.supervisor import Program, ProgramRefused, Supervisor
from worker.entrypoints.cli.http import answers

_REDIS_PASSWORD = "canary-redis-password"

#: Jobs that run at once, so POSTs that may be under way at once.
MAX_RUNNING = 20

START_S = 60.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What runs on a stage.

    ``sandbox``: arguments of ``hookline sandbox``. ``settings``: HOOKLINE_* beside or instead of
    the stage's own; other variables may be among them. ``worker`` and ``web``: the module that is
    run, and its arguments. A proxy before Redis, the provider or the web process listens on
    ``*_via`` and hands on to ``*_port``, which its owner chose beforehand; the last one's is the
    public URL, and the stage itself goes around it. ``providers``: several accounts instead of one,
    each with a sandbox of these arguments and its own places. ``provider_program``: the module that
    is the sandbox. ``redis``: a single server, or a group with sentinels; unless it is given, it is
    what ``switch`` says, as is the broker.
    """

    workers: int = 1
    fsync: Fsync = "everysec"
    sandbox: tuple[str, ...] = ("--task-seconds", "0.2-0.6")
    settings: Mapping[str, str] = field(default_factory=dict)
    worker: tuple[str, ...] = ("hookline.start", "worker", "--supervised")
    web: tuple[str, ...] = ("hookline.start", "web", "--supervised")
    redis_port: int | None = None
    redis_via: int | None = None
    provider_port: int | None = None
    provider_via: int | None = None
    web_port: int | None = None
    web_via: int | None = None
    providers: tuple[Provider, ...] = ()
    provider_program: str = "tests.chaos.small_pictures"
    redis: type[RedisServer] | type[RedisGroup] = RedisGroup if switch.SENTINELS else RedisServer


class Stage(System):
    """A running system whose processes come and go."""

    def __init__(
        self,
        folder: Path,
        server: RedisServer | RedisGroup,
        supervisor: Supervisor,
        env: Mapping[str, str],
        sandboxes: Mapping[str, str],
    ) -> None:
        super().__init__(
            folder,
            env,
            redis_url=server.url(),
            web_url=f"http://127.0.0.1:{env['HOOKLINE_PORT']}",
            sandboxes=sandboxes,
        )
        self.server = server  #: Redis: kill, terminate, start
        self._supervisor = supervisor
        self._stopped: set[int] = set()

    @property
    def workers(self) -> tuple[str, ...]:
        """The names of the workers that were started."""
        return tuple(name for name in self._supervisor.pids if name.startswith("worker"))

    def pid(self, name: str) -> int | None:
        """The process of ``web``, ``sandbox`` or ``worker-1``...; None while it is away."""
        pid = self._supervisor.pids.get(name)
        return pid if pid is not None and living({pid}) else None

    def kill(self, name: str) -> bool:
        """Kill a program and all of its processes; False where it is away already."""
        pid = self.pid(name)
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        return True

    def kill_web_child(self, choose: Callable[[list[int]], int] = min) -> bool:
        """Kill one of the processes that answer requests; the web process replaces it."""
        pid = self.pid("web")
        children = sorted(descendants(pid)) if pid else []
        if not children:
            return False
        with suppress(ProcessLookupError):
            os.kill(choose(children), signal.SIGKILL)
        return True

    def pause(self, name: str) -> bool:
        """SIGSTOP; the program knows nothing of it."""
        pid = self.pid(name)
        if pid is None:
            return False
        os.killpg(pid, signal.SIGSTOP)
        self._stopped.add(pid)
        return True

    def resume(self, name: str) -> None:
        """SIGCONT."""
        if pid := self.pid(name):
            os.killpg(pid, signal.SIGCONT)
            self._stopped.discard(pid)

    def resume_all(self) -> None:
        """So that what was paused can end in good order."""
        for pid in self._stopped:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGCONT)
        self._stopped.clear()

    def all_up(self) -> bool:
        """Whether every program runs, and the web process answers."""
        return all(map(self.pid, self._supervisor.pids)) and self.web_ready()

    def log_files(self) -> list[Path]:
        """The logs of all programs, and of Redis."""
        return [*super().log_files(), self.server.folder / "redis.log"]

    def set_accounts(self, providers: Sequence[Provider]) -> None:
        """Write the file of accounts anew; programs read it when they start."""
        _write_accounts(self.folder, providers, self.sandboxes)


@contextmanager
def stage(folder: Path, setup: Setup | None = None) -> Iterator[Stage]:
    """Set up in the empty ``folder``, ready for jobs; everything has ended afterwards."""
    setup = setup or Setup()
    with ExitStack() as last:
        port = setup.redis_port or free_port()
        server = setup.redis(folder / "redis", port, _REDIS_PASSWORD, setup.fsync)
        last.callback(server.end)
        server.start()
        names = dict.fromkeys(each.sandbox for each in setup.providers) or ("sandbox",)
        chosen = {each.sandbox: each.port for each in setup.providers}
        ports = {name: chosen.get(name) or setup.provider_port or free_port() for name in names}
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        env = _env(folder, setup, server, urls)
        programs = _programs(folder, setup, env, ports)
        # What is killed comes back soon: the growing pauses are for programs that cannot run.
        supervisor = Supervisor(
            programs, folder / "logs", on_line=lambda *_: None, longest_pause_s=0.5
        )
        last.enter_context(supervisor)
        made = Stage(folder, server, supervisor, env, urls)
        last.callback(made.redis.close)
        last.callback(made.resume_all)
        supervisor.start()
        last.enter_context(_watched(supervisor))
        made.wait_for(lambda: all(map(answers, urls.values())), "the sandbox", START_S)
        made.wait_for(made.web_ready, "the web process", START_S)
        yield made


@contextmanager
def _watched(supervisor: Supervisor) -> Iterator[None]:
    """What dies is started again; a program that refuses its settings ends the scenario."""
    stop, refused = Stop(), list[ProgramRefused]()

    def watch() -> None:
        try:
            supervisor.watch(stop)
        except ProgramRefused as error:
            refused.append(error)

    thread = Thread(target=watch, name="supervisor")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if refused:
        raise refused[0]


def _env(
    folder: Path, setup: Setup, server: RedisServer | RedisGroup, urls: Mapping[str, str]
) -> dict[str, str]:
    web_port = setup.web_port or free_port()
    own = {
        "HOOKLINE_REDIS_URL": server.url(setup.redis_via),
        "HOOKLINE_PUBLIC_URL": f"http://127.0.0.1:{setup.web_via or web_port}",
        "HOOKLINE_PORT": str(web_port),
        "HOOKLINE_STORAGE_URL": f"file://{folder}/output",
        "HOOKLINE_STATE_DIR": str(folder / "state"),
        "HOOKLINE_LOG_FORMAT": "json",
        "HOOKLINE_ALLOWED_HOSTS": "127.0.0.1",
        **rabbitmq_for(folder),
        **SECRETS,
    }
    if setup.providers:
        del own["HOOKLINE_PROVIDER_KEY"]
        own["HOOKLINE_ACCOUNTS"] = _write_accounts(folder, setup.providers, urls)
    else:
        [url] = urls.values()
        via = setup.provider_via
        own |= {
            "HOOKLINE_PROVIDER_URL": f"http://127.0.0.1:{via}" if via else url,
            "HOOKLINE_PROVIDER_DIALECT": "trueai",
            "HOOKLINE_PROVIDER_AUTH": "mj-api-secret",
            "HOOKLINE_MAX_RUNNING": str(MAX_RUNNING),
        }
    return clean_env(**{**own, "PYTHONUNBUFFERED": "1", **setup.settings})


def _write_accounts(folder: Path, providers: Sequence[Provider], urls: Mapping[str, str]) -> str:
    path = folder / "accounts.toml"
    write_accounts(path, providers, urls, SECRETS["HOOKLINE_PROVIDER_KEY"])
    return str(path)


def _programs(
    folder: Path, setup: Setup, env: Mapping[str, str], ports: Mapping[str, int]
) -> list[Program]:
    habits = {provider.sandbox: provider.habits for provider in setup.providers}
    named: dict[str, tuple[str, ...]] = {
        name: (
            setup.provider_program, "sandbox", "--supervised", "--port", str(port),
            "--key", SECRETS["HOOKLINE_PROVIDER_KEY"],
            "--ledger-path", str(ledger_path(folder, name)),
            *setup.sandbox, *habits.get(name, ()),
        )
        for name, port in ports.items()
    }  # fmt: skip
    named["web"] = setup.web
    named |= {f"worker-{n}": setup.worker for n in range(1, setup.workers + 1)}
    return [Program(name, ("-m", *args), env, folder) for name, args in named.items()]
