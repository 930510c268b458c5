"""Jobs on the terminal: one line, every detail, or the tree of a pipeline."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import TypeVar

import click

from worker.adapters.store import Pipeline
from worker.domain import money
from worker.domain.account import Account
from worker.domain.account.billing import Figures, Standing, charges, figures, total
from worker.domain.buttons import name_of
from worker.domain.dry_run import next_price
from worker.domain.history import History, in_words
from worker.domain.job import Job, Status
from worker.domain.printable import clean_line
from worker.domain.result import JobError
from worker.entrypoints.cli import attempts
from worker.entrypoints.cli.base import facts, moment
from worker.services.reports.answers.jobs import pipeline_status
from worker.services.reports.answers.waiting import Waiting

_COLOURS = {
    Status.SUCCEEDED: "green",
    Status.FAILED: "red",
    Status.TIMED_OUT: "red",
    Status.CANCELLED: "yellow",
    Status.IN_DOUBT: "magenta",
    Status.AWAITING_MODAL: "magenta",
    Status.OVERDUE: "magenta",
}
_WIDTH = 60
_WAITS = 100  #: the reason of a wait, on several lines
_COMMAND = re.compile(r"`[^`]*`")

#: The location of a stored file, given its path below the storage's root.
Locate = Callable[[str], str]
T = TypeVar("T")


def what(job: Job) -> str:
    """What the job does, in a few words: `imagine a cat`, `U1`, `describe`."""
    request = job.request
    if job.kind.value == "action":
        words = request.get("button") or request.get("custom_id") or "action"
        return short(str(words))
    words = request.get("prompt") or request.get("action") or ""
    return short(f"{job.kind.value} {words}".strip())


def short(text: str, width: int = _WIDTH) -> str:
    """The text on one line, cut to ``width``."""
    text = clean_line(text)
    return text if len(text) <= width else text[: width - 1] + "…"


def status(job: Job) -> str:
    """The status with its progress, coloured."""
    text = job.status.value
    if job.progress is not None and not job.status.terminal:
        text = f"{text} {job.progress}%"
    return click.style(text, fg=_COLOURS.get(job.status))


def line(job: Job) -> str:
    """The job as a line of a list."""
    standing = click.style(f"{job.status.value:<14}", fg=_COLOURS.get(job.status))
    return f"{job.id}  {moment(job.spec.created_at)}  {standing}  {what(job)}"


def change(job: Job) -> str:
    """A change of the job as a line, for output without a terminal."""
    reason = f": {job.error.message}" if job.error else ""
    return f"{job.id}  {what(job)}  {status(job)}{reason}"


def details(
    job: Job,
    locate: Locate,
    waiting: Waiting | None,
    accounts: Mapping[str, Account],
) -> list[str]:
    """Every fact of one job, a line each."""
    twice = attempts.paid_twice(job)
    return facts(
        [
            ("job", job.id),
            ("does", what(job)),
            ("status", status(job)),
            ("waits", _wrapped(waiting.message) if waiting else None),
            ("pipeline", job.spec.pipeline_id if job.spec.pipeline_id != job.id else None),
            ("parent", job.spec.parent_id),
            ("account", job.account),
            ("task", job.task_id),
            ("attempts", attempts.listed(job)),
            ("cost", _cost(job, accounts)),
            ("paid twice", click.style(twice, fg="red") if twice else None),
            ("picture", job.result.image_url),
            ("seed", job.result.seed or job.result.seed_error),
            ("prompts", "\n".join(job.result.prompts) or None),
            ("buttons", ", ".join(name_of(b) for b in job.result.buttons or ()) or None),
            ("error", _in_words(job.error)),
            ("next", attempts.by_hand(job) or "\n".join(to_type(waiting)) or None),
            ("files", "\n".join(map(locate, job.result.assets)) or None),
            ("no files", None if job.result.assets else _in_words(job.result.assets_error)),
            ("not stored", _in_words(job.result.assets_error) if job.result.assets else None),
        ]
    )


def _wrapped(text: str) -> str:
    """The text on lines, whose commands stay whole: they are to be copied."""
    whole = _COMMAND.sub(lambda command: command[0].replace(" ", "\0"), text)
    lines = wrap(whole, _WAITS, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\0", " ")


#: Whose figures a cost has, where it is not obvious.
_FIGURES: Mapping[Figures | None, str] = {
    Figures.PROVIDER: " (the provider's own figures)",
    Figures.BOTH: " (partly the provider's own figures)",
}


def _cost(job: Job, accounts: Mapping[str, Account]) -> str | None:
    """What it has cost and may cost; None if nothing has a price."""
    found = charges(job, next_price(job, accounts))
    sums = [(standing, total(found, standing)) for standing in Standing]
    words = ", ".join(f"{money.in_words(value)} {name}" for name, value in sums if value)
    return f"{words}{_FIGURES.get(figures(job), '')}" if words else None


def to_type(waiting: Waiting | None) -> list[str]:
    """What a person may type to end the wait, unless its message names it."""
    commands = waiting.commands if waiting else ()
    return [each for each in commands if waiting and each not in waiting.message]


def tree(members: Sequence[Job], locate: Locate) -> list[str]:
    """The jobs, each below its parent, with the locations of their files."""
    known = {job.id for job in members}
    return [
        text
        for root in members
        if root.spec.parent_id not in known
        for job, head, indent in branches(root, lambda of: _children(of, members))
        for text in _leaf(job, head, indent, locate, is_parent=bool(_children(job, members)))
    ]


def branches(
    node: T, children: Callable[[T], Sequence[T]], head: str = "", indent: str = ""
) -> Iterator[tuple[T, str, str]]:
    """Walk the tree depth first; yield each node with the prefixes of its first and other lines."""
    yield node, head, indent
    below = children(node)
    for number, child in enumerate(below, 1):
        fork, bar = ("└─ ", "   ") if number == len(below) else ("├─ ", "│  ")
        yield from branches(child, children, indent + fork, indent + bar)


def history(found: History) -> Iterator[str]:
    """A line per entry: its time, the seconds since the job was created, what happened."""
    for entry in found.entries:
        since = entry.at - found.moments.created
        yield f"{moment(entry.at)}  {since:+9.3f} s  {clean_line(in_words(entry))}"
    if found.left_out:
        yield f"Of a long history the middle is not kept: {found.left_out:,} entries."


def summary(pipeline: Pipeline) -> str:
    """The state of the whole pipeline."""
    counts = ", ".join(f"{count} {name}" for name, count in pipeline.counts.items())
    return f"{pipeline_status(pipeline)}: {counts}"


def _children(of: Job, members: Sequence[Job]) -> list[Job]:
    return [job for job in members if job.spec.parent_id == of.id]


def _leaf(job: Job, head: str, indent: str, locate: Locate, *, is_parent: bool) -> Iterator[str]:
    reason = f"  {job.error.message}" if job.error else ""
    yield f"{head}{what(job)}  {status(job)}{reason}"
    trunk = "│  " if is_parent else "   "
    yield from (f"{indent}{trunk}{locate(path)}" for path in job.result.assets)


def _in_words(error: JobError | None) -> str | None:
    if error is None:
        return None
    words = f"{error.code}: {error.message.rstrip('. ')}."
    return f"{words} {error.hint or ''}".strip()
