"""The seed of a finished picture is asked for by whoever finds it missing, and never in the way."""

import pytest

from tests.support.jobs import NOW, after, callback, in_status
from tests.support.shell import Shell
from worker.domain import retry_policy
from worker.domain.errors import (
    HooklineError,
    NoSuchCall,
    ProviderUnavailable,
    ServiceUnavailable,
)
from worker.domain.events import AssetsSettled, Disposition, SeedSettled
from worker.domain.job import Job, Status
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import SeedReply, TaskStatus
from worker.domain.result import AssetsStatus, Result
from worker.services import seeds
from worker.services.pause import resume
from worker.services.seeds import LEASE_S, Seeds
from worker.services.sweep import Sweep

STORED = AssetsSettled(("a.png",), AssetsStatus.STORED)
NOT_YET = SeedReply(error="no hash yet")


@pytest.fixture
def shell() -> Shell:
    return Shell()


@pytest.fixture
def described() -> list[Job]:
    """The jobs whose sidecars were written anew."""
    return []


@pytest.fixture
def poller(shell: Shell, described: list[Job]) -> Seeds:
    return Seeds(shell.orchestrator, shell.providers, described.append)


@pytest.fixture
def sweep(shell: Shell) -> Sweep:
    return Sweep(shell.orchestrator, shell.wakeups)


def finished(shell: Shell) -> Job:
    """A job that waits for nothing but its seed."""
    return shell.put(after(in_status(Status.SUCCEEDED, seed=True), STORED).job)


def due(shell: Shell) -> list[str]:
    return [job.id for job in shell.store.jobs.claim_due(shell.now, 9, 0.0)]


# What is decided.


def test_a_job_stays_due_until_its_files_and_its_seed_are_settled() -> None:
    done = in_status(Status.SUCCEEDED, seed=True)
    assert (done.status, done.seed_pending, done.due_at) == (Status.SUCCEEDED, True, NOW)
    with_files = after(done, STORED, now=NOW + 5).job
    assert (with_files.seed_pending, with_files.due_at) == (True, NOW + 5)
    over = after(with_files, SeedSettled("42"), now=NOW + 9).job
    assert (over.result.seed, over.seed_pending, over.due_at) == ("42", False, None)
    assert [job.settled for job in (done, with_files, over)] == [False, False, True]
    early = after(done, SeedSettled("42"), now=NOW + 5).job
    assert early.due_at == NOW + 5, "the files are still to come"
    assert after(early, STORED).job.due_at is None


def test_the_first_answer_counts() -> None:
    over = after(in_status(Status.SUCCEEDED, seed=True), STORED, SeedSettled("42")).job
    assert after(over, SeedSettled("43")).disposition is Disposition.STALE
    assert after(over, SeedSettled(error="none")).disposition is Disposition.STALE


def test_a_job_that_did_not_ask_for_it_has_none() -> None:
    done = after(in_status(Status.SUCCEEDED), STORED).job
    assert (done.seed_pending, done.due_at) == (False, None)
    assert after(done, SeedSettled("42")).disposition is Disposition.STALE


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        (Kind.ACTION, Result(video_urls=("https://c/1.mp4",), image_url="https://c/1.png")),
        (Kind.DESCRIBE, Result(image_url="https://c/1.png", prompts=("a cat",))),
        (Kind.SHORTEN, Result(text="a cat")),
    ],
)
def test_what_is_no_picture_has_no_seed_and_says_so(kind: Kind, result: Result) -> None:
    job = in_status(Status.SUBMITTED, kind=kind, seed=True)
    done = after(job, callback(TaskStatus.SUCCEEDED, result=result)).job
    assert (done.status, done.seed_pending) == (Status.SUCCEEDED, False)
    assert "no picture" in (done.result.seed_error or "")


def test_follow_ups_inherit_the_wish_and_do_not_wait_for_the_seed() -> None:
    job = in_status(Status.SUBMITTED, seed=True, then=({"press": "U1"}, {"describe": True}))
    decision = after(job, callback(TaskStatus.SUCCEEDED))
    assert [(child.options.seed, child.ready) for child in decision.children] == [(True, True)] * 2


# What is done.


def test_the_seed_is_asked_for_after_the_files(shell: Shell, sweep: Sweep) -> None:
    job = shell.put(in_status(Status.SUCCEEDED, seed=True))
    sweep.run()
    assert shell.wakeups.sent == [("store_assets", job.id)]
    shell.orchestrator.record(job, STORED)
    sweep.run()
    assert shell.wakeups.sent[1:] == [("ask_seeds", "default", job.id)]


