"""Shared by the commands per kind and `press`: options, submitting, following."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from worker.domain.job import Job
from worker.domain.wording import counted
from worker.entrypoints import client, connection
from worker.entrypoints.cli import render
from worker.entrypoints.cli.base import (
    WrongUsage,
    leave,
    note,
    print_json,
    say,
    show_answer,
    timeout_option,
)
from worker.entrypoints.exit_codes import DONE, NOT_OVER
from worker.services.reports import answers

if TYPE_CHECKING:
    from worker.domain.dry_run import Quote


def key_option() -> click.Option:
    """`--key`."""
    text = "Idempotency key: the same key and request give the same job."
    return click.Option(["--key"], metavar="TEXT", help=text)


def dry_run_option() -> click.Option:
    """`--dry-run`."""
    text = "Check the request, print its jobs and their price; submit nothing."
    return click.Option(["--dry-run"], is_flag=True, help=text)


def answer_options() -> list[click.Option]:
    """`--json`, `--wait` and `--timeout`."""
    as_json = "Print the HTTP API's JSON: the job, or with --wait its pipeline."
    return [
        click.Option(["--wait"], is_flag=True, help="Wait until it and its follow-ups are over."),
        timeout_option(),
        click.Option(["--json", "as_json"], is_flag=True, help=as_json),
    ]


def check_timeout(timeout: float | None, *, wait: bool) -> None:
    """Refuse `--timeout` without `--wait`, before anything is submitted."""
    if timeout is not None and not wait:
        raise WrongUsage("--timeout is for --wait: add it.")


def answer(
    jobs: Sequence[Job],
    *,
    wait: bool,
    as_json: bool,
    timeout: float | None = None,
    as_list: bool = False,
    code: int = DONE,
) -> None:
    """Print the new jobs, or follow them to their end and exit with their code.

    ``timeout``: follow them for at most so many seconds together. ``code``: the exit code unless
    theirs is worse.
    """
    if wait and jobs:
        _follow(jobs, timeout, code, as_json=as_json)
    if as_json:
        shown = answers.Items.of(jobs, client.configured())
        print_json(shown if as_list else shown.items[0])
    else:
        _say_new(jobs)
    if code:
        leave(code)


def _say_new(jobs: Sequence[Job]) -> None:
    for job in jobs:
        say(job.id)
    if jobs:
        note(counted(len(jobs), "job") if len(jobs) > 1 else f"{jobs[0].status}; follow it:")
        note(f"  hookline watch {jobs[0].id}")


def _follow(jobs: Sequence[Job], timeout: float | None, code: int, *, as_json: bool) -> NoReturn:
    # Imported on first use: bars are slow to import.
    from worker.entrypoints.cli import progress  # noqa: PLC0415

    until = None if timeout is None else time.monotonic() + timeout
    members = [member for job in jobs for member in progress.follow(job, until)]
    if as_json:
        _print_pipelines(jobs)
    else:
        print_tree(members)
        for text in render.advice(members):
            note(text)
    theirs = progress.exit_code(members)
    if theirs == NOT_OVER:
        note(f"Not over after {timeout:g} s; it continues without you. {progress.again(jobs[0])}")
    leave(theirs or code)


def _print_pipelines(jobs: Sequence[Job]) -> None:
    """The pipeline of the jobs; a list if there are several."""
    accounts, ids = client.configured(), {job.spec.pipeline_id: job for job in jobs}
    found = [answers.Pipeline.of(client.pipeline(job), accounts) for job in ids.values()]
    print_json(found[0] if len(found) == 1 else {"items": found})


def answer_dry(quote: "Quote", *, as_json: bool) -> None:
    """Print what would be submitted, and its price."""
    from worker.entrypoints.cli import quotes  # noqa: PLC0415  # on first use

    shown = quotes.lines(quote)
    show_answer(lambda: answers.Quote.model_validate(quote), shown, as_json=as_json)
    for text in () if as_json else quotes.remarks(quote):
        note(text)


def print_tree(members: Sequence[Job]) -> None:
    """Print the jobs and where their pictures are."""
    for text in render.tree(members, locate):
        say(text)


def locate(path: str) -> str:
    """The location of a stored file."""
    return connection.services().storage.result_location(path)
