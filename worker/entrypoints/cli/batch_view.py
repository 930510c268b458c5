"""A batch on the terminal: progress, rate and cost."""

import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from shlex import quote
from typing import Any

import click
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.progress_bar import ProgressBar
from rich.text import Text

from worker.adapters.store import Batch
from worker.domain.batch.progress import Progress as Taken
from worker.domain.job import Status
from worker.domain.money import in_words
from worker.domain.printable import clean_line
from worker.domain.wording import counted
from worker.entrypoints import client, connection
from worker.entrypoints.cli.base import duration, exit_on_interrupt, facts, leave, note
from worker.entrypoints.exit_codes import DONE, JOB_FAILED, NOT_OVER
from worker.entrypoints.terminal import for_terminal
from worker.services.reports.answers import ListedBatch
from worker.services.reports.answers.waiting import Reason
from worker.services.reports.batch_overview import HELD, why_waiting

#: The rate is measured over this many seconds.
PACE_S = 180.0
#: Polling interval of a watched batch, in seconds.
_LOOK_EVERY_S = 1.0
#: Seconds between two lines without a terminal.
_SAY_EVERY_S = 30.0

_STATES = {"running": "green", "paused": "yellow", "finished": "cyan"}
_COLOURS = {Status.SUCCEEDED: "green", Status.FAILED: "red", Status.TIMED_OUT: "red"}
_IN_WORK = (Status.SUBMITTING, Status.SUBMITTED, Status.IN_PROGRESS)


class Pace:
    """How fast jobs end, and how long the rest takes at that rate."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, now: float, over: int) -> None:
        """Record that ``over`` jobs are over at ``now``, in seconds of any clock."""
        self._seen.append((now, over))
        while self._seen[0][0] < now - PACE_S:
            self._seen.popleft()

    @property
    def per_minute(self) -> float | None:
        """Jobs per minute; None while it is unknown."""
        (since, before), (now, over) = self._seen[0], self._seen[-1]
        return (over - before) * 60 / (now - since) if now > since and over > before else None

    def left_s(self, jobs: int) -> float | None:
        """Seconds that ``jobs`` more jobs take."""
        pace = self.per_minute
        return jobs * 60 / pace if pace else None


def pace_line(report: ListedBatch, pace: Pace) -> str:
    """Progress, rate and remaining time."""
    share = report.over / report.planned if report.planned else 1.0
    said = [f"{report.over:,} of {counted(report.planned, 'job')}", f"{share:.0%}"]
    if rate := pace.per_minute:
        said.append(f"{rate:,.0f}/min" if rate >= 10 else f"{rate:.1f}/min")
    left = pace.left_s(report.planned - report.over)
    if left and report.status == "running":
        said.append(f"{duration(left)} left")
    return "  ".join(said)


def lines(report: ListedBatch, waits: str | None = None) -> list[str]:
    """The state of a batch, a line for each fact."""
    name, bad = quote(report.name), report.bad
    by_count = sorted(report.errors.items(), key=lambda item: -item[1])
    paused = report.status == "paused"
    return facts(
        [
            ("jobs", _counts(report)),
            ("failed by", ", ".join(f"{count:,} {code}" for code, count in by_count)),
            ("money", _money(report)),
            ("waits", waits),
            ("paused", f"hookline batch resume {name}" if paused else None),
            ("bad rows", f"{bad:,}: hookline batch bad {name}" if bad else None),
        ]
    )


def _counts(report: ListedBatch) -> str:
    """Its jobs by status."""
    running = sum(map(report.count, _IN_WORK))
    said = [f"{running:,} running"] if running else []
    said += [
        click.style(f"{count:,} {status.value}", fg=_COLOURS.get(status))
        for status in Status
        if status not in _IN_WORK and (count := report.count(status))
    ]
    return ", ".join(said) or "no jobs"


def _money(report: ListedBatch) -> str | None:
    """Its cost so far; None if nothing has a price."""
    purse = report.cost
    if not (purse.spent or purse.reserved or purse.estimated or purse.budget is not None):
        return None
    of = "" if purse.budget is None else f" of {in_words(purse.budget)}"
    said = [f"{in_words(purse.spent - purse.refunded)}{of} spent"]
    if purse.reserved:
        said.append(f"{in_words(purse.reserved)} reserved")
    if purse.estimated:
        said.append(f"about {in_words(purse.estimated)} for what is queued")
    return ", ".join(said)


def waits_for(report: ListedBatch) -> str | None:
    """What holds its jobs up, a line for each reason; None if nothing does."""
    found = None
    if report.status != "paused":  # `lines` says so
        found = why_waiting(connection.services().orchestrator, report)
    said = [found.message] if found and found.reason is not Reason.NEXT else []
    for status in HELD:
        if count := report.count(status):
            listed = f"hookline jobs --batch {report.id} --status {status}"
            said.append(f"{count:,} {status}: `{listed}`, then `hookline show ID`")
    return "\n".join(said) or None


#: The columns of `rows` that are numbers.
NUMBERS = ("rows", "jobs", "over", "failed", "bad rows", "spent", "budget")


def rows(found: Iterable[ListedBatch]) -> list[dict[str, str]]:
    """The batches as rows of a table, with markup of rich."""
    return [_row(report) for report in found]


def _row(report: ListedBatch) -> dict[str, str]:
    purse = report.cost
    return {
        "batch": escape(clean_line(report.name)),
        "status": f"[{_STATES[report.status]}]{report.status}[/]",
        "rows": f"{report.rows:,}",
        "jobs": f"{report.total:,}",
        "over": f"{report.over:,}",
        "failed": f"[red]{report.failed:,}[/]" if report.failed else "0",
        "bad rows": f"{report.bad:,}",
        "spent": in_words(purse.spent - purse.refunded),
        "budget": "-" if purse.budget is None else in_words(purse.budget),
    }


def bad_row_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each error of each bad row."""
    return [
        f"  line {row['row']}  {error['field']}: {error['message']}"
        for row in rows
        for error in row["errors"]
    ]


