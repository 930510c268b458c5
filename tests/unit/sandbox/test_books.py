"""The gateways' own books, in the shapes of new-api."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sandbox_player import Json, Play, Player, players

GATEWAYS = ["gateway", "crazyrouter"]
PATHS = ["/api/mj/self", "/api/log/token", "/api/usage/token/"]


@pytest.fixture
def play() -> Iterator[Play]:
    with players() as new:
        yield new


def get(player: Player, path: str, **headers: str) -> Any:
    reply = player.client.get(path, headers=headers)
    assert reply.status_code == 200, reply.data
    return reply.get_json()["data"]


def items(player: Player, query: str = "") -> list[Json]:
    found: list[Json] = get(player, f"/api/mj/self?page_size=100{query}")["items"]
    return found


@pytest.mark.parametrize("dialect", GATEWAYS)
def test_a_task_has_a_row_a_charge_and_less_is_left(play: Play, dialect: str) -> None:
    player = play(dialect, task_price=0.25, balance=10.0)
    task = player.finished("imagine", prompt="a cat", state="mine")
    [row] = items(player)
    assert (row["mj_id"], row["action"], row["state"]) == (task["id"], "IMAGINE", "mine")
    assert (row["status"], row["quota"]) == ("SUCCESS", 125_000)
    [charge] = get(player, "/api/log/token")
    assert (charge["type"], charge["quota"]) == (2, 125_000)
    assert charge["content"].endswith(f"ID {task['id']}")
    left = get(player, "/api/usage/token/")
    assert (left["total_granted"], left["total_available"]) == (5_000_000, 4_875_000)
    assert left["unlimited_quota"] is False


def test_a_failure_gives_the_price_back(play: Play) -> None:
    player = play("gateway", failures=1.0, balance=1.0)
    task = player.finished("imagine", prompt="a cat")
    [row] = items(player)
    assert (row["status"], row["quota"]) == ("FAILURE", 0)
    refund, charge = get(player, "/api/log/token")
    assert (refund["type"], charge["type"]) == (6, 2)
    assert json.loads(refund["other"])["task_id"] == task["id"]
    assert get(player, "/api/usage/token/")["total_available"] == 500_000
    assert player.sandbox.app.test_client().get("/sandbox/stats").get_json()["quota"] == {
        "charged": 50_000,
        "refunded": 50_000,
    }


def test_until_the_gateway_looks_a_row_has_neither_state_nor_status(play: Play) -> None:
    player = play("gateway", fetch_lag=15.0, task_seconds=(30.0, 30.0))
    player.submit("imagine", prompt="a cat", state="mine")
    [row] = items(player)
    assert (row["state"], row["status"]) == ("", "")
    player.clock.advance(16.0)
    [row] = items(player)
    assert (row["state"], row["status"]) == ("mine", "IN_PROGRESS")


def test_a_window_is_free_and_its_answer_is_not(play: Play) -> None:
    player = play("gateway")
    grid = player.finished("imagine", prompt="a man")
    single = player.ended(player.press(grid, "MJ::JOB::upsample::1").get_json()["result"])
    window = player.press(single, "MJ::Inpaint").get_json()["result"]
    assert [(row["action"], row["quota"]) for row in items(player, f"&mj_id={window}")] == [
        ("INPAINT", 0)
    ]
    player.post("submit/modal", taskId=window, prompt="a hat")
    rows = [(row["action"], row["quota"]) for row in items(player, f"&mj_id={window}")]
    assert rows == [("MODAL", 50_000), ("INPAINT", 0)]


def test_rows_come_in_pages_the_newest_first_and_by_time(play: Play) -> None:
    player = play("gateway")
    ids = [player.finished("imagine", prompt=f"cat {n}")["id"] for n in range(5)]
    first, second = (get(player, f"/api/mj/self?p={n}&page_size=3") for n in (1, 2))
    assert [row["mj_id"] for row in (*first["items"], *second["items"])] == ids[::-1]
    assert (first["total"], first["page"], second["page_size"]) == (5, 1, 3)
    times = {row["mj_id"]: row["submit_time"] for row in items(player)}
    since = f"&start_timestamp={times[ids[3]]}"
    assert {row["mj_id"] for row in items(player, since)} >= {ids[3], ids[4]}
    assert items(player, f"&end_timestamp={times[ids[0]] - 1}") == []


def test_the_list_wants_the_users_token(play: Play) -> None:
    player = play("gateway", books_token="the-users", key="sk-key")
    refused = player.client.get("/api/mj/self", headers={"Authorization": "sk-key"})
    assert refused.status_code == 401
    assert refused.get_json()["success"] is False
    assert get(player, "/api/mj/self", Authorization="the-users")["items"] == []
    assert player.client.get("/api/log/token").status_code == 401
    assert get(player, "/api/log/token", Authorization="Bearer sk-key") == []


def test_a_key_that_is_used_up_is_refused_everywhere_but_here(play: Play) -> None:
    player = play("gateway", task_price=0.5, balance=1.0)
    task = player.finished("imagine", prompt="a cat")
    player.submit("imagine", prompt="a dog")
    assert player.post("submit/imagine", prompt="a fox").status_code == 401
    assert player.client.get(f"/mj/task/{task['id']}/fetch").status_code == 401
    assert get(player, "/api/usage/token/")["total_available"] == 0
    assert len(items(player)) == 2


def test_log_and_balance_share_a_limit(play: Play) -> None:
    player = play("gateway")
    statuses = [player.client.get(PATHS[1 + n % 2]).status_code for n in range(21)]
    assert statuses == [200] * 20 + [429]
    assert items(player) == []


@pytest.mark.parametrize("path", PATHS)
def test_gateways_may_have_none_and_show_their_page(play: Play, path: str) -> None:
    player = play("gateway", books=False)
    player.finished("imagine", prompt="a cat")
    reply = player.client.get(path)
    assert (reply.status_code, reply.mimetype) == (200, "text/html")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("dialect", ["trueai", "novicezk"])
def test_proxies_have_none(play: Play, dialect: str, path: str) -> None:
    assert play(dialect).client.get(path).status_code == 404
