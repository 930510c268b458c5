"""What the attackers send is what it claims to be: small, or no message."""

import json
from io import BytesIO

import pytest
from PIL import Image

from tests.chaos.attackers import bombs, slow
from tests.chaos.attackers.poison import POISONS, envelope
from worker.adapters.storage.inputs import MAX_INPUT_BYTES


@pytest.mark.parametrize(
    ("made", "size"),
    [
        (bombs.png(100), (100, 100)),
        (bombs.apng(3), (2_000, 2_000)),
        (bombs.gif(5), (1, 1)),
        (bombs.gif_canvas(2), (7_000, 7_000)),
        (bombs.webp(4, 50), (50, 50)),
    ],
    ids=["png", "apng", "gif", "gif_canvas", "webp"],
)
def test_a_bomb_is_a_picture(made: bytes, size: tuple[int, int]) -> None:
    with Image.open(BytesIO(made)) as image:
        assert image.size == size


@pytest.mark.parametrize(
    ("made", "frames"), [(bombs.apng(3), 3), (bombs.gif(5), 5), (bombs.webp(4, 50), 4)]
)
def test_an_animation_has_its_frames(made: bytes, frames: int) -> None:
    with Image.open(BytesIO(made)) as image:
        assert image.n_frames == frames  # type: ignore[attr-defined]  # of animations only


def test_a_bomb_of_many_frames_is_small_enough_to_be_taken() -> None:
    assert len(bombs.gif()) < MAX_INPUT_BYTES
    assert len(bombs.webp()) < MAX_INPUT_BYTES


def test_the_envelope_is_one_of_celerys_and_loses_parts_on_demand() -> None:
    assert json.loads(json.dumps(envelope()))["headers"]["task"] == "hookline.start"
    assert "body" not in envelope(body=...)


def test_every_poison_can_be_pushed() -> None:
    made = [make("hookline.start") for make in POISONS.values()]
    assert all(isinstance(each, str | bytes) for each in made)
    assert len(set(made)) == len(POISONS)


def test_slow_bodies_come_by_both_tokens_and_in_both_ways() -> None:
    kinds = slow.heads("/webhooks/x", "secret")
    assert [chunked for _, chunked in kinds] == [False, True, False, True]
    assert [head.startswith(b"POST /webhooks/x ") for head, _ in kinds] == [
        True,
        True,
        False,
        False,
    ]
