from dataclasses import replace

from tests.support.jobs import NOW, a_job, in_status
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.events import (
    Decision,
    Event,
    Observed,
    Policy,
    Posting,
    Replied,
    Started,
    TimePassed,
)
from worker.domain.history import BODY, Entry, What, entries_of, in_words
from worker.domain.job import Job, Status
from worker.domain.lifecycle import transition
from worker.domain.notifications import NOTHING
from worker.domain.provider_reports import Outcome, Reply, Snapshot, TaskStatus, Verdict
from worker.domain.redaction import HIDDEN, hiding
from worker.domain.result import Result

DONE = Result(image_url="https://cdn.example/a.png", buttons=())


def after(job: Job, event: Event, now: float = NOW, key: str = "") -> tuple[Job, tuple[Entry, ...]]:
    decision = replace(transition(job, event, now, Policy()), event=event)
    return decision.job, entries_of(job, decision, NOTHING, now, hiding(key))


def sent(job: Job) -> Job:
    return after(after(job, Started("default"))[0], Posting(1))[0]


def replied(**more: object) -> Replied:
    reply = Reply(200, 1, '{"code":1,"result":"t1"}')
    return Replied(1, Verdict(Outcome.ACCEPTED, task_id="t1", reply=reply), **more)  # type: ignore[arg-type]


class TestWhatIsWritten:
    def test_taking_and_sending_in_one_commit_are_two_entries(self) -> None:
        job = a_job()
        taken = transition(job, Started("default"), NOW, Policy()).job
        decision = replace(transition(taken, Posting(1), NOW, Policy()), event=Posting(1))
        first, second = entries_of(job, decision, NOTHING, NOW)
        assert (first.what, first.account, first.attempt) == (What.TAKEN, "default", 1)
        assert first.status is Status.SUBMITTING
        assert second == Entry(NOW, What.POSTED)

    def test_a_reply_with_its_status_and_code(self) -> None:
        _, (entry,) = after(sent(a_job()), replied())
        assert (entry.http_status, entry.provider_code, entry.outcome) == (200, 1, "accepted")
        assert (entry.task_id, entry.body) == ("t1", '{"code":1,"result":"t1"}')
        assert "HTTP 200 with code 1" in in_words(entry)

    def test_a_refusal_that_repeats_itself_has_its_body_once(self) -> None:
        error = job_error(ErrorCode.QUEUE_FULL, "the queue is full")
        no = Verdict(Outcome.TRY_LATER, error=error, reply=Reply(400, 23, '{"code":23}'))
        job, (first,) = after(sent(a_job()), Replied(1, no))
        assert (first.error, first.message) == (ErrorCode.QUEUE_FULL, "the queue is full")
        assert first.due_at == job.due_at
        again = replace(sent(replace(job, due_at=None)), error=error)
        _, (second,) = after(again, Replied(1, no))
        assert (first.body, second.body) == ('{"code":23}', None)

    def test_progress_without_the_body_and_news_with_it(self) -> None:
        job, _ = after(sent(a_job()), replied())
        half = Snapshot("t1", TaskStatus.IN_PROGRESS, progress=50)
        job, (began,) = after(job, Observed(half, 1, body={"id": "t1"}), NOW + 2)
        _, (more,) = after(job, Observed(replace(half, progress=60), 1, body={"id": "t1"}), NOW + 4)
        assert (began.what, began.status, began.body) == (
            What.CALLBACK, Status.IN_PROGRESS, '{"id":"t1"}',
        )  # fmt: skip
        assert (more.progress, more.status, more.body) == (60, None, None)

    def test_the_end_with_the_providers_own_time(self) -> None:
        job, _ = after(sent(a_job()), replied())
        end = Snapshot("t1", TaskStatus.SUCCEEDED, result=DONE, ended_at=NOW + 8)
        _, (entry,) = after(job, Observed(end, asked=True), NOW + 9)
        assert (entry.what, entry.status) == (What.POLLED, Status.SUCCEEDED)
        assert entry.reported_at == NOW + 8

    def test_children_are_named_up_to_a_number(self) -> None:
        job = in_status(Status.IN_PROGRESS)
        decision = Decision(
            replace(job, status=Status.SUCCEEDED),
            children=tuple(a_job() for _ in range(25)),
            event=Observed(Snapshot("t1", TaskStatus.SUCCEEDED), 1),
        )
        [entry] = entries_of(job, decision, NOTHING, NOW)
        assert (len(entry.children), entry.more_children) == (20, 5)
        assert "25 follow-ups created" in in_words(entry)

    def test_a_look_that_only_sets_the_next_one_is_no_entry(self) -> None:
        job = replace(in_status(Status.IN_DOUBT), due_at=NOW)
        _, entries = after(job, TimePassed())
        assert entries == ()

    def test_a_deadline_is(self) -> None:
        job = replace(in_status(Status.IN_PROGRESS), due_at=NOW, deadline_at=NOW)
        _, (entry,) = after(job, TimePassed())
        assert (entry.what, entry.status) == (What.TIME_PASSED, Status.OVERDUE)


class TestWhatAProviderSays:
    def test_is_without_tokens_and_keys(self) -> None:
        token = "j." + "a" * 32 + ".1." + "s" * 43
        said = {"id": "t1", "state": token, "description": "the key sk-secret is refused"}
        job, _ = after(sent(a_job()), replied())
        snapshot = Snapshot("t1", TaskStatus.IN_PROGRESS, progress=1)
        _, (entry,) = after(job, Observed(snapshot, 1, body=said), NOW + 2, key="sk-secret")
        assert entry.body is not None
        assert token not in entry.body
        assert "sk-secret" not in entry.body
        assert entry.body.count(HIDDEN) == 2

    def test_is_cut(self) -> None:
        job, _ = after(sent(a_job()), replied())
        snapshot = Snapshot("t1", TaskStatus.IN_PROGRESS, progress=1)
        _, (entry,) = after(job, Observed(snapshot, 1, body={"x": "long " * 9000}), NOW + 2)
        assert entry.body is not None
        assert len(entry.body) <= BODY

    def test_may_be_half_a_character(self) -> None:
        job, _ = after(sent(a_job()), replied())
        snapshot = Snapshot("t1", TaskStatus.IN_PROGRESS, progress=1)
        _, (entry,) = after(job, Observed(snapshot, 1, body={"x": "\ud800"}), NOW + 2)
        assert entry.body == '{"x":"?"}'
