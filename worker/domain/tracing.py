"""PURE. A pipeline as a trace of OpenTelemetry: spans, made from what commits add to the history.

The trace's id is the pipeline's. A job's span has an id made of the job's, so that every process
can name it before it ends, and after. A caller's own trace is linked, not joined: a batch has
thousands of pipelines, and a pipeline lasts for hours.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Protocol

from worker.domain.history import Entry, Stage, StageName, What, moments_of, stages
from worker.domain.job import Job, Status
from worker.domain.lifecycle.moves import between_attempts, followed
from worker.domain.notifications import Notification, Topic

#: https://www.w3.org/TR/trace-context/#traceparent-header; a later version may have more fields.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})(?P<span>[0-9a-f]{16})"
    r"-[0-9a-f]{2}(?:-[\x20-\x7e]*)?"
)
#: Characters of a header that are looked at.
_LONGEST = 200

_OBSERVED = frozenset({What.CALLBACK, What.POLLED})
_WAITS = frozenset({StageName.WAITED, StageName.FOLLOW_UP})
_NAMES: Mapping[StageName, str] = {
    StageName.WAITED: "queue wait",
    StageName.FOLLOW_UP: "follow-up",
    StageName.SUBMIT: "submit",
    StageName.PROVIDER: "provider",
    StageName.CALLBACK: "callback lag",
    StageName.FILES: "files",
    StageName.TOLD: "told",
}


class SpanKind(StrEnum):
    """What a span is about, in OpenTelemetry's words."""

    INTERNAL = "internal"
    CLIENT = "client"  #: a call of ours
    CONSUMER = "consumer"  #: a message to us
    PRODUCER = "producer"  #: a message from us


@dataclass(frozen=True, slots=True)
class SpanId:
    """A span by its trace's id (32 hexadecimal digits) and its own (16)."""

    trace: str
    span: str

    @property
    def traceparent(self) -> str:
        """The header that names it as the parent of what follows; sampled."""
        return f"00-{self.trace}-{self.span}-01"


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took its time, in seconds since the epoch. ``error``: why it failed."""

    id: SpanId
    name: str
    start: float
    end: float
    parent: str | None = None  #: another span of the trace
    kind: SpanKind = SpanKind.INTERNAL
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    links: tuple[SpanId, ...] = ()
    error: str | None = None


class Exporter(Protocol):
    """Sends spans where they are collected; see ``worker.adapters.traces``."""

    def samples(self, trace: str) -> bool:
        """Whether the trace of this id is exported."""

    def send(self, spans: Iterable[Span]) -> None:
        """Queue the spans. Never fails, and never waits for anything outside."""


def read_traceparent(header: object) -> str | None:
    """The header, if it is a valid one; None: an invalid one is ignored, as the standard says."""
    given = header.strip() if isinstance(header, str) and len(header) <= _LONGEST else ""
    return given if _TRACEPARENT.fullmatch(given) else None


def linked(traceparent: str | None) -> tuple[SpanId, ...]:
    """The span that a stored header names."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    return (SpanId(found["trace"], found["span"]),) if found else ()


def span_of(job: Job) -> SpanId:
    """The span of the job, which ends with it; of a further attempt, one of its own."""
    # The present attempt is the one that is not over, or was the last to be.
    former = sum(each.over for each in job.attempts if each is not followed(job))
    return _id(job, str(former)) if former else _first_span(job.spec.pipeline_id, job.id)


def spans_of(
    before: Job, job: Job, entries: Sequence[Entry], began: float, ended: float
) -> Iterator[Span]:
    """The spans that end with the commit that makes ``before`` into ``job`` and writes ``entries``.

    ``began``, ``ended``: when it was decided, and when it was stored.
    """
    for stage, end in _ended_stages(before, job, entries, began):
        yield _of_stage(job, stage, end, entries)
    for entry in entries:
        if entry.what in _OBSERVED:
            yield _of_observation(job, entry, began, ended)
    if _is_over(job) and not _is_over(before):
        yield _of_job(job, entries, began)


def id_of_try(one: Notification, began: float) -> SpanId:
    """The span of a try to deliver the notification."""
    return SpanId(one.ordering_key, _digest(one.id, repr(began)))


