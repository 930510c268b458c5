"""`hookline fetch`: has the files of succeeded jobs stored again."""

import time
from collections.abc import Sequence
from typing import NoReturn

import click

from worker.domain.job import Job
from worker.domain.result import AssetsStatus
from worker.entrypoints import client
from worker.entrypoints.cli import progress
from worker.entrypoints.cli.base import (
    Command,
    each,
    json_option,
    leave,
    note,
    print_json,
    say,
    timeout_option,
)
from worker.entrypoints.cli.submitting import check_timeout, print_tree
from worker.entrypoints.exit_codes import DONE, JOB_FAILED, NOT_OVER, WRONG_USAGE
from worker.services.reports import answers


@click.command(
    cls=Command, examples=("hookline fetch last --wait", "hookline fetch 3fa2 91c0 --json")
)
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--wait", is_flag=True, help="Wait until the files are stored, or given up.")
@json_option
def fetch(*, job_ids: tuple[str, ...], wait: bool, timeout: float | None, as_json: bool) -> None:
    """Store the files of succeeded jobs again, with the provider's present links.

    For files that could not be stored, that were deleted, or that a new HOOKLINE_STORAGE_URL should
    have. It costs nothing. Of several jobs, one that has no files does not stop the others.
    """
    check_timeout(timeout, wait=wait)
    if len(job_ids) == 1:
        found, refused = [client.fetch(job_ids[0])], False
    else:
        jobs = each(client.fetch, job_ids)
        found, refused = [job for job in jobs if job], not all(jobs)
    if wait:
        found = _with_files(found, timeout)
    if as_json:
        shown = answers.Items.of(found, client.configured())
        print_json(shown if len(job_ids) > 1 else shown.items[0])
    else:
        print_tree(found) if wait else _say_fetched(found)
    _leave_fetched(found, refused=refused, waited=wait)


def _with_files(jobs: Sequence[Job], timeout: float | None) -> list[Job]:
    until = None if timeout is None else time.monotonic() + timeout
    alone = ((job, client.follow(job, alone=True)) for job in jobs)
    return [member for job, looks in alone for member in progress.follow(job, until, looks)]


def _say_fetched(jobs: Sequence[Job]) -> None:
    for job in jobs:
        say(job.id)
    if jobs:
        note(f"Their files are being stored; see: hookline show {jobs[0].id}")


def _leave_fetched(jobs: Sequence[Job], *, refused: bool, waited: bool) -> NoReturn:
    states = {job.result.assets_status for job in jobs} if waited else set[AssetsStatus]()
    if refused:
        leave(WRONG_USAGE)
    if AssetsStatus.PENDING in states:
        leave(NOT_OVER)
    leave(JOB_FAILED if AssetsStatus.FAILED in states else DONE)


fetch.params.append(timeout_option())

COMMANDS: tuple[click.Command, ...] = (fetch,)
