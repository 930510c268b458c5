"""`hookline up`: all of Hookline on one machine, until Ctrl-C."""

import json
import os
import signal
import sys
import webbrowser
from pathlib import Path
from typing import Any

import click

from config.loading import in_folder, load_settings
from config.settings import Settings
from worker.adapters.local.private_redis import private_redis_url
from worker.adapters.local.running import claimed, tell
from worker.adapters.local.stopping import Stop
from worker.adapters.sessions import LINK_S, Sessions
from worker.entrypoints.cli import stack
from worker.entrypoints.cli.base import INTERRUPTED, Command, facts, leave, note, say
from worker.entrypoints.cli.foreign import whole_environment
from worker.entrypoints.cli.options import apply, named_as_given, setting_options
from worker.entrypoints.cli.tidy import read_event, tidy_line

_DOTENV = Path(".env")


@click.command(
    cls=Command,
    examples=(
        "hookline up",
        "hookline up --no-open",
        "hookline up --port 8080 --max-running 6",
        "HOOKLINE_PROVIDER_KEY=... hookline up --provider-url https://provider.example",
    ),
)
@setting_options(
    "host",
    "port",
    "provider_url",
    "provider_dialect",
    "public_url",
    "max_running",
    "storage_url",
    "log_level",
)
@click.option(
    "--open/--no-open", "opens", default=None, help="Open the pages in a browser, signed in. "
    "[default: on a desktop]",
)  # fmt: skip
def up(*, opens: bool | None, **given: Any) -> None:
    """Run everything on this machine, until Ctrl-C.

    Starts a private Redis where none is set, the sandbox where no provider is set, the web process
    and a worker. Other commands find what runs here, in this folder and below it.
    """
    named = apply(given)
    with (
        named_as_given(given),
        claimed(load_settings().state_dir),
        stack.plan(os.environ, _DOTENV) as planned,
    ):
        settings, env = planned.settings, {**whole_environment(), "HOOKLINE_LOG_FORMAT": "json"}
        stop, came = Stop(), list[int]()
        _on_signals(stop, came)
        on_line = _print_raw if settings.log_format == "json" else print_tidy
        with stack.running(planned, env, Path.cwd(), on_line) as supervisor:
            stack.wait_until_ready(planned, supervisor, stop)
            told = {**_of_environment(), **named, **planned.made_up}
            tell(settings.state_dir, in_folder(Path.cwd(), told))
            if not stop.is_set():
                print_places(planned)
                show_pages(planned, opens=opens)
            supervisor.watch(stop)
            note("stopping ...")
    if came[:1] == [signal.SIGINT]:
        leave(INTERRUPTED)


def _of_environment() -> dict[str, str]:
    """The environment of `up`, so that other commands in this directory agree with it."""
    return {name: value for name, value in os.environ.items() if name.startswith("HOOKLINE_")}


def _on_signals(stop: Stop, came: list[int]) -> None:
    """Stop at the first Ctrl-C or SIGTERM, and note it; a second Ctrl-C ends everything at once."""

    def on_signal(number: int, _frame: Any) -> None:
        came.append(number)
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)


def print_places(planned: stack.Plan) -> None:
    """Print the addresses of everything that runs."""
    settings = planned.settings
    if planned.port_taken:
        note(f"Port {planned.port_taken} is taken; this uses {settings.port}.")
    kind = "  (the built-in sandbox: nothing is paid)" if planned.sandbox_url else ""
    several = len(settings.accounts) > 1
    callbacks = settings.public_url or "none: jobs are polled (set HOOKLINE_PUBLIC_URL)"
    places = (
        ("web", planned.web_url),
        ("API token", _token_place(settings)),
        *(
            ("provider", f"{a.name}  {a.url}" if several else f"{a.url}{kind}")
            for a in settings.accounts
        ),
        ("broker", _broker_place(settings)),
        ("callbacks", callbacks),
        ("pictures", settings.storage_url.removeprefix("file://")),
        ("logs", str(settings.state_dir / "logs")),
    )
    say("\n".join(facts(places)))
    if planned.sandbox_url:
        say(
            "For a real provider set HOOKLINE_PROVIDER_URL and HOOKLINE_PROVIDER_KEY, or "
            "HOOKLINE_ACCOUNTS."
        )
    say('Ready. In another terminal: hookline imagine "a red fox" --then U1 --wait')


def show_pages(planned: stack.Plan, *, opens: bool | None) -> None:
    """Print a link that signs in to the pages; on a desktop, open it there."""
    settings = planned.settings
    secrets = [secret.get_secret_value() for secret in settings.secrets]
    link = Sessions(secrets, settings.api_token.get_secret_value()).link()
    url = f"{planned.web_url}/sign-in/{link}"
    if opens or (opens is None and _on_desktop()):
        webbrowser.open(url)
    say(f"Pages, signed in (once, within {LINK_S // 60} minutes): {url}")


def _on_desktop() -> bool:
    """Whether a person sits here in front of a browser with windows."""
    windows = (
        sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return bool(windows) and sys.stdout.isatty() and "SSH_CONNECTION" not in os.environ


def _token_place(settings: Settings) -> str:
    kept = settings.state_dir / "api-token"
    return str(kept) if kept.exists() else "as set in HOOKLINE_API_TOKEN"


def _broker_place(settings: Settings) -> str:
    """What apps of Celery are given; `hookline env` prints a broker's password, this does not."""
    private = private_redis_url(settings.state_dir) if settings.redis_url is None else None
    if settings.broker_url or private is None:
        name = "HOOKLINE_BROKER_URL" if settings.broker_url else "HOOKLINE_REDIS_URL"
        return f"as set in {name}  (for your apps: hookline env)"
    broker = settings.broker(private).url
    return "for your apps: hookline env" if "@" in broker else broker


def _print_raw(name: str, line: str) -> None:
    note(line if read_event(line) else json.dumps({"event": line, "program": name}))


def print_tidy(name: str, line: str) -> None:
    """Print a line per change of a job, and warnings and errors."""
    _, text = tidy_line(name, line)
    if text:
        note(text)


COMMANDS: tuple[click.Command, ...] = (up,)
