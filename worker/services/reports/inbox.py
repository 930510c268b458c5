"""SHELL. A callback of the inbox, and the jobs to which a stray one may belong."""

from collections.abc import Iterator
from json import loads

from worker.adapters.provider.snapshots import read_task
from worker.adapters.store import Filter
from worker.domain import prompts
from worker.domain.inbox import Callback
from worker.domain.job import Job, Status
from worker.domain.provider_reports import Snapshot
from worker.services.orchestrator import Orchestrator
from worker.services.reports.answers.inbox import Suggestion, WholeCallback

#: Jobs in doubt that are looked at, and jobs that are suggested.
_LOOKED_AT, _MOST = 200, 10


def whole(orchestrator: Orchestrator, callback: Callback) -> WholeCallback:
    """The callback with its body and suggestions. Raises ``StoreUnavailable``."""
    found: dict[str, Suggestion] = {}
    if callback.bindable:
        for each in _suggestions(orchestrator, callback, read_task(loads(callback.body))):
            found.setdefault(each.job, each)
    return WholeCallback.whole(callback, tuple(found.values())[:_MOST])


def _suggestions(
    orchestrator: Orchestrator, callback: Callback, seen: Snapshot
) -> Iterator[Suggestion]:
    """The likeliest first."""
    jobs = orchestrator.store.jobs
    accounts = [callback.account] if callback.account else list(orchestrator.accounts)
    for account in accounts if seen.task_id else ():
        if job_id := jobs.find_task(account, seen.task_id or ""):
            yield Suggestion(job=job_id, why=f"it has task {seen.task_id}")
    doubtful: list[Job] = []
    for account in accounts:
        page = jobs.page(Filter(status=Status.IN_DOUBT, account=account), _LOOKED_AT)
        doubtful += (job for job in page.jobs if job.task_id is None)
    said = prompts.as_sent(seen.result.prompt or "").lower()
    equal = [job for job in doubtful if said and job.exclusive_prompt == said]
    for job in equal:
        yield Suggestion(job=job.id, why="it is in doubt, and its prompt is the same")
    for job in doubtful:
        yield Suggestion(job=job.id, why="it is in doubt, and its task is not known")
