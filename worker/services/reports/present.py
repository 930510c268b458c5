"""PURE. Jobs, pipelines, plans, batches and accounts as the outside sees them.

One JSON for HTTP and the command line. Amounts are in the unit that prices are given in. Where a
function takes ``accounts``, their prices tell what a job that has not started would cost.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from worker.adapters.store import NotificationPage, Page, Pipeline
from worker.domain.account import Account
from worker.domain.account.billing import Standing, charges, total
from worker.domain.account.capacity import Pool
from worker.domain.account_trouble import CURABLE
from worker.domain.batch.progress import Progress
from worker.domain.dry_run import Plan, Quote, next_price
from worker.domain.job import JSON, Job, Notify, Retry, Status
from worker.domain.money import units
from worker.domain.notifications import Notification
from worker.domain.redaction import HIDDEN
from worker.domain.result import Result
from worker.domain.times import rfc3339
from worker.services.reports.batch_overview import BatchReport
from worker.services.reports.overview import Overview, Purse, Report
from worker.services.reports.waits import Waiting

Accounts = Mapping[str, Account]


def one_job_json(job: Job, accounts: Accounts, waiting: Waiting | None) -> dict[str, Any]:
    """The answer about one job: the job, and why it waits if it does."""
    return {**job_json(job, accounts), "waiting": asdict(waiting) if waiting else None}


def job_json(job: Job, accounts: Accounts | None = None) -> dict[str, Any]:
    """The job. Times are RFC 3339 in UTC; tokens and keys are nowhere in it."""
    return {
        "id": job.id,
        "kind": job.kind.value,
        "status": job.status.value,
        "progress": job.progress,
        "account": job.account or None,
        "task_id": job.task_id,
        "parent_id": job.spec.parent_id,
        "pipeline_id": job.spec.pipeline_id,
        "waits_for": list(job.spec.waits_for),
        "batch_id": job.spec.batch_id,
        "priority": job.options.priority,
        "tenant": job.options.tenant or None,
        "retry": _retry_json(job.options.retry) if job.options.retry else None,
        "seed": job.options.seed,
        "notify": _notify_json(job.options.notify) if job.options.notify else None,
        "assets": asdict(job.options.keep),
        "request": dict(job.request),
        "then": list(job.spec.then),
        "result": _result_json(job.result),
        "error": asdict(job.error) if job.error else None,
        "attempts": [
            {
                "number": a.number,
                "started_at": rfc3339(a.started_at),
                "outcome": a.outcome,
                "task_id": a.task_id,
            }
            for a in job.attempts
        ],
        "double_payments": [
            {"attempt": a.number, "task_id": a.task_id} for a in job.double_payments
        ],
        "cost": _cost_json(job, accounts),
        "metadata": dict(job.metadata),
        "created_at": rfc3339(job.spec.created_at),
        "submitted_at": rfc3339(job.submitted_at),
        "finished_at": rfc3339(job.finished_at),
    }


def pipeline_json(pipeline: Pipeline, accounts: Accounts | None = None) -> dict[str, Any]:
    """The pipeline, parents before children, with a number per status and ``total``."""
    counts = {status.value: pipeline.counts.get(status.value, 0) for status in Status}
    return {
        "id": pipeline.id,
        "status": pipeline_status(pipeline),
        "counts": {**counts, "total": sum(counts.values())},
        "jobs": [job_json(job, accounts) for job in pipeline.jobs],
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


def page_json(page: Page, accounts: Accounts | None = None) -> dict[str, Any]:
    """One page of a listing; ``next_cursor`` is null at the end."""
    return {"items": [job_json(job, accounts) for job in page.jobs], "next_cursor": page.cursor}


def quote_json(quote: Quote) -> dict[str, Any]:
    """What a dry run answers."""
    return {
        "tree": _plan_json(quote.tree),
        "jobs": quote.tree.jobs,
        "total": units(quote.total),
        "exact": quote.tree.exact,
        "accounts": {name: units(amount) for name, amount in quote.totals.items()},
    }


def accounts_json(overview: Overview) -> dict[str, Any]:
    """All accounts, and what they share."""
    return {
        "items": [_account_json(report) for report in overview.reports],
        "ready_anywhere": overview.anywhere,
        "budgets": [{"scope": purse.scope, **_purse_json(purse)} for purse in overview.budgets],
        "paused": list(overview.paused),
        "ended": dict(overview.ended),
    }


def taken_json(name: str, progress: Progress) -> dict[str, Any]:
    """What became of a batch's file."""
    return {
        "id": progress.batch_id,
        "name": name,
        "rows": progress.rows,
        "new": progress.new,
        "known": progress.known,
        "bad": progress.bad,
        "bad_rows": list(progress.bad_rows),
    }


