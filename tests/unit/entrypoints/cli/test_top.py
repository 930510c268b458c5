"""`hookline top`: what it draws, what its keys do, and both in a terminal."""

import os
import pty
import sys
import termios
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from select import select
from threading import Thread
from time import monotonic

import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tests.support.jobs import GRID, NOW
from tests.support.web import Web, used_by_commands
from worker.domain.job import Job, Status
from worker.domain.result import JobError, Result
from worker.entrypoints import client
from worker.entrypoints.cli import cli
from worker.entrypoints.cli.top import Board, top
from worker.entrypoints.cli.top_view import Shown, screen

ACCOUNTS = """
[accounts.main]
url = "http://127.0.0.1:9"
key = "a-key-of-tests"
price.imagine = 2
price.upscale = 2
"""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    (tmp_path / "accounts.toml").write_text(ACCOUNTS, encoding="utf-8")
    web = Web(tmp_path, env={"HOOKLINE_ACCOUNTS": str(tmp_path / "accounts.toml")})
    with used_by_commands(web):
        yield web


def a_grid(web: Web) -> Job:
    done = Result(image_url="https://cdn.example/1.png", buttons=GRID)
    return web.put(account="main", status=Status.SUCCEEDED, task_id="t1", result=done)


def drawn(shown: Shown, width: int, height: int = 12, *, colour: bool = True) -> list[str]:
    file = StringIO()
    console = Console(
        file=file, width=width, height=height, force_terminal=True, no_color=not colour
    )
    console.print(screen(shown, width, height))
    return file.getvalue().splitlines()


def looked(height: int = 12) -> Board:
    board = Board()
    board.look(height)
    return board


def text(board: Board, width: int = 80) -> str:
    return "\n".join(drawn(board.shown, width, colour=False))


def press(board: Board, *keys: str) -> None:
    for key in keys:
        assert board.press(key)
        board.look(12)


@pytest.mark.parametrize("width", [40, 70, 80, 110, 200])
def test_no_line_is_wider_than_the_terminal(web: Web, width: int) -> None:
    web.put(account="main", request={"prompt": "红狐狸在雪地里奔跑 " * 20})
    error = JobError("failed", "The provider said something long. " * 9)
    web.put(account="main", status=Status.FAILED, error=error)
    lines = drawn(looked().shown, width)
    assert len(lines) == 12
    plain = [Text.from_ansi(line).plain for line in lines]
    assert max(map(cell_len, plain)) <= width
    assert any("main" in line and "0/3" in line for line in plain)


def test_what_needs_a_person_comes_first_and_what_is_over_last(web: Web) -> None:
    order = [Status.IN_DOUBT, Status.IN_PROGRESS, Status.QUEUED, Status.SUCCEEDED]
    for status in reversed(order):
        web.put(account="main", status=status, task_id=f"t {status}")
    assert [job.status for job in looked().shown.jobs] == order


def test_the_chosen_job_stays_chosen_when_others_come_before_it(web: Web) -> None:
    first = web.put(account="main")
    web.put(account="main", created_at=NOW + 1)
    board = looked()
    press(board, "j")
    assert board.job == client.get(first.id)
    web.put(account="main", status=Status.IN_PROGRESS, task_id="t1", created_at=NOW + 2)
    board.look(12)
    assert board.job == client.get(first.id)
    assert text(board).count("▸") == 1


def test_a_button_is_pressed_once_its_price_was_answered_with_yes(web: Web) -> None:
    grid = a_grid(web)
    board = looked()
    press(board, "p")
    assert "U2" in text(board)
    press(board, "j", "enter")
    assert "Press U2 for 2? y/n" in text(board)
    press(board, "n")
    assert len(client.pipeline(grid.id).jobs) == 1
    press(board, "p", "j", "enter", "y")
    [child] = [job for job in client.pipeline(grid.id).jobs if job.spec.parent_id]
    assert child.request["button"] == "U2"
    assert f"Pressed U2: {child.id[:8]}" in text(board)


def test_a_job_is_cancelled_and_retried_after_a_question(web: Web) -> None:
    job = web.put(account="main")
    board = looked()
    press(board, "r")
    assert "It is queued: nothing to retry." in text(board)
    press(board, "c")
    assert f"Cancel {job.id[:8]}? y/n" in text(board)
    press(board, "y")
    assert client.get(job.id).status is Status.CANCELLED
    press(board, "r")
    assert f"Retry {job.id[:8]} for 2? y/n" in text(board)
    press(board, "y")
    assert client.get(job.id).status is Status.QUEUED


def test_a_job_is_opened_and_left(web: Web) -> None:
    job = web.put(account="main")
    board = looked()
    press(board, "enter")
    assert job.id in text(board)
    press(board, "escape")
    assert job.id not in text(board)
    assert not board.press("q")


def test_a_refusal_is_said_and_ends_nothing(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    job = web.put(account="main")
    board = looked()
    press(board, "c")
    client.cancel(job.id)
    press(board, "y")
    assert "cancelled" in board.shown.note


def test_without_a_terminal_it_names_the_command_that_needs_none(web: Web) -> None:
    answer = CliRunner().invoke(cli, ["top"])
    assert answer.exit_code == 2
    assert "hookline status" in answer.output


@pytest.mark.parametrize("no_color", [True, False])
def test_in_a_terminal(web: Web, monkeypatch: pytest.MonkeyPatch, no_color: bool) -> None:
    job = web.put(account="main")
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "14")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    seen = list[bytes]()

    def user() -> None:
        """Opens the job when it is shown, and leaves when its details are."""
        left = [(job.id[:8].encode(), b"\r"), (job.id.encode(), b"q")]
        deadline = monotonic() + 60
        while monotonic() < deadline:
            if select([master], [], [], 0.1)[0]:
                seen.append(os.read(master, 65536))
            if left and left[0][0] in b"".join(seen):
                os.write(master, left.pop(0)[1])
            if done:
                return

    done = list[bool]()
    at_the_keys = Thread(target=user)
    at_the_keys.start()
    assert top.callback
    with (
        os.fdopen(os.dup(slave)) as stdin,
        os.fdopen(os.dup(slave), "w") as stdout,
        monkeypatch.context() as patched,
    ):
        patched.setattr(sys, "stdin", stdin)
        patched.setattr(sys, "stdout", stdout)
        top.callback()
    done.append(True)
    at_the_keys.join()
    output = b"".join(seen)
    assert b"\x1b[?1049h" in output, "a screen of its own, so that what was there comes back"
    assert (b"\x1b[32m" in output) is not no_color
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)
