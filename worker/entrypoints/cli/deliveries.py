"""`hookline deliveries`: notifications sent to callers' programs, and those that failed."""

from typing import Any

import click

from worker.domain.notifications import DeliveryState, Notification
from worker.domain.requests.base import validate
from worker.domain.requests.queries import DeliveriesQuery
from worker.entrypoints import connection
from worker.entrypoints.cli.base import (
    Command,
    DefaultGroup,
    WrongUsage,
    json_option,
    moment,
    note,
    show_answer,
)
from worker.entrypoints.cli.numbers import PlainIntRange
from worker.services.reports import answers
from worker.services.reports.listing import list_deliveries


@click.group(
    cls=DefaultGroup,
    default="list",
    no_args_is_help=False,
    examples=(
        "hookline deliveries --state dead",
        "hookline deliveries show ID",
        "hookline deliveries replay ID",
        "hookline deliveries replay --dead",
    ),
)
def deliveries() -> None:
    """List the notifications for callers' programs; show one, or send it again.

    A delivery is `waiting` (for its first or next try, or for earlier ones of its pipeline),
    `delivered`, or `dead`: it was given up.
    """


@deliveries.command("list", cls=Command, examples=("hookline deliveries --state dead",))
@click.option("--state", type=click.Choice([s.value for s in DeliveryState]), help="Only these.")
@click.option("--limit", type=PlainIntRange(1, 200), default=50, show_default=True)
@click.option("--cursor", help="Continue where the page before ended.")
@json_option
def list_(*, as_json: bool, **given: Any) -> None:
    """List deliveries, newest first."""
    query = validate(DeliveriesQuery, given)
    page = list_deliveries(connection.desk().visible, query)
    lines = map(_line, page.notifications)
    show_answer(lambda: answers.Deliveries.model_validate(page), lines, as_json=as_json)
    if page.cursor and not as_json:
        note(f"There are more: add --cursor {page.cursor}")


@deliveries.command(cls=Command, examples=("hookline deliveries show ID",))
@click.argument("delivery_id", metavar="ID")
@json_option
def show(*, delivery_id: str, as_json: bool) -> None:
    """Show a delivery with its last tries."""
    one = connection.services().deliveries.find(delivery_id)
    lines = [_line(one), *(f"  {moment(each.at)}Z  {each.outcome}" for each in one.tries)]
    if one.due_at is not None:
        lines.append(f"  {moment(one.due_at)}Z  next try, unless earlier ones are still open")
    show_answer(lambda: answers.Delivery.model_validate(one), lines, as_json=as_json)


@deliveries.command(
    cls=Command, examples=("hookline deliveries replay ID", "hookline deliveries replay --dead")
)
@click.argument("delivery_id", metavar="ID", required=False)
@click.option("--dead", is_flag=True, help="All that were given up, the oldest first.")
@json_option
def replay(*, delivery_id: str | None, dead: bool, as_json: bool) -> None:
    """Send it again, even if it was delivered. --dead leaves progress notifications out."""
    if (delivery_id is None) != dead:
        raise WrongUsage("Say which: an ID, or --dead for all that were given up.")
    desk = connection.desk()
    ids = desk.deliveries.dead() if dead else [delivery_id or ""]
    again = [desk.replay(each) for each in ids]
    shown = [answers.Delivery.model_validate(each) for each in again]
    answer = {"items": shown} if dead else shown[0]
    show_answer(lambda: answer, map(_line, again), as_json=as_json)


def _line(one: Notification) -> str:
    shown: dict[str, Any] = answers.Delivery.model_validate(one).target.to_dict()
    queue = f"@{shown['queue']}" if shown["queue"] else ""
    target = shown["url"] or f"{shown['celery_task']}{queue}"
    failed = one.tries and one.state is not DeliveryState.DELIVERED
    last = f"  {one.tries[-1].outcome}" if failed else ""
    return f"{one.id}  {one.state:<9}  {moment(one.created_at)}Z  {target}{last}"


COMMANDS: tuple[click.Command, ...] = (deliveries,)
