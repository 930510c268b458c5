"""Settings as options of a command: what is given there wins over the environment."""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from config.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

#: The settings that may be options, by their field's name; secrets may not.
_HELP = {
    "host": ("ADDRESS", "Where the web process listens."),
    "port": ("NUMBER", "The port it listens on."),
    "public_url": ("URL", "Where the provider reaches this machine."),
    "provider_url": ("URL", "The provider, before /mj; without one, the sandbox."),
    "provider_dialect": ("NAME", "The provider's, or the sandbox's, manner of speaking."),
    "max_running": ("1-100", "Jobs running at once."),
    "storage_url": ("URL", "Where the pictures go, e.g. file://./output."),
    "log_level": ("LEVEL", "debug, info, warning or error."),
}


def setting_options(*names: str) -> Callable[[F], F]:
    """A decorator that adds an option for each of the settings."""

    def add(function: F) -> F:
        for name in reversed(names):
            metavar, text = _HELP[name]
            flag, env = "--" + name.replace("_", "-"), Settings.model_fields[name].alias
            text = f"{text} [{env}]"
            function = click.option(flag, name, metavar=metavar, help=text)(function)
        return function

    return add


def apply(given: Mapping[str, str | None]) -> dict[str, str]:
    """Let the given options count as the environment, for what this process starts as well.

    Those that were given, by their setting's name.
    """
    named = {
        str(Settings.model_fields[name].alias): value
        for name, value in given.items()
        if value is not None
    }
    os.environ.update(named)
    return named
