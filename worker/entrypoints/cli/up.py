"""`hookline up`: all of Hookline on one machine, until Ctrl-C."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from config.loading import in_folder, load_settings
from config.settings import Settings
from worker.adapters.local.claim import claimed
from worker.adapters.local.private_redis import socket_url
from worker.adapters.sessions import LINK_S, Sessions
from worker.entrypoints.cli.base import Command, facts, note
from worker.entrypoints.cli.foreign import whole_environment
from worker.entrypoints.cli.options import apply, named_as_given, setting_options
from worker.entrypoints.cli.planning import START, Plan, check_servers, plan
from worker.entrypoints.staying import Staying, become

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
        claimed(load_settings().state_dir) as lock,
        plan(os.environ, _DOTENV) as planned,
    ):
        check_servers(planned.settings)
        if planned.port_taken:
            note(f"Port {planned.port_taken} is taken; this uses {planned.settings.port}.")
        env = {**whole_environment(), "HOOKLINE_LOG_FORMAT": "json"}
        link = sign_in_link(planned)
        staying = Staying(
            planned.stack(env, Path.cwd()),
            told=in_folder(Path.cwd(), {**_of_environment(), **named, **planned.made_up}),
            places="\n".join(places(planned, link)),
            page=link if opens or (opens is None and _on_desktop()) else None,
            raw=planned.settings.log_format == "json",
        )
        become(staying, START, lock)


def _of_environment() -> dict[str, str]:
    """The environment of `up`, so that other commands in this directory agree with it."""
    return {name: value for name, value in os.environ.items() if name.startswith("HOOKLINE_")}


def places(planned: Plan, link: str) -> Iterator[str]:
    """The addresses of everything that runs, and what to do now."""
    settings = planned.settings
    kind = "  (the built-in sandbox: nothing is paid)" if planned.sandbox_url else ""
    several = len(settings.accounts) > 1
    callbacks = settings.public_url or "none: jobs are polled (set HOOKLINE_PUBLIC_URL)"
    yield from facts(
        (
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
    )
    if planned.sandbox_url:
        yield (
            "For a real provider set HOOKLINE_PROVIDER_URL and HOOKLINE_PROVIDER_KEY, or "
            "HOOKLINE_ACCOUNTS."
        )
    yield 'Ready. In another terminal: hookline imagine "a red fox" --then U1 --wait'
    yield f"Pages, signed in (once, within {LINK_S // 60} minutes): {link}"


def sign_in_link(planned: Plan) -> str:
    """The address that signs in to the pages, once."""
    settings = planned.settings
    secrets = [secret.get_secret_value() for secret in settings.secrets]
    link = Sessions(secrets, settings.api_token.get_secret_value()).link()
    return f"{planned.web_url}/sign-in/{link}"


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
    if settings.broker_url or settings.redis_url:
        name = "HOOKLINE_BROKER_URL" if settings.broker_url else "HOOKLINE_REDIS_URL"
        return f"as set in {name}  (for your apps: hookline env)"
    private = socket_url(settings.state_dir)
    return settings.broker(private).url if private else "for your apps: hookline env"


COMMANDS: tuple[click.Command, ...] = (up,)
