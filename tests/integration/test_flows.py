"""Whole pipelines against a provider written from the protocol alone."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.drawing import draw
from tests.support.flow import flow
from tests.support.standin import BANNED_WORD, FAIL_WORD, Hooks, StandIn
from tests.support.standin_shapes import Flavour
from worker.domain.job import Job, Status
from worker.domain.result import AssetsStatus

U1 = {"press": "U1"}


@pytest.mark.parametrize("flavour", ["N", "T", "G", "P"])
@pytest.mark.parametrize("hooks", ["sent", "stripped", "none"])
def test_an_imagine_and_its_follow_ups_end_in_pictures(
    flavour: Flavour, hooks: str, tmp_path: Path
) -> None:
    sent: Hooks = "sent" if hooks == "sent" else "stripped"
    with (
        StandIn(flavour=flavour, hooks=sent, timeouts_after_work=False) as provider,
        flow(provider.url, tmp_path, hooked=hooks != "none") as hookline,
    ):
        job = hookline.submit(
            kind="imagine",
            prompt="a lighthouse at dusk",
            then=[U1, {"press": "U2"}, {"press": "V2", "then": [U1]}],
        )
        jobs = hookline.finish(job)
        assert [j.status for j in jobs] == [Status.SUCCEEDED] * 5, [j.error for j in jobs]
        assert provider.violations == []
        assert len(provider.accepted) == 5
        for done in jobs:
            assert done.result.assets_status is AssetsStatus.STORED
            assert (tmp_path / done.result.assets[0]).stat().st_size > 0
        assert not hookline.wakeups.errors


@pytest.mark.parametrize("flavour", ["N", "T", "G", "P"])
def test_each_picture_has_its_seed_or_says_why_not(flavour: Flavour, tmp_path: Path) -> None:
    with (
        StandIn(flavour=flavour, timeouts_after_work=False) as provider,
        flow(provider.url, tmp_path) as hookline,
    ):
        job = hookline.submit(kind="imagine", prompt="a lighthouse", seed=True, then=[U1])
        results = [done.result for done in hookline.finish(job)]
        assert len(results) == 2
        assert all(result.assets_status is AssetsStatus.STORED for result in results)
        if flavour == "N":
            assert all("HTTP 404" in (result.seed_error or "") for result in results)
        else:
            assert len({result.seed for result in results if result.seed}) == 2
        assert provider.violations == []
        assert not hookline.wakeups.errors


@pytest.mark.parametrize("flavour", ["N", "T", "G"])
@pytest.mark.parametrize(
    "habit",
    [
        {"state_in_callbacks": False},
        {"callback_before_reply": 0.05, "instant": True},
        {"duplicate_callbacks": True, "shuffle": True},
        {"success_without_buttons": True},
        {"lag_seconds": 3.0},
        {"remix": True},
    ],
    ids=lambda habit: next(iter(habit)),
)
def test_odd_habits_of_providers_change_nothing(
    flavour: Flavour, habit: dict[str, Any], tmp_path: Path
) -> None:
    with (
        StandIn(flavour=flavour, task_seconds=0.2, **habit) as provider,
        flow(provider.url, tmp_path, max_running=9) as hookline,
    ):
        then = [{"press": "U*"}, {"press": "V1", "then": [{"press": "U3"}]}, {"press": "reroll"}]
        job = hookline.submit(kind="imagine", prompt="a fox", then=then)
        jobs = hookline.finish(job)
        assert [j.status for j in jobs] == [Status.SUCCEEDED] * 8, [j.error for j in jobs]
        assert provider.violations == []
        assert len(provider.accepted) == 8 + (2 if habit.get("remix") and flavour != "N" else 0)


@pytest.mark.parametrize("flavour", ["T", "P"])
def test_a_window_is_answered_and_its_job_goes_on(flavour: Flavour, tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    mask.write_bytes(draw(size=(512, 512)))
    region = {"press": "Vary (Region)", "modal": {"prompt": "a red hat", "mask": str(mask)}}
    with (
        StandIn(flavour=flavour, timeouts_after_work=False) as provider,
        flow(provider.url, tmp_path) as hookline,
    ):
        job = hookline.submit(
            kind="imagine", prompt="a man", then=[{"press": "U1", "then": [region]}]
        )
        jobs = hookline.finish(job)
        assert [j.status for j in jobs] == [Status.SUCCEEDED] * 3, [j.error for j in jobs]
        modal = next(a for a in provider.accepted if a["path"].endswith("/modal"))
        assert modal["body"]["prompt"] == "a red hat"
        assert modal["body"]["maskBase64"].startswith("data:image/png;base64,")
        assert {"state", "notifyHook"} <= modal["body"].keys()
        assert provider.violations == []


def test_a_window_without_an_answer_waits_for_one(tmp_path: Path) -> None:
    with StandIn(flavour="T") as provider, flow(provider.url, tmp_path) as hookline:
        then = [{"press": "U1", "then": [{"press": "Custom Zoom", "then": [U1]}]}]
        root = hookline.submit(kind="imagine", prompt="a tower", then=then)

        def waiting() -> list[Job]:
            jobs = hookline.pipeline(root.id).jobs
            return [j for j in jobs if j.status is Status.AWAITING_MODAL]

        hookline.wait_for(lambda: bool(waiting()))
        [zoom] = waiting()
        answered = hookline.submit(kind="modal", job_id=zoom.id, prompt="a tower --zoom 2")
        assert answered.id == zoom.id
        jobs = hookline.finish(root)
        assert [j.status for j in jobs] == [Status.SUCCEEDED] * 4, [j.error for j in jobs]
        assert provider.violations == []


@pytest.mark.parametrize("flavour", ["N", "T", "G", "P"])
def test_a_describe_is_followed_by_an_imagine_from_its_first_prompt(
    flavour: Flavour, tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(draw(size=(64, 64)))
    with StandIn(flavour=flavour) as provider, flow(provider.url, tmp_path) as hookline:
        root = hookline.submit(
            kind="describe", image=str(picture), then=[{"imagine": "{prompts[0]}, watercolor"}]
        )
        described, imagined = hookline.finish(root)
        assert described.status is imagined.status is Status.SUCCEEDED
        assert len(described.result.prompts) == 4
        assert imagined.request["prompt"] == f"{described.result.prompts[0]}, watercolor"
        assert provider.violations == []


def test_the_number_of_a_describe_is_pressed_with_its_own_prompt(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(draw(size=(64, 64)))
    with StandIn(flavour="T") as provider, flow(provider.url, tmp_path) as hookline:
        root = hookline.submit(kind="describe", image=str(picture), then=[{"press": "2"}])
        described, pressed = hookline.finish(root)
        assert pressed.status is Status.SUCCEEDED, pressed.error
        modal = next(a for a in provider.accepted if a["path"].endswith("/modal"))
        assert modal["body"]["prompt"] == described.result.prompts[1]
        assert provider.violations == []


@pytest.mark.parametrize("flavour", ["T", "G"])
def test_every_other_kind_is_submitted_and_finishes(flavour: Flavour, tmp_path: Path) -> None:
    first, second = tmp_path / "1.png", tmp_path / "2.png"
    first.write_bytes(draw(size=(64, 64)))
    second.write_bytes(draw(size=(80, 80)))
    one, two = str(first), str(second)
    with (
        StandIn(flavour=flavour, plus=True) as provider,
        flow(provider.url, tmp_path, max_running=9) as hookline,
    ):
        roots = [
            hookline.submit(kind="blend", images=[one, two], then=[U1]),
            hookline.submit(kind="shorten", prompt="a very long prompt, with many words"),
            hookline.submit(kind="edits", prompt="more light", image=one, mask=one),
            hookline.submit(kind="video", prompt="a bee flies in", image=one),
            hookline.submit(kind="swap_face", source=one, target=two),
            hookline.submit(kind="upload", images=[one, two]),
        ]
        for root in roots:
            jobs = hookline.finish(root)
            assert {j.status for j in jobs} == {Status.SUCCEEDED}, [(j.kind, j.error) for j in jobs]
        uploaded = hookline.pipeline(roots[-1].id).jobs[0]
        assert len(uploaded.result.image_urls) == 2
        assert provider.violations == []


def test_a_button_that_is_not_there_fails_the_child_and_names_those_that_are(
    tmp_path: Path,
) -> None:
    with StandIn(flavour="T") as provider, flow(provider.url, tmp_path) as hookline:
        root = hookline.submit(
            kind="imagine", prompt="a cup", then=[{"press": "Pan Left"}, {"press": "X*"}]
        )
        done, *children = hookline.finish(root)
        assert done.status is Status.SUCCEEDED
        for child in children:
            assert child.status is Status.FAILED
            assert child.error is not None
            assert child.error.code == "button_not_found"
            assert "U1, U2, U3, U4" in (child.error.hint or "")
        assert len(provider.accepted) == 1


def test_a_moderated_prompt_and_a_failed_task_fail_with_the_reason(tmp_path: Path) -> None:
    flavours: tuple[Flavour, ...] = ("N", "T", "G", "P")
    for flavour in flavours:
        with StandIn(flavour=flavour) as provider, flow(provider.url, tmp_path) as hookline:
            banned = hookline.submit(kind="imagine", prompt=f"{BANNED_WORD} body", then=[U1])
            doomed = hookline.submit(kind="imagine", prompt=f"{FAIL_WORD} cat", then=[U1])
            [moderated] = hookline.finish(banned)
            [failed] = hookline.finish(doomed)
            assert moderated.error is not None, flavour
            assert moderated.error.code == "moderated", flavour
            assert failed.status is Status.FAILED
            assert failed.error is not None
            assert len(provider.accepted) <= 2


def test_many_equal_prompts_run_one_after_the_other(tmp_path: Path) -> None:
    with (
        StandIn(flavour="T", task_seconds=0.1, max_running=3) as provider,
        flow(provider.url, tmp_path) as hookline,
    ):
        roots = [hookline.submit(kind="imagine", prompt="a twin") for _ in range(4)]
        roots += [hookline.submit(kind="imagine", prompt=f"a loner {n}") for n in range(8)]
        for root in roots:
            [job] = hookline.finish(root)
            assert job.status is Status.SUCCEEDED
        assert provider.violations == []


def test_what_goes_on_from_a_task_may_name_the_job_or_the_task(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(draw(size=(64, 64)))
    with StandIn(flavour="T") as provider, flow(provider.url, tmp_path) as hookline:
        [grid] = hookline.finish(hookline.submit(kind="imagine", prompt="a pond"))
        film = hookline.submit(kind="video", prompt="a bee flies in", image=str(picture))
        [film] = hookline.finish(film)
        goes_on = [
            hookline.submit(kind="action", job_id=grid.id, button="U2"),
            hookline.submit(kind="action", task_id=grid.task_id, button="V3"),
            hookline.submit(kind="video", job_id=film.id, index=1, motion="high"),
            hookline.submit(kind="retexture", prompt="of glass", image=str(picture)),
        ]
        for job in goes_on:
            assert {j.status for j in hookline.finish(job)} == {Status.SUCCEEDED}, [
                (j.kind, j.error) for j in hookline.pipeline(job.spec.pipeline_id).jobs
            ]
        assert provider.violations == []


def test_a_change_is_submitted_where_there_is_no_action(tmp_path: Path) -> None:
    with StandIn(flavour="N") as provider, flow(provider.url, tmp_path) as hookline:
        [grid] = hookline.finish(hookline.submit(kind="imagine", prompt="a pond"))
        changes = [
            hookline.submit(kind="change", job_id=grid.id, action="UPSCALE", index=2),
            hookline.submit(kind="change", task_id=grid.task_id, action="REROLL"),
        ]
        for job in changes:
            assert {j.status for j in hookline.finish(job)} == {Status.SUCCEEDED}
        assert provider.violations == []