def span_of_try(
    one: Notification, began: float, ended: float, failed: str | None, caller: str | None
) -> Span:
    """One try to deliver a notification.

    ``failed``: why it did; ``caller``: the header of the caller's trace.
    """
    alone = one.topic in (Topic.BATCH_FINISHED, Topic.REQUEST_REFUSED)
    return Span(
        id_of_try(one, began),
        f"notify {one.topic}",
        began,
        ended,
        None if alone else _first_span(one.ordering_key, one.subject).span,
        SpanKind.PRODUCER,
        {"hookline.notification.id": one.id},
        linked(caller),
        failed,
    )


def _ended_stages(
    before: Job, job: Job, entries: Sequence[Entry], now: float
) -> Iterator[tuple[Stage, float]]:
    """Those that the commit ends; so does one from which the job returns to the queue."""
    known = {stage.name: stage for stage in stages(before, moments_of(before, ()))}
    found = {stage.name: stage for stage in stages(job, moments_of(job, entries))}
    for name, stage in (known | found).items():
        if name in known and known[name].end is not None:
            continue
        # When the wait of a further attempt began is only in the stored history.
        again = name in _WAITS and bool(before.attempts)
        end = stage.end if name in found else now
        if end is not None and end > stage.start and not again:
            yield stage, end


def _of_stage(job: Job, stage: Stage, end: float, entries: Sequence[Entry]) -> Span:
    of_submit = stage.name is StageName.SUBMIT
    reply = next((each for each in entries if each.what is What.REPLIED), None)
    refused = of_submit and reply is not None and reply.error is not None
    return Span(
        # A refused attempt goes on under its number.
        _id(job, stage.name, str(job.version)) if refused else _stage_id(job, stage.name),
        _NAMES[stage.name],
        stage.start,
        end,
        span_of(job).span,
        SpanKind.CLIENT if of_submit else SpanKind.INTERNAL,
        {**_facts(job), **(_of_reply(reply) if of_submit and reply else {})},
        error=reply.error if refused and reply else None,
    )


def _of_observation(job: Job, entry: Entry, began: float, ended: float) -> Span:
    """A callback is a request of its own, so it is linked to the submit that asked for it."""
    return Span(
        _id(job, entry.what, str(job.version)),
        "poll" if entry.what is What.POLLED else "callback",
        began,
        ended,
        span_of(job).span,
        SpanKind.CLIENT if entry.what is What.POLLED else SpanKind.CONSUMER,
        _facts(job) | ({} if entry.progress is None else {"hookline.progress": entry.progress}),
        (_stage_id(job, StageName.SUBMIT),),
    )


def _of_job(job: Job, entries: Sequence[Entry], now: float) -> Span:
    spec, own = job.spec, span_of(job)
    first = _first_span(spec.pipeline_id, job.id)
    again = own != first
    above = _first_span(spec.pipeline_id, spec.parent_id).span if spec.parent_id else None
    failed = job.status is not Status.SUCCEEDED and job.status is not Status.CANCELLED
    return Span(
        own,
        f"job {job.kind.value}",
        (followed(job).started_at if again else spec.created_at),
        now,
        first.span if again else above,
        SpanKind.INTERNAL,
        _facts(job),
        linked(spec.traceparent),
        next((each.error for each in entries if each.error), None) if failed else None,
    )


def _is_over(job: Job) -> bool:
    return job.status.terminal or between_attempts(job)


def _facts(job: Job) -> dict[str, str | int]:
    """What is searched for; no words of a caller."""
    found = {
        "hookline.job.id": job.id,
        "hookline.kind": job.kind.value,
        "hookline.status": job.status.value,
        "hookline.account": job.account,
        "hookline.attempt": job.attempt,
        "hookline.task.id": job.task_id,
        "hookline.batch.id": job.spec.batch_id,
        "hookline.tenant": job.options.tenant,
    }
    return {name: value for name, value in found.items() if value}


def _of_reply(reply: Entry) -> dict[str, str | int]:
    found = {
        "hookline.outcome": reply.outcome,
        "http.response.status_code": reply.http_status,
        "hookline.provider.code": reply.provider_code,
    }
    return {name: value for name, value in found.items() if value is not None}


def _first_span(trace: str, job_id: str) -> SpanId:
    return SpanId(trace, job_id[:16])


def _stage_id(job: Job, name: StageName) -> SpanId:
    return _id(job, name, str(followed(job).number if job.attempts else 0))


def _id(job: Job, *parts: str) -> SpanId:
    return SpanId(job.spec.pipeline_id, _digest(job.id, *parts))


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()[:16]
