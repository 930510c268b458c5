"""SHELL. What happened to jobs, from their records, what their commits wrote, and deliveries."""

from collections.abc import Mapping, Sequence

from worker.domain.history import History, history_of
from worker.domain.job import Job
from worker.services.visible import Visible


def histories(visible: Visible, jobs: Sequence[Job]) -> Mapping[str, History]:
    """The history of each of the jobs, by id, in two exchanges for all of them.

    ``jobs`` are some that the caller may see. Raises ``StoreUnavailable``.
    """
    kept = visible.store.jobs.histories([job.id for job in jobs])
    named = dict.fromkeys(
        each for entries, _ in kept for entry in entries for each in entry.notifications
    )
    notes = {
        one.id: one
        for one in visible.store.outbox.get_many(list(named))
        if visible.caller.sees(one.tenant)
    }
    return {
        job.id: history_of(
            job,
            entries,
            left_out,
            [notes[each] for entry in entries for each in entry.notifications if each in notes],
        )
        for job, (entries, left_out) in zip(jobs, kept, strict=True)
    }
