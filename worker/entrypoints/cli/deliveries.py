"""`hookline deliveries`: what callers' programs were told, and what could not be told."""

from datetime import UTC, datetime
from typing import Any

import click

from worker.domain.notifications import Notification, State
from worker.entrypoints import connection
from worker.entrypoints.cli.base import Command, WrongUsage, note, print_json
from worker.services.reports.present import deliveries_json, delivery_json

_JSON = click.option("--json", "as_json", is_flag=True, help="Print what HTTP would answer.")


class _Deliveries(Command, click.Group):
    """A group that lists, where nothing else is asked for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options alone are those of `list`."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=_Deliveries,
    examples=(
        "hookline deliveries --state dead",
        "hookline deliveries show ID",
        "hookline deliveries replay ID",
        "hookline deliveries replay --dead",
    ),
)
def deliveries() -> None:
    """List what callers' programs were told, or are to be told; show it, tell it again.

    A delivery is `waiting` (for its first or next try, or for those of its pipeline before it),
    `delivered`, or `dead`: it was given up.
    """


@deliveries.command("list", cls=Command, examples=("hookline deliveries --state dead",))
@click.option("--state", type=click.Choice([s.value for s in State]), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--cursor", help="Go on where a former listing ended.")
@_JSON
def list_(*, state: str | None, limit: int, cursor: str | None, as_json: bool) -> None:
    """List deliveries, newest first."""
    wanted = State(state) if state else None
    page = connection.services().store.outbox.page(wanted, limit, cursor)
    if as_json:
        print_json(deliveries_json(page))
        return
    for one in page.notifications:
        click.echo(_line(one))
    if page.cursor:
        note(f"There are more: add --cursor {page.cursor}")


@deliveries.command(cls=Command, examples=("hookline deliveries show ID",))
@click.argument("delivery_id", metavar="ID")
@_JSON
def show(*, delivery_id: str, as_json: bool) -> None:
    """Show a delivery with its last tries."""
    one = connection.services().deliveries.find(delivery_id)
    if as_json:
        print_json(delivery_json(one))
        return
    click.echo(_line(one))
    for each in one.tries:
        click.echo(f"  {_time(each.at)}  {each.outcome}")
    if one.due_at is not None:
        click.echo(f"  {_time(one.due_at)}  the next try, or when those before it are over")


@deliveries.command(
    cls=Command, examples=("hookline deliveries replay ID", "hookline deliveries replay --dead")
)
@click.argument("delivery_id", metavar="ID", required=False)
@click.option("--dead", is_flag=True, help="All that were given up, the oldest first.")
@_JSON
def replay(*, delivery_id: str | None, dead: bool, as_json: bool) -> None:
    """Tell it once more, whatever became of it. News of progress are left out of --dead."""
    if (delivery_id is None) != dead:
        raise WrongUsage("Say which: an ID, or --dead for all that were given up.")
    found = connection.services().deliveries
    again = [found.replay(each) for each in (found.dead() if dead else [delivery_id or ""])]
    if as_json:
        shown: list[Any] = list(map(delivery_json, again))
        print_json({"items": shown} if dead else shown[0])
        return
    for one in again:
        click.echo(_line(one))


def _line(one: Notification) -> str:
    shown: dict[str, Any] = delivery_json(one)["target"]
    queue = f"@{shown['queue']}" if shown["queue"] else ""
    target = shown["url"] or f"{shown['celery_task']}{queue}"
    last = f"  {one.tries[-1].outcome}" if one.tries and one.state is not State.DELIVERED else ""
    return f"{one.id}  {one.state:<9}  {_time(one.created_at)}  {target}{last}"


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}Z"


COMMANDS: tuple[click.Command, ...] = (deliveries,)
