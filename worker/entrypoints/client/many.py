"""Batches: many jobs from one file."""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from worker.domain.job import Job
from worker.entrypoints.client.given import plain, steps_of
from worker.entrypoints.connection import caller, services, visible

if TYPE_CHECKING:
    from worker.adapters.store import Batch as StoredBatch
    from worker.domain.batch.progress import Progress
    from worker.services.reports.answers import Batch, ListedBatch


def submit_batch(
    source: "str | os.PathLike[str] | Iterable[str | Mapping[str, Any]]",
    *,
    name: str | None = None,
    form: Literal["ndjson", "csv", "lines"] | None = None,
    budget: float | None = None,
    strict: bool = False,
    permute: bool = True,
    notify: "Mapping[str, Any] | None" = None,
    **defaults: Any,
) -> "Progress":
    """Submit the rows of a file, or an iterable of prompts or requests; return the counts.

    A batch is identified by its name, by default the file's. The same name continues the same
    batch: rows stored before are left unchanged. Bad rows are reported, and the others submitted.

    Args:
        source: a path, or prompts and requests, read one at a time.
        name: the batch's name.
        form: the file's format; by default that of its suffix.
        budget: the most that all of its jobs may cost, in the unit of the prices.
        strict: raise ``InvalidRequest`` for bad rows, and submit nothing.
        permute: whether ``{red, green}`` in a prompt makes two prompts.
        notify: the receiver of the batch's end; with job topics in its `on`, also of each row.
        defaults: fields for all rows; ``prompt`` is a template over their columns.
    """
    from worker.adapters import batch_files  # noqa: PLC0415  # on first use
    from worker.domain.batch.progress import whole  # noqa: PLC0415  # on first use
    from worker.domain.batch.request import parse_batch  # noqa: PLC0415  # on first use

    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        name, form_ = batch_files.name_and_form(path, name, form)
        pieces = batch_files.pieces(path)
    else:
        form_, pieces = "ndjson", batch_files.written(map(plain, source))
    if "then" in defaults:
        defaults["then"] = steps_of(defaults["then"])
    asked = {"name": name, "form": form_, "budget": budget, "defaults": plain(defaults)}
    asked["notify"] = plain(notify)
    request = parse_batch({**asked, "strict": strict, "permute": permute})
    return whole(services().batches.acting_for(caller()).submit(request, pieces, allow_paths=True))


def find_batch(name_or_id: str) -> "StoredBatch":
    """The batch as it is stored. Raises ``NotFound``."""
    return visible().batch_named(name_or_id)


def batch_name(job: Job) -> str | None:
    """The name of the batch that the job belongs to."""
    found = visible().batch(job.spec.batch_id) if job.spec.batch_id else None
    return found.name if found else None


def get_batch(name_or_id: str) -> "Batch":
    """The state of the batch."""
    from worker.services.reports.batch_overview import report  # noqa: PLC0415  # on first use

    return report(services().store, find_batch(name_or_id))


def list_batches(**query: Any) -> "list[ListedBatch]":
    """The newest batches first; ``query``: the fields of ``BatchesQuery``."""
    from worker.domain.requests.base import validate  # noqa: PLC0415  # on first use
    from worker.domain.requests.queries import BatchesQuery  # noqa: PLC0415
    from worker.services.reports.batch_overview import reports  # noqa: PLC0415

    asked, store = validate(BatchesQuery, query), services().store
    return reports(store, store.batches.newest(asked.limit))
