"""Another program's Celery app with its worker, and Hookline, as processes."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import dedent
from typing import Any

import redis
from celery import Celery

from tests.support.processes import clean_env, command, up, wait_for

#: A shop that knows nothing of Hookline: slow orders, reminders, and pictures that are ready.
_SHOP = dedent(
    """
    import json
    import os
    from pathlib import Path
    from time import sleep

    from celery import Celery

    app = Celery("shop", broker=os.environ["SHOP_BROKER"])
    app.conf.update(json.loads(os.environ["SHOP_CONF"]))
    ran = Path(__file__).with_name("ran")


    def note(name):
        with ran.open("a") as file:
            file.write(name + "\\n")


    @app.task(acks_late=True)
    def order(name, seconds):
        note(name)
        sleep(seconds)


    @app.task
    def remind(name):
        note(name)


    @app.task
    def image_ready(event):
        note(event["type"])
    """
)


class Shop:
    """Another program's Celery app; ``app`` sends to it, and to us.

    ``conf``: Celery's configuration, of both sides.
    """

    def __init__(self, folder: Path, broker: str, **conf: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "shop.py").write_text(_SHOP)
        self.folder = folder
        self.app = Celery("shop", broker=broker, set_as_current=False)
        self.app.conf.update(conf)
        self._env = clean_env(
            SHOP_BROKER=broker, SHOP_CONF=json.dumps(conf), PYTHONPATH=str(folder)
        )

    def send(self, task: str, *args: Any, **options: Any) -> None:
        """Send a task of its own."""
        self.app.send_task(f"shop.{task}", args=args, **options)

    def wish(self, prompt: str = "a red fox", **options: Any) -> None:
        """Send us a job, as documented."""
        kwargs = {"prompt": prompt, **options.pop("fields", {})}
        self.app.send_task("hookline.imagine", kwargs=kwargs, **{"queue": "hookline", **options})

    def ran(self) -> Counter[str]:
        """How often each of its tasks ran."""
        file = self.folder / "ran"
        return Counter(file.read_text().split() if file.exists() else ())

    @contextmanager
    def working(self) -> Iterator[None]:
        """Its worker, until the context ends."""
        celery = [sys.executable, "-m", "celery", "-A", "shop", "worker", "--without-mingle"]
        options = ["--pool=threads", "--concurrency=4", "--loglevel=INFO"]
        with logged_process(
            [*celery, *options], self.folder, self._env, "shop.log", kill=True
        ) as log:
            wait_for(lambda: " ready." in log.read_text(), "the shop's worker", 60)
            yield


class Hookline:
    """Hookline in ``folder``, with jobs in the Redis ``store`` and messages at ``broker``."""

    def __init__(self, folder: Path, store: str, broker: str, **env: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.store = store
        self.env = {
            "HOOKLINE_REDIS_URL": store,
            "HOOKLINE_BROKER_URL": broker,
            "HOOKLINE_LOG_FORMAT": "json",
            **env,
        }

    def run(self, *args: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """A command of Hookline's here."""
        return subprocess.run(
            command(*args), cwd=self.folder, env=clean_env(**self.env, **env),
            capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip

    def findings(self) -> dict[str, dict[str, str]]:
        """What `hookline doctor` finds here, by name."""
        found = self.run("doctor", "--json")
        return {each["name"]: each for each in json.loads(found.stdout)}

    def jobs(self) -> int:
        """How many jobs there are."""
        with redis.Redis.from_url(self.store) as client:
            return int(client.zcard("hookline:jobs"))

    @contextmanager
    def working(self, *args: str) -> Iterator[Path]:
        """Its worker, for a provider that does not answer; yield its log."""
        env = clean_env(HOOKLINE_PROVIDER_URL="http://127.0.0.1:9", **self.env)
        self.env["HOOKLINE_PROVIDER_URL"] = "http://127.0.0.1:9"
        with (
            redis.Redis.from_url(self.store) as client,
            logged_process(command("worker", *args), self.folder, env, "worker.log") as log,
        ):
            wait_for(lambda: client.exists("hookline:workers"), "hookline worker", 60)
            yield log

    @contextmanager
    def up(self, *args: str) -> Iterator[None]:
        """All of it, with the sandbox."""
        with up(self.folder, *args, **self.env), redis.Redis.from_url(self.store) as client:
            wait_for(lambda: client.exists("hookline:workers"), "hookline worker", 60)
            yield


@contextmanager
def logged_process(
    args: list[str], folder: Path, env: dict[str, str], log: str, *, kill: bool = False
) -> Iterator[Path]:
    """A process with its log; it has ended afterwards. ``kill``: without asking."""
    file = folder / log
    with file.open("wb") as out:
        process = subprocess.Popen(
            args, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        yield file
    except BaseException:
        print(file.read_text())
        raise
    finally:
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if not kill:
        assert process.returncode in (0, -signal.SIGTERM), file.read_text()
