"""PURE. Jobs, pipelines and accounts as the outside sees them.

One JSON for HTTP and the command line.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from worker.job import JSON, Job, Result, Retry, Status
from worker.overview import Report
from worker.store import Page, Pipeline
from worker.troubles import CURABLE


def job_json(job: Job) -> dict[str, Any]:
    """The job. Times are RFC 3339 in UTC; tokens and keys are nowhere in it."""
    return {
        "id": job.id,
        "kind": job.kind.value,
        "status": job.status.value,
        "progress": job.progress,
        "account": job.account or None,
        "task_id": job.task_id,
        "parent_id": job.parent_id,
        "pipeline_id": job.pipeline_id,
        "waits_for": list(job.waits_for),
        "batch_id": job.batch_id,
        "priority": job.priority,
        "tenant": job.tenant or None,
        "retry": _retry_json(job.retry) if job.retry else None,
        "request": dict(job.request),
        "then": list(job.then),
        "result": _result_json(job.result),
        "error": asdict(job.error) if job.error else None,
        "attempts": [
            {
                "number": a.number,
                "started_at": _time(a.started_at),
                "outcome": a.outcome,
                "task_id": a.task_id,
            }
            for a in job.attempts
        ],
        "double_payments": [
            {"attempt": a.number, "task_id": a.task_id} for a in job.double_payments
        ],
        "metadata": dict(job.metadata),
        "created_at": _time(job.created_at),
        "submitted_at": _time(job.submitted_at),
        "finished_at": _time(job.finished_at),
    }


def pipeline_json(pipeline: Pipeline) -> dict[str, Any]:
    """The pipeline, parents before children, with a number per status and ``total``."""
    counts = {status.value: pipeline.counts.get(status.value, 0) for status in Status}
    return {
        "id": pipeline.id,
        "status": pipeline_status(pipeline),
        "counts": {**counts, "total": sum(counts.values())},
        "jobs": [job_json(job) for job in pipeline.jobs],
    }


def pipeline_status(pipeline: Pipeline) -> str:
    """``open``, ``succeeded`` (all of it), ``failed`` (the root did not) or ``partly_failed``."""
    statuses = {Status(name) for name, count in pipeline.counts.items() if count}
    if not all(status.terminal for status in statuses):
        return "open"
    if statuses == {Status.SUCCEEDED}:
        return "succeeded"
    root = next((job for job in pipeline.jobs if job.id == pipeline.id), None)
    return "partly_failed" if root and root.status is Status.SUCCEEDED else "failed"


def page_json(page: Page) -> dict[str, Any]:
    """One page of a listing; ``next_cursor`` is null at the end."""
    return {"items": [job_json(job) for job in page.jobs], "next_cursor": page.cursor}


def accounts_json(reports: Sequence[Report]) -> dict[str, Any]:
    """All accounts."""
    return {"items": [_account_json(report) for report in reports]}


def _account_json(report: Report) -> dict[str, Any]:
    account, delivery = report.account, report.delivery
    known = account.dialect if account.dialect != "auto" else delivery.dialect
    return {
        "name": account.name,
        "url": account.url,
        "dialect": known or "auto",
        "max_running": account.max_running,
        "running": report.load.running,
        "ready": report.load.ready,
        "in_doubt": report.in_doubt,
        "double_payments": report.double_payments,
        "delivery": {
            "mode": report.mode.value,
            "why": report.why,
            "callbacks": delivery.callbacks,
            "with_state": delivery.with_state,
            "told": delivery.told,
            "asked": delivery.asked,
            "lag_s": delivery.lag_s,
            "receiving_since": _time(delivery.receiving_since),
            "called_back_at": _time(delivery.called_back_at),
        },
    }


def _result_json(result: Result) -> JSON:
    return {
        "image_url": result.image_url,
        "image_urls": list(result.image_urls),
        "prompt": result.prompt,
        "prompts": list(result.prompts),
        "text": result.text,
        "buttons": [asdict(button) for button in result.buttons or ()],
        "video_urls": list(result.video_urls),
        "assets": list(result.assets),
        "assets_status": result.assets_status.value,
    }


def _retry_json(retry: Retry) -> JSON:
    on = CURABLE if retry.on is None else retry.on
    return {"attempts": retry.attempts, "backoff_s": retry.backoff_s, "on": list(on)}


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
