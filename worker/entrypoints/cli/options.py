"""Settings as command line options, which win over the environment."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from config.settings import Settings
from worker.domain.errors import FieldError, SettingsError

F = TypeVar("F", bound=Callable[..., Any])

#: The settings that may be options, by their field's name; secrets may not.
_HELP = {
    "host": ("ADDRESS", "Where the web process listens."),
    "port": ("NUMBER", "The port it listens on; 0: a free one."),
    "web_processes": ("1-64", "Processes that answer at that port."),
    "public_url": ("URL", "Where the provider reaches this machine."),
    "provider_url": ("URL", "The provider, before /mj; without one, the sandbox."),
    "provider_dialect": ("NAME", "The dialect of the provider, or of the sandbox."),
    "max_running": ("1-10000", "Jobs running at once."),
    "storage_url": ("URL", "Where the pictures go, e.g. file://./output."),
    "log_level": ("LEVEL", "debug, info, warning or error."),
}


def setting_options(*names: str) -> Callable[[F], F]:
    """A decorator that adds an option for each setting."""

    def add(function: F) -> F:
        for name in reversed(names):
            metavar, text = _HELP[name]
            text = f"{text} [{Settings.model_fields[name].alias}]"
            function = click.option(_flag(name), name, metavar=metavar, help=text)(function)
        return function

    return add


def apply(given: Mapping[str, str | None]) -> dict[str, str]:
    """Put the given options into the environment, which child processes inherit.

    Returns them by the name of their setting.
    """
    named = {
        str(Settings.model_fields[name].alias): value
        for name, value in given.items()
        if value is not None
    }
    os.environ.update(named)
    return named


@contextmanager
def named_as_given(given: Mapping[str, str | None]) -> Iterator[None]:
    """Add the option's name to the problem of a setting that came from an option."""
    flags = {Settings.model_fields[name].alias: _flag(name) for name in given if given[name]}
    try:
        yield
    except SettingsError as error:
        raise SettingsError(
            FieldError(f"{p.field} ({flags[p.field]})" if p.field in flags else p.field, p.message)
            for p in error.problems
        ) from None


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
