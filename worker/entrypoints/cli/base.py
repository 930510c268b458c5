"""What all commands share: exit codes, errors in a line or two, and how answers are printed."""

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NoReturn

import click

from config.logs import configure_logging
from worker.domain.errors import HooklineError, InvalidRequest, ServiceUnavailable

DONE, JOB_FAILED, WRONG_USAGE, UNREACHABLE = range(4)


class WrongUsage(click.ClickException):
    """Something has to be said differently, or makes no sense as things are."""

    exit_code = WRONG_USAGE


class Unreachable(click.ClickException):
    """A service that is needed does not answer."""

    exit_code = UNREACHABLE


def in_words(error: HooklineError) -> click.ClickException:
    """An error of ours as a message for a person and an exit code."""
    match error:
        case ServiceUnavailable():
            return Unreachable(str(error))
        case InvalidRequest():
            lines = [f"  {e.field}: {e.message}" for e in error.errors]
            return WrongUsage("\n".join(["The request is wrong:", *lines]))
        case _:
            return WrongUsage(str(error))


class Commands(click.Group):
    """Imports a command when it is asked for, and turns our errors into messages.

    ``places``: the names of the commands by the module of this package that has them.
    """

    def __init__(self, *args: Any, places: Mapping[str, tuple[str, ...]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = {name: place for place, names in places.items() for name in names}

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(self._places)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None."""
        place = self._places.get(cmd_name)
        if place is None:
            return None
        commands: tuple[click.Command, ...] = import_module(
            f"worker.entrypoints.cli.{place}"
        ).COMMANDS
        return next(command for command in commands if command.name == cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        # Before anything logs: stdout is for the answer alone. `web` and `worker` set up their own.
        configure_logging("console", "warning")
        try:
            return super().invoke(ctx)
        except HooklineError as error:
            raise in_words(error) from error


class Command(click.Command):
    """A command whose help ends with ``examples`` as they were written."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")


def print_json(value: Any) -> None:
    """What the HTTP call would answer, on stdout; ``value`` may be or hold an ``Answer``."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=lambda answer: answer.to_dict())
    click.echo(text)


def note(text: str) -> None:
    """Something for the person at the terminal, beside the answer."""
    click.echo(text, err=True)


def leave(ctx: click.Context, code: int) -> NoReturn:
    """End the command."""
    ctx.exit(code)
