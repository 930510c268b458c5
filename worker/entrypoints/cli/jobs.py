"""Commands on existing jobs: jobs, show, watch, press, cancel, retry, fetch, resolve."""

import time
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from worker.domain import buttons
from worker.domain.errors import Conflict, NotFound
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind
from worker.domain.result import AssetsStatus
from worker.entrypoints import client
from worker.entrypoints.cli import progress, render
from worker.entrypoints.cli.base import (
    DONE,
    JOB_FAILED,
    NOT_OVER,
    WRONG_USAGE,
    Command,
    WrongUsage,
    json_option,
    leave,
    note,
    print_json,
    say,
    show_answer,
    timeout_option,
)
from worker.entrypoints.cli.fields import steps, then_option
from worker.entrypoints.cli.numbers import PlainInt
from worker.entrypoints.cli.submitting import (
    answer,
    answer_dry,
    answer_options,
    check_timeout,
    dry_run_option,
    key_option,
    locate,
    print_tree,
)
from worker.services.reports import answers


@click.command(
    cls=Command,
    examples=(
        "hookline jobs --status failed --limit 10",
        "hookline jobs --metadata order=4711 --roots",
        "hookline jobs --double-payments",
    ),
)
@click.option("--status", type=click.Choice([s.value for s in Status]), help="Only these.")
@click.option("--kind", type=click.Choice([k.value for k in Kind]), help="Only these.")
@click.option("--account", help="Only this account's.")
@click.option("--batch", help="Only this batch's.")
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
def jobs(*, as_json: bool, **query: Any) -> None:
    """List jobs, newest first."""
    page = client.jobs(**query)
    found = answers.Page.of(page, client.configured())
    show_answer(found, map(render.line, page.jobs), as_json=as_json)
    if page.cursor and not as_json:
        note(f"There are more: add --cursor {page.cursor}")


@click.command(
    cls=Command,
    examples=(
        "hookline show ID",
        "hookline show ID --history",
        "hookline show ID --pipeline --json",
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
        found = client.history(job_id)
        show_answer(answers.History.of(job_id, found), render.history(found), as_json=as_json)
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
    for text in render.details(job, locate, waiting, client.configured()):
        say(text)
    if len(members := client.family(job)) > 1:
        click.echo()
        print_tree(members)


@click.command(cls=Command, examples=("hookline watch ID", "hookline watch ID --timeout 60"))
@click.argument("job_id", metavar="ID")
@json_option
def watch(*, job_id: str, timeout: float | None, as_json: bool) -> None:
    """Follow a job and all that grows from it to its end.

    Whatever holds one of them up is said once, with what to type.
    """
    answer([client.get(job_id)], wait=True, timeout=timeout, as_json=as_json)


@click.command(cls=Command, examples=("hookline cancel ID",))
@click.argument("job_id", metavar="ID")
@json_option
def cancel(*, job_id: str, as_json: bool) -> None:
    """Cancel a job, and what waits for it.

    What the provider already runs cannot be stopped; its follow-ups do not start.
    """
    _say(client.cancel(job_id), as_json=as_json)


@click.command(
    cls=Command,
    examples=(
        "hookline resolve ID --outcome accepted --task-id 1736",
        "hookline resolve ID --outcome resubmit",
    ),
)
@click.argument("job_id", metavar="ID")
@click.option(
    "--outcome",
    required=True,
    metavar="resubmit|failed|accepted",
    help="What happened, or what to do.",
)
@click.option("--task-id", metavar="ID", help="The provider's task, if it was accepted.")
@json_option
def resolve(*, job_id: str, outcome: Any, task_id: str | None, as_json: bool) -> None:
    """Resolve a job in doubt.

    Check with the provider first: resubmitting an accepted job pays twice.
    """
    _say(client.resolve(job_id, outcome, task_id=task_id), as_json=as_json)


@click.command(cls=Command, examples=("hookline retry ID --wait",))
@click.argument("job_id", metavar="ID")
def retry(*, job_id: str, wait: bool, timeout: float | None, as_json: bool) -> None:
    """Retry a job that failed, was cancelled or timed out."""
    check_timeout(timeout, wait=wait)
    answer([client.retry(job_id)], wait=wait, timeout=timeout, as_json=as_json)


@click.command(cls=Command, examples=("hookline fetch ID --wait", "hookline fetch ID ID --json"))
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
        found = [job for job_id in dict.fromkeys(job_ids) if (job := _fetched(job_id))]
        refused = len(found) < len(set(job_ids))
    if wait:
        found = _with_files(found, timeout)
    shown = answers.Items.of(found, client.configured())
    if as_json:
        print_json(shown if len(job_ids) > 1 else shown.items[0])
    else:
        print_tree(found) if wait else _say_fetched(found)
    _leave_fetched(found, refused=refused, waited=wait)


def _fetched(job_id: str) -> Job | None:
    try:
        return client.fetch(job_id)
    except (Conflict, NotFound) as error:
        note(f"{job_id}: {error}")
        return None


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


@click.command(
    cls=Command,
    examples=(
        "hookline press ID U1 --wait",
        'hookline press ID "Vary (Region)" --prompt "a red door" --mask mask.png --then U1',
    ),
)
@click.argument("job_id", metavar="ID")
@click.argument("button")
@click.option("--prompt", metavar="TEXT", help="For the window that some buttons open.")
@click.option(
    "--mask", metavar="PATH|URL", help="Likewise: a PNG, white where the picture changes."
)
def press(
    *,
    job_id: str,
    button: str,
    prompt: str | None,
    mask: str | None,
    then: tuple[str, ...],
    key: str | None,
    dry_run: bool,
    wait: bool,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Press a button of a finished job: its name, label or emoji; `U*` for all that match."""
    check_timeout(timeout, wait=wait)
    modal = client.ModalAnswer()
    if prompt is not None:
        modal["prompt"] = prompt
    if mask is not None:
        modal["mask"] = mask
    if dry_run:
        found = client.quote_press(job_id, button, modal=modal or None, then=steps(then), key=key)
        answer_dry(found, as_json=as_json)
        return
    children = client.press(job_id, button, modal=modal or None, then=steps(then), key=key)
    as_list = buttons.is_glob(button)
    answer(children, wait=wait, timeout=timeout, as_json=as_json, as_list=as_list)


press.params += [then_option(), key_option(), dry_run_option(), *answer_options()]
retry.params += answer_options()
watch.params.append(timeout_option())
fetch.params.append(timeout_option())


def _say(job: Job, *, as_json: bool) -> None:
    show_answer(answers.Job.of(job, client.configured()), [render.line(job)], as_json=as_json)


COMMANDS: tuple[click.Command, ...] = (jobs, show, watch, press, cancel, retry, fetch, resolve)
