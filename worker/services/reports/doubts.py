"""SHELL. Jobs in doubt: their submits side by side, and what evidence there is of each."""

from collections.abc import Iterator, Sequence

from worker.adapters.store import Filter
from worker.domain.account.calls import LIST
from worker.domain.events import Policy
from worker.domain.inbox import Callback, CallbackVerdict
from worker.domain.job import Job, Status
from worker.domain.lifecycle.moves import followed
from worker.domain.presence import not_proven
from worker.domain.requests.queries import DoubtsQuery
from worker.domain.times import clock
from worker.services.orchestrator import Orchestrator
from worker.services.reports import answers
from worker.services.reports.answers.doubts import DoubtfulJob, Doubts, Evidence, Speaks, Submit
from worker.services.reports.answers.inbox import KeptCallback
from worker.services.reports.waits import waiting
from worker.services.visible import Visible

#: Foreign callbacks that are looked at.
_LOOKED_AT = 200


def list_doubts(orchestrator: Orchestrator, visible: Visible, query: DoubtsQuery) -> Doubts:
    """A page of jobs in doubt, newest first. Raises ``InvalidRequest`` for a bad cursor.

    A tenant does not see foreign callbacks: they may be about anybody's tasks.
    """
    wanted = Filter(status=Status.IN_DOUBT, account=query.account)
    page = visible.jobs(wanted, query.limit, query.cursor)
    strays: Sequence[Callback] = ()
    if page.jobs and visible.caller.tenant is None:
        found = orchestrator.store.inbox.page(CallbackVerdict.FOREIGN, _LOOKED_AT)
        strays = [each for each in found.callbacks if each.bindable and each.bound is None]
    items = tuple(_doubtful(orchestrator, job, strays) for job in page.jobs)
    return Doubts(items=items, next_cursor=page.cursor)


def _doubtful(orchestrator: Orchestrator, job: Job, strays: Sequence[Callback]) -> DoubtfulJob:
    posted_at = followed(job).posted_at or followed(job).started_at
    mine = [
        each for each in strays if each.account in ("", job.account) and each.at >= posted_at
    ] if job.task_id is None else []  # fmt: skip
    now, policy = orchestrator.clock(), orchestrator.policy(job)
    lists = not orchestrator.calls.of(job.account).lacks(LIST, now)
    return DoubtfulJob(
        id=job.id,
        job=answers.Job.of(job, orchestrator.accounts),
        submits=tuple(
            Submit(
                number=each.number,
                account=each.account or job.account,
                started_at=each.started_at,
                posted_at=each.posted_at,
                outcome=each.outcome,
                task_id=each.task_id,
                price=each.price,
            )
            for each in job.attempts
        ),
        evidence=tuple(evidence(policy, posted_at, now, strays=len(mine), lists=lists)),
        callbacks=tuple(map(KeptCallback.of, mine)),
        waiting=waiting(orchestrator, job),
    )


def evidence(
    policy: Policy, posted_at: float, now: float, *, strays: int, lists: bool
) -> Iterator[Evidence]:
    """What speaks for or against the acceptance of a POST at ``posted_at``.

    ``strays``: foreign callbacks since; ``lists``: whether the provider may have a task list.
    """
    sent, flow = clock(posted_at, now), policy.callbacks_flow is True
    if not flow:
        message = "callbacks of this account do not arrive, so that none came means nothing"
    elif not policy.calls_back:
        message = "no callback about a job of this sort ever came, so that none came means nothing"
    elif policy.called_back_at is None or policy.called_back_at <= posted_at:
        message = f"none of this account came since the POST of {sent}, so it means nothing yet"
    else:
        last = clock(policy.called_back_at, now)
        message = f"others came since the POST of {sent}, the last at {last}, and none for this job"
    tells = policy.silence_tells(posted_at, now)
    against = Speaks.NOT_ACCEPTED if tells else Speaks.NOTHING
    yield Evidence(of="callbacks", speaks=against, message=message)
    proven = policy.presence is not None and policy.presence.since <= posted_at
    message = (
        f"since before the POST of {sent} nothing was lost on the way to us"
        if proven
        else f"a callback may have been lost on its way to us: {not_proven(policy.presence)}"
    )
    yield Evidence(of="proofs", speaks=Speaks.NOTHING, message=message)
    message = (
        "the provider's task list did not settle it so far"
        if lists
        else "the provider has no task list"
    )
    yield Evidence(of="list", speaks=Speaks.NOTHING, message=message)
    if strays:
        message = f"{strays} foreign callbacks came since, which may be about it"
        yield Evidence(of="inbox", speaks=Speaks.ACCEPTED, message=message)
