"""`hookline status`: one screen that says what runs here, and what to do."""

from collections.abc import Iterator

import click

from worker.adapters.local.running import settings_here, told_by_up
from worker.domain.wording import counted
from worker.entrypoints import client, connection
from worker.entrypoints.cli.accounts import problems, receiving, used
from worker.entrypoints.cli.base import Command, facts, leave, say
from worker.entrypoints.cli.http import answers
from worker.entrypoints.cli.planning import local_url
from worker.entrypoints.exit_codes import UNREACHABLE
from worker.services.reports.answers import Accounts


@click.command(cls=Command, examples=("hookline status",))
def status() -> None:
    """Show on one screen what runs here, the queue, the accounts, what is wrong and what to do.

    Exit code 3: the web process or the workers are missing. `hookline doctor` looks deeper.
    """
    settings = settings_here()
    runs = bool(told_by_up(settings.state_dir))
    found = client.overview()  # says how to start, if nothing runs
    web, workers = answers(f"{local_url(settings)}/readyz"), connection.services().roster.workers()
    wrong = list(_wrong(found, web=web, workers=workers))
    lines = [
        ("up", f"runs here ({settings.state_dir})" if runs else "not here: web and worker alone"),
        ("web", f"{local_url(settings)}{'' if web else '  does not answer'}"),
        ("workers", f"{workers:,}" if workers else "none"),
        ("queue", _queue(found)),
        *(("account" if n == 0 else "", used(each)) for n, each in enumerate(found.items)),
        ("wrong", "\n".join(wrong) or "nothing"),
    ]
    for text in facts(lines):
        say(text)
    if not (web and workers):
        leave(UNREACHABLE)


def _queue(found: Accounts) -> str:
    running = sum(account.running for account in found.items)
    ready = sum(account.ready for account in found.items) + found.ready_anywhere
    ended = counted(sum(found.ended.values()), "job")
    return f"{running:,} running, {ready:,} ready; {ended} over so far"


def _wrong(found: Accounts, *, web: bool, workers: int) -> Iterator[str]:
    """A line for each thing that is wrong, with what to do."""
    if not workers:
        yield "no worker runs, so no job starts: hookline up, or hookline worker"
    if not web:
        yield "the web process does not answer, so no callback arrives: hookline web"
    for each in found.paused:
        of, _, name = each.partition(":")
        if of == "kind":
            yield f"kind {name} is paused: hookline resume --kind {name}"
    yield from receiving(found)
    for account in found.items:
        yield from problems(account)
    for problem in client.worker_problems():
        yield f"{problem}."


COMMANDS: tuple[click.Command, ...] = (status,)
