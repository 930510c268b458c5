"""The rules that every flow's provider is held against notice each breach."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.provider import Provider
from tests.support.sandbox_player import Play, Player, players

CAT = {"prompt": "a cat"}


@pytest.fixture
def play() -> Iterator[Play]:
    with players() as new:
        yield new


@pytest.fixture
def player(play: Play) -> Player:
    return play(task_seconds=(1, 1), max_running=2, refuse_above=0)


@pytest.fixture
def provider(player: Player) -> Provider:
    return Provider(player.sandbox)


def test_what_the_protocol_allows_is_no_breach(provider: Provider, player: Player) -> None:
    player.submit("imagine", **CAT, state="a.1", notifyHook="http://127.0.0.1:1/hook/a.1")
    [accepted] = provider.accepted
    assert (accepted.path, accepted.body["state"]) == ("/mj/submit/imagine", "a.1")
    grid = player.ended(accepted.task_id)
    player.press(grid, "MJ::JOB::upsample::1", state="a.2")
    assert len(provider.bodies("action")) == 1
    assert provider.breaches == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"prompt": 7}, "wrong type of prompt"),
        ({**CAT, "base64Array": [None]}, "wrong type in base64Array"),
        ({**CAT, "state": "a b"}, "state 'a b'"),
        ({**CAT, "state": "a" * 256}, "state 'aaa"),
        ({**CAT, "notifyHook": "http://127.0.0.1/?a"}, "notifyHook"),
        ({**CAT, "notifyHook": "http://127.0.0.1/" + "a" * 2000}, "notifyHook"),
    ],
)
def test_a_wrong_body_is_a_breach(
    provider: Provider, player: Player, body: dict[str, Any], words: str
) -> None:
    player.post("submit/imagine", **body)
    [breach] = provider.breaches
    assert words in breach


def test_another_content_type_is_a_breach(provider: Provider, player: Player) -> None:
    player.client.post("/mj/submit/imagine", data=b"{}")
    assert any("Content-Type" in breach for breach in provider.breaches)


def test_a_state_is_accepted_once(provider: Provider, player: Player) -> None:
    player.submit("imagine", prompt="a cat", state="a.1")
    player.submit("imagine", prompt="a dog", state="a.1")
    assert provider.breaches == ["state a.1 was accepted 2 times"]


def test_equal_prompts_and_too_many_tasks_are_breaches(provider: Provider, player: Player) -> None:
    for state in ("a", "b", "c"):
        player.post("submit/imagine", **CAT, state=state)
    assert provider.breaches == [
        "1 equal prompts at once",
        "1 submissions beyond the account's places",
    ]


def test_a_button_that_is_not_shown_is_a_breach(play: Play) -> None:
    player = play(grids_without_buttons=True)
    provider = Provider(player.sandbox)
    grid = player.finished("imagine", **CAT)
    custom_id = f"MJ::JOB::upsample::1::{grid['properties']['messageHash']}"
    player.submit("action", taskId=grid["id"], customId=custom_id, state="a")
    assert provider.breaches == [f"{custom_id} was not offered by {grid['id']}"]


@pytest.mark.parametrize("new_task", [False, True])
def test_a_window_is_answered_once(play: Play, *, new_task: bool) -> None:
    player = play(modal_new_task=new_task)
    provider = Provider(player.sandbox)
    grid = player.finished("imagine", **CAT, state="a")
    upscaled = player.press(grid, "MJ::JOB::upsample::1", state="b").json or {}
    opened = player.press(player.ended(upscaled["result"]), "MJ::CustomZoom", state="c").json or {}
    player.submit("modal", taskId=opened["result"], state="c")
    assert provider.breaches == []
    player.submit("modal", taskId=opened["result"], state="c")
    assert f"modal of {opened['result']}: 2 times" in provider.breaches
