"""Shared by the commands per kind and `press`: options, submitting, following."""

from collections.abc import Sequence
from typing import Any

import click

from worker.domain.dry_run import Quote
from worker.domain.errors import InvalidRequest
from worker.domain.job import Job
from worker.domain.requests import parse_then_shorthand
from worker.entrypoints import client, connection
from worker.entrypoints.cli import progress, quotes, render
from worker.entrypoints.cli.base import leave, note, print_json, show_answer
from worker.services.reports import answers


def then_option() -> click.Option:
    """`--then`, in the shorthand or as JSON, any number of times."""
    text = 'Follow-ups: buttons, "U1,U2", "V2>U1" for U1 under V2, or JSON. Repeatable.'
    return click.Option(["--then"], multiple=True, metavar="STEPS", help=text)


def key_option() -> click.Option:
    """`--key`."""
    text = "The same key and request give the same job again."
    return click.Option(["--key"], metavar="TEXT", help=text)


def seed_option() -> click.Option:
    """`--seed`, parsed before the prompt, whose words are checked against it."""
    text = "Ask for the seed of the picture, and of those that follow."
    return click.Option(["--seed"], is_flag=True, default=None, is_eager=True, help=text)


def dry_run_option() -> click.Option:
    """`--dry-run`."""
    text = "Check it and print the jobs that it becomes and their price; hand nothing in."
    return click.Option(["--dry-run"], is_flag=True, help=text)


def answer_options() -> list[click.Option]:
    """`--json` and `--wait`."""
    as_json = "Print what HTTP would answer: the job; with --wait its pipeline."
    return [
        click.Option(["--wait"], is_flag=True, help="Follow it until all of it is over."),
        click.Option(["--json", "as_json"], is_flag=True, help=as_json),
    ]


def common_options() -> list[click.Option]:
    """The options of every kind of job."""
    return [
        then_option(),
        click.Option(["--account"], help="The account; whichever is free if it is left out."),
        click.Option(["--priority"], type=int, metavar="0-9", help="9 is first. [default: 5]"),
        click.Option(["--tenant"], help="For whom: tenants share the slots fairly."),
        click.Option(["--mode"], metavar="fast|relax|turbo", help="The provider's speed."),
        click.Option(
            ["--deadline", "deadline_s"],
            type=int,
            metavar="SECONDS",
            help="Give up so long after the first submit. [default: 3600]",
        ),
        click.Option(
            ["--retry"],
            callback=_retry,
            metavar="ATTEMPTS[:CODES]",
            help='Submit again when the task fails, so often in all: "3", or "3:failed,timeout" '
            "for these errors only. Each attempt may be paid.",
        ),
        click.Option(
            ["--assets"],
            metavar="off|grid|all",
            help="Store nothing, the main picture only, or every picture and film. [default: all]",
        ),
        click.Option(["--tiles"], is_flag=True, help="Store a grid's four pictures besides."),
        click.Option(
            ["--metadata"], multiple=True, metavar="K=V", help="Kept with the job. Repeatable."
        ),
        click.Option(["--notify"], metavar="URL", help="Tell this address when all is over."),
        click.Option(["--notify-task"], metavar="NAME[@QUEUE]", help="Or send this Celery task."),
        click.Option(
            ["--notify-on"],
            metavar="TOPICS",
            help="Of what, comma separated: job.failed,pipeline.finished, ... [default: the end]",
        ),
        key_option(),
        dry_run_option(),
        *answer_options(),
    ]


def notify(given: dict[str, Any]) -> dict[str, Any] | None:
    """Take the `--notify` options out of ``given``; the field `notify` of the request."""
    url, task, on = (given.pop(name) for name in ("notify", "notify_task", "notify_on"))
    name, _, queue = (task or "").partition("@")
    topics = [topic.strip() for topic in on.split(",")] if on is not None else None
    asked = {"url": url, "celery_task": name or None, "queue": queue or None, "on": topics}
    return {field: value for field, value in asked.items() if value is not None} or None


def steps(then: Sequence[str]) -> list[dict[str, Any]]:
    """All `--then` together."""
    return [step for text in then for step in parse_then_shorthand(text)]


def _retry(_ctx: click.Context, _param: click.Parameter, text: str | None) -> dict[str, Any] | None:
    """Parse `--retry` into the request's field, which checks the codes."""
    if text is None:
        return None
    attempts, colon, codes = text.partition(":")
    if not attempts.strip().isdecimal():
        message = f"must be a number of attempts, as in 3 or 3:failed,timeout, not {text!r}"
        raise InvalidRequest.of("retry", message)
    named = {"on": [code.strip() for code in codes.split(",")]} if colon else {}
    return {"attempts": int(attempts), **named}


def kept(files: str | None, *, tiles: bool) -> dict[str, Any] | str | None:
    """The field `assets` of the request; None: neither option was given."""
    if not tiles:
        return files
    return {"tiles": True} if files is None else {"files": files, "tiles": True}


def metadata(pairs: Sequence[str]) -> dict[str, str]:
    """All `--metadata` together."""
    bare = [pair for pair in pairs if "=" not in pair]
    if bare:
        raise InvalidRequest.of("metadata", f"must be K=V, not {bare[0]!r}")
    return dict(pair.split("=", 1) for pair in pairs)


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
