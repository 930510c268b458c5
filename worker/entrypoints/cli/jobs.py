"""Commands that look at jobs: jobs, show, watch."""

import sys
from typing import Any

import click

from worker.domain.job import Status
from worker.domain.job_spec import Kind
from worker.entrypoints import client
from worker.entrypoints.cli import render
from worker.entrypoints.cli.base import (
    Command,
    WrongUsage,
    json_option,
    note,
    print_json,
    say,
    show_answer,
    timeout_option,
)
from worker.entrypoints.cli.numbers import PlainInt
from worker.entrypoints.cli.submitting import answer, locate, print_tree
from worker.entrypoints.terminal import terminal_width
from worker.services.reports import answers


@click.command(
    cls=Command,
    examples=(
        "hookline jobs --status failed --limit 10",
        "hookline jobs --batch cats.csv",
        "hookline jobs --metadata order=4711 --roots",
    ),
)
@click.option("--status", type=click.Choice([s.value for s in Status]), help="Only these.")
@click.option("--kind", type=click.Choice([k.value for k in Kind]), help="Only these.")
@click.option("--account", help="Only this account's.")
@click.option("--batch", metavar="NAME|ID", help="Only this batch's.")
@click.option("--tenant", help="Only this tenant's.")
@click.option("--metadata", metavar="NAME=VALUE", help="Only those with this in their metadata.")
@click.option("--prompt", metavar="TEXT", help="Only those with this text in their prompt.")
@click.option("--roots", is_flag=True, help="Only those that no other job started.")
@click.option("--double-payments", is_flag=True, help="Only jobs that were paid for twice.")
@click.option(
    "--limit", type=PlainInt(), default=50, show_default=True, metavar="1-200", help="How many."
)
@click.option("--cursor", help="Continue where the page before ended.")
@json_option
def jobs(*, as_json: bool, batch: str | None, **query: Any) -> None:
    """List jobs, newest first.

    On a terminal ids are cut to what commands need of them, in a pipe nothing is cut.
    """
    page = client.jobs(**query, batch=client.find_batch(batch).id if batch else None)
    lines = (render.line(job, terminal_width(sys.stdout)) for job in page.jobs)
    show_answer(lambda: answers.Page.of(page, client.configured()), lines, as_json=as_json)
    if page.cursor and not as_json:
        note(f"There are more: add --cursor {page.cursor}")


@click.command(
    cls=Command,
    examples=(
        "hookline show last",
        "hookline show 3fa2 --history",
        "hookline show 3fa2 --pipeline --json",
    ),
)
@click.argument("job_id", metavar="ID")
@click.option("--pipeline", is_flag=True, help="The whole pipeline that it belongs to.")
@click.option(
    "--history", is_flag=True, help="What happened to it; with --json also what the provider said."
)
@json_option
def show(*, job_id: str, pipeline: bool, history: bool, as_json: bool) -> None:
    """Show a job and what grew from it, its whole pipeline, or its history."""
    if pipeline and history:
        raise WrongUsage("Use --pipeline or --history: a history is of one job.")
    if history:
        of = client.get(job_id)
        found = client.history(of)
        lines = render.history(found)
        show_answer(lambda: answers.History.of(of.id, found), lines, as_json=as_json)
        return
    if pipeline:
        whole = client.pipeline(job_id)
        if as_json:
            print_json(answers.Pipeline.of(whole, client.configured()))
            return
        say(f"pipeline {whole.id}  {render.summary(whole)}")
        print_tree(whole.jobs)
        return
    job = client.get(job_id)
    waiting = client.why_waiting(job)
    if as_json:
        print_json(answers.Job.of(job, client.configured(), waiting=waiting))
        return
    batch = client.batch_name(job)
    for text in render.details(job, locate, waiting, client.configured(), batch):
        say(text)
    if len(members := client.family(job)) > 1:
        click.echo()
        print_tree(members)


@click.command(cls=Command, examples=("hookline watch last", "hookline watch 3fa2 --timeout 60"))
@click.argument("job_id", metavar="ID")
@json_option
def watch(*, job_id: str, timeout: float | None, as_json: bool) -> None:
    """Follow a job and all that grows from it to its end.

    Whatever holds one of them up is said once, with what to type.
    """
    answer([client.get(job_id)], wait=True, timeout=timeout, as_json=as_json)


watch.params.append(timeout_option())

COMMANDS: tuple[click.Command, ...] = (jobs, show, watch)
