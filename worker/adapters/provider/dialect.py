"""PURE. How providers speak, in our words: the front of the modules that read their answers.

Every function here takes whatever came and never raises.
"""

from worker.adapters.provider.guess import guess_dialect
from worker.adapters.provider.replies import read_reply, read_seed, read_transport_error
from worker.adapters.provider.snapshots import read_fetch, read_task, read_tasks
from worker.adapters.provider.wire import UNREADABLE, read_json

__all__ = [
    "UNREADABLE",
    "guess_dialect",
    "read_fetch",
    "read_json",
    "read_reply",
    "read_seed",
    "read_task",
    "read_tasks",
    "read_transport_error",
]
