"""PURE. ``transition(job, event, now, policy)``: the function that decides every change of a job.

    queued -> submitting -> submitted -> in_progress -> succeeded | failed | cancelled | timed_out
                  |   ^         |
                  v   |         +-> awaiting_modal -> queued (for the modal's own POST)
               in_doubt         +-> overdue (still watched for a late success)

A job may skip statuses forward: a callback can overtake our own record of the submit's reply.
Terminal statuses absorb everything but a retry, a late success, and the files and seed of a result.
"""

from collections.abc import Callable
from typing import Any

from worker.domain import events
from worker.domain.events import Decision, Disposition, Event, Policy
from worker.domain.job import Job, changed
from worker.domain.lifecycle import asking, charging, doubting, observing, submitting, waiting
from worker.domain.lifecycle.moves import next_look
from worker.domain.lifecycle.observing import takes_no_news

__all__ = ["next_look", "takes_no_news", "transition"]


def transition(job: Job, event: Event, now: float, policy: Policy) -> Decision:
    """Decide what ``event`` does to ``job`` at ``now``.

    Raises ``Conflict`` for a caller's request that the job's status does not allow; never for
    anything a provider sent.
    """
    decide: Callable[[Job, Any, float, Policy], Decision] = _DECIDERS[type(event)]
    decision = decide(job, event, now, policy)
    after, disposition = decision.job, decision.disposition
    if disposition is Disposition.APPLIED:
        if after == job:
            disposition = Disposition.DUPLICATE
        elif not after.bound:
            after = changed(after, account="")
    return Decision(after, disposition, decision.children, event)


_DECIDERS: dict[type, Callable[[Job, Any, float, Policy], Decision]] = {
    events.Started: submitting.started,
    events.Posting: submitting.posting,
    events.Replied: submitting.replied,
    events.Observed: observing.observed,
    events.Missing: observing.missing,
    events.NotListed: doubting.not_listed,
    events.TimePassed: asking.time_passed,
    events.TroubleOver: asking.trouble_over,
    events.Cancelled: asking.cancelled,
    events.Retried: asking.retried,
    events.Resolved: asking.resolved,
    events.ModalAnswered: asking.modal_answered,
    events.AssetsSettled: asking.assets_settled,
    events.AssetsDelayed: asking.assets_delayed,
    events.AssetsWanted: asking.assets_wanted,
    events.SeedSettled: asking.seed_settled,
    events.LinksRenewed: asking.links_renewed,
    events.Charged: charging.charged,
    events.SiblingsSeen: waiting.siblings_seen,
    events.Choosing: waiting.choosing,
    events.Chosen: waiting.chosen,
    events.NotChosen: waiting.not_chosen,
}
