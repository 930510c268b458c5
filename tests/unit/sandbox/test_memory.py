"""A sandbox that is started again knows its tasks and draws the same pictures."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox_player import Play, data_url, players
from tests.unit.sandbox.test_pictures import RECIPES, png
from worker.sandbox import pictures
from worker.sandbox.memory import Memory
from worker.sandbox.models import Order, Task


@pytest.fixture
def play() -> Iterator[Play]:
    with players() as new:
        yield new


def test_every_kind_of_picture_is_drawn_again(tmp_path: Path) -> None:
    path = str(tmp_path / "memory.db")
    known = {**RECIPES, "given": pictures.given(png((40, 30), "red"))}
    memory = Memory(path)
    for name, recipe in known.items():
        memory.keep_upload(name.replace(" ", ""), recipe)
    memory.close()
    again = Memory(path)
    found = again.uploads()
    again.close()
    assert len(found) == len(known)
    assert {recipe.made[0] for recipe in known.values()} <= pictures.MAKERS.keys()
    for name in ("given", "enlarged"):
        assert pictures.png_of(found[name]) == pictures.png_of(known[name])
    assert found["zoomed"].size == known["zoomed"].size


def test_a_task_comes_back_as_it_was(tmp_path: Path) -> None:
    order = Order("imagine", "IMAGINE", "grid", "a fox", recipe=pictures.grid("a fox", "1"))
    task = Task("17", 1, order, "hash")
    task.take(order)
    memory = Memory(str(tmp_path / "memory.db"))
    memory.keep(task)
    memory.close()
    memory.keep(task)  # nothing happens after the end
    again = Memory(str(tmp_path / "memory.db"))
    [found] = again.tasks()
    again.forget()
    assert again.tasks() == []
    again.close()
    assert found.order.prompt == "a fox"
    assert found.planned is not None
    assert found.planned.size == order.recipe.size  # type: ignore[union-attr]


def test_a_button_of_a_task_from_before_the_restart_can_be_pressed(
    tmp_path: Path, play: Play
) -> None:
    memory_path = str(tmp_path / "memory.db")
    before = play(memory_path=memory_path)
    grid = before.finished("imagine", prompt="a red fox")
    picture = before.client.get(f"/sandbox/images/{grid['id']}.png").data
    before.sandbox.stop()
    after = play(memory_path=memory_path)
    assert after.fetch(grid["id"])["status"] == "SUCCESS"
    assert after.client.get(f"/sandbox/images/{grid['id']}.png").data == picture
    pressed = after.press(grid, "MJ::JOB::upsample::2")
    assert pressed.json is not None
    assert after.ended(str(pressed.json["result"]))["status"] == "SUCCESS"


def test_a_task_that_was_under_way_goes_on(tmp_path: Path, play: Play) -> None:
    memory_path = str(tmp_path / "memory.db")
    before = play(memory_path=memory_path, task_seconds=(5.0, 5.0))
    running = before.submit("imagine", prompt="a red fox")
    described = before.submit("describe", base64=data_url())
    before.clock.advance(1)
    assert before.fetch(running)["status"] == "IN_PROGRESS"
    before.sandbox.stop()
    after = play(memory_path=memory_path)
    assert after.ended(running)["status"] == "SUCCESS"
    assert after.ended(described)["status"] == "SUCCESS"


def test_without_a_file_nothing_is_remembered(play: Play) -> None:
    grid = play().finished("imagine", prompt="a red fox")
    assert "status" not in play().fetch(grid["id"])
