"""A command for each kind of job, with an option for each field of its model.

Options only collect values: ``worker.domain.requests`` validates them, so that the command line,
HTTP and Celery report the same errors.
"""

from dataclasses import dataclass
from typing import Any

import click

from worker.domain.errors import InvalidRequest
from worker.domain.job_spec import Kind
from worker.domain.requests.kinds import MODELS
from worker.entrypoints import client
from worker.entrypoints.cli.base import Command
from worker.entrypoints.cli.fields import field_options, request_of
from worker.entrypoints.cli.submitting import (
    answer,
    answer_dry,
    answer_options,
    check_timeout,
    dry_run_option,
    key_option,
)


@dataclass(frozen=True, slots=True)
class KindCommand:
    """A kind's command: its arguments and examples, without the generated options."""

    kind: Kind
    arguments: tuple[click.Argument, ...] = ()  #: positional fields
    examples: tuple[str, ...] = ()
    help: str = ""  #: empty: the docstring of the model

    def command(self) -> click.Command:
        """The click command, such as ``swap-face`` for ``swap_face``."""
        model = MODELS[self.kind]
        arguments = {argument.name for argument in self.arguments}
        options = [option for option in field_options(model) if option.name not in arguments]
        return Command(
            self.kind.value.replace("_", "-"),
            help=self.help or model.__doc__,
            params=[*self.arguments, *options, key_option(), dry_run_option(), *answer_options()],
            callback=_submit(self.kind),
            examples=self.examples,
        )


def _words(name: str, *, required: bool = True) -> click.Argument:
    """A text argument that needs no quotes."""
    return click.Argument([name], nargs=-1, required=required, callback=_joined)


def _one(name: str) -> click.Argument:
    return click.Argument([name], metavar=name.upper())


def _several(name: str, metavar: str) -> click.Argument:
    return click.Argument([name], nargs=-1, required=True, metavar=metavar)


def _joined(ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> str | None:
    if ctx.params.get("seed") and any(word.isdecimal() for word in value):
        # Without quotes, Midjourney's `--seed 5` would be parsed as our --seed and the word 5.
        message = "has a number next to --seed: put it in quotes, with Midjourney's own options"
        raise InvalidRequest.of("prompt", message)
    return " ".join(value) or None


KINDS = (
    KindCommand(
        Kind.IMAGINE,
        (_words("prompt"),),
        (
            'hookline imagine "a lighthouse at dusk --ar 3:2" --wait',
            'hookline imagine a red fox --then U1,U2 --then "V2>U1" --wait',
            'hookline imagine a red fox --then "U*" --dry-run',
            "hookline imagine in this style --image ref.png --key order-17",
            "hookline imagine a red fox --wait --timeout 300",
            'hookline imagine "a red fox --seed 5" --seed --wait',
        ),
    ),
    KindCommand(
        Kind.BLEND,
        (_several("images", "IMAGE IMAGE..."),),
        ("hookline blend fox.png sea.jpg --dimensions LANDSCAPE --wait",),
    ),
    KindCommand(
        Kind.DESCRIBE,
        (_one("image"),),
        (
            "hookline describe fox.png --wait",
            """hookline describe fox.png --then '[{"imagine": "{prompts[0]}, watercolor"}]'""",
        ),
    ),
    KindCommand(
        Kind.ACTION,
        examples=(
            'hookline action --job-id JOB --button "Upscale (Subtle)" --wait',
            "hookline action --task-id TASK --custom-id MJ::JOB::upsample::1::4f2c",
        ),
    ),
    KindCommand(
        Kind.MODAL,
        examples=('hookline modal --job-id JOB --prompt "a red door" --mask mask.png --wait',),
    ),
    KindCommand(
        Kind.SHORTEN,
        (_words("prompt"),),
        ("hookline shorten a very long and winding prompt about a fox --wait",),
    ),
    KindCommand(
        Kind.CHANGE,
        examples=("hookline change --job-id JOB --action UPSCALE --index 2 --wait",),
    ),
    KindCommand(
        Kind.EDITS,
        (_words("prompt"),),
        ("hookline edits give it a hat --image fox.png --mask mask.png --wait",),
    ),
    KindCommand(
        Kind.RETEXTURE,
        (_words("prompt"),),
        ("hookline retexture as a woodcut --image fox.png --wait",),
    ),
    KindCommand(
        Kind.VIDEO,
        (_words("prompt", required=False),),
        (
            "hookline video the fox looks up --image fox.png --motion low --wait",
            "hookline video --job-id JOB --index 0 --wait",
        ),
    ),
    KindCommand(
        Kind.SWAP_FACE,
        (_one("source"), _one("target")),
        ("hookline swap-face me.png portrait.png --wait",),
        "The face of SOURCE in TARGET.",
    ),
    KindCommand(
        Kind.UPLOAD,
        (_several("images", "IMAGE..."),),
        ("hookline upload fox.png sea.jpg --wait",),
        "Upload pictures to the provider; prints their URLs.",
    ),
)


def _submit(kind: Kind) -> Any:
    def run(
        *,
        wait: bool,
        timeout: float | None,
        as_json: bool,
        dry_run: bool,
        key: str | None,
        **given: Any,
    ) -> None:
        check_timeout(timeout, wait=wait)
        request = {"kind": kind.value, **request_of(given)}
        if dry_run:
            answer_dry(client.quote(request, key=key), as_json=as_json)
        else:
            jobs = [client.submit(request, key=key)]
            answer(jobs, wait=wait, timeout=timeout, as_json=as_json)

    return run


COMMANDS: tuple[click.Command, ...] = tuple(row.command() for row in KINDS)
