"""Nothing that was stored has an effect on a terminal, except our own colours."""

import json

import click
import pytest
from click.testing import CliRunner

from tests.support.jobs import a_job
from worker.domain.job import Job, Status
from worker.domain.result import Button, JobError, Result
from worker.entrypoints.cli import render
from worker.entrypoints.cli.base import WrongUsage, print_json, say
from worker.entrypoints.terminal import for_terminal

#: OSC, CSI, C1, marks of direction, zero width, a carriage return, a backspace.
EVIL = "\x1b]0;title\x07\x1b[2J\x1b[8m\x9b2J\u202e\u2066\u200b\r\x08"
SEEN = "]0;title[2J[8m2J"


def hostile() -> Job:
    """As an older version stored it: now a provider's text is cleaned when it is read."""
    return a_job(
        status=Status.FAILED,
        request={"prompt": f"a {EVIL} cat"},
        task_id=f"t{EVIL}",
        error=JobError("failed", f"no {EVIL}", f"hint {EVIL}"),
        result=Result(
            image_url=f"https://a/{EVIL}",
            prompts=(EVIL,),
            seed=EVIL,
            buttons=(Button("x", EVIL),),
        ),
    )


def unseen(text: str) -> list[str]:
    return [char for char in text if char not in "\n\u2026" and not char.isprintable()]


def test_show_and_watch_print_what_can_be_seen(capsys: pytest.CaptureFixture[str]) -> None:
    job = hostile()
    lines = [*render.details(job, str, None, {}), render.line(job), render.change(job)]
    lines += [*render.tree([job], str), render.what(job)]
    for text in lines:
        assert unseen(click.unstyle(for_terminal(text))) == []
        say(text)
        say(text, err=True)
    out, err = capsys.readouterr()
    assert SEEN in out
    assert unseen(out + err) == []


def test_our_colours_stay_and_end_with_the_line() -> None:
    styled = click.style("failed", fg="red")
    assert for_terminal(f"a {styled} b\x1b[2J") == f"a {styled} b[2J"
    assert for_terminal("a \x1b[31mb") == "a \x1b[31mb\x1b[0m"
    assert for_terminal("\x1b[8mhidden\x1b[5;31m") == "[8mhidden[5;31m"


def test_json_means_what_is_stored(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"prompt": EVIL, "emoji": "\U0001f468\u200d\U0001f680 \U000e0041"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"prompt": EVIL, "emoji": "\U0001f468\u200d\U0001f680 \U000e0041"}
    for char in "\x1b\x9b\u202e\u2066\u200b\U000e0041":
        assert char not in out


def test_an_error_quotes_without_effect() -> None:
    @click.command()
    def fails() -> None:
        raise WrongUsage(f"no {EVIL}")

    assert unseen(CliRunner().invoke(fails).output) == []
