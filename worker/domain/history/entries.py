"""PURE. The history of a job: what happened to it, as entries that are written with its commits.

An entry says what a change was about and what it changed. What the record has anyway (the request,
the result) is not repeated; of what a provider said the beginning is kept, without secrets. How a
notification fared is in the notification itself.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from worker.domain import events
from worker.domain.events import Decision, Event
from worker.domain.job import Job, Status
from worker.domain.notifications import Outbox
from worker.domain.redaction import LONGEST, beginning, shown
from worker.domain.result import JobError

#: Characters of what a provider said, and of an error's message.
BODY, MESSAGE = 1_000, 300
#: Children that an entry names.
_NAMED = 20


class What(StrEnum):
    """What happened."""

    CREATED = "created"
    TAKEN = "taken"  #: a worker took it: it has a slot
    POSTED = "posted"  #: its POST was about to leave
    REPLIED = "replied"  #: the POST was answered, refused before it left, or cut off
    CALLBACK = "callback"
    POLLED = "polled"
    MISSING = "missing"  #: the provider said that it does not know the task
    NOT_LISTED = "not_listed"  #: the provider's task list proves that it was not accepted
    TIME_PASSED = "time_passed"  #: a deadline, a lease or a wait was over
    RELEASED = "released"  #: what its account refused it for is over
    SIBLINGS = "siblings"  #: the jobs that it waits for were looked at
    CALLED = "called"  #: a worker calls the function that chooses
    CHOSEN = "chosen"
    NOT_CHOSEN = "not_chosen"
    CANCELLED = "cancelled"
    RETRIED = "retried"
    RESOLVED = "resolved"  #: a person ended its doubt
    ANSWERED = "answered"  #: the caller answered its window
    FILES = "files"  #: its files are stored, or given up
    FILES_DELAYED = "files_delayed"
    FILES_WANTED = "files_wanted"  #: the caller asked for them again
    LINKS_RENEWED = "links_renewed"
    SEED = "seed"
    CHARGED = "charged"  #: the provider's ledger says what it costs
    NOTIFIED = "notified"  #: a try to deliver a notification


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. Fields that do not apply, or did not change, are at their default.

    Times are seconds since the epoch.
    """

    at: float
    what: What
    status: Status | None = None  #: the job's new one
    progress: int | None = None
    attempt: int | None = None  #: the number of the one that this is about
    account: str | None = None  #: that took it
    task_id: str | None = None  #: that is followed from now on
    outcome: str | None = None  #: of a submit, of its files, of a delivery
    http_status: int | None = None  #: of the reply
    provider_code: int | None = None  #: the ``code`` in the reply
    error: str | None = None  #: an error code
    message: str | None = None
    body: str | None = None  #: the beginning of what the provider said
    reported_at: float | None = None  #: when the task ended, by the provider's own clock
    due_at: float | None = None  #: when it continues
    children: tuple[str, ...] = ()  #: ids of the jobs that started with it; at most twenty
    more_children: int = 0  #: further ones
    notifications: tuple[str, ...] = ()  #: that were written with it
    paid_twice: tuple[str, ...] = ()  #: tasks that turned out to be double payments


_WHAT: Mapping[type[Event], What] = {
    events.Started: What.TAKEN,
    events.Posting: What.POSTED,
    events.Replied: What.REPLIED,
    events.Missing: What.MISSING,
    events.NotListed: What.NOT_LISTED,
    events.TimePassed: What.TIME_PASSED,
    events.TroubleOver: What.RELEASED,
    events.SiblingsSeen: What.SIBLINGS,
    events.Choosing: What.CALLED,
    events.Chosen: What.CHOSEN,
    events.NotChosen: What.NOT_CHOSEN,
    events.Cancelled: What.CANCELLED,
    events.Retried: What.RETRIED,
    events.Resolved: What.RESOLVED,
    events.ModalAnswered: What.ANSWERED,
    events.AssetsSettled: What.FILES,
    events.AssetsDelayed: What.FILES_DELAYED,
    events.AssetsWanted: What.FILES_WANTED,
    events.LinksRenewed: What.LINKS_RENEWED,
    events.SeedSettled: What.SEED,
    events.Charged: What.CHARGED,
}
#: Looks that are entries only if they changed more than the time of the next one.
_LOOKS = frozenset({What.TIME_PASSED, What.SIBLINGS})


#: What makes an observation worth its body, besides an end and what settles a doubt.
_NEWS = frozenset({"error", "paid_twice"})


