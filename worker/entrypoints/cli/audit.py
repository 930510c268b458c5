"""`hookline audit`: who cancelled, retried, resolved, replayed, paused and changed what."""

from typing import Any

import click

from worker.domain.audit import Change
from worker.domain.requests.base import validate
from worker.domain.requests.queries import AuditQuery
from worker.entrypoints import connection
from worker.entrypoints.cli.base import Command, json_option, moment, note, show_answer
from worker.entrypoints.cli.numbers import PlainIntRange
from worker.services.reports import answers
from worker.services.reports.listing import list_changes


@click.command(
    cls=Command, examples=("hookline audit --actor shop", "hookline audit --job ID --json")
)
@click.option("--actor", help="Only changes by this one: a token's name, cli, python, celery.")
@click.option("--job", metavar="ID", help="Only changes of this job.")
@click.option("--account", help="Only changes of this account, and of jobs on it.")
@click.option("--limit", type=PlainIntRange(1, 200), default=50, show_default=True)
@click.option("--cursor", help="Continue where the page before ended.")
@json_option
def audit(*, as_json: bool, **given: Any) -> None:
    """List who changed what, newest first.

    All changes that are not merely submissions, from HTTP, Python and the command line. The newest
    10,000 are kept.
    """
    page = list_changes(connection.services().store, validate(AuditQuery, given))
    lines = map(_line, page.changes)
    show_answer(lambda: answers.Audit.model_validate(page), lines, as_json=as_json)
    if page.cursor and not as_json:
        note(f"There are more: add --cursor {page.cursor}")


def _line(one: Change) -> str:
    about = {"job": one.job, "batch": one.batch, "account": one.account, "": one.subject}
    what = "  ".join(f"{name} {value}".strip() for name, value in about.items() if value)
    said = f"  ({one.detail})" if one.detail else ""
    return f"{moment(one.at)}Z  {one.actor}  {one.action}  {what}{said}"


COMMANDS: tuple[click.Command, ...] = (audit,)
