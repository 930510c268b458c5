"""PURE. References to images in our storage, and which ones a job holds."""

import re
from collections.abc import Mapping
from typing import Any

from worker.domain.job import Job

#: ``blob:<sha256>.<ext>``; see ``worker.adapters.storage.storage``.
BLOB = re.compile(r"blob:(?P<digest>[0-9a-f]{64})\.(?P<ext>png|jpg|webp|gif)")


def blobs_of(job: Job) -> frozenset[str]:
    """Every stored image that ``job``, or a step of its ``then`` at any depth, may still need.

    It searches all texts, not only the fields that hold images today: a reference too many keeps a
    file for longer, one too few loses an image.
    """
    mask = job.modal.mask if job.modal else None
    found: set[str] = set()
    for value in (job.request, job.fetched, job.spec.then, mask):
        _collect(value, found)
    return frozenset(found)


def _collect(value: Any, found: set[str]) -> None:
    """Add the references in ``value`` to ``found``. Every commit does this: see ``places``."""
    if isinstance(value, str):
        if value.startswith("blob:") and BLOB.fullmatch(value):
            found.add(value)
    elif isinstance(value, Mapping):
        for each in value.values():
            _collect(each, found)
    elif isinstance(value, list | tuple):
        for each in value:
            _collect(each, found)
