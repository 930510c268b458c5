"""Which folder a command belongs to, and that only `up` and `demo` make one."""

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from config.loading import in_folder
from worker.adapters.local import claim, running
from worker.entrypoints import connection
from worker.entrypoints.cli import cli

LOCAL = "http://127.0.0.1:9"
#: What they need besides their names; a command that is not here needs nothing.
_ARGUMENTS = {
    "imagine": "fox", "press": "last U1", "batch": "submit cats.txt", "blend": "a.png b.png",
    "describe": "a.png", "shorten": "fox", "edits": "a.png fox", "retexture": "a.png fox",
    "video": "fox", "swap-face": "a.png b.png", "upload": "a.png", "action": "--button U1",
    "modal": "--job-id last --prompt fox", "change": "--job-id last --action reroll",
    "show": "last", "watch": "last",
    "cancel": "last", "retry": "last", "fetch": "last", "pause": "main", "resume": "main",
    "resolve": "last --outcome failed",
}  # fmt: skip
#: They make the folder, or run until they are stopped: test_up, test_demo and test_serving.
_SERVE = {"up", "demo", "web", "sandbox", "mcp"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (name for name in os.environ if name.startswith("HOOKLINE_")):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    connection.use(None)
    return tmp_path


@pytest.mark.parametrize("name", sorted(set(cli.list_commands(click.Context(cli))) - _SERVE))
def test_a_command_in_an_empty_folder_makes_nothing_and_says_what_to_do(
    folder: Path, name: str
) -> None:
    words = [name, *_ARGUMENTS.get(name, "").split()]
    made = {Path(word) for word in words if "." in word}
    for each in made:
        each.write_bytes(b"a red fox\n")
    done = CliRunner().invoke(cli, words)
    assert done.exit_code in (2, 3), done.output
    assert "`hookline " in done.output  # `top` first needs a terminal
    assert set(Path().iterdir()) == made


def test_the_folder_of_up_is_found_from_below(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    with claim.claimed(folder / ".hookline"):
        claim.tell(folder / ".hookline", {"HOOKLINE_PROVIDER_URL": LOCAL})
        (folder / ".env").write_text("HOOKLINE_MAX_RUNNING=7\n")
        monkeypatch.chdir(below)
        found = running.settings_here()
    assert [(each.url, each.max_running) for each in found.accounts] == [(LOCAL, 7)]
    assert found.state_dir == folder / ".hookline"
    assert found.storage_url == f"file://{folder}/output"
    assert not any(below.iterdir())


def test_paths_of_a_dotenv_begin_in_its_folder_and_those_of_the_environment_in_ours(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text(
        "HOOKLINE_STATE_DIR=state\nHOOKLINE_STORAGE_URL=file://./shots\n"
        "HOOKLINE_API_TOKEN_FILE=token\n"
    )
    (folder / "token").write_text("t" * 32)
    below = folder / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    found = running.settings_here()
    assert found.state_dir == folder / "state"
    assert found.storage_url == f"file://{folder}/shots"
    assert found.api_token.get_secret_value() == "t" * 32
    monkeypatch.setenv("HOOKLINE_STORAGE_URL", "file://./mine")
    assert running.settings_here().storage_url == "file://./mine"


def test_a_dotenv_of_ours_is_nearer_than_a_state_folder_above(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".hookline").mkdir(mode=0o700)
    below = folder / "other"
    below.mkdir()
    monkeypatch.chdir(below)
    assert running.home() == folder
    (below / ".env").write_text("DEBUG=1\n")
    assert running.home() == folder
    (below / ".env").write_text("HOOKLINE_PORT=8080\n")
    assert running.home() == below


def test_the_state_folder_of_another_user_is_passed_by(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".hookline").mkdir(mode=0o700)
    below = folder / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert running.home() == below


def test_what_up_leaves_is_meant_in_its_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = in_folder(folder, {"HOOKLINE_STORAGE_URL": "file://./shots", "HOOKLINE_PORT": "8080"})
    assert told == {"HOOKLINE_STORAGE_URL": f"file://{folder}/shots", "HOOKLINE_PORT": "8080"}
    assert in_folder(folder, {"HOOKLINE_STORAGE_URL": "s3://shots"}) == {
        "HOOKLINE_STORAGE_URL": "s3://shots"
    }


def test_an_app_is_given_no_token_that_nobody_knows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOKLINE_REDIS_URL", "redis://127.0.0.1:9/0")
    done = CliRunner().invoke(cli, ["env"])
    assert done.exit_code == 2, done.output
    assert "HOOKLINE_API_TOKEN: is not set" in done.output
    assert not any(folder.iterdir())
