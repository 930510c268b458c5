"""`hookline export`: finished jobs as lines of JSON, before retention removes them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO

import click

from worker.domain.job import Job, Status
from worker.domain.printable import escaped
from worker.domain.requests.queries import MAX_PAGE
from worker.domain.wording import counted
from worker.entrypoints import client
from worker.entrypoints.cli.base import Command, note
from worker.services.reports import answers

_ENDS = [status.value for status in Status if status.terminal]
#: A date, or a time of one, in UTC.
_WHEN = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%SZ"])


@click.command(
    cls=Command,
    examples=(
        "hookline export > jobs.jsonl",
        "hookline export --until 2026-11-01 --output october.jsonl",
        "hookline export --status failed | jq .error",
    ),
)
@click.option("--status", type=click.Choice(_ENDS), help="Only jobs with this status.")
@click.option("--since", type=_WHEN, help="Only jobs that ended at this time or later (UTC).")
@click.option("--until", type=_WHEN, help="Only jobs that ended before this time (UTC).")
@click.option(
    "--output",
    type=click.File("w", encoding="utf-8", lazy=False, atomic=True),
    default="-",
    help="A file, written completely or not at all. [default: standard output]",
)
def export(
    *,
    status: str | None,
    since: datetime | None,
    until: datetime | None,
    output: IO[str],
) -> None:
    """Write finished jobs as lines of JSON, as in the HTTP API.

    Jobs leave Redis some time after their end (HOOKLINE_RETENTION); their files stay.
    """
    accounts, count = client.configured(), 0
    for name in [status] if status else _ENDS:
        for job in _ended(Status(name), _seconds(since), _seconds(until)):
            answer = answers.Job.of(job, accounts).to_dict()
            output.write(escaped(json.dumps(answer, ensure_ascii=False)) + "\n")
            count += 1
    note(counted(count, "job"))


def _ended(status: Status, since: float | None, until: float | None) -> Iterator[Job]:
    cursor = None
    while True:
        page = client.jobs(status=status, limit=MAX_PAGE, cursor=cursor)
        for job in page.jobs:
            ended_at = job.finished_at or job.spec.created_at
            if (since is None or ended_at >= since) and (until is None or ended_at < until):
                yield job
        if (cursor := page.cursor) is None:
            return


def _seconds(moment: datetime | None) -> float | None:
    return moment.replace(tzinfo=UTC).timestamp() if moment else None


COMMANDS: tuple[click.Command, ...] = (export,)
