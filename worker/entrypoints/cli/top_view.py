"""What `hookline top` draws: lines cut to the width of the terminal, 40 columns or more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Group
from rich.text import Text

from worker.domain.job import Job, Status
from worker.domain.money import Amount, in_words
from worker.domain.printable import clean_line
from worker.entrypoints.cli import render
from worker.entrypoints.cli.base import duration
from worker.services.reports.answers.accounts import Account, Accounts, Taking

#: Account lines; the jobs want the rest of the screen.
_ACCOUNTS = 5
#: Columns from which on a line has more.
_WIDE, _WIDER = 70, 110
_KEYS = "↵ open p press r retry c cancel q quit"
_LONG_KEYS = "j k move   ↵ open   p press a button   r retry   c cancel   esc back   q quit"
_COLOURS = {Taking.OPEN: "green", Taking.PAUSED: "yellow", Taking.RESTING: "magenta"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on the screen. ``at``: the place of what is chosen in ``jobs`` or ``choices``."""

    accounts: Accounts | None = None
    jobs: tuple[Job, ...] = ()
    at: int = 0
    now: float = 0.0
    details: tuple[str, ...] = ()  #: of the opened job
    choices: tuple[tuple[str, Amount], ...] = ()  #: the buttons to choose from, with their prices
    question: str = ""
    note: str = ""


def screen(shown: Shown, width: int, height: int) -> Group:
    """The screen, as many lines as there are rows."""
    head = list(_head(shown, width))
    last = _last(shown, width)
    room = max(1, height - len(head) - 1)
    body = list(_body(shown, width, room))[:room]
    body += [Text()] * (room - len(body))
    lines = [*head, *body, last][:height]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
        line.truncate(width, overflow="ellipsis")
    return Group(*lines)


def rows_for_jobs(accounts: Accounts | None, height: int) -> int:
    """How many jobs have room."""
    return max(1, height - len(list(_accounts(accounts, _WIDE))) - 2)


def _head(shown: Shown, width: int) -> Iterator[Text]:
    found = shown.accounts
    if found:
        running = sum(each.running for each in found.items)
        ready = sum(each.ready for each in found.items) + found.ready_anywhere
        over = sum(found.ended.values())
        yield Text(f"hookline  {running:,} running  {ready:,} ready  {over:,} over", "bold")
    yield from _accounts(found, width)


def _accounts(found: Accounts | None, width: int) -> Iterator[Text]:
    items = found.items if found else ()
    yield from (_account(each, width) for each in items[:_ACCOUNTS])
    if (more := len(items) - _ACCOUNTS) > 0:
        yield Text(f"and {more} more: hookline accounts")


def _account(one: Account, width: int) -> Text:
    slots, state = one.slots.image, one.state.name
    most = min(one.max_running, one.believed_limit or one.max_running)
    filled = min(10, round(10 * slots.running / most)) if most else 0
    line = Text(f"{clean_line(one.name)[:16]:<8} ")
    line.append(f"{state:<7}", _COLOURS.get(state, "red"))
    line.append(f" {'█' * filled}{'░' * (10 - filled)} {slots.running}/{most}")
    if width >= _WIDE:
        line.append(f"  {one.ready:,} ready  {one.delivery.mode}  {one.error_rate:.0%} errors")
    if one.in_doubt:
        line.append(f"  {one.in_doubt} in doubt", "magenta")
    if width >= _WIDER:
        line.append(f"  {in_words(one.money.spent - one.money.refunded)} spent")
    return line


def _body(shown: Shown, width: int, room: int) -> Iterator[Text]:
    if shown.choices:
        rows = [Text(f"{name:<24}{in_words(price):>8}") for name, price in shown.choices]
        yield from _choosing(rows, shown.at, room)
    elif shown.details:
        yield from (Text.from_ansi(line) for line in shown.details)
    elif not shown.jobs:
        yield Text('No job yet: hookline imagine "a red fox"')
    else:
        yield from _choosing([_job(job, shown.now, width) for job in shown.jobs], shown.at, room)


def _choosing(rows: Sequence[Text], at: int, room: int) -> Iterator[Text]:
    """The rows around the chosen one, which is marked without colour as well."""
    start = max(0, min(at - room // 2, len(rows) - room))
    for number, row in enumerate(rows[start : start + room], start):
        chosen = number == at
        line = Text("▸ " if chosen else "  ").append_text(row)
        if chosen:
            line.stylize("reverse")
        yield line


def _job(job: Job, now: float, width: int) -> Text:
    status = Text.from_ansi(render.status(job))
    status.truncate(15, pad=True)
    line = Text(f"{job.id[:8]} ").append_text(status)
    if width >= _WIDE:
        since = (job.finished_at if job.status.terminal else None) or now
        line.append(f" {duration(max(0.0, since - job.spec.created_at)):>11}")
    if width >= _WIDER:
        line.append(f"  {clean_line(job.account)[:12]:<12}")
    branch = "└ " if job.spec.parent_id else ""
    line.append(f"  {branch}{render.what(job, width)}")
    if job.error and job.status is not Status.SUCCEEDED:
        line.append(f"  {clean_line(job.error.message)}")
    return line


def _last(shown: Shown, width: int) -> Text:
    if shown.question:
        return Text(f"{shown.question} y/n", "bold reverse")
    if shown.note:
        return Text(clean_line(shown.note), "bold")
    return Text(_LONG_KEYS if width >= len(_LONG_KEYS) else _KEYS, "dim")
