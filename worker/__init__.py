"""Hookline: runs paid, slow, asynchronous image jobs for other programs.

The functions of `worker.entrypoints.client` are importable from here: `from worker import imagine`.
They load on first use, so that a part of the package that needs neither Celery nor Redis imports
neither.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worker.entrypoints.client import (
        accounts,
        action,
        blend,
        cancel,
        change,
        describe,
        edits,
        get,
        get_batch,
        imagine,
        jobs,
        list_batches,
        modal,
        pause,
        pipeline,
        press,
        quote,
        resolve,
        resume,
        retexture,
        retry,
        shorten,
        submit,
        submit_batch,
        swap_face,
        upload,
        video,
        wait,
    )
    from worker.entrypoints.connection import connect

__all__ = [
    "accounts",
    "action",
    "blend",
    "cancel",
    "change",
    "connect",
    "describe",
    "edits",
    "get",
    "get_batch",
    "imagine",
    "jobs",
    "list_batches",
    "modal",
    "pause",
    "pipeline",
    "press",
    "quote",
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
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        place = (
            "worker.entrypoints.connection" if name == "connect" else "worker.entrypoints.client"
        )
        return getattr(import_module(place), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
