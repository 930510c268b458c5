"""`hookline tokens`: API tokens for other programs and people, besides that of the settings."""

import re
from collections.abc import Iterator
from typing import Any

import click

from worker.domain import money
from worker.domain.access import Scope
from worker.domain.api_tokens import ApiToken, Secret
from worker.domain.requests.base import validate
from worker.domain.requests.tokens import NewToken, Rotation
from worker.entrypoints import connection
from worker.entrypoints.cli.base import (
    Command,
    DefaultGroup,
    json_option,
    moment,
    note,
    print_json,
    show_answer,
)
from worker.entrypoints.cli.numbers import PlainFloat, PlainInt
from worker.services.reports import answers

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(r"(\d{1,9})([smhd]?)", re.ASCII)


class _Span(click.ParamType[int]):
    """Seconds, or a number with a unit."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The span in seconds."""
        span = _SPAN.fullmatch(str(value))
        if span is None:
            self.fail(f"{value!r} is no time: write 90s, 15m, 1h or 30d.", param, ctx)
        return int(span[1]) * _UNITS[span[2]]


@click.group(
    cls=DefaultGroup,
    default="list",
    no_args_is_help=False,
    examples=(
        "hookline tokens create shop --scope read --scope submit --tenant shop",
        "hookline tokens",
        "hookline tokens rotate shop --grace 1h",
        "hookline tokens revoke shop",
    ),
)
def tokens() -> None:
    """List the API tokens; create, rotate or revoke one.

    A token has scopes: `read`, `submit`, `operate`, and `admin`, which includes all others. One
    with a tenant sees, starts and pays only what belongs to it. HOOKLINE_API_TOKEN is not listed:
    it is an admin's.
    """


@tokens.command("list", cls=Command, examples=("hookline tokens --json",))
@json_option
def list_(*, as_json: bool) -> None:
    """List the tokens, without their secrets."""
    found = connection.desk().tokens.all()
    items = tuple(map(answers.Token.model_validate, found))
    lines = (line for token in found for line in _lines(token))
    show_answer(lambda: answers.Tokens(items=items), lines, as_json=as_json)
    if not found and not as_json:
        note("There are none; HOOKLINE_API_TOKEN is the only one.")


@tokens.command(
    cls=Command,
    examples=(
        "hookline tokens create dashboard --scope read",
        "hookline tokens create shop --scope read --scope submit --tenant shop --per-day 20",
    ),
)
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice([s.value for s in Scope]),
    help="What it may be used for. Repeatable.",
)  # fmt: skip
@click.option("--tenant", metavar="NAME", help="It sees, starts and pays only as this one.")
@click.option("--expires", "expires_s", type=_Span(), metavar="TIME", help="As 90d; else never.")
@click.option(
    "--per-minute", "requests_per_minute", type=PlainInt(), metavar="NUMBER",
    help="Requests it may make.",
)  # fmt: skip
@click.option(
    "--per-day", "budget_per_day", type=PlainFloat(), metavar="UNITS",
    help="What the jobs submitted on one day (UTC) may cost.",
)  # fmt: skip
@json_option
def create(*, as_json: bool, **given: Any) -> None:
    """Create a token, and print its secret: only its hash is kept."""
    asked = validate(NewToken, {**given, "scopes": list(given["scopes"])})
    _issue(*connection.desk().create_token(asked), as_json=as_json)


@tokens.command(cls=Command, examples=("hookline tokens rotate shop --grace 1h",))
@click.argument("name")
@click.option(
    "--grace", "grace_s", type=_Span(), default="1h", show_default=True, metavar="TIME",
    help="How long the old secrets are still accepted.",
)  # fmt: skip
@click.option("--expires", "expires_s", type=_Span(), metavar="TIME", help="As 90d; else never.")
@json_option
def rotate(*, name: str, as_json: bool, **given: Any) -> None:
    """Print another secret for a token; the old ones go on for a while."""
    issued = connection.desk().rotate_token(name, validate(Rotation, given))
    _issue(*issued, as_json=as_json)


@tokens.command(cls=Command, examples=("hookline tokens revoke shop",))
@click.argument("name")
@json_option
def revoke(*, name: str, as_json: bool) -> None:
    """Remove a token: each web process refuses its secrets within a second."""
    gone = connection.desk().revoke_token(name)
    shown = answers.Token.model_validate(gone)
    show_answer(lambda: shown, [f"{gone.name} is revoked."], as_json=as_json)


def _issue(token: ApiToken, secret: str, *, as_json: bool) -> None:
    if as_json:
        print_json(answers.IssuedToken.of(token, secret))
        return
    click.echo(secret)
    note(f"This is the secret of {token.name}. Keep it: it is not shown again.")


def _lines(token: ApiToken) -> Iterator[str]:
    limits, parts = token.limits, [" ".join(token.scopes)]
    if token.tenant:
        parts.append(f"tenant {token.tenant}")
    if limits.requests_per_minute is not None:
        parts.append(f"{limits.requests_per_minute:,} requests a minute")
    if limits.budget_per_day is not None:
        parts.append(f"{money.in_words(limits.budget_per_day)} a day")
    yield f"{token.name}  {', '.join(parts)}"
    yield from (f"  {_secret(secret)}" for secret in token.secrets)


def _secret(secret: Secret) -> str:
    ends = "" if secret.expires_at is None else f", expires {moment(secret.expires_at)}Z"
    return f"secret {secret.id} of {moment(secret.created_at)}Z{ends}"


COMMANDS: tuple[click.Command, ...] = (tokens,)
