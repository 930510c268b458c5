"""PURE. The sidecar: a JSON file next to a job's files that says where they come from."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from worker.domain.batch.manifest import paid_for, what_of
from worker.domain.job import Job
from worker.domain.job_spec import Kind
from worker.domain.result import StoredFile
from worker.domain.times import rfc3339


def sidecar(lineage: Sequence[Job], batch: str | None, files: Sequence[StoredFile]) -> bytes:
    """The sidecar of the last job of ``lineage`` (the pipeline's root, ..., its parent, itself).

    Deterministic: a Celery task that runs twice writes the same bytes.
    """
    job, root = lineage[-1], lineage[0]
    said: Mapping[str, Any] = {
        "job": job.id,
        "pipeline": job.spec.pipeline_id,
        "kind": job.kind.value,
        "account": job.account,
        "task_id": job.task_id,
        "batch": batch,
        "row": root.spec.row,
        "key": root.spec.row_key,
        "prompt": _prompt(lineage),
        "final_prompt": job.result.prompt,
        "seed": job.result.seed,
        "buttons": [what_of(each) for each in lineage if each.kind is Kind.ACTION],
        "lineage": [{"job": each.id, "does": what_of(each)} for each in lineage],
        "cost": paid_for(job),
        "created_at": rfc3339(job.spec.created_at),
        "submitted_at": rfc3339(job.submitted_at),
        "finished_at": rfc3339(job.finished_at),
        "files": [file._asdict() for file in files],
    }
    return (json.dumps(said, ensure_ascii=False, indent=2) + "\n").encode()


def _prompt(lineage: Sequence[Job]) -> str | None:
    """The requested prompt of the job, or of its nearest ancestor with one."""
    asked = (job.request.get("prompt") for job in reversed(lineage))
    return next((str(prompt) for prompt in asked if prompt), None)
