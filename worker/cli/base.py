"""What all commands share: exit codes, errors in a line or two, and how answers are printed."""

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NoReturn

import click

from worker.errors import HooklineError, InvalidRequest, ServiceUnavailable

DONE, JOB_FAILED, WRONG_USAGE, UNREACHABLE = range(4)


class Failure(click.ClickException):
    """Ends the command with a message on stderr and an exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    @classmethod
    def of(cls, error: HooklineError) -> "Failure":
        """An error of ours in words for a person."""
        match error:
            case ServiceUnavailable():
                return cls(str(error), UNREACHABLE)
            case InvalidRequest():
                lines = [f"  {e.field}: {e.message}" for e in error.errors]
                return cls("\n".join(["The request is wrong:", *lines]), WRONG_USAGE)
            case _:
                return cls(str(error), WRONG_USAGE)


class Commands(click.Group):
    """Imports a command when it is asked for, and turns our errors into messages.

    ``places``: the names of the commands by the module of this package that has them.
    """

    def __init__(self, *args: Any, places: Mapping[str, tuple[str, ...]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = {name: place for place, names in places.items() for name in names}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None."""
        place = self._places.get(cmd_name)
        if place is None:
            return None
        module = import_module(f"worker.cli.{place}")
        return next(command for command in module.COMMANDS if command.name == cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except HooklineError as error:
            raise Failure.of(error) from error


class Command(click.Command):
    """A command whose help ends with ``examples`` as they were written."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")


def print_json(value: Any) -> None:
    """What the HTTP call would answer, on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def note(text: str) -> None:
    """Something for the person at the terminal, beside the answer."""
    click.echo(text, err=True)


def leave(ctx: click.Context, code: int) -> NoReturn:
    """End the command."""
    ctx.exit(code)