def entries_of(
    before: Job, decision: Decision, outbox: Outbox, now: float, hide: Callable[[str], str] = str
) -> tuple[Entry, ...]:
    """What the change from ``before`` adds to the job's history.

    ``hide`` removes secrets from a provider's words.
    """
    job, event = decision.job, decision.event
    if event is None:
        return ()
    what = _what(event)
    found = _changes(before, job, hide) | _outcomes(before, decision, outbox)
    if what in _LOOKS and "status" not in found and job.ready == before.ready:
        return ()
    if isinstance(event, events.Observed):
        _observed(found, event, before, hide)
    elif isinstance(event, events.Replied):
        _replied(found, event, before, hide)
    elif isinstance(event, events.AssetsSettled | events.AssetsDelayed):
        _of_files(found, event, hide)
    elif what is What.POSTED and before.status is Status.QUEUED:
        # Both in one commit: nothing had to be fetched.
        return Entry(now, What.TAKEN, **found | {"account": job.account}), Entry(now, what)
    elif what is What.TAKEN:
        found["account"] = job.account
    return (Entry(now, what, **found),)


def _what(event: Event) -> What:
    if isinstance(event, events.Observed):
        return What.POLLED if event.asked else What.CALLBACK
    return _WHAT[type(event)]


def _changes(before: Job, job: Job, hide: Callable[[str], str]) -> dict[str, Any]:
    """What differs between the job before and after; only that, as most of it does not."""
    found: dict[str, Any] = {}
    if job.status is not before.status:
        found["status"] = job.status
        if job.status is Status.QUEUED and job.due_at is not None:
            found["due_at"] = job.due_at
    if job.progress != before.progress:
        found["progress"] = job.progress
    if job.attempt != before.attempt:
        found["attempt"] = job.attempt
    if job.account != before.account:
        found["account"] = job.account
    if job.task_id != before.task_id:
        found["task_id"] = job.task_id
    if job.error is not None and job.error != before.error:
        found |= {"error": job.error.code, "message": _cut(job.error, hide)}
    return found


def _outcomes(before: Job, decision: Decision, outbox: Outbox) -> dict[str, Any]:
    """What followed from the change."""
    found: dict[str, Any] = {}
    if children := decision.children:
        found["children"] = tuple(child.id for child in children[:_NAMED])
        found["more_children"] = max(0, len(children) - _NAMED)
    if notes := tuple(one.id for one in (*outbox.told, outbox.finished) if one):
        found["notifications"] = notes
    if decision.job.attempts is not before.attempts:
        known = {each.number for each in before.double_payments}
        extra = [each for each in decision.job.double_payments if each.number not in known]
        if extra:
            found["paid_twice"] = tuple(each.task_id or "" for each in extra)
    return found


def _observed(
    found: dict[str, Any], event: events.Observed, before: Job, hide: Callable[[str], str]
) -> None:
    """The body only where somebody may want the evidence: it is most of a history's bytes."""
    ends = "status" in found and found["status"].terminal
    evident = ends or before.status is Status.IN_DOUBT or found.keys() & _NEWS
    if event.body is not None and evident:
        text = json.dumps(event.body, ensure_ascii=False, separators=(",", ":"))
        # Cut first, and without half a secret: the rest takes time in proportion.
        found["body"] = shown(hide(beginning(text, BODY + LONGEST)), BODY)
    if event.snapshot.ended_at is not None:
        found["reported_at"] = event.snapshot.ended_at


def _replied(
    found: dict[str, Any], event: events.Replied, before: Job, hide: Callable[[str], str]
) -> None:
    """A refusal that repeats itself has its body once."""
    verdict = event.verdict
    reply, error = verdict.reply, verdict.error
    found |= {"attempt": event.attempt, "outcome": verdict.outcome.value}
    if error is not None:
        found |= {"error": error.code, "message": _cut(error, hide)}
    if reply is None:
        return
    found |= {"http_status": reply.status, "provider_code": reply.code}
    if error is None or before.error is None or error.code != before.error.code:
        found["body"] = shown(hide(reply.body), BODY)


def _of_files(
    found: dict[str, Any],
    event: events.AssetsSettled | events.AssetsDelayed,
    hide: Callable[[str], str],
) -> None:
    if event.error is not None:
        found |= {"error": event.error.code, "message": _cut(event.error, hide)}
    if isinstance(event, events.AssetsDelayed):
        found["due_at"] = event.next_at
    else:
        found["outcome"] = event.status.value


def _cut(error: JobError, hide: Callable[[str], str]) -> str:
    return shown(hide(error.message), MESSAGE)
