"""`hookline batch`: many jobs from one file, and commands on all of them."""

from pathlib import Path

import click
from rich.console import Console

from worker.adapters.store import Batch
from worker.domain.batch import manifest
from worker.domain.printable import counted
from worker.entrypoints import client, connection
from worker.entrypoints.cli import batch_view as view
from worker.entrypoints.cli.base import (
    Command,
    DefaultGroup,
    WrongUsage,
    json_option,
    note,
    print_json,
    say,
    show_answer,
    timeout_option,
)
from worker.entrypoints.cli.batch_submit import submit
from worker.entrypoints.cli.numbers import PlainIntRange
from worker.services.reports import answers

#: Bad rows that the store keeps.
_BAD_KEPT = 1000


class _Batch(DefaultGroup):
    """`FILE ...` is short for `submit FILE ...`."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Both ways to call it."""
        formatter.write_usage(ctx.command_path, "FILE [OPTIONS]")
        formatter.write_usage(ctx.command_path, "COMMAND [NAME]")


@click.group(
    cls=_Batch,
    default="submit",
    examples=(
        'hookline batch cats.csv --prompt "{subject}, {style} --ar {ar}" --then U1,U2 --watch',
        "hookline batch prompts.txt --budget 100 --dry-run",
        "jq -c '.[]' cats.json | hookline batch - --name cats --form ndjson",
        "hookline batch watch cats.csv",
        "hookline batch retry cats.csv --failed",
        "hookline batch manifest cats.csv --csv -o cats-done.csv",
    ),
)
def batch() -> None:
    """Submit the jobs of a file, and follow them all together.

    FILE has a JSON object per line (.jsonl), a CSV table (.csv, .tsv) or a prompt per line (.txt);
    `-` is standard input. A batch is identified by its name, by default the file's: submitting the
    file again adds only its new rows. `hookline batch submit --help` has the options.
    """


batch.add_command(submit)


@batch.command(
    cls=Command,
    examples=("hookline batch watch cats.csv", "hookline batch watch cats.csv --timeout 600"),
)
@click.argument("name")
def watch(*, name: str, timeout: float | None) -> None:
    """Follow a batch to its end. Exit code 1: jobs of it failed. Ctrl-C leaves it running.

    What holds its jobs up is said, with what to type.
    """
    view.follow(_find(name), timeout)


watch.params.append(timeout_option())


@batch.command(cls=Command, examples=("hookline batch show cats.csv --json",))
@click.argument("name")
@json_option
def show(*, name: str, as_json: bool) -> None:
    """Show a batch's progress, errors and cost."""
    _show(name, as_json=as_json)


@batch.command("list", cls=Command, examples=("hookline batch list",))
@click.option("--limit", type=PlainIntRange(1, 200), default=50, show_default=True)
@json_option
def list_(*, limit: int, as_json: bool) -> None:
    """List the newest batches."""
    found = client.list_batches(limit=limit)
    if as_json:
        print_json(answers.Batches(items=tuple(found)))
    else:
        Console(soft_wrap=True, highlight=False).print(view.table(found))


@batch.command(cls=Command, examples=("hookline batch cancel cats.csv",))
@click.argument("name")
@json_option
def cancel(*, name: str, as_json: bool) -> None:
    """Cancel all of its jobs that are not over.

    What the provider already runs cannot be stopped; its follow-ups do not start.
    """
    _count(connection.desk().cancel_batch(_find(name)), "given up", as_json=as_json)


@batch.command(cls=Command, examples=("hookline batch retry cats.csv --failed",))
@click.argument("name")
@click.option("--failed", is_flag=True, help="The jobs that failed or timed out.")
@json_option
def retry(*, name: str, failed: bool, as_json: bool) -> None:
    """Submit jobs again; each may be paid once more."""
    if not failed:
        raise WrongUsage("Say which jobs: --failed, those that failed or timed out.")
    _count(connection.desk().retry_batch(_find(name)), "tried again", as_json=as_json)


@batch.command(cls=Command, examples=("hookline batch pause cats.csv",))
@click.argument("name")
@json_option
def pause(*, name: str, as_json: bool) -> None:
    """Start no more of its jobs; running ones continue."""
    connection.desk().pause_batch(_find(name))
    _show(name, as_json=as_json)


@batch.command(cls=Command, examples=("hookline batch resume cats.csv",))
@click.argument("name")
@json_option
def resume(*, name: str, as_json: bool) -> None:
    """Start its jobs again."""
    connection.desk().resume_batch(_find(name))
    _show(name, as_json=as_json)


@batch.command(
    "manifest", cls=Command, examples=("hookline batch manifest cats.csv -o done.jsonl",)
)
@click.argument("name")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV; else a JSON object per line.")
@click.option("--raw", is_flag=True, help="With --csv, for programs: cells as they are.")
@click.option("-o", "--output", metavar="FILE", help="Write it there; else on standard output.")
def manifest_(*, name: str, as_csv: bool, raw: bool, output: str | None) -> None:
    """Write a line for each of its jobs: row, status, pictures, prompt, cost, error.

    In CSV a cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    services = connection.services()
    form = manifest.Form.CSV if as_csv else manifest.Form.JSONL
    pipelines = services.batches.jobs(_find(name))
    lines = manifest.manifest(pipelines, form, services.storage.result_location, raw=raw)
    if output is None:
        for line in lines:
            click.echo(line, nl=False)
        return
    try:
        with Path(output).open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
    except OSError as error:
        raise WrongUsage(f"{output} cannot be written: {error.strerror}") from None


@batch.command(cls=Command, examples=("hookline batch bad cats.csv",))
@click.argument("name")
def bad(*, name: str) -> None:
    """List the invalid rows of its file, as last submitted."""
    found = _find(name)
    rows = connection.services().store.batches.bad_rows(found.id, _BAD_KEPT)
    for text in view.bad_row_lines(rows):
        say(text.strip())
    if more := found.bad - len(rows):
        note(f"{more:,} more are bad; these are the first.")


def _find(name: str) -> Batch:
    return connection.desk().batches.find(name)


def _count(count: int, done: str, *, as_json: bool) -> None:
    words = [f"{counted(count, 'job')} {done}"]
    show_answer(lambda: answers.Changed(jobs=count), words, as_json=as_json)


def _show(name: str, *, as_json: bool) -> None:
    found = client.get_batch(name)
    if as_json:
        print_json(found)
        return
    say(f"{found.name}  {found.status}  {found.id}")
    for text in view.lines(found, waits=view.waits_for(found)):
        say(text)


COMMANDS: tuple[click.Command, ...] = (batch,)
