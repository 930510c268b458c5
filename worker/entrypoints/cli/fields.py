"""Converts request fields to command-line options, and the options' values to a request.

Most options are generated from the model; those with their own syntax are in ``_SPECIAL``.
"""

from collections.abc import Sequence
from typing import Any

import click

from worker.domain import numerals
from worker.domain.errors import InvalidRequest
from worker.domain.requests.fields import Field, fields_of
from worker.domain.requests.options import Options
from worker.domain.requests.steps import parse_then_shorthand
from worker.entrypoints.cli.numbers import PlainInt

_METAVARS = {
    "job_id": "ID",
    "task_id": "ID",
    "button": "NAME",
    "video_type": "TYPE",
    "deadline_s": "SECONDS",
}


_TYPES = {int: PlainInt()}


def field_options(model: type[Options]) -> list[click.Option]:
    """An option for each field of the model, the common ones last."""
    return [option for field in fields_of(model).values() for option in _options(field)]


def request_of(given: dict[str, Any]) -> dict[str, Any]:
    """The request from the values of ``field_options``, without missing ones."""
    url, task, on = (given.pop(name) for name in ("notify", "notify_task", "notify_on"))
    given["notify"] = _notify(url, task, on)
    given["then"], given["metadata"] = steps(given["then"]), _metadata(given["metadata"])
    given["assets"] = _assets(given["assets"], tiles=given.pop("tiles"))
    return {name: value for name, value in given.items() if value not in (None, (), [], {})}


def then_option() -> click.Option:
    """``--then``, repeatable, in the shorthand or as JSON."""
    text = 'Follow-ups: buttons, "U1,U2", "V2>U1" for U1 under V2, or JSON. Repeatable.'
    return click.Option(["--then"], multiple=True, metavar="STEPS", help=text)


def steps(then: Sequence[str]) -> list[dict[str, Any]]:
    """The steps of all ``--then`` options."""
    return [step for text in then for step in parse_then_shorthand(text)]


def _options(field: Field) -> tuple[click.Option, ...]:
    if field.name in _SPECIAL:
        return _SPECIAL[field.name]
    name = field.name.removesuffix("s") if field.many else field.name.removesuffix("_s")
    flags, words = [f"--{name.replace('_', '-')}", field.name], field.description
    if field.type is bool:
        # Eager, so that --seed is parsed before the prompt, whose callback looks at it.
        return (click.Option(flags, is_flag=True, default=None, is_eager=True, help=words),)
    if field.many:
        words += " Repeatable."
    if field.default is not None:
        words += f" [default: {field.default}]"
    shape = _METAVARS.get(field.name) or ("PATH|URL" if field.picture else field.values or "TEXT")
    return (
        click.Option(
            flags, type=_TYPES.get(field.type), multiple=field.many, metavar=shape, help=words
        ),
    )


def _retry(_ctx: click.Context, _param: click.Parameter, text: str | None) -> dict[str, Any] | None:
    """Parse ``--retry``; the request's validation checks the codes."""
    if text is None:
        return None
    attempts, colon, codes = text.partition(":")
    if not numerals.is_whole(attempts.strip()):
        message = f"must be a number of attempts, as in 3 or 3:failed,timeout, not {text!r}"
        raise InvalidRequest.of("retry", message)
    named = {"on": [code.strip() for code in codes.split(",")]} if colon else {}
    return {"attempts": int(attempts), **named}


def _assets(files: str | None, *, tiles: bool) -> dict[str, Any] | str | None:
    if not tiles:
        return files
    return {"tiles": True} if files is None else {"files": files, "tiles": True}


def _metadata(pairs: Sequence[str]) -> dict[str, str]:
    bare = [pair for pair in pairs if "=" not in pair]
    if bare:
        raise InvalidRequest.of("metadata", f"must be K=V, not {bare[0]!r}")
    return dict(pair.split("=", 1) for pair in pairs)


def _notify(url: str | None, task: str | None, on: str | None) -> dict[str, Any]:
    name, _, queue = (task or "").partition("@")
    topics = [topic.strip() for topic in on.split(",")] if on is not None else None
    asked = {"url": url, "celery_task": name or None, "queue": queue or None, "on": topics}
    return {field: value for field, value in asked.items() if value is not None}


_SPECIAL = {
    "then": (then_option(),),
    "retry": (
        click.Option(
            ["--retry"],
            callback=_retry,
            metavar="ATTEMPTS[:CODES]",
            help='Attempts in total if the task fails: "3", or "3:failed,timeout" for these errors '
            "only. Each may be charged.",
        ),
    ),
    "assets": (
        click.Option(
            ["--assets"],
            metavar="off|grid|all",
            help="Store nothing, the main picture, or all pictures and films. [default: all]",
        ),
        click.Option(
            ["--tiles"],
            is_flag=True,
            help="Also store a grid's four pictures as files of their own.",
        ),
    ),
    "metadata": (
        click.Option(
            ["--metadata"], multiple=True, metavar="K=V", help="Stored with the job. Repeatable."
        ),
    ),
    "notify": (
        click.Option(
            ["--notify"], metavar="URL", help="Send a webhook here when everything is over."
        ),
        click.Option(["--notify-task"], metavar="NAME[@QUEUE]", help="Send a Celery task instead."),
        click.Option(
            ["--notify-on"],
            metavar="TOPICS",
            help="Topics, comma-separated: job.failed,pipeline.finished, ... [default: the end]",
        ),
    ),
}