def batch_json(report: BatchReport) -> dict[str, Any]:
    """A batch, as it is listed."""
    batch = report.batch
    counts = {status.value: report.count(status) for status in Status}
    return {
        "id": batch.id,
        "name": batch.name,
        "created_at": rfc3339(batch.created_at),
        "status": report.state.value,
        "rows": batch.rows,
        "bad": batch.bad,
        "counts": {**counts, "total": report.total},
        "errors": dict(report.errors),
        "planned": report.planned,
        "cost": {**_purse_json(report.purse), "estimated": units(report.estimated)},
    }


def one_batch_json(report: BatchReport) -> dict[str, Any]:
    """The answer about one batch: the batch, and the first of its bad rows."""
    return {**batch_json(report), "bad_rows": list(report.bad_rows)}


def event_json(one: Notification, data: JSON) -> dict[str, Any]:
    """What a receiver gets, in the form that Standard Webhooks recommends."""
    return {"type": one.topic, "timestamp": rfc3339(one.created_at), "data": data}


def delivery_json(one: Notification) -> dict[str, Any]:
    """A notification, and what became of it."""
    return {
        "id": one.id,
        "topic": one.topic,
        "subject": one.subject,
        "target": _target_json(one.target),
        "state": one.state.value,
        "created_at": rfc3339(one.created_at),
        "due_at": rfc3339(one.due_at),
        "failures": one.failures,
        "tries": [{"at": rfc3339(each.at), "outcome": each.outcome} for each in one.tries],
    }


def deliveries_json(page: NotificationPage) -> dict[str, Any]:
    """One page of a listing; ``next_cursor`` is null at the end."""
    return {"items": list(map(delivery_json, page.notifications)), "next_cursor": page.cursor}


def _target_json(target: Notify) -> dict[str, Any]:
    """Whom; a URL's query may be a secret of the receiver's."""
    url, query, _ = (target.url or "").partition("?")
    shown = f"{url}?{HIDDEN}" if query else url
    return {"url": shown or None, "celery_task": target.celery_task, "queue": target.queue}


def _notify_json(target: Notify) -> dict[str, Any]:
    return {**_target_json(target), "on": list(target.topics)}


def _plan_json(plan: Plan) -> JSON:
    return {
        "kind": plan.kind.value,
        "words": plan.words,
        "sort": plan.sort,
        "times": plan.times,
        "price": units(plan.price),
        "exact": plan.known,
        "children": [_plan_json(child) for child in plan.children],
    }


def _cost_json(job: Job, accounts: Accounts | None) -> JSON:
    price = next_price(job, accounts) if accounts is not None else 0
    found = charges(job, price)
    cost: dict[str, float | None] = {each.value: units(total(found, each)) for each in Standing}
    return {**cost, "estimated": None} if accounts is None else cost


def _purse_json(purse: Purse) -> JSON:
    return {
        "budget": None if purse.budget is None else units(purse.budget),
        "spent": units(purse.spent),
        "reserved": units(purse.reserved),
        "refunded": units(purse.refunded),
    }


def _account_json(report: Report) -> dict[str, Any]:
    account, callback_stats, load, state = (
        report.account,
        report.callback_stats,
        report.load,
        report.state,
    )
    known = account.dialect if account.dialect != "auto" else callback_stats.dialect
    return {
        "name": account.name,
        "url": account.url,
        "dialect": known or "auto",
        "max_running": account.max_running,
        "running": load.running,
        "ready": load.ready + load.ready_films,
        "slots": {
            Pool.IMAGE.value: {"running": load.images, "max": account.max_running},
            Pool.VIDEO.value: {"running": load.films, "max": account.max_running_video},
        },
        "believed_limit": report.believed_limit,
        "state": {
            "name": state.taking.value,
            "why": state.why,
            "until": rfc3339(state.until),
            "hint": state.hint,
        },
        "error_rate": report.breaker.error_rate,
        "money": _purse_json(report.purse),
        "in_doubt": report.in_doubt,
        "double_payments": report.double_payments,
        "delivery": {
            "mode": report.mode.value,
            "why": report.why,
            "callbacks": callback_stats.callbacks,
            "with_state": callback_stats.with_state,
            "told": callback_stats.told,
            "asked": callback_stats.asked,
            "lag_s": callback_stats.lag_s,
            "receiving_since": rfc3339(callback_stats.receiving_since),
            "called_back_at": rfc3339(callback_stats.called_back_at),
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
        "seed": result.seed,
        "seed_error": result.seed_error,
        "assets_error": asdict(result.assets_error) if result.assets_error else None,
        "files": [file._asdict() for file in result.files],
    }


def _retry_json(retry: Retry) -> JSON:
    on = CURABLE if retry.on is None else retry.on
    return {"attempts": retry.attempts, "backoff_s": retry.backoff_s, "on": list(on)}
