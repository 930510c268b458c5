"""`hookline sandbox`: a stand-in of the provider. Its many options are no other process's."""

from typing import Any

import click

from worker.adapters.local.supervisor import end_with_parent
from worker.entrypoints.cli.base import Command, Unreachable, WrongUsage
from worker.entrypoints.cli.numbers import PlainInt
from worker.entrypoints.cli.processes import LISTENER, SUPERVISED, leave_by
from worker.sandbox.options import OPTIONS, Option, options_from_text


def _sandbox_option(option: Option) -> click.Option:
    if option.is_switch:
        flags = f"{option.flag}/--no-{option.flag[2:]}" if option.default is None else option.flag
        return click.Option([flags, option.name], is_flag=True, default=None, help=option.help)
    return click.Option([option.flag, option.name], metavar="TEXT", help=_with_default(option))


def _with_default(option: Option) -> str:
    match option.default:
        case None | () | 0:
            return option.help
        case (low, high):
            return f"{option.help} [default: {low:g}-{high:g}]"
        case value:
            return f"{option.help} [default: {value}]"


@click.command(
    cls=Command,
    examples=(
        "hookline sandbox --port 9000 --dialect novicezk --task-seconds 1-3",
        "hookline sandbox --callbacks-lost 0.2 --callbacks-doubled 10% --errors-after 0.05",
    ),
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=PlainInt(), default=9000, show_default=True, help="0: a free one.")
@SUPERVISED
@LISTENER
def sandbox(*, host: str, port: int, supervised: bool, listener: int | None, **given: Any) -> None:
    """Run a stand-in of the provider, with faults on demand.

    Pictures are real files; GET /sandbox/ledger lists every accepted submission.
    """
    if supervised:
        end_with_parent()
    try:
        options = options_from_text(given)
    except ValueError as error:
        raise WrongUsage(str(error)) from error
    from worker.sandbox.server import serve  # noqa: PLC0415  # Flask and Pillow are slow to import

    try:
        number = serve(options, host, port, listener)
    except (OSError, SystemExit) as error:  # werkzeug exits where the port is taken
        raise Unreachable(f"Cannot listen on {host}:{port}: {error}") from error
    leave_by(number)


sandbox.params += map(_sandbox_option, OPTIONS)


COMMANDS: tuple[click.Command, ...] = (sandbox,)
