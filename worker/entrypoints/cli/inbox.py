"""`hookline inbox`: what providers called back, and what became of it."""

from collections.abc import Iterator
from typing import Any

import click

from worker.domain.inbox import Callback, CallbackVerdict
from worker.domain.requests.base import validate
from worker.domain.requests.queries import InboxQuery
from worker.domain.requests.requests import Bind
from worker.domain.wording import counted
from worker.entrypoints import connection
from worker.entrypoints.cli.base import (
    Command,
    DefaultGroup,
    json_option,
    moment,
    note,
    show_answer,
)
from worker.entrypoints.cli.numbers import PlainIntRange
from worker.services.reports import answers
from worker.services.reports.answers import KeptCallback, WholeCallback
from worker.services.reports.inbox import whole
from worker.services.reports.listing import list_inbox


@click.group(
    cls=DefaultGroup,
    default="list",
    no_args_is_help=False,
    examples=(
        "hookline inbox --verdict foreign",
        "hookline inbox show ID",
        "hookline inbox bind ID --job JOB",
    ),
)
def inbox() -> None:
    """List what providers called back within a week; bind a stray one to its job.

    A callback is `applied`, `unchanged` (it said nothing new), `stale` (about an earlier attempt,
    or older than what is known), `foreign` (about a task of no job) or `refused`. The newest 2,000
    of each are kept, bodies without tokens.
    """


@inbox.command("list", cls=Command, examples=("hookline inbox --verdict foreign",))
@click.option(
    "--verdict", type=click.Choice([v.value for v in CallbackVerdict]), help="Only these."
)
@click.option("--limit", type=PlainIntRange(1, 200), default=50, show_default=True)
@click.option("--cursor", help="Continue where the page before ended.")
@json_option
def list_(*, as_json: bool, **given: Any) -> None:
    """List callbacks, newest first."""
    page = list_inbox(connection.services().store, validate(InboxQuery, given))
    found = answers.InboxPage.of(page)
    show_answer(lambda: found, map(_line, found.items), as_json=as_json)
    if page.cursor and not as_json:
        note(f"There are more: add --cursor {page.cursor}")


@inbox.command(cls=Command, examples=("hookline inbox show ID",))
@click.argument("callback_id", metavar="ID")
@json_option
def show(*, callback_id: str, as_json: bool) -> None:
    """Show a callback with its body, and the jobs to which it may belong."""
    _show(connection.desk().inbox.find(callback_id), as_json=as_json)


@inbox.command(cls=Command, examples=("hookline inbox bind ID --job JOB",))
@click.argument("callback_id", metavar="ID")
@click.option("--job", "job_id", required=True, metavar="ID", help="The job it belongs to.")
@json_option
def bind(*, callback_id: str, job_id: str, as_json: bool) -> None:
    """Bind a foreign callback to a job, which continues as if the callback had named it."""
    asked = validate(Bind, {"job_id": job_id})
    _show(connection.desk().bind(callback_id, asked.job_id), as_json=as_json)


def _show(callback: Callback, *, as_json: bool) -> None:
    found = whole(connection.services().orchestrator, callback)
    show_answer(lambda: found, _details(found), as_json=as_json)


def _details(one: WholeCallback) -> Iterator[str]:
    yield _line(one)
    if one.body:
        yield f"  {one.body}{' ... (cut)' if one.cut else ''}"
    if one.bindable and not one.bound:
        for each in one.suggestions:
            yield f"  may be of {each.job}: {each.why}"
            yield f"    hookline inbox bind {one.id} --job {each.job}"


def _line(one: KeptCallback) -> str:
    task = f"  task {one.task_id}" if one.task_id else ""
    status = f" {one.status}" if one.status else ""
    whose = f"  job {one.job}" if one.job else f"  account {one.account}"
    times = f"  {counted(one.count, 'time')}" if one.count > 1 else ""
    why = f": {one.why}" if one.why else ""
    bound = f"  bound to {one.bound.job}" if one.bound else ""
    return f"{one.id}  {moment(one.at)}Z  {one.verdict}{why}{whose}{task}{status}{times}{bound}"


COMMANDS: tuple[click.Command, ...] = (inbox,)
