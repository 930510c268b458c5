"""Shared by the commands per kind and `press`: options, submitting, following."""

from collections.abc import Sequence

import click

from worker.domain.dry_run import Quote
from worker.domain.job import Job
from worker.entrypoints import client, connection
from worker.entrypoints.cli import progress, quotes, render
from worker.entrypoints.cli.base import leave, note, print_json, show_answer
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
    """`--json` and `--wait`."""
    as_json = "Print the HTTP API's JSON: the job, or with --wait its pipeline."
    return [
        click.Option(["--wait"], is_flag=True, help="Wait until it and its follow-ups are over."),
        click.Option(["--json", "as_json"], is_flag=True, help=as_json),
    ]


def answer(jobs: Sequence[Job], *, wait: bool, as_json: bool, as_list: bool = False) -> None:
    """Print the new jobs, or follow them to their end and exit with their code."""
    if wait:
        members = [member for job in jobs for member in progress.follow(job)]
        if as_json:
            print_json(answers.Pipeline.of(client.pipeline(jobs[0]), client.configured()))
        else:
            print_tree(members)
        leave(progress.exit_code(members))
    if as_json:
        shown = answers.Items.of(jobs, client.configured())
        print_json(shown if as_list else shown.items[0])
        return
    for job in jobs:
        click.echo(job.id)
    note(f"{len(jobs)} jobs" if len(jobs) > 1 else f"{jobs[0].status}; follow it:")
    note(f"  hookline watch {jobs[0].id}")


def answer_dry(quote: Quote, *, as_json: bool) -> None:
    """Print what would be submitted, and its price."""
    show_answer(answers.Quote.model_validate(quote), quotes.lines(quote), as_json=as_json)
    for text in () if as_json else quotes.remarks(quote):
        note(text)


def print_tree(members: Sequence[Job]) -> None:
    """Print the jobs and where their pictures are."""
    for text in render.tree(members, locate):
        click.echo(text)


def locate(path: str) -> str:
    """The location of a stored file."""
    return connection.services().storage.result_location(path)
