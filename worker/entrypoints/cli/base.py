"""Shared by all commands: exit codes, error messages, options and output."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, NoReturn

import click

from config.logs import configure_logging
from worker.domain.access import COMMAND_LINE
from worker.domain.errors import HooklineError, InvalidRequest, ServiceUnavailable
from worker.domain.printable import clean, escaped
from worker.entrypoints.cli.foreign import set_aside
from worker.entrypoints.cli.numbers import PlainFloatRange
from worker.entrypoints.connection import acting_as

#: The colours that ``click.style`` makes for us.
_COLOUR = re.compile("(\x1b\\[(?:0|1|3[0-7])m)")
_PLAIN = "\x1b[0m"

DONE, JOB_FAILED, WRONG_USAGE, UNREACHABLE, NOT_OVER = range(5)


class WrongUsage(click.ClickException):
    """The command line is wrong, or the current state does not allow the command."""

    exit_code = WRONG_USAGE

    def format_message(self) -> str:
        """The message; it may quote what was sent or stored."""
        return clean(self.message)


class Unreachable(click.ClickException):
    """A required service does not respond."""

    exit_code = UNREACHABLE

    def format_message(self) -> str:
        """The message; it may quote a server."""
        return clean(self.message)


def in_words(error: HooklineError) -> click.ClickException:
    """The error as a message with its exit code."""
    match error:
        case ServiceUnavailable():
            return Unreachable(str(error))
        case InvalidRequest():
            lines = [f"  {e.field}: {e.message}" for e in error.errors]
            return WrongUsage("\n".join(["The request is wrong:", *lines]))
        case _:
            return WrongUsage(str(error))


class Commands(click.Group):
    """Imports a command on first use, and prints our errors as messages.

    ``places``: command names by the module of this package that defines them.
    """

    def __init__(self, *args: Any, places: Mapping[str, tuple[str, ...]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = {name: place for place, names in places.items() for name in names}

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names, in help order."""
        return list(self._places)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None."""
        place = self._places.get(cmd_name)
        if place is None:
            return None
        module = import_module(f"worker.entrypoints.cli.{place}")
        commands: tuple[click.Command, ...] = module.COMMANDS
        return next(command for command in commands if command.name == cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        # Keeps stdout for the answer. `web` and `worker` configure logging again.
        configure_logging("console", "warning")
        try:
            with acting_as(COMMAND_LINE), set_aside():
                return super().invoke(ctx)
        except HooklineError as error:
            raise in_words(error) from error


class Command(click.Command):
    """A command whose help ends with ``examples``, not rewrapped."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class DefaultGroup(Command, click.Group):
    """A group that passes anything but a command's name to the command ``default``."""

    def __init__(self, *args: Any, default: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert the name of ``default`` if it is left out."""
        known = {*self.commands, *ctx.help_option_names}
        left_out = args[0] not in known if args else not self.no_args_is_help
        return super().parse_args(ctx, [self.default, *args] if left_out else args)


def timeout_option() -> click.Option:
    """`--timeout`, for commands that wait."""
    text = "Wait at most this long; then it goes on without you. Exit code 4: not over."
    seconds = PlainFloatRange(min=0, min_open=True)
    return click.Option(["--timeout"], type=seconds, metavar="SECONDS", help=text)


json_option = click.option("--json", "as_json", is_flag=True, help="Print the HTTP API's JSON.")


def print_json(value: Any) -> None:
    """Print JSON on stdout; ``value`` may be or contain an ``Answer``."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=lambda answer: answer.to_dict())
    click.echo(escaped(text))


def show_answer(answer: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """Print ``answer`` as JSON, or else ``lines``."""
    if as_json:
        print_json(answer)
        return
    for text in lines:
        say(text)


def say(text: str, *, err: bool = False) -> None:
    """Print a line, the only way that text gets to a terminal: it may quote callers' words, which
    are stored as they were given.
    """
    click.echo(for_terminal(text), err=err)


def note(text: str) -> None:
    """Print a remark on stderr."""
    say(text, err=True)


def for_terminal(text: str) -> str:
    """``text`` with our own colours, and nothing else that a terminal obeys."""
    words = _COLOUR.split(text)
    if len(words) == 1:
        return clean(text)
    kept = "".join(part if n % 2 else clean(part) for n, part in enumerate(words))
    return kept if words[-2] == _PLAIN else kept + _PLAIN  # a colour ends with the line


def leave(code: int) -> NoReturn:
    """End the command with this exit code."""
    click.get_current_context().exit(code)


@contextmanager
def exit_on_interrupt(explain: Callable[[], str]) -> Iterator[None]:
    """On Ctrl-C print ``explain()`` and exit with 130."""
    try:
        yield
    except KeyboardInterrupt:
        note(f"\n{explain()}")
        raise click.exceptions.Exit(130) from None


def facts(pairs: Iterable[tuple[str, str | None]]) -> list[str]:
    """A line per fact, or one per line of its text; facts without text are left out."""
    return [
        f"{name if n == 0 else '':<10} {line}"
        for name, text in pairs
        if text
        for n, line in enumerate(text.split("\n"))
    ]


def counted(count: int, what: str) -> str:
    """``1 job``, ``2 jobs``."""
    return f"{count:,} {what}" + ("s" if count != 1 else "")


def moment(seconds: float) -> str:
    """Format a time for people, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
