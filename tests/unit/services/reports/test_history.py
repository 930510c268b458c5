from tests.support.jobs import NOW, a_job
from tests.support.shell import Shell
from worker.adapters.store.store import Store
from worker.domain.access import Caller
from worker.domain.events import AssetsSettled, Observed, Posting, Replied, Started
from worker.domain.history import History, What, in_words
from worker.domain.job import Job
from worker.domain.job_spec import Notify
from worker.domain.notifications import Failure, Notification, delivered, failed
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus, Verdict
from worker.domain.result import AssetsStatus, Result
from worker.services.reports.history import histories
from worker.services.visible import Visible

DONE = Result(image_url="https://cdn.example/a.png", buttons=())
TOLD = Notify(("job.succeeded", "pipeline.finished"), url="https://example.com/hook")


def finished(shell: Shell, **options: object) -> Job:
    """A whole life: taken after 3 s, answered after 4, first progress after 6, done after 9."""
    job = a_job(**options)
    shell.orchestrator.create(job)
    for wait, event in (
        (3, Started("default")),
        (0, Posting(1)),
        (1, Replied(1, Verdict(Outcome.ACCEPTED, task_id="t1"))),
        (2, Observed(Snapshot("t1", TaskStatus.IN_PROGRESS, progress=10), 1)),
        (3, Observed(Snapshot("t1", TaskStatus.SUCCEEDED, result=DONE, ended_at=NOW + 8), 1)),
        (1, AssetsSettled(("a.png",), AssetsStatus.STORED)),
    ):
        shell.now += wait
        shell.orchestrator.record(shell.job(job), event)
    return shell.job(job)


def history_of(shell: Shell, job: Job) -> History:
    return histories(Visible(shell.store), [job])[job.id]


def test_the_story_of_a_job() -> None:
    shell = Shell()
    found = history_of(shell, finished(shell))
    assert [(entry.at - NOW, in_words(entry)) for entry in found.entries] == [
        (0, "created: account default"),
        (3, "taken by a worker: attempt 1, account default, now submitting"),
        (3, "sent to the provider"),
        (4, "not sent, or not answered: accepted, attempt 1, task t1, now submitted"),
        (6, "callback: now in_progress, 10 %"),
        (9, "callback: now succeeded, 100 %"),
        (10, "files: stored"),
    ]


def test_the_times_of_a_waterfall() -> None:
    shell = Shell()
    times = history_of(shell, finished(shell)).moments
    assert times.created == NOW
    assert (times.taken, times.posted, times.accepted) == (NOW + 3, NOW + 3, NOW + 4)
    assert (times.progressed, times.ended_there, times.ended) == (NOW + 6, NOW + 8, NOW + 9)
    assert (times.called_back, times.files, times.notified) == (NOW + 9, NOW + 10, None)


def test_a_job_of_before_there_were_histories_has_its_records_times() -> None:
    shell = Shell()
    job = finished(shell)
    shell.store.client.delete(f"{shell.store.prefix}history:{job.id}")
    found = history_of(shell, job)
    assert [entry.what for entry in found.entries] == [What.CREATED]
    assert (found.moments.posted, found.moments.accepted) == (NOW + 3, NOW + 4)
    assert found.moments.ended == NOW + 9


def test_the_tries_to_deliver_are_part_of_it() -> None:
    shell = Shell()
    job = finished(shell, notify=TOLD)
    first = one_of(shell.store, job, "job.succeeded")
    shell.store.outbox.settle(failed(first, NOW + 11, Failure("500")), NOW + 11)
    first = one_of(shell.store, job, "job.succeeded")
    shell.store.outbox.settle(delivered(first, NOW + 16, "200"), NOW + 16)
    found = history_of(shell, job)
    assert [in_words(entry) for entry in found.entries[-2:]] == [
        "notification: failed, 500",
        "notification: delivered, 200",
    ]
    assert found.moments.notified == NOW + 16


def test_a_tenant_does_not_see_the_operators_deliveries() -> None:
    shell = Shell()
    job = finished(shell, tenant="red", notify=TOLD)
    one = one_of(shell.store, job, "job.succeeded")
    shell.store.outbox.settle(delivered(one, NOW + 16, "200"), NOW + 16)
    for tenant, expected in (("red", 1), ("blue", 0)):
        seen = histories(Visible(shell.store, Caller("them", tenant=tenant)), [job])[job.id]
        assert sum(entry.what is What.NOTIFIED for entry in seen.entries) == expected


def one_of(store: Store, job: Job, topic: str) -> Notification:
    page = store.outbox.page(None, 10)
    return next(one for one in page.notifications if one.topic == topic)
