"""What holds a job up is said, over real HTTP to a provider that makes trouble."""

from pathlib import Path

import pytest

from tests.support.flow import Flow, flow
from tests.support.ports import free_port
from tests.support.provider import Flavour, providing
from worker.adapters.storage.storage import Storage
from worker.domain.errors import InvalidRequest, ServiceUnavailable
from worker.domain.job import Job, Status
from worker.domain.result import AssetsStatus
from worker.services.reports.answers.waiting import Reason, Waiting
from worker.services.reports.waits import waiting

FLAVOURS: list[Flavour] = ["novicezk", "trueai", "gateway", "crazyrouter", "typescript"]


def now(hookline: Flow, job: Job) -> Job:
    return hookline.orchestrator.job(job.id)


def said(hookline: Flow, job: Job, reason: Reason) -> Waiting:
    """What is said once the job is held up by this."""

    def why() -> Waiting | None:
        return waiting(hookline.orchestrator, now(hookline, job))

    found: list[Waiting] = []

    def held_up() -> bool:
        found[:] = filter(None, [why()])
        return any(each.reason is reason for each in found)

    hookline.wait_for(held_up, lambda: str(why()))
    return found[0]


def tries(hookline: Flow, job: Job) -> int:
    retry = now(hookline, job).result.assets_retry
    return retry.tries if retry else 0


def test_pictures_that_fail_are_told_and_tried_again(tmp_path: Path) -> None:
    with (
        providing("trueai", pictures_failed=1.0) as provider,
        flow(provider.url, tmp_path) as hookline,
    ):
        job = hookline.submit(kind="imagine", prompt="a fox")
        hookline.wait_for(lambda: tries(hookline, job) >= 2)
        found = said(hookline, job, Reason.FILES)
        assert "(not_reached: 127.0.0.1 answered 50" in found.message
        assert found.until is not None
        assert found.until >= (now(hookline, job).finished_at or 0) + 2


def test_files_come_once_the_disk_has_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise ServiceUnavailable("The storage cannot be used: No space left on device")

    with providing("trueai") as provider, flow(provider.url, tmp_path) as hookline:
        with monkeypatch.context() as patch:
            patch.setattr(Storage, "put_file", full)
            job = hookline.submit(kind="imagine", prompt="a fox")
            hookline.wait_for(lambda: tries(hookline, job) >= 1)
            assert "No space left on device" in said(hookline, job, Reason.FILES).message
        [done] = hookline.finish(job)
        assert done.result.assets_status is AssetsStatus.STORED
        assert done.result.assets_retry is None
        assert waiting(hookline.orchestrator, done) is None


def test_a_doubt_is_told_with_its_end(tmp_path: Path) -> None:
    with (
        providing("gateway", errors_after=1.0, forward_hook=False) as provider,
        flow(provider.url, tmp_path, hooked=False) as hookline,
    ):
        job = hookline.submit(kind="imagine", prompt="a fox")
        found = said(hookline, job, Reason.IN_DOUBT)
        assert f"hookline resolve {job.id} --outcome resubmit" in found.commands
        assert found.until == now(hookline, job).doubt_until


def test_a_picture_whose_host_is_away_is_told_with_its_tries(tmp_path: Path) -> None:
    with providing("trueai") as provider, flow(provider.url, tmp_path) as hookline:
        url = f"http://127.0.0.1:{free_port()}/1.png"
        job = hookline.submit(kind="imagine", prompt="a fox", images=[url])
        found = said(hookline, job, Reason.BACKOFF)
        assert "ConnectionRefusedError" in found.message
        assert "of 15 tries" in found.message
        assert provider.accepted == []


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_prompt_on_several_lines_is_sent_on_one(flavour: Flavour, tmp_path: Path) -> None:
    written = "a fox\r\n\tin the\u00a0snow\u200b\n--ar 3:2"
    with providing(flavour) as provider, flow(provider.url, tmp_path) as hookline:
        [done] = hookline.finish(hookline.submit(kind="imagine", prompt=written))
        assert done.status is Status.SUCCEEDED
        [sent] = provider.bodies("imagine")
        assert sent["prompt"] == "a fox in the snow --ar 3:2"
        assert done.request["prompt"] == written


def test_a_provider_that_turns_out_to_have_no_niji_gets_no_second_such_job(tmp_path: Path) -> None:
    with providing("novicezk") as provider, flow(provider.url, tmp_path) as hookline:
        hookline.finish(hookline.submit(kind="imagine", prompt="a fox"))
        hookline.store.accounts.learn_dialect("default", "novicezk")
        later = Flow(provider.url, tmp_path, None, store=hookline.store)
        with pytest.raises(InvalidRequest, match="bot_type: novicezk knows no bot"):
            later.submit(kind="imagine", prompt="a hare", bot_type="NIJI_JOURNEY")
        later.wakeups.close()
        assert len(provider.accepted) == 1
