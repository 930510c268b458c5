"""`hookline batch FILE`: submits the jobs of a file."""

import json
from collections.abc import Iterable
from shlex import quote
from typing import Any

import click

from worker.adapters import batch_files
from worker.domain.batch.progress import BadRows, Progress
from worker.domain.batch.records import Form
from worker.domain.batch.request import BatchRequest, parse_batch
from worker.domain.errors import InvalidRequest
from worker.domain.money import in_words, units
from worker.domain.requests.options import Pictured
from worker.domain.wording import counted
from worker.entrypoints import connection
from worker.entrypoints.cli import batch_view as view
from worker.entrypoints.cli.base import (
    Command,
    WrongUsage,
    exit_on_interrupt,
    json_option,
    leave,
    note,
    print_json,
    say,
    timeout_option,
)
from worker.entrypoints.cli.fields import field_options, request_of
from worker.entrypoints.cli.numbers import PlainFloat
from worker.entrypoints.exit_codes import DONE, JOB_FAILED
from worker.services.reports import answers

#: Bad rows that are printed.
_BAD_SHOWN = 10


@click.command(
    "submit",
    cls=Command,
    examples=(
        "hookline batch prompts.txt --then U1 --watch",
        'hookline batch cats.csv --name spring --prompt "{subject}, {style}" --budget 100',
    ),
)
@click.argument("file", metavar="FILE")
@click.option("--name", help="Name of the batch. [default: the file's name]")
@click.option("--form", metavar="|".join(Form), help="Format of the file. [default: by its suffix]")
@click.option("--kind", help="Kind of rows without one. [default: imagine]")
@click.option("--prompt", metavar="TEMPLATE", help="Prompt, with {columns} of the row.")
@click.option("--defaults", metavar="JSON", help="More fields, for all rows.")
@click.option("--budget", type=PlainFloat(), metavar="UNITS", help="What all of its jobs may cost.")
@click.option("--strict", is_flag=True, help="Submit nothing if any row is bad.")
@click.option("--no-permute", is_flag=True, help="{red, green} in a prompt is text.")
@click.option("--watch", is_flag=True, help="Then follow it to its end.")
@click.option("--dry-run", is_flag=True, help="Check and price the whole file; submit nothing.")
@json_option
def submit(
    *,
    file: str,
    watch: bool,
    timeout: float | None,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Submit the rows of FILE that are not in the batch yet.

    A bad row is reported with its line, and the others go on. Exit code 1: no row was good, or,
    with --strict, one was bad.
    """
    if timeout is not None and not watch:
        raise WrongUsage("--timeout is for --watch: add it.")
    asked = _asked(file, given)
    batches = connection.services().batches
    try:
        taken = _read(batches.check if dry_run else batches.submit, asked, file)
    except BadRows as problem:
        note(f"Nothing was submitted for {counted(problem.count, 'bad row')}:")
        _say_bad(problem.rows, problem.count, None)
        leave(JOB_FAILED)
    if as_json:
        print_json(
            {**answers.Taken.of(asked.name, taken).to_dict(), **(_price(taken) if dry_run else {})}
        )
    else:
        _say(asked, taken, dry_run=dry_run)
    if watch and not dry_run:
        view.follow(batches.find(asked.name), timeout)
    leave(DONE if taken.new or taken.known else JOB_FAILED)


submit.params += [timeout_option(), *field_options(Pictured)]


def _asked(file: str, given: dict[str, Any]) -> BatchRequest:
    name, form = batch_files.name_and_form(file, given.pop("name"), given.pop("form"))
    asked = {
        "name": name,
        "form": form,
        "permute": not given.pop("no_permute"),
        "strict": given.pop("strict"),
        "budget": given.pop("budget"),
    }
    shared = _json_object(given.pop("defaults"))
    named = request_of(given)
    notify = named.pop("notify", None)
    return parse_batch({**asked, "notify": notify, "defaults": {**shared, **named}})


def _json_object(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidRequest.of("defaults", f"must be JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidRequest.of("defaults", "must be a JSON object")
    return found


def _read(read: Any, asked: BatchRequest, file: str) -> Progress:
    """Pass the file to ``read``, and show progress."""
    taken = Progress("")
    with (
        exit_on_interrupt(
            lambda: f"{view.taken_line(taken)}. Submit the file again to continue after them."
        ),
        view.reading(batch_files.size_of(file)) as (source, shown),
    ):
        for taken in read(asked, batch_files.pieces(file, source), allow_paths=True):
            shown(taken)
    return taken


def _say(asked: BatchRequest, taken: Progress, *, dry_run: bool) -> None:
    """Print the outcome: the batch's id on stdout, the rest on stderr."""
    note(f"{asked.name}: {view.taken_line(taken)}")
    _say_bad(taken.bad_rows, taken.bad, None if dry_run else asked.name)
    if dry_run:
        price = f"{in_words(taken.price)} at most" if taken.price else "none of them has a price"
        about = "" if taken.exact else "; what is pressed is known only then: there may be more"
        say(f"{counted(taken.planned, 'job')}, {price}{about}")
        note("Nothing was submitted.")
        return
    say(taken.batch_id)
    note(f"  hookline batch watch {quote(asked.name)}")


def _say_bad(rows: Iterable[Any], count: int, name: str | None) -> None:
    """Print the first bad rows; ``name``: of the batch that has the others."""
    shown = list(rows)[:_BAD_SHOWN]
    for text in view.bad_row_lines(shown):
        note(text)
    if more := count - len(shown):
        note(f"  and {more:,} more" + (f": hookline batch bad {quote(name)}" if name else ""))


def _price(taken: Progress) -> dict[str, Any]:
    return {"jobs": taken.planned, "total": units(taken.price), "exact": taken.exact}
