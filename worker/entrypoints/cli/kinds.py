"""A command per kind of job, built from one table.

The options only collect values; the request is validated where all requests are, so the command
line, HTTP and Celery report the same errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from worker.domain.errors import InvalidRequest
from worker.domain.job import Kind
from worker.entrypoints import client
from worker.entrypoints.cli.base import Command
from worker.entrypoints.cli.submitting import (
    answer,
    answer_dry,
    common_options,
    kept,
    metadata,
    notify,
    seed_option,
    steps,
)


@dataclass(frozen=True, slots=True)
class KindCommand:
    """One row: a command and its parameters, without the common options."""

    kind: Kind
    help: str
    params: Sequence[click.Parameter]
    examples: tuple[str, ...]

    @property
    def name(self) -> str:
        """The command's name: `swap-face` for `swap_face`."""
        return self.kind.value.replace("_", "-")


def _words(name: str, *, required: bool = True) -> click.Argument:
    """Text that needs no quotes."""
    return click.Argument([name], nargs=-1, required=required, callback=_joined)


def _picture(name: str, help: str, *, many: bool = False) -> click.Option:  # noqa: A002
    flag = "--" + (name[:-1] if many else name).replace("_", "-")
    text = f"{help} Repeatable." if many else help
    return click.Option([flag, name], metavar="PATH|URL", multiple=many, help=text)


def _option(name: str, help: str, metavar: str | None = None, **more: Any) -> click.Option:  # noqa: A002
    return click.Option([f"--{name.replace('_', '-')}", name], help=help, metavar=metavar, **more)


def _one(name: str) -> click.Argument:
    return click.Argument([name], metavar=name.upper())


def _several(name: str, metavar: str) -> click.Argument:
    return click.Argument([name], nargs=-1, required=True, metavar=metavar)


