"""`hookline top`: jobs, slots and accounts as they change, and keys to steer them.

Drawn by rich, which `watch` needs anyway: a list, a few keys and a question are not worth a
framework for terminals with its own dependencies.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import click
from rich.console import Console
from rich.live import Live

from worker.domain.buttons import name_of
from worker.domain.dry_run import Quote
from worker.domain.errors import HooklineError
from worker.domain.job import Job, Status
from worker.domain.money import in_words
from worker.entrypoints import client, connection
from worker.entrypoints.cli import base, render
from worker.entrypoints.cli.keys import pressed
from worker.entrypoints.cli.submitting import locate
from worker.entrypoints.cli.top_view import Shown, rows_for_jobs, screen
from worker.entrypoints.terminal import for_terminal

#: Seconds between two looks.
_EVERY_S = 1.0
#: What wants a person first, then what runs, then what waits; what is over comes last.
_ORDER = (
    Status.IN_DOUBT,
    Status.AWAITING_MODAL,
    Status.OVERDUE,
    Status.IN_PROGRESS,
    Status.SUBMITTED,
    Status.SUBMITTING,
    Status.QUEUED,
)
_RETRIED = frozenset({Status.FAILED, Status.TIMED_OUT, Status.CANCELLED})


class _Ask(NamedTuple):
    """What is done if the question is answered with y; it returns what to say."""

    question: str
    do: Callable[[], str]


class Board:
    """What is shown, and what keys do."""

    def __init__(self) -> None:
        self.shown = Shown()
        self._ask: _Ask | None = None
        self._opened: str | None = None  #: the id of the job that is opened
        self._moved = False  #: before that the first job is chosen, whichever it is

    @property
    def job(self) -> Job | None:
        """The chosen one."""
        jobs = self.shown.jobs
        if self._opened:
            return next((job for job in jobs if job.id == self._opened), None)
        return jobs[self.shown.at] if jobs else None

    def look(self, height: int) -> None:
        """Read what is shown; a job that was chosen stays chosen, wherever it is then."""
        try:
            accounts = client.overview()
            jobs = tuple(_jobs(rows_for_jobs(accounts, height), self._opened))
        except HooklineError as error:
            self.shown = replace(self.shown, note=str(error))
            return
        before, at = self.job, self.shown.at
        if self._moved and not self.shown.choices:
            at = next((n for n, job in enumerate(jobs) if before and job.id == before.id), at)
            at = min(at, max(0, len(jobs) - 1))
        now = connection.services().orchestrator.clock()
        self.shown = replace(self.shown, accounts=accounts, jobs=jobs, at=at, now=now)
        if self._opened and (job := self.job):
            self.shown = replace(self.shown, details=_details(job))

    def press(self, key: str) -> bool:
        """Do what the key stands for; False: leave."""
        self.shown = replace(self.shown, note="")
        if self._ask:
            self._answer(yes=key in ("y", "Y"))
        elif key == "q":
            return False
        elif act := self._acts().get(key):
            self._guarded(act)
        return True

    def _acts(self) -> dict[str, Callable[[], None]]:
        choosing = bool(self.shown.choices)
        return {
            "j": lambda: self._move(1),
            "down": lambda: self._move(1),
            "k": lambda: self._move(-1),
            "up": lambda: self._move(-1),
            "enter": self._ask_to_press if choosing else self._open,
            "escape": self._back,
            "p": self._choose,
            "c": self._ask_to_cancel,
            "r": self._ask_to_retry,
        }

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except HooklineError as error:
            self.shown = replace(self.shown, note=base.in_words(error).format_message())

    def _move(self, step: int) -> None:
        count, self._moved = len(self.shown.choices or self.shown.jobs), True
        if not (self.shown.details and not self.shown.choices):
            self.shown = replace(self.shown, at=max(0, min(count - 1, self.shown.at + step)))

    def _open(self) -> None:
        if job := self.job:
            self._opened = job.id
            self.shown = replace(self.shown, details=_details(job))

    def _back(self) -> None:
        if not self.shown.choices:
            self._opened = None
        self.shown = replace(self.shown, choices=(), details=(), at=self._place())

    def _place(self) -> int:
        chosen = self._opened
        return next((n for n, job in enumerate(self.shown.jobs) if job.id == chosen), 0)

    def _choose(self) -> None:
        """Show the buttons of the job; one of them is chosen next."""
        job = self.job
        if job is None:
            return
        names = dict.fromkeys(name_of(each) for each in job.result.buttons or ())
        if job.status is not Status.SUCCEEDED or not names:
            self.shown = replace(self.shown, note="It has no buttons.")
            return
        priced = tuple((name, client.quote_press(job, name).total) for name in names)
        self._opened = job.id
        self.shown = replace(self.shown, choices=priced, at=0)

    def _ask_to_press(self) -> None:
        job, (name, _) = self.job, self.shown.choices[self.shown.at]
        if job is None:
            return
        # One key for the question: an answer that is lost and repeated presses once.
        key, quote = f"top:{job.id}:{time.time_ns()}", client.quote_press(job, name)

        def press() -> str:
            [child, *_] = client.press(job, name, key=key)
            return f"Pressed {name}: {child.id[:8]}"

        self._asks(f"Press {name} for {_price(quote)}?", press)

    def _ask_to_cancel(self) -> None:
        if (job := self.job) is None:
            return
        if job.status.terminal:
            self.shown = replace(self.shown, note=f"It is {job.status} already.")
            return
        self._asks(f"Cancel {job.id[:8]}?", lambda: f"It is {client.cancel(job).status} now.")

    def _ask_to_retry(self) -> None:
        if (job := self.job) is None:
            return
        if job.status not in _RETRIED:
            self.shown = replace(self.shown, note=f"It is {job.status}: nothing to retry.")
            return
        price = _price(connection.enqueuer().quote_of([job]))
        question = f"Retry {job.id[:8]} for {price}?"
        self._asks(question, lambda: f"It is {client.retry(job).status} again.")

    def _asks(self, question: str, do: Callable[[], str]) -> None:
        self._ask = _Ask(question, do)
        self.shown = replace(self.shown, question=question)

    def _answer(self, *, yes: bool) -> None:
        asked, self._ask = self._ask, None
        self._back()
        self._opened = None
        self.shown = replace(self.shown, question="", details=())
        if asked and yes:
            self._guarded(lambda: self._say(asked.do()))

    def _say(self, note: str) -> None:
        self.shown = replace(self.shown, note=note)


@click.command(cls=base.Command, examples=("hookline top",))
def top() -> None:
    """Show jobs, slots and accounts as they change; open, press, retry and cancel by key.

    Prices are asked for first. Jobs that need a person come first, then what runs, what waits and
    what is over. `q` leaves; nothing stops with it.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
        raise base.WrongUsage("`top` needs a terminal. `hookline status` prints the same once.")
    board, console = Board(), Console(highlight=False)
    client.overview()  # says how to start, if nothing runs
    with (
        Live(console=console, screen=True, auto_refresh=False) as live,
        pressed() as keys,
    ):
        due = 0.0
        while True:
            if time.monotonic() >= due:
                board.look(console.height)
                due = time.monotonic() + _EVERY_S
            live.update(screen(board.shown, console.width, console.height), refresh=True)
            for key in keys(max(0.0, due - time.monotonic())):
                if not board.press(key):
                    return
                due = 0.0


def _jobs(room: int, opened: str | None) -> Iterator[Job]:
    """As many jobs as have room, and the opened one."""
    seen = set[str]()
    if opened and (job := connection.visible().find(opened)):
        seen.add(opened)
        yield job
    for status in (*_ORDER, None):
        if len(seen) >= room:
            return
        for job in client.jobs(status=status, limit=min(200, room)).jobs:
            if job.id not in seen and len(seen) < room:
                seen.add(job.id)
                yield job


def _details(job: Job) -> tuple[str, ...]:
    batch, waiting = client.batch_name(job), client.why_waiting(job)
    lines = render.details(job, locate, waiting, client.configured(), batch)
    return tuple(for_terminal(line) for line in lines)


def _price(quote: Quote) -> str:
    words = in_words(quote.total) if quote.total else "nothing: no price is set"
    return f"{words} ({quote.tree.jobs} jobs)" if quote.tree.jobs > 1 else words


COMMANDS: tuple[click.Command, ...] = (top,)
