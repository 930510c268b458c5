"""`hookline accounts`: what each account has to do, and how it calls back."""

from collections.abc import Sequence

import click
from rich import box
from rich.console import Console
from rich.table import Table

from worker import api
from worker.cli.base import Command, note, print_json
from worker.habits import Mode
from worker.overview import Report
from worker.present import accounts_json

_COLUMNS = ("account", "running", "ready", "in doubt", "paid twice", "delivery", "why")
_COLOURS = {Mode.CALLBACKS: "green", Mode.MIXED: "yellow", Mode.POLLING: "yellow"}


@click.command(cls=Command, examples=("hookline accounts", "hookline accounts --json"))
@click.option("--json", "as_json", is_flag=True, help="Print what HTTP would answer.")
def accounts(*, as_json: bool) -> None:
    """Show each account: its jobs, and how the provider tells of them.

    Delivery: `callbacks` come for every end, `mixed`: some ends have to be asked for or nothing is
    known yet, `polling`: all have to be asked for.
    """
    found = api.accounts()
    if as_json:
        print_json(accounts_json(found))
        return
    console = Console(soft_wrap=True)
    console.print(_table(found))
    for report in found:
        if report.in_doubt:
            note(f"In doubt: hookline jobs --status in_doubt --account {report.account.name}")
        if report.double_payments:
            note(f"Paid twice: hookline jobs --double-payments --account {report.account.name}")


def _table(found: Sequence[Report]) -> Table:
    table = Table(*_COLUMNS, box=box.SIMPLE_HEAD)
    for report in found:
        table.add_row(
            report.account.name,
            f"{report.load.running} of {report.account.max_running}",
            str(report.load.ready),
            _marked(report.in_doubt, "magenta"),
            _marked(report.double_payments, "red"),
            f"[{_COLOURS[report.mode]}]{report.mode}[/]",
            report.why,
        )
    return table


def _marked(count: int, colour: str) -> str:
    return f"[{colour}]{count}[/]" if count else "0"


COMMANDS: tuple[click.Command, ...] = (accounts,)