#: Shows the state of a batch, given what it waits for.
Show = Callable[[ListedBatch, Pace, str | None], None]


def follow(found: Batch, timeout: float | None = None) -> None:
    """Show the batch until all of it is over, and exit with its code.

    ``timeout``: seconds after which it ends, whether it is over or not.
    """
    pace, until = Pace(), None if timeout is None else time.monotonic() + timeout
    again = f"continues without you. Follow it again: hookline batch watch {quote(found.name)}"
    with exit_on_interrupt(lambda: f"It {again}"), _watching() as show:
        for report in _reports(found):
            pace.see(time.monotonic(), report.over)
            show(report, pace, waits_for(report))
            if until is not None and time.monotonic() >= until:
                break
    if report.status != "finished":
        note(f"Not over after {timeout:g} s; it {again}")
        leave(NOT_OVER)
    leave(JOB_FAILED if report.failed else DONE)


def _reports(found: Batch) -> Iterator[ListedBatch]:
    """Poll its state until it is over."""
    while (report := client.get_batch(found.id)).status != "finished":
        yield report
        time.sleep(_LOOK_EVERY_S)
    yield report


@contextmanager
def _watching() -> Iterator[Show]:
    """Draw on a terminal, else print lines."""
    if not sys.stderr.isatty():
        yield _Lines().show
        return
    with Live(console=Console(stderr=True), refresh_per_second=4) as live:
        yield lambda report, pace, waits: live.update(_drawn(report, pace, waits))


def _drawn(report: ListedBatch, pace: Pace, waits: str | None) -> RenderableType:
    head = Text.assemble(
        (clean_line(report.name), "bold"), "  ", (report.status, _STATES[report.status])
    )
    bar = ProgressBar(total=max(1, report.planned), completed=report.over, width=36)
    said = [Text.from_ansi(for_terminal(line)) for line in lines(report, waits)]
    return Group(head, Columns([bar, Text(pace_line(report, pace))], padding=(0, 2)), *said)


class _Lines:
    """A line per tenth, per change of state or of what holds it up, and every `_SAY_EVERY_S`."""

    def __init__(self) -> None:
        self._said: tuple[float, str, int, str | None] | None = None

    def show(self, report: ListedBatch, pace: Pace, waits: str | None) -> None:
        tenth = report.over * 10 // max(1, report.planned)
        said = (waits or "").splitlines()
        state = (time.monotonic() // _SAY_EVERY_S, report.status, tenth, _without_numbers(waits))
        if self._said != state:
            self._said = state
            note("; ".join((pace_line(report, pace), _counts(report), *said)))


def _without_numbers(text: str | None) -> str | None:
    """The reason itself: how many wait for it, and until when, changes all the time."""
    return text and re.sub(r"[0-9]+", "", text)


@contextmanager
def reading(size: int | None) -> Iterator[tuple[Callable[[int], None], Callable[[Taken], None]]]:
    """Shows progress through a file of ``size`` bytes; yields callbacks for bytes and for rows."""
    columns = (
        TextColumn("reading"),
        BarColumn(bar_width=36),
        TextColumn("{task.fields[rows]}"),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=size, rows="")
        yield (
            lambda count: bar.advance(task, count),
            lambda taken: bar.update(task, rows=taken_line(taken)),
        )


def taken_line(taken: Taken) -> str:
    """How many rows were read, and their outcome."""
    return (
        f"{counted(taken.rows, 'row')}: {taken.new:,} new, {taken.known:,} known, {taken.bad:,} bad"
    )