def test_a_worker_that_dies_while_it_asks_leaves_the_job_to_another(
    shell: Shell, poller: Seeds, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = finished(shell)

    def die(task_id: str) -> SeedReply:
        shell.now += 30.0
        assert sweep.run() == 0, "nobody else asks meanwhile"
        raise SystemExit

    monkeypatch.setattr(shell.provider, "image_seed", die)
    with pytest.raises(SystemExit):
        poller.ask("default", [job.id])
    assert shell.job(job).seed_pending
    shell.now += LEASE_S
    sweep.run()
    assert shell.wakeups.sent == [("ask_seeds", "default", job.id)]
    monkeypatch.undo()
    shell.provider.seeds = [SeedReply("42")]
    poller.ask("default", [job.id])
    assert (shell.job(job).result.seed, due(shell)) == ("42", [])


def test_trouble_that_may_pass_is_tried_again_ever_more_patiently_and_then_told(
    shell: Shell, poller: Seeds
) -> None:
    job = finished(shell)
    waits: list[float] = []
    while shell.job(job).seed_pending:
        shell.provider.seeds = [ProviderUnavailable("HTTP 503")]
        poller.ask("default", [job.id])
        asked_at = shell.now
        while shell.job(job).seed_pending and not due(shell):
            shell.now += 1.0
        waits.append(shell.now - asked_at)
    assert waits[:4] == [5.0, 10.0, 30.0, 90.0]
    assert max(waits) == 120.0
    assert retry_policy.SEED_WINDOW_S <= shell.now - NOW <= retry_policy.SEED_WINDOW_S + 120
    told = shell.job(job)
    assert told.result.seed is None
    assert told.result.seed_error == "HTTP 503"
    assert (told.status, due(shell)) == (Status.SUCCEEDED, []), "the picture is there all the same"


def test_trouble_that_lasts_is_told_at_once(shell: Shell, poller: Seeds) -> None:
    job = finished(shell)
    shell.provider.seeds = [SeedReply(error="Not Found", lasting=True)]
    poller.ask("default", [job.id])
    assert (shell.job(job).result.seed_error, due(shell)) == ("Not Found", [])


def ask_until_settled(shell: Shell, poller: Seeds, job: Job, reply: SeedReply) -> int:
    """How often the provider was asked before the job's seed was known or given up."""
    before = len(shell.provider.asked)
    while shell.job(job).seed_pending:
        shell.provider.seeds = [reply]
        poller.ask("default", [job.id])
        while shell.job(job).seed_pending and job.id not in due(shell):
            shell.now += 1.0
    return len(shell.provider.asked) - before


def test_a_provider_that_refuses_each_seed_is_asked_a_handful_of_times(
    shell: Shell, poller: Seeds
) -> None:
    first, second, third = (finished(shell) for _ in range(3))
    assert ask_until_settled(shell, poller, first, NOT_YET) == 3
    assert shell.now - NOW <= 16, "`--seed --wait` ends"
    assert ask_until_settled(shell, poller, second, NOT_YET) == 1, "its moment has long passed"
    assert ask_until_settled(shell, poller, third, NOT_YET) == 0
    error = shell.job(third).result.seed_error or ""
    assert "gives no seeds" in error
    assert "hookline resume --account default" in error


def ask_for_all(shell: Shell, poller: Seeds, jobs: list[Job], reply: SeedReply) -> int:
    """How often the provider was asked before the seeds of all jobs were settled."""
    before = len(shell.provider.asked)
    while any(shell.job(job).seed_pending for job in jobs):
        shell.provider.seeds = [reply] * len(jobs)
        now_due = {job.id for job in shell.store.jobs.claim_due(shell.now, 99, 0.0)}
        poller.ask("default", [job.id for job in jobs if job.id in now_due])
        shell.now += 1.0
    return len(shell.provider.asked) - before


def test_many_jobs_at_once_do_not_all_find_out_that_there_are_no_seeds(
    shell: Shell, poller: Seeds
) -> None:
    jobs = [finished(shell) for _ in range(40)]
    assert ask_for_all(shell, poller, jobs, NOT_YET) <= 8
    assert shell.now - NOW < 40
    assert all("seed" in (shell.job(job).result.seed_error or "") for job in jobs[5:])


def test_the_first_seed_lets_the_others_be_asked_for(shell: Shell, poller: Seeds) -> None:
    jobs = [finished(shell) for _ in range(5)]
    shell.provider.seeds = [NOT_YET] * 5
    poller.ask("default", [job.id for job in jobs])
    assert len(shell.provider.asked) == 2
    assert ask_for_all(shell, poller, jobs, SeedReply("42")) == 5
    assert {shell.job(job).result.seed for job in jobs} == {"42"}


def test_one_seed_shows_that_a_provider_has_them(shell: Shell, poller: Seeds) -> None:
    jobs = [finished(shell) for _ in range(5)]
    for job in jobs[:4]:
        ask_until_settled(shell, poller, job, NOT_YET)
        ask_until_settled(shell, poller, finished(shell), SeedReply("42"))
    assert ask_until_settled(shell, poller, jobs[4], NOT_YET) == 1


def test_a_provider_without_seeds_is_asked_again_after_a_day_or_when_a_person_says_so(
    shell: Shell, poller: Seeds
) -> None:
    for let_again in (
        lambda: setattr(shell, "now", shell.now + 90_000.0),
        lambda: resume(shell.orchestrator, "account", "default"),
    ):
        shell.provider.seeds = []
        job = finished(shell)
        lacking = NoSuchCall("The provider has no image-seed.", proven=True)
        shell.provider.seeds = [lacking]
        poller.ask("default", [job.id])
        assert "has no image-seed" in (shell.job(job).result.seed_error or "")
        assert ask_until_settled(shell, poller, finished(shell), NOT_YET) == 0
        let_again()
        assert ask_until_settled(shell, poller, finished(shell), SeedReply("42")) == 1
        resume(shell.orchestrator, "account", "default")


def test_a_refused_key_may_be_put_right(shell: Shell, poller: Seeds) -> None:
    job = finished(shell)
    shell.provider.seeds = [HooklineError("The provider refuses the key.")]
    poller.ask("default", [job.id])
    assert shell.job(job).seed_pending


def test_who_asks_is_asked_by_nobody_else_and_what_is_settled_is_not_asked_again(
    shell: Shell, poller: Seeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = finished(shell), finished(shell)
    shell.provider.seeds = [SeedReply("1"), SeedReply("2")]
    answer = shell.provider.image_seed

    def asked_meanwhile(task_id: str) -> SeedReply:
        poller.ask("default", [second.id])  # steps aside
        return answer(task_id)

    monkeypatch.setattr(shell.provider, "image_seed", asked_meanwhile)
    poller.ask("default", [first.id, second.id])
    poller.ask("default", [first.id, second.id, "f" * 32])
    assert [shell.job(job).result.seed for job in (first, second)] == ["1", "2"]
    assert shell.provider.asked == ["seed of t1"] * 2


def test_a_slow_provider_does_not_keep_a_thread_for_long(
    shell: Shell, poller: Seeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeds, "PATIENCE_S", 0.0)
    job = finished(shell)
    poller.ask("default", [job.id])
    assert shell.provider.asked == []
    assert due(shell) == [job.id], "the sweep asks again"


def test_a_job_of_an_account_that_is_not_set_any_more_is_settled_in_the_end(
    shell: Shell,
) -> None:
    job = finished(shell)
    poller = Seeds(shell.orchestrator, {}, lambda _: None)
    poller.ask("default", [job.id])
    assert shell.job(job).seed_pending
    shell.now += retry_policy.SEED_WINDOW_S
    poller.ask("default", [job.id])
    assert "not set" in (shell.job(job).result.seed_error or "")


def test_a_seed_is_written_beside_the_files_before_it_is_settled(
    shell: Shell, poller: Seeds, described: list[Job]
) -> None:
    job = finished(shell)
    shell.provider.seeds = [SeedReply("42")]
    poller.ask("default", [job.id])
    assert [(each.id, each.result.seed) for each in described] == [(job.id, "42")]
    assert shell.job(job).result.seed == "42"


def test_a_storage_that_is_away_puts_the_seed_off(shell: Shell) -> None:
    def away(_: Job) -> None:
        raise ServiceUnavailable

    job = finished(shell)
    shell.provider.seeds = [SeedReply("42")]
    Seeds(shell.orchestrator, shell.providers, away).ask("default", [job.id])
    assert shell.job(job).seed_pending
