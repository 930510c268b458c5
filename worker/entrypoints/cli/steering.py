"""Commands that change jobs: press, cancel, retry, resolve."""

import sys
from typing import Any

import click

from worker.domain.buttons import is_glob
from worker.domain.job import Job
from worker.entrypoints import client
from worker.entrypoints.cli import render
from worker.entrypoints.cli.base import Command, WrongUsage, each, json_option, leave, show_answer
from worker.entrypoints.cli.fields import steps, then_option
from worker.entrypoints.cli.submitting import (
    answer,
    answer_dry,
    answer_options,
    check_timeout,
    dry_run_option,
    key_option,
)
from worker.entrypoints.exit_codes import DONE, WRONG_USAGE
from worker.entrypoints.terminal import terminal_width
from worker.services.reports import answers


@click.command(cls=Command, examples=("hookline cancel last", "hookline cancel 3fa2 91c0"))
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@json_option
def cancel(*, job_ids: tuple[str, ...], as_json: bool) -> None:
    """Cancel jobs, and what waits for them.

    What the provider already runs cannot be stopped; its follow-ups do not start. Of several jobs,
    one that is over does not stop the others; then the exit code is 2.
    """
    if len(job_ids) == 1:
        _say(client.cancel(job_ids[0]), as_json=as_json)
        return
    jobs = each(client.cancel, job_ids)
    found = [job for job in jobs if job]
    lines = (render.line(job, terminal_width(sys.stdout)) for job in found)
    show_answer(lambda: answers.Items.of(found, client.configured()), lines, as_json=as_json)
    leave(DONE if all(jobs) else WRONG_USAGE)


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


@click.command(cls=Command, examples=("hookline retry last --wait", "hookline retry 3fa2 91c0"))
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
def retry(*, job_ids: tuple[str, ...], wait: bool, timeout: float | None, as_json: bool) -> None:
    """Retry jobs that failed, were cancelled or timed out.

    Of several jobs, one that cannot be retried does not stop the others; then the exit code is 2.
    """
    check_timeout(timeout, wait=wait)
    if len(job_ids) == 1:
        answer([client.retry(job_ids[0])], wait=wait, timeout=timeout, as_json=as_json)
        return
    jobs = each(client.retry, job_ids)
    found, code = [job for job in jobs if job], DONE if all(jobs) else WRONG_USAGE
    answer(found, wait=wait, timeout=timeout, as_json=as_json, as_list=True, code=code)


@click.command(
    cls=Command,
    examples=(
        "hookline press last U1 --wait",
        "hookline press 3fa2 91c0 U1",
        'hookline press 3fa2 "Vary (Region)" --prompt "a red door" --mask mask.png --then U1',
    ),
)
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@click.argument("button")
@click.option("--prompt", metavar="TEXT", help="For the window that some buttons open.")
@click.option(
    "--mask", metavar="PATH|URL", help="Likewise: a PNG, white where the picture changes."
)
def press(
    *,
    job_ids: tuple[str, ...],
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
    """Press a button of a finished job: its name, label or emoji; `U*` for all that match.

    Of several jobs, the button is pressed on each; one that does not have it does not stop the
    others, and the exit code is 2.
    """
    check_timeout(timeout, wait=wait)
    modal = client.ModalAnswer()
    if prompt is not None:
        modal["prompt"] = prompt
    if mask is not None:
        modal["mask"] = mask
    asked: dict[str, Any] = {"modal": modal or None, "then": steps(then), "key": key}
    if len(job_ids) > 1:
        if dry_run or key is not None:
            raise WrongUsage("--dry-run and --key are for one job.")
        pressed = each(lambda each: client.press(each, button, **asked), job_ids)
        children = [child for several in pressed for child in several or ()]
        code = DONE if all(pressed) else WRONG_USAGE
    elif dry_run:
        answer_dry(client.quote_press(job_ids[0], button, **asked), as_json=as_json)
        return
    else:
        children, code = list(client.press(job_ids[0], button, **asked)), DONE
    as_list = is_glob(button) or len(job_ids) > 1
    answer(children, wait=wait, timeout=timeout, as_json=as_json, as_list=as_list, code=code)


press.params += [then_option(), key_option(), dry_run_option(), *answer_options()]
retry.params += answer_options()


def _say(job: Job, *, as_json: bool) -> None:
    line = render.line(job, terminal_width(sys.stdout))
    show_answer(lambda: answers.Job.of(job, client.configured()), [line], as_json=as_json)


COMMANDS: tuple[click.Command, ...] = (press, cancel, retry, resolve)
