"""Listings on a terminal of 40 columns, and in a pipe."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import click
import pytest
from click.testing import CliRunner, Result

from tests.support.cpu import assert_cheap
from tests.support.jobs import NOW, a_job, capacity, in_status
from tests.unit.entrypoints.cli.test_cli import Here
from worker.bootstrap import Services
from worker.domain.access import Caller
from worker.domain.account import Account
from worker.domain.audit import AuditAction, Change
from worker.domain.inbox import Callback, CallbackVerdict
from worker.domain.job import Status
from worker.domain.job_spec import Notify
from worker.domain.notifications import Notification, Outbox
from worker.domain.refusals import Refusal, RefusalReason
from worker.domain.requests.tokens import NewToken
from worker.entrypoints import connection
from worker.entrypoints.cli import cli
from worker.entrypoints.terminal import wrapped

COLUMNS = 40
LONG = "the-winter-catalogue-of-our-shop-in-two-languages.csv"
#: A word that does not fit is not broken, and commands are to be copied.
_WHOLE = re.compile(r"`[^`]*`|\S{34,}|^ *hookline .*")

LISTINGS = (
    "jobs", "show last", "show last --history", "accounts", "doubts", "deliveries", "inbox",
    "refused", "audit", "tokens", "batch list", f"batch show {LONG}",
)  # fmt: skip


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    """Something of everything, with long names."""
    found = Here(tmp_path / "output")
    found.serve(Account("default", "https://a.example"), Account(LONG, "https://b.example"))
    connection.use(cast("Services", found))
    sheet = tmp_path / LONG
    sheet.write_text("prompt\na lighthouse at dawn with gulls around its lamp oil on wood\n")
    assert CliRunner().invoke(cli, ["batch", "submit", str(sheet)]).exit_code == 0
    hook = Notify(("job.failed",), url="https://shop.example/hooks/of/our/shop/for/pictures")
    note = Notification("msg_1", "job.failed", "j", "j", hook, NOW, due_at=NOW)
    doubtful = in_status(Status.IN_DOUBT)
    found.store.jobs.commit(doubtful, capacity=capacity(9), outbox=Outbox((note,)))
    found.store.refusals.keep(
        Refusal("r1", NOW, RefusalReason.INVALID, "prompt: is required, and was not given", (),
                "hookline.imagine", "m1", "gen1@shop.example"), None,
    )  # fmt: skip
    stray = Callback("c" * 32, NOW, CallbackVerdict.FOREIGN, account=LONG, body="{}")
    found.store.inbox.keep([stray], NOW)
    found.store.audit.append(Change(LONG, AuditAction.PAUSE, NOW, account="default", detail=LONG))
    found.desk(Caller("cli")).tokens.create(NewToken(name="shop-of-winter", scopes=["read"]))
    found.store.jobs.commit(a_job(request={"prompt": LONG}), capacity=capacity(9))
    yield found
    connection.use(None)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True)


def run(words: str) -> Result:
    answer = CliRunner().invoke(cli, words.split(), prog_name="hookline")
    assert answer.exit_code == 0, answer.output
    return answer


@pytest.mark.parametrize("words", LISTINGS)
def test_a_listing_fits_a_terminal_of_40_columns(here: Here, narrow: None, words: str) -> None:
    lines = click.unstyle(run(words).output).splitlines()
    assert lines
    assert [line for line in lines if len(line) > COLUMNS and not _WHOLE.search(line)] == []


@pytest.mark.parametrize("words", ["accounts", "batch list", f"batch show {LONG}"])
def test_a_name_is_whole_on_every_terminal_and_in_a_pipe(
    here: Here, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LONG in run(words).output
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True)
    assert LONG in click.unstyle(run(words).output)


def test_a_line_is_broken_between_words_and_never_in_a_command() -> None:
    text = "  main is closed: no credit is left. `hookline resume main` tries it at once"
    assert wrapped(text, COLUMNS).split("\n") == [
        "  main is closed: no credit is left.",
        "      `hookline resume main` tries it at",
        "      once",
    ]
    command = "  hookline watch 29568ff316f8425f8807a39a657e30ba"
    assert wrapped(command, COLUMNS) == command
    assert wrapped("", COLUMNS) == ""


def test_blanks_at_the_end_of_a_line_take_no_time() -> None:
    line = "a fox " * 20 + " " * 20_000
    assert_cheap(lambda: wrapped(line, COLUMNS), len(line))
    assert wrapped(line, 80).split("\n")[-1].endswith("a fox")


def test_blanks_before_a_line_are_not_repeated_before_each_word() -> None:
    line = " " * 10_000 + "a fox " * 1_000
    assert len(wrapped(line, COLUMNS)) < 4 * len(line)
