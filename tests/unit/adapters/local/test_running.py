"""What `hookline up` decides, and what other commands in its directory make of it."""

import fcntl
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from config.loading import load_settings
from worker.adapters.local import claim, running
from worker.bootstrap import unchecked
from worker.domain.errors import FieldError, SettingsError
from worker.entrypoints.cli import up
from worker.entrypoints.cli.options import named_as_given
from worker.entrypoints.cli.planning import plan
from worker.services.doctor import findings

LOCAL, AWAY = "http://127.0.0.1:9100", "https://mj.example.com"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def accounts_file(folder: Path, **urls: str) -> str:
    tables = [f'[accounts.{name}]\nurl = "{url}"\nkey = "k"\n' for name, url in urls.items()]
    file = folder / "accounts.toml"
    file.write_text("".join(tables))
    return str(file)


@pytest.fixture
def held(folder: Path) -> Iterator[Path]:
    """The state directory of an `up` that runs."""
    state = folder / ".hookline"
    state.mkdir()
    with (state / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield state


def test_accounts_that_are_set_need_no_sandbox(folder: Path) -> None:
    env = {"HOOKLINE_ACCOUNTS": accounts_file(folder, main=AWAY, spare=LOCAL)}
    with plan(env, None) as planned:
        assert planned.sandbox_url is None
        assert [account.name for account in planned.settings.accounts] == ["main", "spare"]
        assert planned.settings.public_url is None, "who is elsewhere cannot reach a made-up one"
    with plan({}, None) as planned:
        assert planned.sandbox_url


def test_providers_on_this_machine_get_its_own_address(folder: Path) -> None:
    env = {"HOOKLINE_ACCOUNTS": accounts_file(folder, main=LOCAL, spare=LOCAL)}
    with plan(env, None) as planned:
        assert planned.settings.public_url == planned.web_url
        assert planned.web_url.startswith("http://127.0.0.1:")


def test_every_account_has_its_line(folder: Path) -> None:
    env = {"HOOKLINE_ACCOUNTS": accounts_file(folder, main=AWAY, spare=LOCAL)}
    with plan(env, None) as planned:
        lines = list(up.places(planned, "a link"))
    providers = [line.split()[1:] for line in lines if line.startswith("provider")]
    assert providers == [["main", AWAY], ["spare", LOCAL]]


def test_an_up_that_is_only_just_starting_is_waited_for(folder: Path, held: Path) -> None:
    assert running.settings_here().accounts == (), "a program of its own does not wait"
    starting = Timer(0.2, claim.tell, (held, {"HOOKLINE_PROVIDER_URL": LOCAL}))
    starting.start()
    assert [a.url for a in running.settings_here(patience_s=30).accounts] == [LOCAL]
    starting.join()


def test_what_a_killed_up_said_does_not_count_for_the_next_one(folder: Path) -> None:
    state = folder / ".hookline"
    with claim.claimed(state):
        claim.tell(state, {"HOOKLINE_PROVIDER_URL": LOCAL})
        left = (state / "up.env").read_bytes()
    (state / "up.env").write_bytes(left)
    with claim.claimed(state):
        assert running.told_by_up(state) == {}


def test_an_up_that_never_gets_there_is_waited_for_in_vain(folder: Path, held: Path) -> None:
    assert running.settings_here(patience_s=0.2).accounts == ()


def test_accounts_that_are_set_later_take_the_place_of_what_up_said(
    folder: Path, held: Path
) -> None:
    claim.tell(held, {"HOOKLINE_PROVIDER_URL": LOCAL, "HOOKLINE_MAX_RUNNING": "4"})
    assert [account.url for account in running.settings_here().accounts] == [LOCAL]
    (folder / ".env").write_text(f"HOOKLINE_ACCOUNTS={accounts_file(folder, main=AWAY)}\n")
    assert [account.name for account in running.settings_here().accounts] == ["main"]


def test_one_provider_that_is_set_later_takes_the_place_of_ups_accounts(
    folder: Path, held: Path
) -> None:
    claim.tell(held, {"HOOKLINE_ACCOUNTS": accounts_file(folder, main=AWAY, spare=LOCAL)})
    assert len(running.settings_here().accounts) == 2
    (folder / ".env").write_text(f"HOOKLINE_PROVIDER_URL={LOCAL}\n")
    assert [account.name for account in running.settings_here().accounts] == ["default"]


def test_an_option_beside_the_file_is_named_as_it_was_given(folder: Path) -> None:
    env = {"HOOKLINE_ACCOUNTS": accounts_file(folder, main=AWAY), "HOOKLINE_MAX_RUNNING": "6"}
    with (
        pytest.raises(SettingsError, match=r"HOOKLINE_MAX_RUNNING \(--max-running\): cannot"),
        named_as_given({"max_running": "6", "port": None}),
    ):
        load_settings(env, None)
    with pytest.raises(SettingsError, match="HOOKLINE_X: no"), named_as_given({"port": "1"}):
        raise SettingsError([FieldError("HOOKLINE_X", "no")])


def test_the_doctor_names_the_place_where_an_account_is_set(folder: Path) -> None:
    several = load_settings(
        {"HOOKLINE_ACCOUNTS": accounts_file(folder, main="http://127.0.0.1:9")}, None
    )
    one = load_settings({"HOOKLINE_PROVIDER_URL": "http://127.0.0.1:9"}, None)
    for settings, name, place in (
        (several, "main", "accounts.main.url in the file of"),
        (one, "default", "PROVIDER_URL"),
    ):
        found = {each.name: each for each in unchecked(settings).doctor.examine()}
        finding = found[f"provider {name}"]
        assert finding.verdict == "fail"
        assert place in (finding.advice or "")


def test_the_doctor_gives_each_account_its_hook() -> None:
    hooks = {"main": "https://hooks.example/1", "spare": "https://hooks.example/2"}
    finding = findings.called_back("https://hooks.example", hooks)
    lines = (finding.advice or "").splitlines()
    assert [line.partition(": ")[0] for line in lines[1:]] == ["main", "spare"]
