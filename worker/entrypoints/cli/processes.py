"""The commands that run one of our processes: `web` and `worker`."""

import signal
import socket
import sys
from pathlib import Path
from typing import Any

import click

from config.logs import configure_logging
from config.settings import Settings
from worker.adapters.local.running import settings_here
from worker.adapters.local.supervisor import end_with_parent
from worker.adapters.messaging.names import QUEUES
from worker.entrypoints.cli.base import Command, WrongUsage, leave
from worker.entrypoints.cli.foreign import put_back
from worker.entrypoints.cli.options import apply, named_as_given, setting_options
from worker.entrypoints.exit_codes import INTERRUPTED

#: Set by `up` and `demo`: the process ends when its parent dies.
SUPERVISED = click.option("--supervised", is_flag=True, hidden=True)
#: Set by `up` and `demo`: the descriptor of the listening socket.
LISTENER = click.option("--listener", type=int, hidden=True)


def _queues(_ctx: click.Context, _param: click.Parameter, text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in QUEUES]
    if unknown or not names:
        raise WrongUsage(f"--queues must be some of {', '.join(QUEUES)}, not {text!r}.")
    return list(dict.fromkeys(names))


@click.command(cls=Command, examples=("hookline web --port 8080",))
@setting_options("host", "port", "web_processes")
@SUPERVISED
@LISTENER
def web(*, supervised: bool, listener: int | None, **given: Any) -> None:
    """Run the web process: the provider's callbacks and the HTTP API."""
    settings = _begin(given, supervised=supervised)
    from webhooks.server import run_web  # noqa: PLC0415  # the web server is for this command only

    leave_by(run_web(settings, None if listener is None else socket.socket(fileno=listener)))


@click.command(
    cls=Command,
    examples=(
        "hookline worker",
        "hookline worker --max-running 12",
        "hookline worker --queues files",
    ),
)
@setting_options("max_running")
@click.option(
    "--queues",
    default=",".join(QUEUES),
    show_default=True,
    callback=_queues,
    help="What it serves: wake-ups, jobs sent as Celery tasks, files, notifications.",
)
@SUPERVISED
def worker(*, queues: list[str], supervised: bool, **given: Any) -> None:
    """Run a worker process: it submits, polls and stores. Any number may run."""
    settings = _begin(given, supervised=supervised)
    from worker.bootstrap import build  # noqa: PLC0415
    from worker.entrypoints.celery_app import run_worker  # noqa: PLC0415  # Celery is slow to import

    def on_ready() -> None:
        """Give the user's functions that choose buttons what they expect."""
        put_back()
        if settings.choosers and str(Path.cwd()) not in sys.path:
            sys.path.append(str(Path.cwd()))  # after everything of ours

    leave(run_worker(build(settings), queues, on_ready))


def leave_by(number: int) -> None:
    """End with the exit code for the signal that ended the process."""
    leave(INTERRUPTED if number == signal.SIGINT else 0)


def _begin(given: dict[str, Any], *, supervised: bool) -> Settings:
    """Load the settings of this process and set up its logging."""
    if supervised:
        end_with_parent()
    apply(given)
    with named_as_given(given):
        settings = settings_here(keeps=True)
    configure_logging(settings.log_format, settings.log_level, settings.secret_values())
    return settings


COMMANDS: tuple[click.Command, ...] = (web, worker)
