"""A sandbox with so many places and no queue: what the many-accounts scenarios are judged by."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Barrier

import pytest

from tests.support.sandbox_player import Play, Player, players

_AT_ONCE = 16


@pytest.fixture
def play() -> Iterator[Play]:
    with players() as new:
        yield new


def test_of_many_at_once_exactly_as_many_are_accepted_as_there_are_places(
    play: Play, tmp_path: Path
) -> None:
    path = str(tmp_path / "ledger.jsonl")  # the time of its writing lies between look and start
    player = play(task_seconds=(30, 30), max_running=3, refuse_above=0, ledger_path=path)
    ready = Barrier(_AT_ONCE)

    def submit(number: int) -> int:
        own = Player(player.sandbox, player.clock)
        ready.wait()
        return int((own.post("submit/imagine", prompt=f"p{number}").json or {})["code"])

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        codes = list(pool.map(submit, range(_AT_ONCE)))
    assert sorted(codes) == [1] * 3 + [9] * (_AT_ONCE - 3)
    assert player.sandbox.stats.get("queue_full", "refusals") == _AT_ONCE - 3
    assert len(player.sandbox.ledger.entries()) == 3


def test_a_place_is_free_again_when_its_task_has_ended(play: Play) -> None:
    player = play(max_running=1, refuse_above=0)
    for number in range(3):
        player.finished("imagine", prompt=f"p{number}")
    assert player.sandbox.stats.get("queue_full", "refusals") == 0


def test_the_ledger_tells_when_a_task_ended_and_nothing_of_one_that_runs(play: Play) -> None:
    player = play()
    player.finished("imagine", prompt="a dog")
    [entry] = player.sandbox.ledger.entries()
    ended, accepted = (datetime.fromisoformat(entry[name]) for name in ("ended_at", "accepted_at"))
    assert ended > accepted
    running = play(task_seconds=(30, 30))
    running.submit("imagine", prompt="a dog")
    [entry] = running.sandbox.ledger.entries()
    assert "ended_at" not in entry


def test_a_late_success_left_its_place_when_it_timed_out(play: Play) -> None:
    player = play(late_successes=1.0, late_success_seconds=(0.2, 0.2))
    task_id = player.submit("imagine", prompt="a dog")
    assert player.ended(task_id)["status"] == "FAILURE"
    [failed] = player.sandbox.ledger.entries()
    player.clock.advance(0.3)
    assert player.fetch(task_id)["status"] == "SUCCESS"
    assert player.sandbox.ledger.entries() == [failed]
