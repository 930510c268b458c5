"""Whole pipelines against providers of every flavour, whose rules are kept throughout."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.drawing import draw
from tests.support.flow import flow
from tests.support.provider import Flavour, providing
from worker.domain.job import Job, Status
from worker.domain.result import AssetsStatus

U1 = {"press": "U1"}
FLAVOURS: list[Flavour] = ["novicezk", "trueai", "gateway", "crazyrouter", "typescript"]
#: With the endpoints for films, edits and faces.
RICH: list[Flavour] = ["trueai", "gateway", "crazyrouter"]


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("hooks", ["forwarded", "stripped", "none"])
def test_an_imagine_and_its_follow_ups_end_in_pictures(
    flavour: Flavour, hooks: str, tmp_path: Path
) -> None:
    with (
        providing(flavour, forward_hook=hooks == "forwarded") as provider,
        flow(provider.url, tmp_path, hooked=hooks != "none") as hookline,
    ):
        job = hookline.submit(
            kind="imagine",
            prompt="a lighthouse at dusk",
            then=[U1, {"press": "U2"}, {"press": "V2", "then": [U1]}],
        )
        jobs = hookline.finish(job)
        assert [j.status for j in jobs] == [Status.SUCCEEDED] * 5, [j.error for j in jobs]
        assert len(provider.accepted) == 5
        for done in jobs:
            assert done.result.assets_status is AssetsStatus.STORED
            assert (tmp_path / done.result.assets[0]).stat().st_size > 0
        assert not hookline.pool.errors


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_each_picture_has_its_seed_or_says_why_not(flavour: Flavour, tmp_path: Path) -> None:
    with (
        providing(flavour) as provider,
        flow(provider.url, tmp_path) as hookline,
    ):
        job = hookline.submit(kind="imagine", prompt="a lighthouse", seed=True, then=[U1])
        results = [done.result for done in hookline.finish(job)]
        assert len(results) == 2
        assert all(result.assets_status is AssetsStatus.STORED for result in results)
        if flavour == "novicezk":
            assert all("HTTP 404" in (result.seed_error or "") for result in results)
        else:
            assert len({result.seed for result in results if result.seed}) == 2
        assert not hookline.pool.errors


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    "habits",
    [
        {"callbacks_without_state": 1.0},
        {"callbacks_early": 1.0, "instant_upscales": True},
        {"callbacks_doubled": 1.0, "callbacks_shuffled": 1.0},
        {"callbacks_without_buttons": 1.0},
        {"fetch_lag": 1.0},
        {"remix": True},
    ],
    ids=lambda habits: next(iter(habits)),
)
def test_odd_habits_of_providers_change_nothing(
    flavour: Flavour, habits: dict[str, Any], tmp_path: Path
) -> None:
    with (
        providing(flavour, **habits) as provider,
        flow(provider.url, tmp_path, max_running=9) as hookline,
    ):
        then = [{"press": "U*"}, {"press": "V1", "then": [{"press": "U3"}]}, {"press": "reroll"}]
        job = hookline.submit(kind="imagine", prompt="a fox", then=then)
        jobs = hookline.finish(job)
        assert [j.status for j in jobs] == [Status.SUCCEEDED] * 8, [j.error for j in jobs]
        assert len(provider.accepted) - len(provider.bodies("modal")) == 8
        assert len(provider.bodies("modal")) == (
            2 if habits.get("remix") and flavour in RICH else 0
        ), "V1 and the reroll open a window, where they are pressed"


@pytest.mark.parametrize("flavour", [*RICH, "typescript"])
def test_a_window_is_answered_and_its_job_goes_on(flavour: Flavour, tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    mask.write_bytes(draw(size=(1024, 1024)))
    region = {"press": "Vary (Region)", "modal": {"prompt": "a red hat", "mask": str(mask)}}
    with (
        providing(flavour) as provider,
        flow(provider.url, tmp_path) as hookline,
    ):
        job = hookline.submit(
            kind="imagine", prompt="a man", then=[{"press": "U1", "then": [region]}]
        )
        jobs = hookline.finish(job)
        assert [j.status for j in jobs] == [Status.SUCCEEDED] * 3, [j.error for j in jobs]
        [modal] = provider.bodies("modal")
        assert modal["prompt"] == "a red hat"
        assert modal["maskBase64"].startswith("data:image/png;base64,")
        assert {"state", "notifyHook"} <= modal.keys()


def test_a_window_without_an_answer_waits_for_one(tmp_path: Path) -> None:
    with providing() as provider, flow(provider.url, tmp_path) as hookline:
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


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_describe_is_followed_by_an_imagine_from_its_first_prompt(
    flavour: Flavour, tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(draw(size=(64, 64)))
    with providing(flavour) as provider, flow(provider.url, tmp_path) as hookline:
        root = hookline.submit(
            kind="describe", image=str(picture), then=[{"imagine": "{prompts[0]}, watercolor"}]
        )
        described, imagined = hookline.finish(root)
        assert described.status is imagined.status is Status.SUCCEEDED
        assert len(described.result.prompts) == 4
        assert imagined.request["prompt"] == f"{described.result.prompts[0]}, watercolor"


def test_the_number_of_a_describe_is_pressed_with_its_own_prompt(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(draw(size=(64, 64)))
    with providing() as provider, flow(provider.url, tmp_path) as hookline:
        root = hookline.submit(kind="describe", image=str(picture), then=[{"press": "2"}])
        described, pressed = hookline.finish(root)
        assert pressed.status is Status.SUCCEEDED, pressed.error
        [modal] = provider.bodies("modal")
        assert modal["prompt"] == described.result.prompts[1]


@pytest.mark.parametrize("flavour", RICH)
def test_every_other_kind_is_submitted_and_finishes(flavour: Flavour, tmp_path: Path) -> None:
    first, second = tmp_path / "1.png", tmp_path / "2.png"
    first.write_bytes(draw(size=(64, 64)))
    second.write_bytes(draw(size=(80, 80)))
    one, two = str(first), str(second)
    with (
        providing(flavour) as provider,
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


def test_a_button_that_is_not_there_fails_the_child_and_names_those_that_are(
    tmp_path: Path,
) -> None:
    with providing() as provider, flow(provider.url, tmp_path) as hookline:
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


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_moderated_prompt_fails_with_the_reason(flavour: Flavour, tmp_path: Path) -> None:
    with (
        providing(flavour, banned=("nude",)) as provider,
        flow(provider.url, tmp_path) as hookline,
    ):
        job = hookline.submit(kind="imagine", prompt="nude body", then=[U1])
        [moderated] = hookline.finish(job)
        assert moderated.error is not None
        assert moderated.error.code == "moderated"
        assert len(provider.accepted) <= 1, "some accept it first"


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_failed_task_fails_its_job(flavour: Flavour, tmp_path: Path) -> None:
    with providing(flavour, failures=1.0) as provider, flow(provider.url, tmp_path) as hookline:
        [failed] = hookline.finish(hookline.submit(kind="imagine", prompt="a cat", then=[U1]))
        assert failed.status is Status.FAILED
        assert failed.error is not None
        assert failed.error.message == "Invalid Form Body"
        assert len(provider.accepted) == 1


def test_many_equal_prompts_run_one_after_the_other(tmp_path: Path) -> None:
    with (
        providing(task_seconds=(0.1, 0.1), max_running=3, refuse_above=0) as provider,
        flow(provider.url, tmp_path) as hookline,
    ):
        roots = [hookline.submit(kind="imagine", prompt="a twin") for _ in range(4)]
        roots += [hookline.submit(kind="imagine", prompt=f"a loner {n}") for n in range(8)]
        for root in roots:
            [job] = hookline.finish(root)
            assert job.status is Status.SUCCEEDED


def test_what_goes_on_from_a_task_may_name_the_job_or_the_task(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(draw(size=(64, 64)))
    with providing() as provider, flow(provider.url, tmp_path) as hookline:
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


def test_a_change_is_submitted_where_there_is_no_action(tmp_path: Path) -> None:
    with providing("novicezk") as provider, flow(provider.url, tmp_path) as hookline:
        [grid] = hookline.finish(hookline.submit(kind="imagine", prompt="a pond"))
        changes = [
            hookline.submit(kind="change", job_id=grid.id, action="UPSCALE", index=2),
            hookline.submit(kind="change", task_id=grid.task_id, action="REROLL"),
        ]
        for job in changes:
            assert {j.status for j in hookline.finish(job)} == {Status.SUCCEEDED}


def test_films_by_buttons_have_the_places_of_films(tmp_path: Path) -> None:
    with (
        providing("trueai", task_seconds=(1.0, 1.0)) as provider,
        flow(provider.url, tmp_path, max_running=9) as hookline,
    ):
        then = [{"press": "U1", "then": [{"press": "Animate*"}]}]
        job = hookline.submit(kind="imagine", prompt="a lighthouse", then=then)

        def one_waits_for_the_other() -> bool:
            load = hookline.store.queue.load("default")
            assert (load.films <= 1, load.images <= 1) == (True, True)
            return (load.films, load.ready_films) == (1, 1)

        hookline.wait_for(one_waits_for_the_other)
        *_, first, second = hookline.finish(job)
        for film in (first, second):
            assert film.request["custom_id"].startswith("MJ::JOB::animate_")
            assert film.status is Status.SUCCEEDED
            assert "video" in {file.of for file in film.result.files}
            assert film.result.files[0].of != "tile"
