"""SHELL. What an account's provider answered last, from the histories of the account's jobs."""

from dataclasses import dataclass

from worker.adapters.store import Filter
from worker.domain.history import Entry, What
from worker.domain.job import Job
from worker.services.visible import Visible

#: Of an account: its newest jobs, which nearly all of the last answers are about.
JOBS = 30


@dataclass(frozen=True, slots=True)
class LastReply:
    """An answer to a submission."""

    job: Job
    entry: Entry


def last_replies(visible: Visible, account: str) -> list[LastReply]:
    """The answers to submissions of the account's newest jobs, the newest first.

    Raises ``StoreUnavailable``.
    """
    jobs = visible.jobs(Filter(account=account), JOBS).jobs
    kept = visible.store.jobs.histories([job.id for job in jobs])
    replies = [
        LastReply(job, entry)
        for job, (entries, _) in zip(jobs, kept, strict=True)
        for entry in entries
        if entry.what is What.REPLIED
    ]
    return sorted(replies, key=lambda each: each.entry.at, reverse=True)
