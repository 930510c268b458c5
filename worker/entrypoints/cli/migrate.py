"""`hookline migrate`: brings up what older versions stored."""

import click

from worker.entrypoints import connection
from worker.entrypoints.cli.base import Command, print_json, say

#: Jobs that are looked at in one call of Redis, which serves nobody else for a millisecond or two.
_AT_ONCE = 2000


@click.command(cls=Command, examples=("hookline migrate", "hookline migrate --json"))
@click.option("--json", "as_json", is_flag=True, help="Print the number as JSON.")
def migrate(*, as_json: bool) -> None:
    """Bring up what older versions stored, now; workers do the same, bit by bit.

    Run it after an upgrade, when no process of the older version runs any more. It may run again,
    at any time, beside everything else.
    """
    jobs = connection.services().store.jobs
    while jobs.list_stored(_AT_ONCE):
        pass
    mended = _round() + _round()  # workers may have been in the middle of one
    if as_json:
        print_json({"brought_up": mended})
    else:
        say(f"Every record is of this version; {mended:,} were brought up.")


def _round() -> int:
    """Look at all jobs that are left of this round; how many were brought up."""
    jobs, ended, mended = connection.services().store.jobs, False, 0
    while not ended:
        ended, number = jobs.relist(_AT_ONCE)
        mended += number
    return mended


COMMANDS: tuple[click.Command, ...] = (migrate,)
