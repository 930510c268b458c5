"""Jobs in words: one line, all there is to know, or the tree of a pipeline."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import click

from worker.adapters.store import Pipeline
from worker.domain import money
from worker.domain.account import Account
from worker.domain.account.billing import Standing, charges, total
from worker.domain.buttons import name_of
from worker.domain.dry_run import next_price
from worker.domain.events import Policy
from worker.domain.job import Job, Status
from worker.domain.result import JobError
from worker.entrypoints.cli import attempts
from worker.services.reports.present import pipeline_status
from worker.services.reports.waits import Waiting

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

#: Where a stored file is found, given its path below the storage's root.
Locate = Callable[[str], str]


def what(job: Job) -> str:
    """What the job does, in a few words: `imagine a cat`, `U1`, `describe`."""
    request = job.request
    if job.kind.value == "action":
        words = request.get("button") or request.get("custom_id") or "action"
        return short(str(words))
    words = request.get("prompt") or request.get("action") or ""
    return short(f"{job.kind.value} {words}".strip())


def short(text: str, width: int = _WIDTH) -> str:
    """The text on one line, cut where it is too long."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def status(job: Job) -> str:
    """The status with its progress, coloured by how it stands."""
    text = job.status.value
    if job.progress is not None and not job.status.terminal:
        text = f"{text} {job.progress}%"
    return click.style(text, fg=_COLOURS.get(job.status))


def line(job: Job) -> str:
    """The job in one line of a list."""
    created = datetime.fromtimestamp(job.spec.created_at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    colour = _COLOURS.get(job.status)
    return f"{job.id}  {created}  {click.style(f'{job.status.value:<14}', fg=colour)}  {what(job)}"


def change(job: Job) -> str:
    """What is new of a job, for a terminal that cannot draw."""
    reason = f": {job.error.message}" if job.error else ""
    return f"{job.id}  {what(job)}  {status(job)}{reason}"


def hint(job: Job) -> str | None:
    """What a person can do for a job that waits for one."""
    if job.status is Status.AWAITING_MODAL:
        return f"waits for a window's answer: hookline modal --job-id {job.id} --prompt ..."
    if job.status is Status.IN_DOUBT:
        return f"nobody knows yet whether it was accepted: hookline show {job.id}"
    return None


def details(
    job: Job,
    policy: Policy,
    locate: Locate,
    waiting: Waiting | None,
    accounts: Mapping[str, Account],
) -> list[str]:
    """All there is to know of one job, a line each."""
    doubt = attempts.what_next(job, policy)
    twice = attempts.paid_twice(job)
    facts: list[tuple[str, str | None]] = [
        ("job", job.id),
        ("does", what(job)),
        ("status", status(job)),
        ("waits", waiting.message if waiting else None),
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
        ("next", doubt or hint(job)),
        ("files", "\n".join(map(locate, job.result.assets)) or None),
        ("no files", _in_words(job.result.assets_error)),
    ]
    return [
        f"{name if n == 0 else '':<10} {words}"
        for name, text in facts
        if text
        for n, words in enumerate(text.split("\n"))
    ]


def _cost(job: Job, accounts: Mapping[str, Account]) -> str | None:
    """What it cost and may cost; None where nothing has a price."""
    found = charges(job, next_price(job, accounts))
    sums = [(standing, total(found, standing)) for standing in Standing]
    return ", ".join(f"{money.in_words(value)} {name}" for name, value in sums if value) or None


def tree(members: Sequence[Job], locate: Locate) -> list[str]:
    """The jobs, each below its parent, with where their pictures are."""
    known = {job.id for job in members}
    roots = [job for job in members if job.spec.parent_id not in known]
    return [text for root in roots for text in _branch(root, members, locate, "", "")]


def summary(pipeline: Pipeline) -> str:
    """How the whole pipeline stands."""
    counts = ", ".join(f"{count} {name}" for name, count in pipeline.counts.items())
    return f"{pipeline_status(pipeline)}: {counts}"


def _branch(
    job: Job, members: Sequence[Job], locate: Locate, head: str, indent: str
) -> Iterable[str]:
    reason = f"  {job.error.message}" if job.error else ""
    yield f"{head}{what(job)}  {status(job)}{reason}"
    children = [child for child in members if child.spec.parent_id == job.id]
    trunk = "│  " if children else "   "
    for path in job.result.assets:
        yield f"{indent}{trunk}{locate(path)}"
    for child in children:
        last = child is children[-1]
        fork, below = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _branch(child, members, locate, indent + fork, indent + below)


def _in_words(error: JobError | None) -> str | None:
    if error is None:
        return None
    words = f"{error.code}: {error.message.rstrip('. ')}."
    return f"{words} {error.hint or ''}".strip()
