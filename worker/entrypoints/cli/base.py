"""Shared by all commands: error messages, options and output."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple, NoReturn, TypeVar

import click

from config.logger import configure_later
from worker.domain.errors import HooklineError, InvalidRequest, ServiceUnavailable
from worker.domain.printable import clean, escaped
from worker.entrypoints.cli.foreign import set_aside
from worker.entrypoints.cli.numbers import PlainFloatRange
from worker.entrypoints.exit_codes import INTERRUPTED, UNREACHABLE, WRONG_USAGE
from worker.entrypoints.terminal import shown

T = TypeVar("T")


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


class Place(NamedTuple):
    """Where a command is, and what it does in one line."""

    module: str  #: of this package
    help: str


class Commands(click.Group):
    """Imports a command on first use, and prints our errors as messages.

    ``sections``: the commands by the headings of the help.
    """

    def __init__(
        self, *args: Any, sections: Mapping[str, Mapping[str, Place]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._sections = sections
        self._places = {name: at for of in sections.values() for name, at in of.items()}

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names, in help order."""
        return list(self._places)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands below their headings."""
        for heading, places in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name, place.help) for name, place in places.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for a wrong name say which are like it."""
        if args and args[0] not in self._places and not args[0].startswith("-"):
            near = get_close_matches(args[0], self._places, n=3)
            hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None."""
        place = self._places.get(cmd_name)
        if place is None:
            return None
        module = import_module(f"worker.entrypoints.cli.{place.module}")
        commands: tuple[click.Command, ...] = module.COMMANDS
        return next(command for command in commands if command.name == cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        # Keeps stdout for the answer. `web` and `worker` configure logging again.
        configure_later(_print_warnings, "warning")
        from worker.domain.access import COMMAND_LINE  # noqa: PLC0415  # `--help` needs no jobs
        from worker.entrypoints.connection import acting_as  # noqa: PLC0415

        try:
            with acting_as(COMMAND_LINE), set_aside():
                return super().invoke(ctx)
        except HooklineError as error:
            raise in_words(error) from error
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None


def _print_warnings() -> None:
    from config.logs import configure_logging  # noqa: PLC0415  # on first use

    configure_logging("console", "warning")


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


def show_answer(answer: Callable[[], Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Print ``answer()`` as JSON, or else ``lines``. Answers are slow to import."""
    if as_json:
        print_json(answer())
        return
    for text in lines:
        say(text)


def say(text: str, *, err: bool = False) -> None:
    """Print a line, the only way that text gets to a terminal: it may quote callers' words, which
    are stored as they were given.
    """
    click.echo(shown(text, sys.stderr if err else sys.stdout), err=err)


def note(text: str) -> None:
    """Print a remark on stderr."""
    say(text, err=True)


def each(do: Callable[[str], T], job_ids: Iterable[str]) -> list[T | None]:
    """What ``do`` returns for each of several jobs; a refusal is noted, and gives None."""
    done: list[T | None] = []
    for job_id in dict.fromkeys(job_ids):
        try:
            done.append(do(job_id))
        except ServiceUnavailable:
            raise
        except HooklineError as error:
            note(f"{job_id}: {in_words(error).format_message()}")
            done.append(None)
    return done


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
        raise click.exceptions.Exit(INTERRUPTED) from None


def facts(pairs: Iterable[tuple[str, str | None]]) -> list[str]:
    """A line per fact, or one per line of its text; facts without text are left out."""
    return [
        f"{name if n == 0 else '':<10} {line}"
        for name, text in pairs
        if text
        for n, line in enumerate(text.split("\n"))
    ]


def moment(seconds: float) -> str:
    """Format a time for people, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def duration(seconds: float) -> str:
    """Rounded: ``45 s``, ``12 min``, ``3 h 20 min``, ``2 days``."""
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return f"{minutes} min"
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
