"""`hookline mcp`: tools for agents, over the Model Context Protocol."""

import re
from collections.abc import Iterable

import click

from config.checks import host_of, is_loopback
from worker.domain.access import Caller, Limits, Scope
from worker.domain.account import Account
from worker.domain.money import amount
from worker.domain.requests.tokens import NAME_PATTERN
from worker.entrypoints import connection
from worker.entrypoints.cli.base import Command, WrongUsage
from worker.entrypoints.cli.numbers import PlainFloatRange


@click.command(
    cls=Command,
    examples=(
        "hookline mcp",
        "hookline mcp --budget 20",
        "hookline mcp --name painter --tenant shop --budget 5",
    ),
)
@click.option(
    "--budget",
    type=PlainFloatRange(min=0),
    metavar="UNITS",
    help="What it may spend in a day (UTC). Without it, it only reads.",
)
@click.option(
    "--name",
    default="agent",
    show_default=True,
    help="Whose budget it is; in the audit trail it is `mcp:NAME`.",
)
@click.option("--tenant", help="See, start and pay only as this tenant.")
def mcp(*, budget: float | None, name: str, tenant: str | None) -> None:
    """Serve tools to an agent over stdin and stdout (Model Context Protocol).

    The agent starts this command itself, in the directory of `hookline up` or with its settings.
    Tools that pay take a maximal price, answer with the price, and are held to the budget, which is
    counted by name and day. Needs the extra `mcp`.
    """
    try:
        from worker.entrypoints.agents.agent import Agent  # noqa: PLC0415  # an extra, and slow
        from worker.entrypoints.agents.server import serve  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "mcp":
            raise
        raise WrongUsage(
            "The package `mcp` is not installed: install Hookline with its extra, such as "
            '`uv tool install "hookline[mcp]"`.'
        ) from error
    services, caller = connection.services(), _caller(name, tenant, budget)
    if budget is not None:
        _check_prices(services.accounts.values())
    serve(Agent(services, caller)).run("stdio")


def _caller(name: str, tenant: str | None, budget: float | None) -> Caller:
    if not re.fullmatch(NAME_PATTERN, name):
        raise WrongUsage("--name must have 1 to 64 letters, digits, dots, dashes and underscores.")
    limits = Limits(budget_per_day=None if budget is None else amount(budget))
    # A token's name has no colon, so this is no token's budget.
    return Caller(f"mcp:{name}", frozenset({Scope.READ, Scope.SUBMIT}), tenant, limits)


def _check_prices(accounts: Iterable[Account]) -> None:
    """A budget bounds only what has a price; the sandbox costs nothing."""
    free = [
        each.name for each in accounts if not each.prices and not is_loopback(host_of(each.url))
    ]
    if free:
        raise WrongUsage(
            f"No prices are set for {', '.join(free)}, so --budget would bound nothing there: set "
            "`prices` in the accounts' file (docs/accounts.md), or leave out --budget to only read."
        )


COMMANDS: tuple[click.Command, ...] = (mcp,)
