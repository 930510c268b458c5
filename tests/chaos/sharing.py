"""What several accounts made of their jobs: held against the ledgers of their sandboxes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.chaos import places
from tests.chaos.indexes import PREFIX
from tests.chaos.places import Span, Stay
from tests.chaos.providers import Provider
from tests.chaos.stage import Stage
from tests.chaos.trial import Findings
from worker.domain.job import Job


@dataclass(frozen=True, slots=True)
class Marks:
    """What must be reached. ``used``: the share of the places that were taken, of each account.

    ``gap_s``: from a freed slot to the next task in its place, at the median.
    """

    used: float
    gap_s: float


def look_at_slots(stage: Stage, jobs: Sequence[Job], accounts: Sequence[Provider]) -> Findings:
    """Slots and running jobs agree, and every child is where its parent is."""
    return Findings(tuple(_apart(stage, jobs, accounts)))


def look_at_places(
    stage: Stage, jobs: Sequence[Job], accounts: Sequence[Provider], marks: Marks
) -> Findings:
    """The same, and nothing was refused for want of a place, and hardly a place was idle."""
    problems, notes = list(_apart(stage, jobs, accounts)), []
    taken = {account.name: _stays(stage, account) for account in accounts}
    began = {stay.job_id: stay.began for stays in taken.values() for stay in reversed(stays)}
    for account in accounts:
        refused = stage.ask_sandbox(account.sandbox, "stats").get("refusals", {})
        full, stays = refused.get("queue_full", 0), taken[account.name]
        work = _work(account.name, jobs, began)
        share = places.used(stays, account.places, work)
        starts = [stay.began for stay in stays]
        ended = [stay.ended for stay in stays]
        freed = [job.finished_at or 0.0 for job in jobs if job.account == account.name]
        gap, whole = (
            median(places.gaps(ends, starts, account.places, work) or [0.0])
            for ends in (freed, ended)
        )
        at_once = places.most_at_once(stays)
        notes.append(
            f"{account.name}: {len(stays):,} tasks in {account.places} places,"
            f" {share:.1%} used, {full} refused, next task {gap * 1000:.0f} ms after a freed slot"
            f" and {whole * 1000:.0f} ms after a task's end"
        )
        wrong = {
            f"{full} refusals for want of a place": full > 0,
            f"{at_once} tasks at once": at_once > account.places,
            f"only {share:.1%} of the places used": share < marks.used,
            f"{gap * 1000:.0f} ms from a freed slot to the next task": gap >= marks.gap_s,
        }
        problems += [f"{account.name}: {what}" for what, is_so in wrong.items() if is_so]
    return Findings(tuple(problems), "; ".join(notes))


def _stays(stage: Stage, account: Provider) -> list[Stay]:
    entries = stage.ask_sandbox(account.sandbox, "ledger")
    return list(places.stays(entries, stage.services.tokens))


def _work(account: str, jobs: Sequence[Job], began: dict[str, float]) -> list[Span]:
    """When a job waited that the account might have taken: a root, or a child of its own.

    Only from the first task of all on: before, the workers were starting.
    """
    first = min(began.values(), default=0.0)
    return places.together(
        (max(first, job.spec.created_at), began[job.id])
        for job in jobs
        if job.id in began and (job.spec.parent_id is None or job.account == account)
    )


def _apart(stage: Stage, jobs: Sequence[Job], accounts: Sequence[Provider]) -> Iterator[str]:
    by_id = {job.id: job for job in jobs}
    client: Any = stage.redis
    for job in jobs:
        parent = by_id.get(job.spec.parent_id or "")
        if parent and job.account != parent.account:
            yield f"{job.id} is on {job.account}, its parent on {parent.account}"
    for account in accounts:
        key = f"{PREFIX}running:{account.name}"
        held = {job.id for job in jobs if job.holds_slot and job.account == account.name}
        if apart := {job_id.decode() for job_id in client.smembers(key)} ^ held:
            yield f"{account.name}: slots and running jobs do not agree: {sorted(apart)}"
    waiting = {key.decode(): int(n) for key, n in client.hgetall(f"{PREFIX}waiting").items()}
    if counted := {key: number for key, number in waiting.items() if number}:
        yield f"counted as ready, although nothing waits: {counted}"
