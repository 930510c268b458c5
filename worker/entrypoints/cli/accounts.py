"""`hookline accounts`: how each account stands; `pause` and `resume` of accounts and kinds."""

from collections.abc import Iterator, Sequence
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worker.domain.account.callback_stats import TrackingMode
from worker.domain.job import SUBMITTED_KINDS
from worker.domain.money import in_words
from worker.entrypoints import client
from worker.entrypoints.cli.base import Command, WrongUsage, note, print_json
from worker.services.pause import Pausable
from worker.services.reports.overview import Overview, Purse, Report, Taking
from worker.services.reports.present import accounts_json

_STATES = {
    Taking.OPEN: "green",
    Taking.PAUSED: "yellow",
    Taking.CLOSED: "red",
    Taking.RESTING: "magenta",
}
_MODES = {
    TrackingMode.CALLBACKS: "green",
    TrackingMode.MIXED: "yellow",
    TrackingMode.POLLING: "yellow",
}
_WIDE = 200  #: characters

_JSON = click.option("--json", "as_json", is_flag=True, help="Print what HTTP would answer.")


@click.command(cls=Command, examples=("hookline accounts", "hookline accounts --json"))
@_JSON
def accounts(*, as_json: bool) -> None:
    """Show each account: its jobs, its money, and how the provider tells of them.

    State: `open`; `paused` by a person; `closed`: its key, right or credit was refused; `resting`:
    it failed again and again. Ready: jobs that wait for a slot. Errors: the share of submissions
    that failed. Delivery: `callbacks` come for every end, `mixed`: some ends have to be asked for
    or nothing is known yet, `polling`: all have to be asked for.
    """
    found = client.overview()
    if as_json:
        print_json(accounts_json(found))
        return
    console = Console(highlight=False)
    if not console.is_terminal:  # whoever reads a pipe wants nothing cut
        console.width = _WIDE
    console.print(_table(found.reports))
    for text in _shared(found):
        click.echo(f"  {text}")
    for report in found.reports:
        for text in _remarks(report):
            note(text)


def _table(reports: Sequence[Report]) -> Table:
    """Films and money have columns only where there are any."""
    films = any(report.load.films or report.load.ready_films for report in reports)
    costs = any(map(_costs, reports))
    table = Table("account", "state", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    names = ("running", *(_FILMS if films else ()), "ready", "errors", *(_MONEY if costs else ()))
    for name in names:
        table.add_column(name, justify="right")
    table.add_column("delivery")
    for report in reports:
        table.add_row(
            escape(report.account.name),
            f"[{_STATES[report.state.taking]}]{report.state.taking}[/]",
            f"{report.load.images} of {_most(report)}",
            *(_films(report) if films else ()),
            f"{report.load.ready + report.load.ready_films:,}",
            f"{report.breaker.error_rate:.0%}",
            *(_money(report.purse) if costs else ()),
            f"[{_MODES[report.mode]}]{report.mode}[/]",
        )
    return table


_FILMS = ("films",)
_MONEY = ("spent", "reserved", "budget")


def _most(report: Report) -> int:
    """How many jobs it may run at once, as far as we believe."""
    most = report.account.max_running
    return most if report.believed_limit is None else min(most, report.believed_limit)


def _films(report: Report) -> Iterator[str]:
    yield f"{report.load.films} of {report.account.max_running_video}"


def _money(purse: Purse) -> Iterator[str]:
    yield in_words(purse.spent - purse.refunded)
    yield in_words(purse.reserved)
    yield "none" if purse.budget is None else in_words(purse.budget)


def _costs(report: Report) -> bool:
    purse = report.purse
    return bool(report.account.prices or purse.spent or purse.reserved or purse.budget is not None)


def _shared(found: Overview) -> Iterator[str]:
    """What is not of one account."""
    if found.anywhere:
        yield f"Ready for whichever account is free: {found.anywhere:,}"
    for purse in found.budgets:
        if purse.budget is not None:
            what = purse.scope.replace(":", " ", 1)
            words = f"{in_words(purse.used)} of {in_words(purse.budget)}"
            yield f"Budget of {what}: {words} spent or reserved"
    for what in found.paused:
        of, _, name = what.partition(":")
        if of != "account":
            yield f"Paused: {of} {name}; `hookline resume --{of} {name}`"


def _remarks(report: Report) -> Iterator[str]:
    """What a row has no room for."""
    name, state = report.account.name, report.state
    if state.taking is not Taking.OPEN:
        yield f"{name} is {state.taking}: {state.why}. {state.hint}"
    if _most(report) < report.account.max_running:
        most = report.account.max_running
        yield f"{name} said that it is full: it takes {_most(report)} for a while, not {most}."
    yield f"{name}, {report.mode}: {report.why}"
    if report.in_doubt:
        yield f"{report.in_doubt} in doubt: hookline jobs --status in_doubt --account {name}"
    if report.double_payments:
        twice = f"hookline jobs --double-payments --account {name}"
        yield f"{report.double_payments} paid twice: {twice}"


def _what_options(command: click.Command) -> click.Command:
    kinds = click.Choice([kind.value for kind in SUBMITTED_KINDS])
    command.params += [
        click.Option(["--account"], metavar="NAME", help="An account."),
        click.Option(["--kind"], type=kinds, help="A kind of job, on all accounts."),
    ]
    return command


@_what_options
@click.command(
    cls=Command, examples=("hookline pause --account main", "hookline pause --kind video")
)
def pause(**given: Any) -> None:
    """Start no job of an account or a kind; what the provider has goes on."""
    _say([client.pause(of, name) for of, name in _chosen(given)])


@_what_options
@click.command(
    cls=Command, examples=("hookline resume --account main", "hookline resume --kind video")
)
def resume(**given: Any) -> None:
    """Start jobs of an account or a kind again.

    An account that was closed (its key, right or credit was refused) or rests is open then.
    """
    _say([client.resume(of, name) for of, name in _chosen(given)])


def _chosen(given: dict[str, Any]) -> list[tuple[Pausable, str]]:
    of: tuple[Pausable, ...] = ("account", "kind")
    chosen = [(each, given[each]) for each in of if given[each] is not None]
    if not chosen:
        raise WrongUsage(f"Say what: {' or '.join(f'--{each} NAME' for each in of)}.")
    return chosen


def _say(answers: Sequence[tuple[str, ...]]) -> None:
    words = ", ".join(what.replace(":", " ", 1) for what in answers[-1])
    click.echo(f"Paused now: {words or 'nothing'}")


COMMANDS: tuple[click.Command, ...] = (accounts, pause, resume)
