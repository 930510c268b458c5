"""The job store: the only package that knows Redis and its keys.

``store.py`` is the way in; each of its parts is a module. Everything depends on
``JobStore.commit``: in one atomic step it compares the job's version, writes the job and its
children, and moves each of them within the due set, the ready queue and the running set. So no
crash leaves a finished job without its follow-ups, a slot without its job, or a job that is never
looked at again.
"""

from worker.adapters.store.values import (
    Batch,
    CallbackPage,
    ChangePage,
    Filter,
    Load,
    NoFreeSlot,
    NotificationPage,
    NotReplicated,
    Openings,
    Page,
    Pipeline,
    PipelineStatus,
    RefusalPage,
)

__all__ = [
    "Batch",
    "CallbackPage",
    "ChangePage",
    "Filter",
    "Load",
    "NoFreeSlot",
    "NotReplicated",
    "NotificationPage",
    "Openings",
    "Page",
    "Pipeline",
    "PipelineStatus",
    "RefusalPage",
]
