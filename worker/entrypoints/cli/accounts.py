"""`hookline accounts`: the state of each account; `pause` and `resume` of accounts and kinds."""

from collections.abc import Callable, Iterator, Sequence

import click
from rich.markup import escape

from worker.domain.account.callback_stats import TrackingMode
from worker.domain.job_spec import SUBMITTED_KINDS
from worker.domain.money import in_words
from worker.entrypoints import client
from worker.entrypoints.cli.base import Command, WrongUsage, json_option, note, print_json, say
from worker.entrypoints.cli.tables import print_rows
from worker.services.pause import Pausable
from worker.services.reports.answers.accounts import Account, Accounts, Taking

_COLOURS = {
    Taking.OPEN: "green",
    Taking.PAUSED: "yellow",
    Taking.CLOSED: "red",
    Taking.BLIND: "red",
    Taking.RESTING: "magenta",
    TrackingMode.CALLBACKS: "green",
    TrackingMode.MIXED: "yellow",
    TrackingMode.POLLING: "yellow",
}
_NUMBERS = ("running", "films", "ready", "errors", "spent", "reserved", "budget", "balance")


@click.command(cls=Command, examples=("hookline accounts", "hookline accounts --json"))
@json_option
def accounts(*, as_json: bool) -> None:
    """Show each account: its jobs, its money, and how results arrive.

    State: `open`; `paused` by a person; `closed`: its key, right or credit was refused; `resting`:
    its submits fail; both are tried again by themselves, with one job. `blind`: it refuses
    to be asked about its tasks. Ready: jobs that wait for a slot. Errors: the share of submissions
    that failed. Delivery: `callbacks` arrive for every end; `mixed`: some ends have to be polled,
    or nothing is known yet; `polling`: all have to be polled.
    """
    found = client.overview()
    if as_json:
        print_json(found)
        return
    print_rows(_rows(found.items), _NUMBERS)
    for text in _shared(found):
        say(f"  {text}")
    for text in receiving(found):
        note(text)
    for account in found.items:
        for text in (*problems(account), *_remarks(account)):
            note(text)
    for problem in client.worker_problems():
        note(f"{problem}.")


def _rows(accounts: Sequence[Account]) -> list[dict[str, str]]:
    """Values by column; films and money only where there are any."""
    rows = [_row(account) for account in accounts]
    films = any(account.slots.video.running or account.ready_films for account in accounts)
    hidden = set[str]() if films else {"films"}
    if not any(map(_costs, accounts)):
        hidden |= {"spent", "reserved", "budget"}
    if not any(account.balance for account in accounts):
        hidden |= {"balance"}
    return [{name: value for name, value in row.items() if name not in hidden} for row in rows]


def _row(account: Account) -> dict[str, str]:
    slots, purse, state = account.slots, account.money, account.state.name
    return {
        "account": escape(account.name),
        "state": f"[{_COLOURS[state]}]{state}[/]",
        "running": f"{slots.image.running} of {_most(account)}",
        "films": f"{slots.video.running} of {slots.video.max}",
        "ready": f"{account.ready:,}",
        "errors": f"{account.error_rate:.0%}",
        "spent": in_words(purse.spent - purse.refunded),
        "reserved": in_words(purse.reserved),
        "budget": "none" if purse.budget is None else in_words(purse.budget),
        "balance": _balance(account),
        "delivery": f"[{_COLOURS[account.delivery.mode]}]{account.delivery.mode}[/]",
    }


def _balance(account: Account) -> str:
    found = account.balance
    if found is None:
        return ""
    words = "no limit" if found.available is None else in_words(found.available)
    return f"[red]{words}[/]" if found.warning else words


def _most(account: Account) -> int:
    """How many jobs it is believed to run at once."""
    most = account.max_running
    return most if account.believed_limit is None else min(most, account.believed_limit)


def _costs(account: Account) -> bool:
    purse, prices = account.money, client.configured()[account.name].prices
    return bool(prices or purse.spent or purse.reserved or purse.budget is not None)


