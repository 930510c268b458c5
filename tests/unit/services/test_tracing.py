"""A pipeline as a trace: the spans that its commits make."""

from dataclasses import replace

import pytest

from tests.support.jobs import NOW, REFUSED, a_job
from tests.support.shell import Shell
from tests.support.spans import Collected
from worker.domain.events import (
    AssetsSettled,
    Cancelled,
    Event,
    Observed,
    Posting,
    Replied,
    Retried,
    Started,
)
from worker.domain.job import Job
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus, Verdict
from worker.domain.result import AssetsStatus, JobError, Result
from worker.domain.tracing import Span, SpanId, SpanKind, read_traceparent, span_of

DONE = Result(image_url="https://cdn.example/a.png", buttons=())
SUCCEEDED = Snapshot("t1", TaskStatus.SUCCEEDED, result=DONE, ended_at=NOW + 8)
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ACCEPTED = Replied(1, Verdict(Outcome.ACCEPTED, task_id="t1"))


class Traced(Shell):
    def __init__(self) -> None:
        super().__init__()
        self.collected = Collected()
        self.orchestrator.traces = self.collected

    def live(self, job: Job, *events: tuple[float, Event]) -> Job:
        """Create the job, and let the events happen after so many seconds each."""
        self.orchestrator.create(job)
        for wait, event in events:
            self.now += wait
            self.orchestrator.record(self.job(job), event)
        return self.job(job)

    def child(self, job: Job) -> Job:
        found = self.store.jobs.pipeline(job.spec.pipeline_id)
        assert found
        [child] = [each for each in found.jobs if each.spec.parent_id == job.id]
        return child

    def named(self, name: str) -> Span:
        [found] = [span for span in self.collected.spans if span.name == name]
        return found


TAKEN = (3, Started("default")), (0, Posting(1)), (1, ACCEPTED)


def test_a_job_is_a_span_and_so_is_each_of_its_stages() -> None:
    shell = Traced()
    job = shell.live(
        a_job(),
        *TAKEN,
        (2, Observed(Snapshot("t1", TaskStatus.IN_PROGRESS, progress=10), 1)),
        (3, Observed(SUCCEEDED, 1)),
        (1, AssetsSettled(("a.png",), AssetsStatus.STORED)),
    )
    assert shell.collected.times() == [
        ("queue wait", 0, 3),
        ("submit", 3, 4),
        ("callback", 6, 6),
        ("provider", 4, 8),
        ("callback lag", 8, 9),
        ("callback", 9, 9),
        ("job imagine", 0, 9),
        ("files", 9, 10),
    ]
    own = shell.named("job imagine")
    assert own.id == SpanId(job.id, job.id[:16])
    assert own.parent is None
    others = [span for span in shell.collected.spans if span is not own]
    assert {span.parent for span in others} == {own.id.span}
    assert {span.id.trace for span in others} == {job.id}
    assert len({span.id for span in shell.collected.spans}) == len(shell.collected.spans)


def test_a_callback_is_linked_to_the_submit_that_asked_for_it() -> None:
    shell = Traced()
    shell.live(a_job(), *TAKEN, (5, Observed(SUCCEEDED, 1)))
    callback = shell.named("callback")
    assert callback.kind is SpanKind.CONSUMER
    assert callback.links == (shell.named("submit").id,)


def test_a_follow_up_is_below_its_parent_and_begins_with_its_end() -> None:
    shell = Traced()
    root = shell.live(a_job(then=({"press": "U1"},)), *TAKEN, (5, Observed(SUCCEEDED, 1)))
    child = shell.child(root)
    shell.now += 2
    shell.orchestrator.record(child, Started("default"))
    follow_up = shell.named("follow-up")
    assert (follow_up.id.trace, follow_up.end - follow_up.start) == (root.id, 2)
    shell.orchestrator.record(shell.job(child), Cancelled())
    assert span_of(child).trace == root.id


def test_the_trace_of_the_caller_is_linked_and_inherited() -> None:
    shell = Traced()
    job = a_job(then=({"press": "U1"},))
    job = replace(job, spec=replace(job.spec, traceparent=CALLER))
    root = shell.live(job, *TAKEN, (5, Observed(SUCCEEDED, 1)))
    linked = SpanId("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    assert shell.named("job imagine").links == (linked,)
    child = shell.child(root)
    assert child.spec.traceparent == CALLER


def test_a_refusal_is_a_submit_that_failed() -> None:
    shell = Traced()
    job = shell.live(a_job(), (3, Started("default")), (0, Posting(1)), (1, REFUSED))
    refused = shell.named("submit")
    assert (refused.start - NOW, refused.end - NOW, refused.error) == (3, 4, "queue_full")
    shell.orchestrator.release("default")
    for wait, event in TAKEN:
        shell.now += wait
        shell.orchestrator.record(shell.job(job), event)
    submits = [span for span in shell.collected.spans if span.name == "submit"]
    assert [span.error for span in submits] == ["queue_full", None]
    assert submits[1].end - submits[1].start == 1


def test_a_further_attempt_is_a_span_below_the_job() -> None:
    shell = Traced()
    failed = Observed(
        Snapshot("t1", TaskStatus.FAILED, error=JobError("failed", "It broke.", retryable=True)), 1
    )
    job = shell.live(a_job(), *TAKEN, (5, failed))
    first = shell.named("job imagine")
    assert first.error == "failed"
    for wait, event in (
        (1.0, Retried()),
        (1.0, Started("default")),
        (0.0, Posting(2)),
        (1.0, Replied(2, Verdict(Outcome.ACCEPTED, task_id="t2"))),
        (4.0, Observed(replace(SUCCEEDED, task_id="t2", ended_at=None), 2)),
    ):
        shell.now += wait
        shell.orchestrator.record(shell.job(job), event)
    jobs = [span for span in shell.collected.spans if span.name == "job imagine"]
    assert [span.parent for span in jobs] == [None, first.id.span]
    assert (jobs[1].start - NOW, jobs[1].end - NOW, jobs[1].error) == (11, 16, None)
    assert len({span.id for span in shell.collected.spans}) == len(shell.collected.spans)
    later = [span for span in shell.collected.spans if span.start >= NOW + 11]
    assert {span.parent for span in later} == {first.id.span, jobs[1].id.span}


def test_without_an_exporter_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[object]()
    monkeypatch.setattr("worker.services.orchestrator.spans_of", made.append)
    Shell().orchestrator.create(a_job())
    assert made == []


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        7,
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        "ff" + CALLER[2:],
        CALLER.upper(),
        CALLER + "x",
        CALLER[:-1],
        CALLER + "-" + "y" * 200,
    ],
)
def test_an_invalid_header_is_ignored(header: object) -> None:
    assert read_traceparent(header) is None


def test_a_header_of_a_later_version_may_say_more() -> None:
    assert read_traceparent(f" {CALLER} ") == CALLER
    assert read_traceparent("01" + CALLER[2:] + "-more") == "01" + CALLER[2:] + "-more"
