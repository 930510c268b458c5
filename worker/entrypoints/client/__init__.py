"""Hookline from Python: `from worker import imagine, wait`.

Each kind of job has a function that enqueues one and returns its record; the arguments are the
fields of the HTTP call, and an image may also be a path. The services are built once per process,
from the environment on first use, or by `connect`.

    job = imagine("a lighthouse at dusk --ar 3:2", then="U1,V2>U1")
    print(wait(job).result.assets)

Raises `InvalidRequest` for bad input, `NotFound`, `Conflict` and `ServiceUnavailable`.
"""

from worker.entrypoints.client.given import ModalAnswer, Options, Retry, Then
from worker.entrypoints.client.kinds import (
    action,
    blend,
    change,
    describe,
    edits,
    imagine,
    modal,
    quote,
    retexture,
    shorten,
    submit,
    swap_face,
    upload,
    video,
)
from worker.entrypoints.client.many import (
    get_batch,
    list_batches,
    submit_batch,
)
from worker.entrypoints.client.records import (
    cancel,
    family,
    fetch,
    follow,
    get,
    history,
    is_over,
    jobs,
    pipeline,
    press,
    quote_press,
    resolve,
    retry,
    wait,
    why_waiting,
)
from worker.entrypoints.client.steering import (
    accounts,
    configured,
    overview,
    pause,
    resume,
    worker_problems,
)

__all__ = [
    "ModalAnswer",
    "Options",
    "Retry",
    "Then",
    "accounts",
    "action",
    "blend",
    "cancel",
    "change",
    "configured",
    "describe",
    "edits",
    "family",
    "fetch",
    "follow",
    "get",
    "get_batch",
    "history",
    "imagine",
    "is_over",
    "jobs",
    "list_batches",
    "modal",
    "overview",
    "pause",
    "pipeline",
    "press",
    "quote",
    "quote_press",
    "resolve",
    "resume",
    "retexture",
    "retry",
    "shorten",
    "submit",
    "submit_batch",
    "swap_face",
    "upload",
    "video",
    "wait",
    "why_waiting",
    "worker_problems",
]
