"""Where jobs are kept: the only package that knows Redis, and the only one that knows its keys.

``store.py`` is the way in; each of its parts is a module. The heart is ``JobStore.commit``: compare
the job's version, write the job and its children, and move each of them to its place in the due
set, the ready queue and the running set, all in one atomic step. So there is no moment at which a
crash leaves a finished job without its follow-ups, a slot without its job, or a job that nobody
will look at again.
"""

from worker.adapters.store.values import (
    ABSENCE_S,
    Batch,
    Filter,
    Load,
    NoFreeSlot,
    NotificationPage,
    Openings,
    Page,
    Pipeline,
)

__all__ = [
    "ABSENCE_S",
    "Batch",
    "Filter",
    "Load",
    "NoFreeSlot",
    "NotificationPage",
    "Openings",
    "Page",
    "Pipeline",
]
