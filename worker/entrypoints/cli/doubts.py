"""`hookline doubts`: jobs of which it is not known whether they were accepted."""

from collections.abc import Iterator
from typing import Any

import click

from worker.domain.requests.base import validate
from worker.domain.requests.queries import DoubtsQuery
from worker.entrypoints import connection
from worker.entrypoints.cli.base import Command, json_option, moment, note, show_answer
from worker.entrypoints.cli.numbers import PlainIntRange
from worker.services.reports.answers import DoubtfulJob
from worker.services.reports.doubts import list_doubts


@click.command(cls=Command, examples=("hookline doubts", "hookline doubts --account main --json"))
@click.option("--account", help="Only this account's.")
@click.option("--limit", type=PlainIntRange(1, 200), default=50, show_default=True)
@click.option("--cursor", help="Continue where the page before ended.")
@json_option
def doubts(*, as_json: bool, **given: Any) -> None:
    """List jobs in doubt, newest first: their submits, and what evidence there is."""
    services, desk = connection.services(), connection.desk()
    page = list_doubts(services.orchestrator, desk.visible, validate(DoubtsQuery, given))
    lines = (line for one in page.items for line in _lines(one))
    show_answer(lambda: page, lines, as_json=as_json)
    if page.next_cursor and not as_json:
        note(f"There are more: add --cursor {page.next_cursor}")


def _lines(one: DoubtfulJob) -> Iterator[str]:
    yield f"{one.id}  {one.job.kind}  {one.job.account}"
    for each in one.submits:
        sent = f"sent {moment(each.posted_at)}Z" if each.posted_at else "not sent"
        task = f", task {each.task_id}" if each.task_id else ""
        yield f"  submit {each.number}: {sent}, {each.outcome or 'in doubt'}{task}"
    for said in one.evidence:
        yield f"  {said.of}: {said.message}"
    for callback in one.callbacks:
        yield f"  hookline inbox bind {callback.id} --job {one.id}"
    for command in one.waiting.commands if one.waiting else ():
        yield f"  {command}"


COMMANDS: tuple[click.Command, ...] = (doubts,)
