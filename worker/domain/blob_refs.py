"""PURE. References to images in our storage, and which ones a job holds."""

import re
from collections.abc import Iterator, Mapping
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
    return frozenset(
        filter(BLOB.fullmatch, _texts([job.request, job.fetched, job.spec.then, mask]))
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
