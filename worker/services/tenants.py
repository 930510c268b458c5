"""SHELL. What a tenant's token may ask for: jobs of its tenant, about tasks of its tenant."""

from collections.abc import Iterable
from dataclasses import replace

from worker.domain.access import Caller
from worker.domain.errors import InvalidRequest
from worker.domain.job import Job
from worker.domain.job_spec import Notify
from worker.domain.requests.requests import JobRequest
from worker.services.visible import Visible


def with_tenant(visible: Visible, asked: JobRequest) -> JobRequest:
    """The request as one of the caller's tenant. Raises ``InvalidRequest`` if it names another."""
    tenant, options = visible.caller.tenant, asked.spec.options
    if tenant is None:
        return asked
    if options.tenant not in ("", tenant):
        message = f"must be {tenant!r} with this API token: leave it out"
        raise InvalidRequest.of("tenant", message)
    return replace(asked, spec=replace(asked.spec, options=replace(options, tenant=tenant)))


def check_own_target(caller: Caller, target: Notify | None) -> None:
    """Refuse a tenant's Celery task: the broker, and the programs on it, are the operator's.

    Raises ``InvalidRequest``.
    """
    if caller.tenant is not None and target is not None and target.celery_task is not None:
        message = "cannot be used with a tenant's API token: give a `url`"
        raise InvalidRequest.of("notify.celery_task", message)


def with_own_task(
    visible: Visible, asked: JobRequest, parent: Job | None, accounts: Iterable[str]
) -> JobRequest:
    """The request, on the account of the task that it names.

    A provider's account is shared, and whoever names a task there sees its picture: a tenant may
    only name tasks of its own jobs, and buttons that they have. ``parent``: the job that it names.

    Raises ``InvalidRequest``, in the same words whether there is such a task or not.
    """
    if visible.caller.tenant is None:
        return asked
    task_id, custom_id = (asked.spec.request.get(name) for name in ("task_id", "custom_id"))
    if task_id is not None:
        names = (asked.account,) if asked.account else accounts
        found = (visible.of_task(name, task_id) for name in names)
        parent = next(filter(None, found), None)
        if parent is None:
            raise InvalidRequest.of("task_id", f"there is no task {task_id!r}")
        asked = replace(asked, account=parent.account)
    buttons = (parent.result.buttons or ()) if parent else ()
    if custom_id is not None and custom_id not in {each.custom_id for each in buttons}:
        raise InvalidRequest.of("custom_id", f"there is no button {custom_id!r}")
    return asked
