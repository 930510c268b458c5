"""PURE. The manifest of a batch: one line per job with its results and cost.

Written as JSONL or CSV a line at a time, so that no batch has to fit in memory.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from io import StringIO
from typing import Any

from worker.domain.account.billing import Standing, charges, total
from worker.domain.job import Job
from worker.domain.job_spec import Kind
from worker.domain.money import units
from worker.domain.printable import cell, clean, escaped

#: In output order.
COLUMNS = (
    "row", "key", "job", "parent", "kind", "what", "status", "pictures", "prompt", "seed", "cost",
    "error_code", "error_message",
)  # fmt: skip

#: Each root with the jobs of its pipeline, parents before children; see ``Batches.jobs``.
Pipelines = Iterable[tuple[Job, tuple[Job, ...]]]
#: Maps a path below the storage root to the location of the stored file.
Locate = Callable[[str], str]


class Form(StrEnum):
    """The format of a manifest."""

    JSONL = "jsonl"
    CSV = "csv"  #: with a header; ``|`` separates pictures


def manifest(
    pipelines: Pipelines, form: Form, locate: Locate, *, raw: bool = False
) -> Iterator[str]:
    """The lines of the manifest.

    ``raw``: cells of CSV as they are, for programs; else an apostrophe stands before what a
    spreadsheet would take for a formula, and what a terminal would obey is left out.
    """
    entries = (entry(root, job, locate) for root, jobs in pipelines for job in jobs)
    return _csv(entries, raw=raw) if form is Form.CSV else map(_json, entries)


def entry(root: Job, job: Job, locate: Locate) -> dict[str, Any]:
    """The manifest's entry for a ``job`` of the pipeline of ``root``."""
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
    """The pressed button, or else the kind."""
    if job.kind is not Kind.ACTION:
        return job.kind.value
    return str(job.request.get("button") or job.request.get("custom_id") or job.kind.value)


def _pictures(job: Job, locate: Locate) -> list[str]:
    """Pictures and films: stored files, or the provider's URLs until they are stored."""
    result = job.result
    if result.assets:
        return list(map(locate, result.assets))
    pictures = result.image_urls or ((result.image_url,) if result.image_url else ())
    return list(dict.fromkeys((*pictures, *result.video_urls)))


def paid_for(job: Job) -> float:
    """The cost of all attempts minus refunds, in units."""
    charged = charges(job, 0)
    return units(total(charged, Standing.SPENT) - total(charged, Standing.REFUNDED))


def _json(row: Mapping[str, Any]) -> str:
    return escaped(json.dumps(row, ensure_ascii=False, separators=(",", ":"))) + "\n"


def _csv(entries: Iterable[Mapping[str, Any]], *, raw: bool) -> Iterator[str]:
    line = StringIO(newline="")
    writer = csv.DictWriter(line, COLUMNS)

    def written() -> str:
        text = line.getvalue()
        line.seek(0)
        line.truncate()
        return text

    writer.writeheader()
    yield written()
    for row in entries:
        cells = {**row, "pictures": "|".join(row["pictures"])}
        writer.writerow(cells if raw else {name: _harmless(cells[name]) for name in cells})
        yield written()


def _harmless(value: Any) -> Any:
    return cell(clean(value)) if isinstance(value, str) else value
