"""A ready job becomes one POST, and at most one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.drawing import draw
from tests.support.jobs import GRID, a_job, a_snapshot, callback, in_status
from tests.support.shell import Shell
from tests.support.starting import start_next
from worker.adapters.provider.replies import no_such_call
from worker.adapters.storage.storage import Storage
from worker.adapters.tokens import Tokens
from worker.domain.blob_refs import blobs_of
from worker.domain.errors import PictureError, ProviderUnavailable
from worker.domain.events import Cancelled, Observed, Retried, Started, TimePassed
from worker.domain.job import Job, Modal, Status, Window
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import Outcome, TaskStatus, Verdict
from worker.domain.result import Button, JobError, Result
from worker.domain.retry_policy import PICTURE_TRIES
from worker.services.pause import resume
from worker.services.prepare import Preparer
from worker.services.submit import Submitter

tokens = Tokens(["a secret for this test only"])


@pytest.fixture
def shell() -> Shell:
    return Shell()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(f"file://{tmp_path}")


@pytest.fixture
def submitter(shell: Shell, storage: Storage) -> Submitter:
    clients = {"default": shell.provider}
    return Submitter(
        shell.orchestrator,
        clients,
        Preparer(shell.orchestrator, tokens, storage, "https://us.example/hook"),
    )


@pytest.fixture
def start(shell: Shell, submitter: Submitter) -> Callable[..., Job]:
    def stored_and_started(**fields: Any) -> Job:
        job = shell.put(a_job(**fields))
        assert start_next(submitter, "default")
        return shell.job(job)

    return stored_and_started


Start = Callable[..., Job]


def body(shell: Shell, n: int = -1) -> dict[str, Any]:
    return dict(shell.provider.submitted[n][1].body)


def parent(shell: Shell, buttons: tuple[Button, ...] | None = GRID) -> Job:
    job = shell.put(in_status(Status.SUBMITTED))
    result = Result(prompt="a cat --v 6", buttons=buttons)
    seen = Observed(a_snapshot(TaskStatus.SUCCEEDED, result=result), asked=True)
    return shell.orchestrator.record(job, seen).job


def press(parent: Job, button: str = "U1", **fields: Any) -> dict[str, Any]:
    """The fields of a job that presses a button of ``parent``."""
    return {"kind": Kind.ACTION, "request": {"job_id": parent.id, "button": button}, **fields}


def test_a_post_carries_the_token_that_makes_its_callbacks_ours(shell: Shell, start: Start) -> None:
    job = start()
    token = tokens.for_job(job.id, 1)
    assert body(shell)["prompt"] == job.request["prompt"]
    assert body(shell)["state"] == token
    assert body(shell)["notifyHook"] == f"https://us.example/hook/{token}"
    assert (job.status, job.task_id) == (Status.SUBMITTED, "t1")


def test_without_a_public_address_no_hook_is_sent(shell: Shell, storage: Storage) -> None:
    submitter = Submitter(
        shell.orchestrator,
        {"default": shell.provider},
        Preparer(shell.orchestrator, tokens, storage, None),
    )
    shell.put(a_job())
    start_next(submitter, "default")
    assert not body(shell).get("notifyHook")


def test_the_record_says_that_the_post_may_have_left_before_it_leaves(
    shell: Shell, start: Start
) -> None:
    seen: list[Job] = []
    shell.provider.meanwhile = lambda: seen.extend(shell.jobs())
    start()
    assert [(job.status, job.posting) for job in seen] == [(Status.SUBMITTING, True)]


def test_nothing_to_start_sends_nothing(shell: Shell, submitter: Submitter) -> None:
    assert not start_next(submitter, "default")
    shell.put(in_status(Status.SUBMITTING))
    assert not start_next(submitter, "default")
    assert shell.provider.submitted == []


def test_a_picture_whose_host_refuses_connections_ends_its_job(
    shell: Shell, submitter: Submitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> bytes:
        raise PictureError("c did not deliver: ConnectionRefusedError", retryable=True)

    monkeypatch.setattr("worker.adapters.storage.fetching.fetch", refuse)
    pictured = {"prompt": "a cat", "images": ["https://c/1.png"]}
    job, began, tries = shell.put(a_job(request=pictured)), shell.now, 0
    while not (job := shell.job(job)).status.terminal:
        shell.now = job.due_at or shell.now
        shell.orchestrator.record(job, TimePassed())
        assert start_next(submitter, "default")
        tries += 1
    assert job.status is Status.FAILED
    assert job.error is not None
    assert job.error.code == "bad_picture"
    assert "ConnectionRefusedError" in job.error.message
    assert "`hookline retry`" in (job.error.hint or "")
    assert (tries, shell.provider.submitted) == (PICTURE_TRIES, [])
    assert 300 <= shell.now - began <= 602
    assert shell.orchestrator.record(job, Retried()).job.status is Status.QUEUED


def test_a_job_taken_by_another_worker_is_not_sent_twice(
    shell: Shell, submitter: Submitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = shell.put(a_job())
    shell.orchestrator.record(job, Started("default"))
    offers = iter([[job], []])
    monkeypatch.setattr(shell.store.queue, "next_ready", lambda *_: next(offers))
    assert not start_next(submitter, "default")
    assert shell.provider.submitted == []


def test_a_job_cancelled_while_it_was_prepared_is_not_sent(shell: Shell, start: Start) -> None:
    source = parent(shell, None)

    def cancel(task_id: str) -> Any:
        [child] = [j for j in shell.jobs() if j.status is Status.SUBMITTING]
        shell.orchestrator.record(child, Cancelled())
        return a_snapshot(TaskStatus.SUCCEEDED)

    shell.provider.fetch = cancel  # type: ignore[method-assign]
    job = start(**press(source))
    assert shell.provider.submitted == []
    assert (job.status, job.holds_slot) == (Status.CANCELLED, False)


@pytest.mark.parametrize("kind", [Kind.IMAGINE, Kind.DESCRIBE])
def test_nothing_is_sent_while_a_fail_over_may_forget_the_intent(
    kind: Kind, shell: Shell, submitter: Submitter, storage: Storage
) -> None:
    picture = storage.put_input(draw("PNG"), ".png")
    request = {"prompt": "a cat"} if kind is Kind.IMAGINE else {"image": picture}
    job = shell.put(a_job(kind=kind, request=request))
    # A describe's picture is read first, so its intent is a commit of its own; and what was taken
    # without replicas is read again before it.
    shell.store.jobs.unreplicated = 1 if kind is Kind.IMAGINE else 3
    start_next(submitter, "default")
    job = shell.job(job)
    assert not shell.provider.submitted
    assert (job.status, job.posting) == (Status.QUEUED, False)
    assert job.error
    assert "replicas" in job.error.message

    shell.now = job.due_at or 0.0
    shell.orchestrator.record(job, TimePassed())
    start_next(submitter, "default")
    assert len(shell.provider.submitted) == 1
    assert shell.job(job).attempt == 1


def test_a_worker_taken_for_dead_does_not_send_in_its_successors_place(
    shell: Shell, start: Start
) -> None:
    source = parent(shell, None)

    def sleep(task_id: str) -> Any:
        [child] = [j for j in shell.jobs() if j.status is Status.SUBMITTING]
        for event in (Cancelled(), Retried(), Started("default")):
            child = shell.orchestrator.record(child, event).job
        return a_snapshot(TaskStatus.SUCCEEDED)

    shell.provider.fetch = sleep  # type: ignore[method-assign]
    job = start(**press(source))
    assert shell.provider.submitted == []
    assert (job.status, job.attempt, job.posting) == (Status.SUBMITTING, 2, False)


def test_a_known_button_is_pressed_verbatim_on_its_parents_task(shell: Shell, start: Start) -> None:
    job = start(**press(parent(shell)))
    assert (body(shell)["taskId"], body(shell)["customId"]) == ("t1", GRID[0].custom_id)
    assert shell.provider.asked == []
    assert job.request["custom_id"] == GRID[0].custom_id


def test_an_unknown_button_is_asked_for(shell: Shell, start: Start) -> None:
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.SUCCEEDED)}
    job = start(**press(parent(shell, None), "V2"))
    assert shell.provider.asked == ["t1"]
    assert body(shell)["customId"] == GRID[5].custom_id
    assert job.modal_prompt == "a cat --v 6", "should a window open"


def test_a_provider_without_buttons_takes_the_change_call(shell: Shell, start: Start) -> None:
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.SUCCEEDED, result=Result())}
    start(**press(parent(shell, None), "V2"))
    kind, submission = shell.provider.submitted[0]
    assert kind is Kind.CHANGE
    assert (submission.body["action"], submission.body["index"]) == ("VARIATION", 2)


@pytest.mark.parametrize("known", [GRID, None])
def test_a_button_that_is_not_there_costs_nothing(
    shell: Shell, start: Start, known: tuple[Button, ...] | None
) -> None:
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.SUCCEEDED)}
    job = start(**press(parent(shell, known), "Pan Left"))
    assert shell.provider.submitted == []
    assert job.error is not None
    assert job.error.code == "button_not_found"
    assert "U1, U2" in (job.error.hint or "")


def test_a_parent_that_the_gateway_does_not_show_as_finished_is_waited_for(
    shell: Shell, start: Start
) -> None:
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.IN_PROGRESS)}
    job = start(**press(parent(shell, None)))
    assert (job.status, job.due_at is not None) == (Status.QUEUED, True)
    assert shell.provider.submitted == []


def test_a_press_on_a_parent_that_the_provider_forgot_fails_as_change_does(
    shell: Shell, start: Start
) -> None:
    grid = parent(shell, None)
    shell.now += 600
    job = start(**press(grid))
    assert (job.status, job.error and job.error.code) == (Status.FAILED, "not_found")
    assert "run the parent again" in ((job.error and job.error.hint) or "")
    assert shell.provider.submitted == []


def test_a_gateways_pace_is_learnt_from_presses_and_kept_to(
    shell: Shell, submitter: Submitter
) -> None:
    """A gateway that knows of an end 10 s after its callback; told twice a second."""
    late = Verdict(Outcome.NOT_YET, error=JobError("parent_not_ready", "Not yet."))
    refusals = []
    for _ in range(10):
        shell.orchestrator.callback_stats("default")  # read what was learnt, at once
        running = shell.put(in_status(Status.SUBMITTED, then=({"press": "U1"},)))
        shell.orchestrator.record(running, callback(TaskStatus.SUCCEEDED))
        ended_at, refused = shell.now, 0
        while not any(job.status is Status.SUBMITTED for job in shell.jobs()):
            for job in shell.store.jobs.claim_due(shell.now, 9, 1.0):
                if job.status is Status.QUEUED:
                    shell.orchestrator.record(job, TimePassed())
            shell.provider.verdicts = [late] if shell.now < ended_at + 10 else []
            refused += start_next(submitter, "default") and bool(shell.now < ended_at + 10)
            shell.now += 0.5
        refusals.append(refused)
        [press_] = [job for job in shell.jobs() if job.status is Status.SUBMITTED]
        shell.orchestrator.record(press_, callback(TaskStatus.SUCCEEDED))
    assert refusals[0] == 3
    assert max(refusals[1:]) <= 1
    assert sum(refusals[1:]) < 9


def test_a_provider_that_cannot_be_asked_is_asked_later(shell: Shell, start: Start) -> None:
    shell.provider.trouble = ProviderUnavailable()
    job = start(**press(parent(shell, None)))
    assert (job.status, job.attempt, job.ready) == (Status.QUEUED, 1, False)


def test_pictures_are_read_when_they_are_sent(shell: Shell, start: Start, storage: Storage) -> None:
    ref = storage.put_input(draw("PNG"), ".png")
    start(kind=Kind.DESCRIBE, request={"image": ref})
    assert body(shell)["base64"].startswith("data:image/png;base64,")


class Web:
    """What addresses hold; one that is not here is gone."""

    def __init__(self) -> None:
        self.holds: dict[str, bytes] = {}
        self.fetched: list[str] = []

    def fetch(self, url: str, **limits: Any) -> bytes:
        self.fetched.append(url)
        if url not in self.holds:
            raise PictureError("pics.example answered 404")
        return self.holds[url]


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    web = Web()
    monkeypatch.setattr("worker.adapters.storage.fetching.fetch", web.fetch)
    return web


CAT, DOG = "https://pics.example/cat.png", "https://pics.example/dog.png"


def test_what_a_url_holds_is_taken_in_before_the_post_leaves(
    shell: Shell, start: Start, storage: Storage, web: Web
) -> None:
    web.holds = {CAT: draw("PNG"), DOG: draw("JPEG")}
    seen: list[Job] = []
    shell.provider.meanwhile = lambda: seen.extend(shell.jobs())
    job = start(kind=Kind.BLEND, request={"images": [CAT, DOG, CAT]})
    assert web.fetched == [CAT, DOG], "each once"
    assert [each.fetched for each in seen] == [job.fetched], "in the commit before the POST"
    assert storage.read_input(job.fetched[CAT]) == draw("PNG")
    assert storage.read_input(job.fetched[DOG]) == draw("JPEG")
    assert job.request["images"] == [CAT, DOG, CAT], "what was handed in is still to be seen"
    assert blobs_of(job) == set(job.fetched.values())


def test_a_further_attempt_uses_the_same_picture_although_the_url_is_dead(
    shell: Shell, start: Start, submitter: Submitter, web: Web
) -> None:
    web.holds = {CAT: draw("PNG")}
    job = start(kind=Kind.DESCRIBE, request={"image": CAT})
    web.holds = {}
    shell.orchestrator.record(job, callback(TaskStatus.FAILED, error=JobError("failed", "No.")))
    shell.orchestrator.record(shell.job(job), Retried())
    assert start_next(submitter, "default")
    assert shell.job(job).status is Status.SUBMITTED
    assert body(shell, 0)["base64"] == body(shell, 1)["base64"]
    assert web.fetched == [CAT]


def test_jobs_with_the_same_picture_share_one_file(
    shell: Shell, start: Start, storage: Storage, web: Web, tmp_path: Path
) -> None:
    handed_in = storage.put_input(draw("PNG"), ".png")
    web.holds = {CAT: draw("PNG"), DOG: draw("PNG")}
    for image in (CAT, DOG, handed_in):
        start(kind=Kind.DESCRIBE, request={"image": image})
    assert {ref for job in shell.jobs() for ref in blobs_of(job)} == {handed_in}
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_a_mask_behind_a_url_is_taken_in_with_the_first_post(
    shell: Shell, start: Start, submitter: Submitter, web: Web
) -> None:
    web.holds = {CAT: draw("PNG")}
    shell.provider.verdicts = [Verdict(Outcome.NEEDS_MODAL, task_id="t5")]
    job = start(**press(parent(shell)), modal=Modal("a hat", CAT))
    web.holds = {}
    assert start_next(submitter, "default"), "the window's answer"
    assert body(shell)["maskBase64"].startswith("data:image/png;base64,")
    assert (shell.job(job).status, web.fetched) == (Status.SUBMITTED, [CAT])


@pytest.mark.parametrize("held", [None, b"<html>not found</html>"])
def test_a_url_without_a_picture_fails_the_job_and_nothing_is_sent(
    shell: Shell, start: Start, web: Web, held: bytes | None
) -> None:
    web.holds = {CAT: held} if held else {}
    job = start(kind=Kind.DESCRIBE, request={"image": CAT})
    assert job.error is not None
    assert (job.error.code, job.fetched) == ("bad_picture", {})
    assert shell.provider.submitted == []


def test_a_picture_that_is_gone_fails_the_job_in_words(shell: Shell, start: Start) -> None:
    job = start(kind=Kind.DESCRIBE, request={"image": f"blob:{'0' * 64}.png"})
    assert job.status is Status.FAILED
    assert job.error is not None
    assert job.error.code == "bad_picture"
    assert shell.provider.submitted == []


def test_a_mask_of_another_size_is_refused_before_it_is_paid_for(
    shell: Shell, start: Start, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask = storage.put_input(draw("PNG", size=(8, 8)), ".png")
    picture = storage.put_input(draw("PNG", size=(16, 16)), ".png")
    source = shell.put(in_status(Status.SUBMITTED))
    told = callback(TaskStatus.SUCCEEDED, result=Result(image_url=picture, buttons=GRID))
    source = shell.orchestrator.record(source, told).job
    job = start(**press(source), modal=Modal("a hat", mask))
    assert job.error is not None
    assert job.error.code == "bad_mask"
    assert shell.provider.submitted == []


def test_a_window_is_answered_in_a_second_post_with_the_same_token(
    shell: Shell, start: Start, submitter: Submitter, storage: Storage
) -> None:
    mask = storage.put_input(draw("PNG"), ".png")
    shell.provider.verdicts = [Verdict(Outcome.NEEDS_MODAL, task_id="t5")]
    job = start(**press(parent(shell)), modal=Modal("a hat", mask))
    assert (job.status, job.window) == (Status.QUEUED, Window.OPEN)
    shell.provider.verdicts = [Verdict(Outcome.ACCEPTED, task_id="t6")]
    assert start_next(submitter, "default")
    kind, _ = shell.provider.submitted[1]
    assert kind is Kind.MODAL
    assert (body(shell)["taskId"], body(shell)["prompt"]) == ("t5", "a hat")
    assert body(shell)["maskBase64"].startswith("data:image/png;base64,")
    assert body(shell, 0)["state"] == body(shell, 1)["state"]
    assert shell.job(job).task_id == "t6"


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.TRY_LATER, Status.QUEUED),
        (Outcome.PERMANENT, Status.FAILED),
        (Outcome.IN_DOUBT, Status.IN_DOUBT),
        (Outcome.EXISTS, Status.SUBMITTED),
        (Outcome.DONE, Status.SUCCEEDED),
    ],
)
def test_every_reply_is_recorded(
    shell: Shell, start: Start, outcome: Outcome, status: Status
) -> None:
    shell.provider.verdicts = [Verdict(outcome, task_id="t1", error=JobError("x", "words"))]
    assert start().status is status


def test_a_refused_job_is_sent_again_under_the_same_token(
    shell: Shell, start: Start, submitter: Submitter
) -> None:
    shell.provider.verdicts = [Verdict(Outcome.TRY_LATER)]
    job = start()
    shell.now += 60
    shell.orchestrator.record(job, TimePassed())
    assert start_next(submitter, "default")
    assert body(shell, 0)["state"] == body(shell, 1)["state"]


def test_the_dialect_that_replies_betray_is_kept(shell: Shell, start: Start) -> None:
    shell.provider.last_dialect = "trueai"
    start()
    assert shell.store.accounts.callback_stats("default").dialect == "trueai"


def lacking(kind: Kind, shell: Shell) -> Verdict:
    verdict = no_such_call(kind, f"POST /mj/submit/{kind}", "New API")
    shell.provider.verdicts = [verdict]
    return verdict


def test_a_call_that_the_provider_lacks_fails_the_job_and_is_not_sent_again(
    shell: Shell, start: Start
) -> None:
    lacking(Kind.SHORTEN, shell)
    first = start(kind=Kind.SHORTEN)
    assert (first.status, first.error and first.error.code) == (Status.FAILED, "no_endpoint")
    second = start(kind=Kind.SHORTEN)
    assert (second.status, second.error and second.error.code) == (Status.FAILED, "no_endpoint")
    assert len(shell.provider.submitted) == 1
    assert "resume --account default" in ((second.error and second.error.hint) or "")
    assert start().status is Status.SUBMITTED, "other calls are there"
    resume(shell.orchestrator, "account", "default")
    assert start(kind=Kind.SHORTEN).status is Status.SUBMITTED


def test_a_provider_that_lacks_a_call_is_tried_again_after_a_day(
    shell: Shell, start: Start
) -> None:
    lacking(Kind.SHORTEN, shell)
    start(kind=Kind.SHORTEN)
    shell.now += 90_000.0
    assert start(kind=Kind.SHORTEN).status is Status.SUBMITTED


def test_a_call_that_took_a_job_exists_for_all_processes(shell: Shell, start: Start) -> None:
    start()
    settings = shell.orchestrator.dispatch.settings_of("default")
    assert shell.store.accounts.calls("default", settings).taken == {"submit/imagine"}
    assert shell.store.accounts.calls("default", "of another address").taken == frozenset()


def test_without_imagine_the_account_is_closed_and_nothing_else_is_remembered(
    shell: Shell, start: Start
) -> None:
    lacking(Kind.IMAGINE, shell)
    assert start().status is Status.FAILED
    assert shell.orchestrator.dispatch.breaker("default").closed
    assert not shell.orchestrator.calls.lacks("default", "submit/imagine")