def _joined(ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> str | None:
    if ctx.params.get("seed") and any(word.isdecimal() for word in value):
        # Without quotes, Midjourney's `--seed 5` would be parsed as our --seed and the word 5.
        message = "has a number beside --seed: put it in quotes, with Midjourney's own options"
        raise InvalidRequest.of("prompt", message)
    return " ".join(value) or None


_BOT = _option("bot_type", "Which bot.", "MID_JOURNEY|NIJI_JOURNEY")
_ON_TASK = (
    _option("job_id", "A job of ours.", "ID"),
    _option("task_id", "A task that only the provider knows.", "ID"),
)
_MASK = _picture("mask", "White where it shall change; a PNG of the picture's size.")

_SEED = seed_option()

KINDS = (
    KindCommand(
        Kind.IMAGINE,
        "A picture from words, and from pictures as a reference.",
        (_words("prompt"), _picture("images", "A reference.", many=True), _BOT, _SEED),
        (
            'hookline imagine "a lighthouse at dusk --ar 3:2" --wait',
            'hookline imagine a red fox --then U1,U2 --then "V2>U1" --wait',
            'hookline imagine a red fox --then "U*" --dry-run',
            "hookline imagine in this style --image ref.png --key order-17",
            'hookline imagine "a red fox --seed 5" --seed --wait',
        ),
    ),
    KindCommand(
        Kind.BLEND,
        "One picture of two to five.",
        (
            _several("images", "IMAGE IMAGE..."),
            _option("dimensions", "The shape.", "PORTRAIT|SQUARE|LANDSCAPE"),
            _BOT,
            _SEED,
        ),
        ("hookline blend fox.png sea.jpg --dimensions LANDSCAPE --wait",),
    ),
    KindCommand(
        Kind.DESCRIBE,
        "Prompts from a picture.",
        (_one("image"), _BOT),
        (
            "hookline describe fox.png --wait",
            """hookline describe fox.png --then '[{"imagine": "{prompts[0]}, watercolor"}]'""",
        ),
    ),
    KindCommand(
        Kind.ACTION,
        "A button of a finished job or task; `press` is the short form.",
        (
            *_ON_TASK,
            _option("button", "Its name, label or emoji.", "NAME"),
            _option("custom_id", "The provider's own name of it.", "TEXT"),
            _SEED,
        ),
        (
            'hookline action --job-id JOB --button "Upscale (Subtle)" --wait',
            "hookline action --task-id TASK --custom-id MJ::JOB::upsample::1::4f2c",
        ),
    ),
    KindCommand(
        Kind.MODAL,
        "The answer to a window; the job that waits for it goes on.",
        (*_ON_TASK, _option("prompt", "The new prompt.", "TEXT"), _MASK, _SEED),
        ('hookline modal --job-id JOB --prompt "a red door" --mask mask.png --wait',),
    ),
    KindCommand(
        Kind.SHORTEN,
        "A shorter prompt.",
        (_words("prompt"), _BOT),
        ("hookline shorten a very long and winding prompt about a fox --wait",),
    ),
    KindCommand(
        Kind.CHANGE,
        "Upscale, variation or reroll, for providers without buttons.",
        (
            _option("action", "What to do.", "UPSCALE|VARIATION|REROLL"),
            _option("index", "The picture of the grid.", "1-4", type=int),
            *_ON_TASK,
            _SEED,
        ),
        ("hookline change --job-id JOB --action UPSCALE --index 2 --wait",),
    ),
    KindCommand(
        Kind.EDITS,
        "A picture changed by words, everywhere or where the mask is.",
        (_words("prompt"), _picture("image", "The picture."), _MASK, _SEED),
        ("hookline edits give it a hat --image fox.png --mask mask.png --wait",),
    ),
    KindCommand(
        Kind.RETEXTURE,
        "The same shapes in another look.",
        (_words("prompt"), _picture("image", "The picture."), _SEED),
        ("hookline retexture as a woodcut --image fox.png --wait",),
    ),
    KindCommand(
        Kind.VIDEO,
        "A film from a picture, or a longer one from a film.",
        (
            _words("prompt", required=False),
            _picture("image", "The first picture."),
            _picture("end_image", "The last picture."),
            _option("motion", "How much moves.", "low|high"),
            _option("loop", "End where it began.", is_flag=True, default=None),
            _option("video_type", "The provider's model.", "TYPE"),
            _option("batch_size", "How many films.", "1|2|4", type=int),
            *_ON_TASK,
            _option("index", "The film to extend.", "0-3", type=int),
        ),
        (
            "hookline video the fox looks up --image fox.png --motion low --wait",
            "hookline video --job-id JOB --index 0 --wait",
        ),
    ),
    KindCommand(
        Kind.SWAP_FACE,
        "The face of SOURCE in TARGET.",
        (_one("source"), _one("target")),
        ("hookline swap-face me.png portrait.png --wait",),
    ),
    KindCommand(
        Kind.UPLOAD,
        "Pictures to be kept by the provider; prints their URLs.",
        (_several("images", "IMAGE..."),),
        ("hookline upload fox.png sea.jpg --wait",),
    ),
)


def _command(row: KindCommand) -> click.Command:
    return Command(
        row.name,
        help=row.help,
        params=[*row.params, *common_options()],
        callback=_hand_in(row.kind),
        examples=row.examples,
    )


def _hand_in(kind: Kind) -> Any:
    def run(*, wait: bool, as_json: bool, dry_run: bool, key: str | None, **given: Any) -> None:
        request = {"kind": kind.value, **_request(given)}
        if dry_run:
            answer_dry(client.quote(request, key=key), as_json=as_json)
        else:
            answer([client.submit(request, key=key)], wait=wait, as_json=as_json)

    return run


def _request(given: dict[str, Any]) -> dict[str, Any]:
    """Turn the options into a request."""
    given["then"] = steps(given["then"])
    given["metadata"] = metadata(given["metadata"])
    given["notify"] = notify(given)
    given["assets"] = kept(given["assets"], tiles=given.pop("tiles"))
    return {name: value for name, value in given.items() if value not in (None, (), [], {})}


COMMANDS: tuple[click.Command, ...] = tuple(map(_command, KINDS))
