"""Follows a job and its descendants: bars on a terminal, else a line for each change.

What holds a job up is printed above the bars, or between the lines.
"""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from worker.domain.job import Job, Status
from worker.domain.result import AssetsStatus
from worker.entrypoints import client
from worker.entrypoints.cli import render
from worker.entrypoints.cli.base import exit_on_interrupt, note
from worker.entrypoints.cli.reasons import Reasons
from worker.entrypoints.exit_codes import DONE, JOB_FAILED, NOT_OVER
from worker.entrypoints.terminal import for_terminal


class View(Protocol):
    """Shows jobs as they change."""

    def show(self, members: list[Job]) -> None:
        """Show their present state; parents come before children."""

    def tell(self, lines: Sequence[str]) -> None:
        """Print what holds some of them up."""


def follow(
    job: Job, until: float | None = None, looks: Iterable[list[Job]] | None = None
) -> list[Job]:
    """Show the job and its descendants until all are over; return their last state.

    ``until``: of ``time.monotonic``; then it ends, whether they are over or not. ``looks``: of
    ``client.follow``, to show others.
    """
    members: list[Job] = []
    reasons = Reasons(client.why_waiting)
    with exit_on_interrupt(lambda: f"It continues without you. {again(job)}"), view() as shown:
        for members in looks or client.follow(job):
            shown.show(members)
            shown.tell(reasons.look(members, time.monotonic()))
            if until is not None and time.monotonic() >= until:
                shown.tell(reasons.rest(members))
                break
    return members


def again(job: Job) -> str:
    """How to go on watching."""
    return f"Follow it again: hookline watch {job.id}"


def exit_code(members: list[Job]) -> int:
    """0 if every job succeeded, 4 if some are not over."""
    if not all(map(client.is_over, members)):
        return NOT_OVER
    return DONE if all(job.status is Status.SUCCEEDED for job in members) else JOB_FAILED


@contextmanager
def view() -> Iterator[View]:
    """The view that fits stderr."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[status]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield Bars(progress)


class Lines:
    """A line for each change of status, and for each quarter of the progress."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Status, int]] = {}

    def show(self, members: list[Job]) -> None:
        """Print what changed."""
        for job in members:
            state = (job.status, 0 if job.status.terminal else (job.progress or 0) // 25)
            if self._seen.get(job.id) != state:
                self._seen[job.id] = state
                note(render.change(job))

    def tell(self, lines: Sequence[str]) -> None:
        """Print the lines."""
        for text in lines:
            note(text)


class Bars:
    """A bar for each job, below its parent's."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}
        self._depths: dict[str, int] = {}

    def show(self, members: list[Job]) -> None:
        """Move the bars."""
        for job in members:
            if job.id not in self._bars:
                self._add(job)
            bar = self._bars[job.id]
            done = 100 if job.status.terminal else job.progress or 0
            self._progress.update(bar, completed=done, status=self._status(job))
            if job.status.terminal:
                self._progress.stop_task(bar)
            elif job.status is not Status.QUEUED:
                self._progress.start_task(bar)

    def tell(self, lines: Sequence[str]) -> None:
        """Print the lines above the bars."""
        for text in lines:
            self._progress.console.print(
                for_terminal(text), markup=False, highlight=False, soft_wrap=True
            )

    def _add(self, job: Job) -> None:
        depth = self._depths.get(job.spec.parent_id or "", -1) + 1
        self._depths[job.id] = depth
        text = escape("  " * depth + render.short(render.what(job), 40))
        self._bars[job.id] = self._progress.add_task(text, start=False, total=100, status="")

    @staticmethod
    def _status(job: Job) -> str:
        if job.status.terminal and not client.is_over(job):
            with_files = job.result.assets_status is not AssetsStatus.PENDING
            return "[green]asking for the seed" if with_files else "[green]storing the files"
        reason = job.error.message if job.error else None
        return escape(f"{job.status.value}  {render.short(reason)}" if reason else job.status.value)
