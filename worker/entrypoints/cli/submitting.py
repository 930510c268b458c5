"""Shared by the commands per kind and `press`: options, submitting, following."""

import time
from collections.abc import Sequence
from typing import NoReturn

import click

from worker.domain.dry_run import Quote
from worker.domain.job import Job
from worker.entrypoints import client, connection
from worker.entrypoints.cli import progress, quotes, render
from worker.entrypoints.cli.base import (
    NOT_OVER,
    WrongUsage,
    leave,
    note,
    print_json,
    say,
    show_answer,
    timeout_option,
)
from worker.services.reports import answers


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
) -> None:
    """Print the new jobs, or follow them to their end and exit with their code.

    ``timeout``: follow them for at most so many seconds together.
    """
    if wait:
        _follow(jobs, timeout, as_json=as_json)
    if as_json:
        shown = answers.Items.of(jobs, client.configured())
        print_json(shown if as_list else shown.items[0])
        return
    for job in jobs:
        say(job.id)
    note(f"{len(jobs)} jobs" if len(jobs) > 1 else f"{jobs[0].status}; follow it:")
    note(f"  hookline watch {jobs[0].id}")


def _follow(jobs: Sequence[Job], timeout: float | None, *, as_json: bool) -> NoReturn:
    until = None if timeout is None else time.monotonic() + timeout
    members = [member for job in jobs for member in progress.follow(job, until)]
    if as_json:
        print_json(answers.Pipeline.of(client.pipeline(jobs[0]), client.configured()))
    else:
        print_tree(members)
    code = progress.exit_code(members)
    if code == NOT_OVER:
        note(f"Not over after {timeout:g} s; it continues without you. {progress.again(jobs[0])}")
    leave(code)


def answer_dry(quote: Quote, *, as_json: bool) -> None:
    """Print what would be submitted, and its price."""
    show_answer(answers.Quote.model_validate(quote), quotes.lines(quote), as_json=as_json)
    for text in () if as_json else quotes.remarks(quote):
        note(text)


def print_tree(members: Sequence[Job]) -> None:
    """Print the jobs and where their pictures are."""
    for text in render.tree(members, locate):
        say(text)


def locate(path: str) -> str:
    """The location of a stored file."""
    return connection.services().storage.result_location(path)
