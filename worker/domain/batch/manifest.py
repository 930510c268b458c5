"""PURE. The manifest of a batch: a line for each job, what it made and what that cost.

As JSONL or as CSV, a line at a time, so that a batch of any size is never in memory.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from io import StringIO
from typing import Any

from worker.domain.account.billing import Standing, charges, total
from worker.domain.job import Job, Kind
from worker.domain.money import units

#: The columns, in their order.
COLUMNS = (
    "row", "key", "job", "parent", "kind", "what", "status", "pictures", "prompt", "seed", "cost",
    "error_code", "error_message",
)  # fmt: skip

#: Roots with all jobs of their pipelines, parents before children: as ``Batches.jobs`` gives them.
Pipelines = Iterable[tuple[Job, tuple[Job, ...]]]
#: Where a stored file is found, given its path below the storage's root.
Locate = Callable[[str], str]


class Form(StrEnum):
    """How a manifest is written."""

    JSONL = "jsonl"
    CSV = "csv"  #: with a header; of several pictures, ``|`` is between them


def manifest(pipelines: Pipelines, form: Form, locate: Locate) -> Iterator[str]:
    """The manifest's text, a line at a time."""
    entries = (entry(root, job, locate) for root, jobs in pipelines for job in jobs)
    return _csv(entries) if form is Form.CSV else map(_json, entries)


def entry(root: Job, job: Job, locate: Locate) -> dict[str, Any]:
    """What the manifest says of a job that grew from ``root``."""
    error = job.error if job.status.terminal else None
    return {
        "row": root.spec.row,
        "key": root.spec.row_key,
        "job": job.id,
        "parent": job.spec.parent_id,
        "kind": job.kind.value,
        "what": what_of(job),
        "status": job.status.value,
        "pictures": _pictures(job, locate),
        "prompt": job.result.prompt or job.request.get("prompt"),
        "seed": job.result.seed,
        "cost": paid_for(job),
        "error_code": error.code if error else None,
        "error_message": error.message if error else None,
    }


def what_of(job: Job) -> str:
    """The button that was pressed, or else the kind."""
    if job.kind is not Kind.ACTION:
        return job.kind.value
    return str(job.request.get("button") or job.request.get("custom_id") or job.kind.value)


def _pictures(job: Job, locate: Locate) -> list[str]:
    """Our own files, or where the provider has them until those are stored; films too."""
    result = job.result
    if result.assets:
        return list(map(locate, result.assets))
    pictures = result.image_urls or ((result.image_url,) if result.image_url else ())
    return list(dict.fromkeys((*pictures, *result.video_urls)))


def paid_for(job: Job) -> float:
    """What was paid for all of its attempts and did not come back, in units."""
    found = charges(job, 0)
    return units(total(found, Standing.SPENT) - total(found, Standing.REFUNDED))


def _json(found: Mapping[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) + "\n"


def _csv(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    line = StringIO(newline="")
    writer = csv.DictWriter(line, COLUMNS)

    def written() -> str:
        text = line.getvalue()
        line.seek(0)
        line.truncate()
        return text

    writer.writeheader()
    yield written()
    for found in entries:
        writer.writerow({**found, "pictures": "|".join(found["pictures"])})
        yield written()
