"""What a finished task gave: its pictures, films and words, in each shape that a dialect has.

The shapes are those of the protocol's notes on results; each case names whose they are.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sandbox_player import Play, data_url, players
from worker.adapters.provider.snapshots import read_task
from worker.domain.result import Result

PROMPTS = ("a cat --ar 1:1", "a dog, oil", "a 2.5D city", "two koi")
NUMBERED = "\n\n".join(f"{n}\ufe0f\u20e3 {prompt}" for n, prompt in enumerate(PROMPTS, 1))
LINES = "\r\n".join(PROMPTS)
IMAGE = "https://cdn.example/1.png"

ASKED = "a very long prompt, with many words"
SHORTER = ("a long prompt, words", "a long prompt", "a prompt")
SHORTENED = (
    "## Important tokens\na **very** ~~long~~ (0.25) **prompt**\n## Shortened prompts\n"
    + "\n\n".join(f"{n}\ufe0f\u20e3 {prompt}" for n, prompt in enumerate(SHORTER, 1))
)


def result(**fields: Any) -> Result:
    return read_task({"id": "1", "status": "SUCCESS", "submitTime": 1, **fields}).result


DESCRIBED = {
    "N: in all three places": {
        "prompt": NUMBERED, "promptEn": NUMBERED, "properties": {"finalPrompt": NUMBERED},
    },
    "N, before it had properties": {"prompt": NUMBERED, "promptEn": NUMBERED},
    "T on Discord: the prompt stays empty": {
        "prompt": "", "promptEn": NUMBERED, "properties": {"finalPrompt": NUMBERED},
    },
    "T with language=zh: the prompt is a translation": {
        "prompt": "1\ufe0f\u20e3 猫\n\n2\ufe0f\u20e3 狗", "promptEn": NUMBERED,
        "properties": {"finalPrompt": NUMBERED},
    },
    "T as partner: lines without numbers": {
        "prompt": "", "promptEn": LINES, "properties": {"finalPrompt": LINES},
    },
    "G: what the request had, and finalPrompt": {
        "prompt": "", "promptEn": "", "description": "提交成功",
        "properties": {"finalPrompt": NUMBERED, "finalZhPrompt": ""},
    },
    "G before a partner": {
        "prompt": "", "description": "提交成功", "properties": {"finalPrompt": LINES},
    },
    "G without properties": {"prompt": "", "promptEn": NUMBERED, "properties": None},
    "C: an empty object for null": {"prompt": "", "promptEn": NUMBERED, "properties": {}},
    "P: only what is set": {"properties": {"finalPrompt": NUMBERED}},
}  # fmt: skip


@pytest.mark.parametrize("fields", DESCRIBED.values(), ids=DESCRIBED)
def test_the_prompts_of_a_describe(fields: dict[str, Any]) -> None:
    found = result(action="DESCRIBE", imageUrl=IMAGE, **fields)
    assert found.prompts == PROMPTS
    assert found.text in (NUMBERED, LINES)
    assert found.image_url == IMAGE, "the picture that was described"


SHORTENS = {
    "T: description and finalPrompt": {
        "prompt": ASKED, "promptEn": ASKED, "description": SHORTENED,
        "properties": {"finalPrompt": SHORTENED},
    },
    "T: description only": {"prompt": ASKED, "promptEn": ASKED, "description": SHORTENED},
    "G: the description is the submit's": {
        "prompt": ASKED, "promptEn": ASKED, "description": "提交成功",
        "properties": {"finalPrompt": SHORTENED, "finalZhPrompt": ""},
    },
    "plus: finalPrompt only": {"properties": {"finalPrompt": SHORTENED}},
    "what was asked for is numbered, too": {
        "prompt": NUMBERED, "promptEn": NUMBERED, "description": SHORTENED, "properties": None,
    },
}  # fmt: skip


@pytest.mark.parametrize("fields", SHORTENS.values(), ids=SHORTENS)
def test_the_prompts_of_a_shorten_which_has_no_picture(fields: dict[str, Any]) -> None:
    found = result(action="SHORTEN", **fields)
    assert (found.prompts, found.text) == (SHORTER, SHORTENED)
    assert found.image_url is None


@pytest.mark.parametrize("asked", [ASKED, NUMBERED])
def test_a_shorten_whose_answer_was_left_out_has_none(asked: str) -> None:
    found = result(action="SHORTEN", prompt=asked, promptEn=asked, description="提交成功")
    assert (found.prompts, found.text) == ((), None), "so the task's own page is asked"


GRID, FILM = "https://cdn.example/grid.png", "https://cdn.example/video/9a/0_0.mp4"
FOUR = tuple(f"https://cdn.example/9a/0_{n}.png" for n in range(4))

PICTURES: dict[str, tuple[dict[str, Any], Result]] = {
    "N: one picture": ({"imageUrl": GRID}, Result(GRID)),
    "T: no others": (
        {"imageUrl": GRID, "imageUrls": [], "videoUrl": None, "videoUrls": []}, Result(GRID),
    ),
    "T: objects with previews": (
        {"imageUrl": GRID, "imageUrls": [{"url": u, "thumbnail": f"{u}?w=9"} for u in FOUR]},
        Result(GRID, FOUR),
    ),
    "others: plain strings": ({"imageUrl": GRID, "imageUrls": list(FOUR)}, Result(GRID, FOUR)),
    "both, with repeats and holes": (
        {"imageUrls": [FOUR[0], {"url": FOUR[0]}, {"url": FOUR[1]}, None, {}, {"url": ""}, 7.5]},
        Result(None, FOUR[:2]),
    ),
    "G: the gateway's address": (
        {"imageUrl": "https://g.example/mj/image/1", "videoUrl": "", "videoUrls": None},
        Result("https://g.example/mj/image/1"),
    ),
    "T: films with a picture for each": (
        {"imageUrl": GRID, "videoUrl": FILM, "videoUrls": [{"url": FILM, "thumbnail": GRID}]},
        Result(GRID, video_urls=(FILM,)),
    ),
    "G+: one film": ({"imageUrl": "", "videoUrl": FILM}, Result(video_urls=(FILM,))),
    "films as plain strings": ({"videoUrls": [FILM]}, Result(video_urls=(FILM,))),
    "films among the pictures": (
        {"imageUrl": GRID, "imageUrls": [FOUR[0], {"url": f"{FILM}?ex=1"}]},
        Result(GRID, FOUR[:1], (f"{FILM}?ex=1",)),
    ),
    "a film in the place of the picture": (
        {"imageUrl": FILM, "videoUrls": [{"url": FILM}]}, Result(video_urls=(FILM,)),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), PICTURES.values(), ids=PICTURES)
def test_the_pictures_and_films_of_a_task(fields: dict[str, Any], expected: Result) -> None:
    assert result(action="IMAGINE", **fields) == expected


# The same, of whole tasks as the sandbox gives them.


@pytest.fixture
def play() -> Iterator[Play]:
    with players() as new:
        yield new


@pytest.mark.parametrize("dialect", ["novicezk", "trueai", "gateway", "crazyrouter"])
def test_a_describe_is_read_in_every_dialect(play: Play, dialect: str) -> None:
    found = read_task(play(dialect).finished("describe", base64=data_url())).result
    assert len(found.prompts) == 4
    assert all(prompt in (found.text or "") for prompt in found.prompts)


@pytest.mark.parametrize("dialect", ["trueai", "gateway", "crazyrouter"])
def test_a_shorten_and_a_film_are_read_where_there_are_any(play: Play, dialect: str) -> None:
    player = play(dialect)
    shorter = read_task(player.finished("shorten", prompt=ASKED)).result
    assert len(shorter.prompts) == 5
    assert all(len(prompt) <= len(ASKED) for prompt in shorter.prompts)
    film = read_task(player.finished("video", prompt="it turns", image=data_url())).result
    assert len(film.video_urls) == 1
