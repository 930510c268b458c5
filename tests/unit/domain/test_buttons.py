"""Buttons by name, whatever label or emoji a provider gives them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.jobs import GRID
from worker.domain import buttons
from worker.domain.buttons import (
    Change,
    change_for,
    find,
    is_glob,
    matching_names,
    name_of,
    wants_input,
)
from worker.domain.result import Button

#: Every button of the protocol: name, label, emoji, customId.
KNOWN = [
    *((f"U{i}", f"U{i}", "", f"MJ::JOB::upsample::{i}::4f2c") for i in range(1, 5)),
    *((f"V{i}", f"V{i}", "", f"MJ::JOB::variation::{i}::4f2c") for i in range(1, 5)),
    ("reroll", "", "🔄", "MJ::JOB::reroll::0::4f2c::SOLO"),
    ("Vary (Subtle)", "Vary (Subtle)", "🪄", "MJ::JOB::low_variation::1::4f2c::SOLO"),
    ("Vary (Strong)", "Vary (Strong)", "🪄", "MJ::JOB::high_variation::1::4f2c::SOLO"),
    ("Vary (Region)", "Vary (Region)", "🖌️", "MJ::Inpaint::1::4f2c::SOLO"),
    ("Upscale (Subtle)", "", "upscale_1", "MJ::JOB::upsample_v6_2x_subtle::1::4f2c::SOLO"),
    ("Upscale (Creative)", "", "upscale_1", "MJ::JOB::upsample_v6_2x_creative::1::4f2c::SOLO"),
    ("Upscale (Subtle)", "", "upscale_1", "MJ::JOB::upsample_v6r1_2x_subtle::1::4f2c::SOLO"),
    ("Upscale (Creative)", "", "upscale_1", "MJ::JOB::upsample_v7_2x_creative::1::4f2c::SOLO"),
    ("Upscale (2x)", "", "", "MJ::JOB::upsample_v5_2x::1::4f2c::SOLO"),
    ("Upscale (4x)", "", "", "MJ::JOB::upsample_v5_4x::1::4f2c::SOLO"),
    ("Zoom Out 2x", "Zoom Out 2x", "🔍", "MJ::Outpaint::50::1::4f2c::SOLO"),
    ("Zoom Out 1.5x", "Zoom Out 1.5x", "🔍", "MJ::Outpaint::75::1::4f2c::SOLO"),
    ("Make Square", "", "↔️", "MJ::Outpaint::100::1::4f2c::SOLO"),
    ("Custom Zoom", "Custom Zoom", "🔍", "MJ::CustomZoom::4f2c"),
    ("Custom Zoom", "", "", "MJ::CustomZoom::1::1320098173412546"),
    ("Pan Left", "", "⬅️", "MJ::JOB::pan_left::1::4f2c::SOLO"),
    ("Pan Right", "", "➡️", "MJ::JOB::pan_right::1::4f2c::SOLO"),
    ("Pan Up", "", "⬆️", "MJ::JOB::pan_up::1::4f2c::SOLO"),
    ("Pan Down", "", "⬇️", "MJ::JOB::pan_down::1::4f2c::SOLO"),
    ("Animate (High)", "", "🎞️", "MJ::JOB::animate_high::1::4f2c::SOLO"),
    ("Animate (Low)", "", "🎞️", "MJ::JOB::animate_low::1::4f2c::SOLO"),
    ("Animate (High)", "", "🎞️", "MJ::JOB::animate_high_extend::1::4f2c"),
    *((f"U{i}", f"U{i}", "", f"MJ::JOB::video_virtual_upscale::{i}::9a") for i in range(1, 5)),
    ("Favorite", "", "❤️", "MJ::BOOKMARK::4f2c"),
    *((f"{i}", "", f"{i}️⃣", f"MJ::Job::PicReader::{i}") for i in range(1, 5)),
    ("Imagine all", "Imagine all", "🎉", "MJ::Job::PicReader::all"),
    ("retry", "", "🔄", "MJ::Picread::Retry"),
    *((f"{i}", "", f"{i}️⃣", f"MJ::Job::PromptAnalyzer::{i}") for i in range(1, 6)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "label", "emoji", "custom_id"), KNOWN, ids=lambda text: text)
def test_every_known_button_has_its_name_and_is_found_by_whatever_it_shows(
    name: str, label: str, emoji: str, custom_id: str
) -> None:
    button = Button(custom_id, label, emoji)
    assert name_of(button) == name
    assert name_of(Button(custom_id)) == name, "labels and emoji may be missing"
    for wanted in filter(None, (name, label, emoji, custom_id, name.upper(), f" {name.lower()} ")):
        assert find([Button("other"), button], wanted) == (button,)


def test_an_unknown_button_goes_by_what_it_shows() -> None:
    assert name_of(Button("MJ::NEW::1", "Sharpen", "✨")) == "Sharpen"
    assert name_of(Button("MJ::NEW::1", "", "✨")) == "✨"
    assert name_of(Button("MJ::NEW::1")) == "MJ::NEW::1"
    assert find([Button("MJ::NEW::1", "Sharpen", "✨")], "✨") != ()


def test_a_forks_habits_do_not_matter() -> None:
    name_in_emoji = Button("MJ::JOB::upsample::1::4f2c", "U1", "U1")
    other_case = Button("mj::job::UPSAMPLE::1::4f2c")
    plain_digit = Button("MJ::Job::PicReader::2", emoji="2⃣")  # without the variation selector
    assert find([name_in_emoji], "u1") == (name_in_emoji,)
    assert find([other_case], "U1") == (other_case,)
    assert find([plain_digit], "2️⃣") == (plain_digit,)


@pytest.mark.parametrize("wanted", ["reroll", "R", "r", "🔄", "ReRoll"])
def test_a_reroll_has_many_names(wanted: str) -> None:
    assert find(GRID, wanted) == (GRID[8],)
    assert change_for(wanted) == Change("REROLL", 1), "gateways refuse an index of zero"


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("U*", ["U1", "U2", "U3", "U4"]),
        ("u[12]", ["U1", "U2"]),
        ("?3", ["U3", "V3"]),
        ("*", ["U1", "U2", "U3", "U4", "V1", "V2", "V3", "V4", "reroll"]),
        ("X*", []),
        ("U1", ["U1"]),
        ("U5", []),
    ],
)
def test_a_glob_means_all_that_match_with_buttons_or_without(wanted: str, names: list[str]) -> None:
    assert [name_of(button) for button in find(GRID, wanted)] == names
    assert list(matching_names(wanted)) == names


def test_a_name_means_one_button_and_a_button_told_twice_is_one() -> None:
    vary = [
        Button("MJ::JOB::low_variation::1", "", "🪄"),
        Button("MJ::JOB::high_variation::1", "", "🪄"),
    ]
    assert find(vary, "🪄") == (vary[0],), "the first that shows it"
    assert find([*GRID, *GRID], "U*") == GRID[:4]
    assert find([], "U1") == ()


@pytest.mark.parametrize(
    ("wanted", "change"),
    [
        ("U1", Change("UPSCALE", 1)),
        (" u4 ", Change("UPSCALE", 4)),
        ("v2", Change("VARIATION", 2)),
        ("U0", None),
        ("U*", None),
        ("Vary (Strong)", None),
        ("rerolls", None),
    ],
)
def test_a_provider_without_buttons_takes_changes(wanted: str, change: Change | None) -> None:
    assert change_for(wanted) == change


@pytest.mark.parametrize(
    ("custom_id", "wants"),
    [
        ("MJ::Inpaint::1::4f2c::SOLO", True),
        ("MJ::CustomZoom::4f2c", True),
        ("MJ::JOB::pan_left::1::4f2c::SOLO", False),
        ("MJ::JOB::variation::1::4f2c", False),
        ("MJ::Job::PicReader::1", False),
        ("MJ::JOB::reroll::0::4f2c::SOLO", False),
        ("", False),
    ],
)
def test_only_a_region_and_a_zoom_need_input_of_the_callers(custom_id: str, wants: bool) -> None:
    assert wants_input(custom_id) is wants


@given(
    st.lists(st.builds(Button, st.text(max_size=9), st.text(max_size=5), st.text(max_size=5))),
    st.text(max_size=5),
)
def test_any_words_find_buttons_or_none(shown: list[Button], wanted: str) -> None:
    found = find(shown, wanted)
    assert set(found) <= set(shown)
    assert len(found) <= 1 or is_glob(wanted)
    for button in shown:
        [same] = find([button], button.custom_id)
        assert same == button
    assert all(name in buttons.GRID_NAMES for name in matching_names(wanted) if is_glob(wanted))


@pytest.mark.parametrize("name", ["U9", "u0", "v5", "V12", "foo", "Upscala"])
def test_a_plain_name_that_no_task_has(name: str) -> None:
    assert not buttons.can_exist(name)


@pytest.mark.parametrize(
    "name",
    [
        "U1",
        " v4 ",
        "reroll",
        "retry",
        "Favorite",
        "Remix",
        "1",
        "9",
        "x",
        "U*",
        "🔄",
        "变焦",
        "Zoom Out 2x",
        "Some new label",
        "MJ::JOB::foo::1",
    ],
)
def test_a_name_that_some_task_may_have(name: str) -> None:
    assert buttons.can_exist(name)
