"""PURE. The history of a job: what happened to it, as entries that are written with its commits.

An entry says what a change was about and what it changed. What the record has anyway (the request,
the result) is not repeated; of what a provider said the beginning is kept, without secrets. How a
notification fared is in the notification itself.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from worker.domain import events
from worker.domain.events import Decision, Event
from worker.domain.job import Job, Status
from worker.domain.notifications import Outbox
from worker.domain.redaction import shown
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
    due_at: float | None = None  #: when it goes on
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
    entry = _with_change(Entry(now, what), before, decision, outbox, hide)
    if isinstance(event, events.Observed):
        entry = _observed(entry, event, hide)
    elif isinstance(event, events.Replied):
        entry = _replied(entry, event, before, hide)
    elif isinstance(event, events.AssetsSettled | events.AssetsDelayed):
        entry = _of_files(entry, event, hide)
    if what in _LOOKS and entry.status is None and job.ready == before.ready:
        return ()
    if what is What.POSTED and before.status is Status.QUEUED:
        # Both in one commit: nothing had to be fetched.
        return replace(entry, what=What.TAKEN, account=job.account), Entry(now, what)
    return (entry,)


def _what(event: Event) -> What:
    if isinstance(event, events.Observed):
        return What.POLLED if event.asked else What.CALLBACK
    return _WHAT[type(event)]


def _with_change(
    entry: Entry, before: Job, decision: Decision, outbox: Outbox, hide: Callable[[str], str]
) -> Entry:
    """With what differs between the job before and after."""
    job, error = decision.job, decision.job.error
    news = error if error != before.error else None
    moved = job.status is not before.status
    children = decision.children
    known = {each.number for each in before.double_payments}
    extra = [each for each in job.double_payments if each.number not in known]
    return replace(
        entry,
        status=job.status if moved else None,
        progress=job.progress if job.progress != before.progress else None,
        attempt=job.attempt if job.attempt != before.attempt else None,
        account=job.account if job.account != before.account or entry.what is What.TAKEN else None,
        task_id=job.task_id if job.task_id != before.task_id else None,
        error=news.code if news else None,
        message=_cut(news, hide),
        due_at=job.due_at if moved and job.status is Status.QUEUED else None,
        children=tuple(child.id for child in children[:_NAMED]),
        more_children=max(0, len(children) - _NAMED),
        notifications=tuple(one.id for one in (*outbox.told, outbox.finished) if one),
        paid_twice=tuple(each.task_id or "" for each in extra),
    )


def _observed(entry: Entry, event: events.Observed, hide: Callable[[str], str]) -> Entry:
    """The body only of news: between them nothing but the percentage differs."""
    told = entry.status is not None or bool(entry.error) or bool(entry.paid_twice)
    body = _written(event.body, hide) if told and event.body is not None else None
    return replace(entry, body=body, reported_at=event.snapshot.ended_at)


def _replied(entry: Entry, event: events.Replied, before: Job, hide: Callable[[str], str]) -> Entry:
    verdict = event.verdict
    reply, error = verdict.reply, verdict.error
    repeated = error is not None and before.error is not None and error.code == before.error.code
    return replace(
        entry,
        attempt=event.attempt,
        outcome=verdict.outcome.value,
        http_status=reply.status if reply else None,
        provider_code=reply.code if reply else None,
        error=error.code if error else entry.error,
        message=_cut(error, hide) or entry.message,
        body=shown(hide(reply.body), BODY) if reply and not repeated else None,
    )


def _of_files(
    entry: Entry, event: events.AssetsSettled | events.AssetsDelayed, hide: Callable[[str], str]
) -> Entry:
    error = event.error
    entry = replace(entry, error=error.code if error else None, message=_cut(error, hide))
    if isinstance(event, events.AssetsDelayed):
        return replace(entry, due_at=event.next_at)
    return replace(entry, outcome=event.status.value)


def _cut(error: JobError | None, hide: Callable[[str], str]) -> str | None:
    return shown(hide(error.message), MESSAGE) if error else None


def _written(body: Any, hide: Callable[[str], str]) -> str:
    """The body as JSON, cut and without secrets."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return shown(hide(text), BODY)