def _shared(found: Accounts) -> Iterator[str]:
    """Facts that belong to no single account."""
    if found.ready_anywhere:
        yield f"Ready for whichever account is free: {found.ready_anywhere:,}"
    for purse in found.budgets:
        if purse.budget is not None:
            what = purse.scope.replace(":", " ", 1)
            words = f"{in_words(purse.used)} of {in_words(purse.budget)}"
            yield f"Budget of {what}: {words} spent or reserved"
    for what in found.paused:
        of, _, name = what.partition(":")
        if of != "account":
            yield f"Paused: {of} {name}; `hookline resume --{of} {name}`"


def used(account: Account) -> str:
    """The account in a line."""
    pool = account.slots.image
    return f"{account.name}  {account.state.name}  {pool.running} of {_most(account)} running"


def _remarks(account: Account) -> Iterator[str]:
    """What the table has no room for."""
    name, most = account.name, account.max_running
    if _most(account) < most:
        yield f"{name} said that it is full: it takes {_most(account)} for a while, not {most}."
    yield f"{name}, {account.delivery.mode}: {account.delivery.why}"
    if account.lacks:
        again = f"tried again a day later, or after `hookline resume --account {name}`"
        yield f"{name} has no {', '.join(account.lacks)}: {again}."


def receiving(found: Accounts) -> Iterator[str]:
    """Whether callbacks arrive, which they do for all accounts or for none."""
    if trouble := next((each.delivery.receiving_trouble for each in found.items), None):
        yield f"Callbacks may not arrive: {trouble}; `hookline doctor` says what to do."


def problems(account: Account) -> Iterator[str]:
    """What is wrong with the account, with what to do."""
    name, state = account.name, account.state
    if state.name is not Taking.OPEN:
        yield f"{name} is {state.name}: {state.why}. {state.hint}"
    if account.balance and account.balance.warning:
        yield f"{name}, balance: {account.balance.warning}. Top it up at the gateway."
    if account.ledger and account.ledger.trouble:
        yield f"{name}, the gateway's own ledger is not read: {account.ledger.trouble}"
    if account.in_doubt:
        yield f"{account.in_doubt} in doubt: hookline jobs --status in_doubt --account {name}"
    if account.double_payments:
        twice = f"hookline jobs --double-payments --account {name}"
        yield f"{account.double_payments} paid twice: {twice}"


def _switch(name: str, text: str, do: Callable[[Pausable, str], Sequence[str]]) -> click.Command:
    """`pause` or `resume`."""

    def run(**given: str | None) -> None:
        named: tuple[tuple[Pausable, str | None], ...] = (
            ("account", given["name"]),
            ("account", given["account"]),
            ("kind", given["kind"]),
        )
        chosen = [(of, value) for of, value in named if value is not None]
        if not chosen:
            raise WrongUsage("Say what: the name of an account, or --kind KIND.")
        paused = [do(each, value) for each, value in chosen][-1]
        words = ", ".join(what.replace(":", " ", 1) for what in paused)
        say(f"Paused now: {words or 'nothing'}")

    kinds = click.Choice([kind.value for kind in SUBMITTED_KINDS])
    options: list[click.Parameter] = [
        click.Argument(["name"], metavar="[ACCOUNT]", required=False),
        click.Option(["--account"], metavar="NAME", help="An account, like the argument."),
        click.Option(["--kind"], type=kinds, help="A kind of job, on all accounts."),
    ]
    examples = (f"hookline {name} main", f"hookline {name} --kind video")
    return Command(name, help=text, params=options, callback=run, examples=examples)


pause = _switch(
    "pause",
    "Start no more jobs of an account or a kind; running ones continue.",
    client.pause,
)
resume = _switch(
    "resume",
    "Start jobs of an account or a kind again.\n\nAn account that is closed (its key, right or "
    "credit was refused) or resting is tried at once, and so are the jobs that it refused.",
    client.resume,
)

COMMANDS: tuple[click.Command, ...] = (accounts, pause, resume)
