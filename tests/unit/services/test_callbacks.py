"""A callback finds its job, and only its own."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.jobs import in_status
from tests.support.shell import Shell
from worker.adapters.tokens import BadToken, Tokens
from worker.domain.account.callback_stats import Source
from worker.domain.errors import NotFound, StaleVersion, StoreUnavailable
from worker.domain.events import Disposition
from worker.domain.job import Job, Status
from worker.services.callbacks import CallbackReceiver

tokens = Tokens(["a secret for this test only"])


@pytest.fixture
def shell() -> Shell:
    return Shell()


@pytest.fixture
def receiver(shell: Shell) -> CallbackReceiver:
    return CallbackReceiver(shell.orchestrator, tokens)


@pytest.fixture
def job(shell: Shell) -> Job:
    return shell.put(in_status(Status.SUBMITTED))


def body(status: str = "SUCCESS", **fields: Any) -> Mapping[str, Any]:
    picture = "https://cdn.example/grid.png"
    return {"id": "t1", "status": status, "progress": "100%", "imageUrl": picture, **fields}


def test_it_is_matched_by_the_state_in_its_body(
    shell: Shell, receiver: CallbackReceiver, job: Job
) -> None:
    token = tokens.for_job(job.id, 1)
    assert receiver.receive(token, body(state=token)) is Disposition.APPLIED
    assert shell.job(job).status is Status.SUCCEEDED
    assert shell.store.accounts.callback_stats("default").with_state == 1
    assert receiver.receive(token, body(state=token)) is Disposition.DUPLICATE


@pytest.mark.parametrize("state", [None, "", "a word of the provider's own"])
def test_without_a_state_of_ours_the_urls_token_counts(
    shell: Shell, receiver: CallbackReceiver, job: Job, state: str | None
) -> None:
    assert receiver.receive(tokens.for_job(job.id, 1), body(state=state)) is Disposition.APPLIED
    callback_stats = shell.store.accounts.callback_stats("default")
    assert (callback_stats.callbacks, callback_stats.with_state) == (1, 0)


def test_an_accounts_hook_finds_the_job_by_state_or_by_task(
    shell: Shell, receiver: CallbackReceiver, job: Job
) -> None:
    hook = tokens.for_account("default")
    running = body("IN_PROGRESS", progress="30%")
    assert receiver.receive(hook, running) is Disposition.APPLIED
    assert shell.job(job).progress == 30
    stateful = body(state=tokens.for_job(job.id, 1))
    assert receiver.receive(hook, stateful) is Disposition.APPLIED
    for unknown in (body(id="t9"), {"status": "SUCCESS"}, {}):
        assert receiver.receive(hook, unknown) is Disposition.FOREIGN


def test_a_callback_of_an_earlier_attempt_is_stale(receiver: CallbackReceiver, job: Job) -> None:
    assert receiver.receive(tokens.for_job(job.id, 7), body()) is Disposition.STALE


def test_a_callback_may_name_no_other_job_than_its_url(
    shell: Shell, receiver: CallbackReceiver, job: Job
) -> None:
    other = shell.put(in_status(Status.SUBMITTED))
    mixed = body(state=tokens.for_job(other.id, 1))
    with pytest.raises(BadToken):
        receiver.receive(tokens.for_job(job.id, 1), mixed)
    with pytest.raises(BadToken):
        receiver.receive("forged", body())
    assert shell.job(other) == other


def test_a_callback_cannot_bring_another_task(
    shell: Shell, receiver: CallbackReceiver, job: Job
) -> None:
    assert receiver.receive(tokens.for_job(job.id, 1), body(id="t9")) is Disposition.FOREIGN
    assert shell.job(job) == job


def test_a_job_that_is_gone_is_said_to_be(receiver: CallbackReceiver) -> None:
    with pytest.raises(NotFound):
        receiver.receive(tokens.for_job("0" * 32, 1), body())


def test_when_the_store_is_away_nothing_is_half_done(
    shell: Shell, receiver: CallbackReceiver, job: Job
) -> None:
    shell.store.jobs.failure = StoreUnavailable()
    with pytest.raises(StoreUnavailable):
        receiver.receive(tokens.for_job(job.id, 1), body())
    assert shell.job(job) == job
    assert not shell.wakeups.sent
    assert receiver.receive(tokens.for_job(job.id, 1), body()) is Disposition.APPLIED


def test_somebody_else_was_first(shell: Shell, receiver: CallbackReceiver, job: Job) -> None:
    shell.store.jobs.failure = StaleVersion()
    assert receiver.receive(tokens.for_job(job.id, 1), body()) is Disposition.APPLIED
    assert shell.store.jobs.source == [None, Source.CALLBACK, Source.CALLBACK]
