"""What a finished job starts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.jobs import GRID, NOW, a_job
from worker.domain.followups import (
    button_not_found,
    children,
    default_prompt,
    incomplete,
    press,
)
from worker.domain.job import Job, Modal, Status
from worker.domain.job_ids import job_id_of
from worker.domain.job_spec import JSON, Kind
from worker.domain.result import Button, Result

DESCRIBED = Result(prompts=("one", "two"), text="1 one\n2 two", prompt="a cat --v 6")


def done(then: tuple[Any, ...] = (), result: Result | None = None, **fields: Any) -> Job:
    """A succeeded job, with the buttons of a grid unless told otherwise."""
    given = result or Result(image_url="https://cdn.example/grid.png", buttons=GRID)
    return a_job(status=Status.SUCCEEDED, then=then, result=given, **fields)


def reasons(parent: Job) -> list[str | None]:
    return [child.error.code if child.error else None for child in children(parent, NOW)]


def test_a_child_belongs_to_its_parent() -> None:
    parent = done(
        ({"press": "U1"},), account="b", batch_id="x", priority=8, mode="fast", deadline_s=90
    )
    [child] = children(parent, NOW + 5)
    assert (child.kind, child.status, child.spec.created_at) == (
        Kind.ACTION,
        Status.QUEUED,
        NOW + 5,
    )
    assert (child.spec.parent_id, child.spec.pipeline_id) == (parent.id, parent.spec.pipeline_id)
    assert (child.account, child.spec.batch_id, child.options.priority) == ("b", "x", 8)
    assert (child.options.mode, child.options.deadline_s) == ("fast", 90)
    assert child.request == {
        "job_id": parent.id, "button": "U1", "custom_id": "MJ::JOB::upsample::1::4f2c",
    }  # fmt: skip


def test_the_same_parent_always_has_the_same_children() -> None:
    parent = done(({"press": "U*"}, {"press": "U1"}, {"press": "U1"}, {"imagine": "x"}))
    first, again = children(parent, NOW), children(parent, NOW + 99)
    assert [child.id for child in first] == [child.id for child in again]
    assert len({child.id for child in first}) == 7, "each place in `then` is a child of its own"
    assert job_id_of("key", "a") == job_id_of("key", "a") != job_id_of("keya")


def test_a_step_carries_its_own_then() -> None:
    nested = [{"press": "Upscale (Subtle)", "then": [{"press": "Pan Left"}]}]
    glob, imagine = children(
        done(({"press": "U1", "then": nested}, {"imagine": "x", "then": nested})), NOW
    )
    assert glob.spec.then == imagine.spec.then == tuple(nested)


def test_a_glob_is_one_child_for_each_button() -> None:
    found = children(done(({"press": "V*", "then": [{"press": "U1"}]},)), NOW)
    assert [child.request["button"] for child in found] == ["V1", "V2", "V3", "V4"]
    assert all(child.spec.then == ({"press": "U1"},) for child in found)


def test_buttons_of_one_name_have_a_child_each() -> None:
    animate = (
        Button("MJ::JOB::animate_high::1::4f2c::SOLO"),
        Button("MJ::JOB::animate_high_extend::1::4f2c"),
        Button("MJ::JOB::animate_low::1::4f2c::SOLO"),
    )
    found = children(done(({"press": "Animate*"},), Result(buttons=animate)), NOW)
    assert [child.request["custom_id"] for child in found] == [b.custom_id for b in animate]
    assert len({child.id for child in found}) == 3


def test_a_button_that_is_not_there_gives_a_failed_child_that_lists_those_that_are() -> None:
    for wanted in ("Pan Left", "X*"):
        [child] = children(done(({"press": wanted},)), NOW)
        assert (child.status, child.finished_at) == (Status.FAILED, NOW)
        assert child.error is not None
        assert child.error.code == "button_not_found"
        assert wanted in child.error.message
        assert "U1, U2, U3, U4, V1, V2, V3, V4, reroll" in (child.error.hint or "")
    assert button_not_found("U1", ()).hint == "This task has no buttons."


def test_without_known_buttons_the_press_is_settled_when_it_is_submitted() -> None:
    for unknown in (Result(), Result(buttons=())):
        named, *glob = children(done(({"press": "Pan Left"}, {"press": "U[12]"}), unknown), NOW)
        assert named.request["button"] == "Pan Left"
        assert [child.request["button"] for child in glob] == ["U1", "U2"]
        assert not any("custom_id" in child.request for child in (named, *glob))
        assert reasons(done(({"press": "Pan*"},), unknown)) == ["button_not_found"]


@pytest.mark.parametrize(
    ("then", "result", "lacking"),
    [
        ((), Result(image_url="u"), False),
        ((), Result(video_urls=("v",)), False),
        ((), Result(), True),
        (({"press": "U1"},), Result(image_url="u"), False),
        (({"press": "U*"},), Result(image_url="u"), True),
        (({"press": "U*"},), Result(image_url="u", buttons=GRID), False),
        (({"imagine": "{prompts[0]}"},), Result(image_url="u"), True),
        (({"imagine": "a hat"}, {"describe": True}), Result(image_url="u"), False),
        (({"describe": True},), Result(image_urls=("u",)), True),
    ],
)
def test_a_result_is_incomplete_while_a_step_lacks_something(
    then: tuple[JSON, ...], result: Result, *, lacking: bool
) -> None:
    assert incomplete(a_job(then=then), result) is lacking


def test_a_describe_is_complete_with_its_words() -> None:
    describe = a_job(kind=Kind.DESCRIBE)
    assert incomplete(describe, Result(image_url="the described picture"))
    assert not incomplete(describe, Result(prompts=("a cat", "a dog")))


def test_a_press_may_bring_the_windows_answer() -> None:
    step = {"press": "U1", "modal": {"prompt": "a hat", "mask": "blob:m.png"}}
    [child] = children(done((step,)), NOW)
    assert child.modal == Modal(prompt="a hat", mask="blob:m.png")
    assert children(done(({"press": "U1"},)), NOW)[0].modal is None


def test_a_window_would_show_the_parents_prompt_or_the_numbers_text() -> None:
    parent = done(result=DESCRIBED)
    assert default_prompt(parent, "MJ::Job::PicReader::2") == "two"
    assert default_prompt(parent, "MJ::Job::PicReader::3") == "a cat --v 6"
    assert default_prompt(parent, "MJ::JOB::pan_left::1::4f2c::SOLO") == "a cat --v 6"
    for odd in ("\u00b2", "\u0662", "9" * 5000):  # digits for Python, or too many of them
        assert default_prompt(parent, odd) == "a cat --v 6"
    assert default_prompt(done(request={"prompt": "a dog"}), "MJ::JOB::reroll") == "a dog"
    assert default_prompt(done(kind=Kind.BLEND, request={}), "MJ::JOB::reroll") is None


def test_a_describe_is_followed_by_imagines_from_its_texts() -> None:
    parent = done(({"imagine": "{prompts[1]}, watercolor"}, {"imagine": "{prompts[2]}"}), DESCRIBED)
    painted, failed = children(parent, NOW)
    assert (painted.kind, painted.request) == (Kind.IMAGINE, {"prompt": "two, watercolor"})
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert failed.error.code == "template_unresolved"


def test_a_picture_can_be_described() -> None:
    [child] = children(done(({"describe": True},)), NOW)
    assert (child.kind, child.request) == (
        Kind.DESCRIBE, {"image": "https://cdn.example/grid.png"},
    )  # fmt: skip
    assert reasons(done(({"describe": True},), Result())) == ["no_picture"]


def test_a_press_by_hand_is_a_child_of_its_own_for_every_key() -> None:
    parent = done(({"press": "U1"},))
    [by_plan] = children(parent, NOW)
    [by_hand], [again], [other] = (
        press(parent, "U1", f"by-hand:{key}", NOW) for key in ("a", "a", "b")
    )
    assert by_hand.id == again.id
    assert len({by_plan.id, by_hand.id, other.id}) == 3


steps: st.SearchStrategy[dict[str, Any]] = st.deferred(
    lambda: (
        st.fixed_dictionaries(
            {"press": st.sampled_from(["U1", "U*", "*", "?1", "Pan Left", "X*", "1", "🔄"])},
            optional={"then": st.lists(steps, max_size=2), "modal": st.just({"prompt": "x"})},
        )
        | st.sampled_from([{"imagine": "{prompts[0]}"}, {"imagine": "x"}, {"describe": True}])
    )
)
shown = st.lists(
    st.builds(
        Button,
        st.sampled_from([b.custom_id for b in GRID] + ["new::1", "new::2", "MJ::JOB::upsample::1"]),
        st.sampled_from(["", "U1", "Sharpen"]),
    ),
    max_size=12,
)


@given(st.lists(steps, max_size=5), st.none() | shown.map(tuple))
def test_every_step_has_children_and_no_two_share_an_id(
    then: list[dict[str, Any]], known: tuple[Button, ...] | None
) -> None:
    parent = done(tuple(then), Result(buttons=known))
    made = children(parent, NOW)
    assert len({child.id for child in made}) == len(made) >= len(then)
    assert made == children(parent, NOW)
    for child in made:
        assert child.status in (Status.QUEUED, Status.FAILED)
        assert (child.error is None) == (child.status is Status.QUEUED)
        assert child.version == 0
