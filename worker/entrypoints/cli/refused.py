"""`hookline refused`: requests that other programs sent as Celery tasks, and that were refused."""

from collections.abc import Iterator
from typing import Any

import click

from worker.domain.refusals import Refusal
from worker.domain.requests.base import validate
from worker.domain.requests.queries import RefusedQuery
from worker.entrypoints import connection
from worker.entrypoints.cli.base import Command, json_option, moment, note, show_answer
from worker.entrypoints.cli.numbers import PlainIntRange
from worker.services.reports import answers
from worker.services.reports.listing import list_refused


@click.command(cls=Command, examples=("hookline refused", "hookline refused --json"))
@click.option("--limit", type=PlainIntRange(1, 200), default=50, show_default=True)
@click.option("--cursor", help="Continue where the page before ended.")
@json_option
def refused(*, as_json: bool, **given: Any) -> None:
    """List requests that were sent as Celery tasks and refused, newest first.

    Nothing of them was done: mend the sender, and send them again. The newest 1,000 are kept.
    """
    page = list_refused(connection.services().store, validate(RefusedQuery, given))
    lines = (line for one in page.refusals for line in _lines(one))
    show_answer(lambda: answers.RefusedPage.model_validate(page), lines, as_json=as_json)
    if page.cursor and not as_json:
        note(f"There are more: add --cursor {page.cursor}")


def _lines(one: Refusal) -> Iterator[str]:
    sender = f"  from {one.origin}" if one.origin else ""
    yield f"{moment(one.created_at)}Z  {one.task or '?'}  {one.message_id or '?'}{sender}"
    yield f"  {one.reason}: {one.message}"


COMMANDS: tuple[click.Command, ...] = (refused,)
