"""Nobody but its owner reads or changes what is in the state folder."""

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from config.loading import load_settings
from config.state_folder import private_folder
from worker.adapters.local.claim import claimed
from worker.adapters.local.private_redis import private_redis_url
from worker.adapters.local.running import told_by_up
from worker.domain.errors import SettingsError

SECRETS = ("api-token", "notify-secret", "secret")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hl-") as short:  # as a socket's path has to be
        yield Path(short) / "state"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def used(folder: Path) -> None:
    load_settings({"HOOKLINE_STATE_DIR": str(folder)}, None)


def problem(folder: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        used(folder)
    [found] = caught.value.problems
    assert found.field == "HOOKLINE_STATE_DIR"
    return found.message


def another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the process is somebody else's than the files."""
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)


def test_a_folder_that_is_too_open_is_tightened_and_says_so_once(folder: Path) -> None:
    used(folder)
    (folder / "redis/appendonlydir").mkdir(parents=True)
    (folder / "redis/appendonlydir/base.aof").write_text("")
    (folder / "up.env").write_text("HOOKLINE_PROVIDER_KEY=key")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(folder / "redis/redis.sock"))
        (folder / "redis/redis.sock").chmod(0o777)
        with structlog.testing.capture_logs() as lines:
            used(folder)
            used(folder)
    assert [line["event"] for line in lines] == ["state.tightened"]
    assert lines[0]["folder"] == str(folder)
    assert mode(folder) == 0o700
    assert {path.name: mode(path) & 0o077 for path in folder.rglob("*")} == {
        path.name: 0 for path in folder.rglob("*")
    }
    assert all(mode(folder / name) == 0o600 for name in SECRETS)


def test_a_private_folder_is_left_as_it_is(folder: Path) -> None:
    used(folder)
    (folder / "secret").chmod(0o400)
    with structlog.testing.capture_logs() as lines:
        used(folder)
    assert lines == []
    assert mode(folder / "secret") == 0o400


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_folder_is_private_whatever_the_umask(folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        used(folder)
        with claimed(folder):
            pass
    finally:
        os.umask(before)
    assert mode(folder) == 0o700
    assert all(mode(path) & 0o077 == 0 for path in folder.iterdir())


def test_a_folder_of_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used(folder)
    another_user(monkeypatch)
    assert "belongs to another user" in problem(folder)


def test_a_secret_that_another_user_planted_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder was open to all once."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    used(folder)
    os.chown(folder / "secret", 12345, -1)
    for mode in (0o777, 0o700):
        folder.chmod(mode)
        assert "has secret in it, which belongs to another user" in problem(folder)


def test_a_link_that_another_user_planted_is_refused(folder: Path, tmp_path: Path) -> None:
    """What it leads to is a secret that they know."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    used(folder)
    (tmp_path / "known").write_text("a" * 48)
    (folder / "secret").unlink()
    (folder / "secret").symlink_to(tmp_path / "known")
    os.lchown(folder / "secret", 12345, -1)
    assert "has secret in it, which belongs to another user" in problem(folder)


def test_a_shared_folder_is_refused_and_not_touched(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o1777)  # as /tmp
    assert "is shared" in problem(folder)
    assert mode(folder) == 0o1777
    assert list(folder.iterdir()) == []


def test_an_open_folder_with_other_things_is_refused_and_not_touched(folder: Path) -> None:
    """Taking it from those who use it would break what is not ours: results, a home, /var/lib."""
    (folder / "output").mkdir(parents=True)
    folder.chmod(0o755)
    assert "holds other things (output)" in problem(folder)
    assert mode(folder) == 0o755
    folder.chmod(0o700)
    used(folder)


def test_links_out_of_it_are_not_followed(folder: Path, tmp_path: Path) -> None:
    used(folder)
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (folder / "logs").symlink_to(tmp_path / "elsewhere")
    folder.chmod(0o755)
    used(folder)
    assert mode(tmp_path / "elsewhere") == 0o755


def test_a_file_in_its_place_is_named(folder: Path) -> None:
    folder.write_text("")
    assert "cannot be used" in problem(folder)


def test_a_file_system_without_modes_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    monkeypatch.setattr(Path, "chmod", lambda self, mode: None)
    assert "stays open to others" in problem(folder)


def test_nothing_in_a_folder_of_another_user_is_believed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes it where we run chooses no provider, no Redis and no key for us."""
    used(folder)
    (folder / "redis").mkdir()
    (folder / "redis/url").write_text("redis://127.0.0.1:9/0")
    (folder / "up.env").write_text("HOOKLINE_PROVIDER_URL=https://theirs.example\n")
    with claimed(folder):
        another_user(monkeypatch)
        for read in (told_by_up, private_redis_url):
            with pytest.raises(SettingsError, match="belongs to another user"):
                read(folder)


def test_a_folder_that_is_not_used_is_not_looked_at(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    env = {
        "HOOKLINE_STATE_DIR": str(folder),
        "HOOKLINE_SECRET": "s" * 20,
        "HOOKLINE_API_TOKEN": "t" * 20,
        "HOOKLINE_NOTIFY_SECRET": "whsec_" + "bmV3" * 10,
    }
    load_settings(env, None)
    assert private_redis_url(folder) is None
    assert told_by_up(folder) == {}
    assert mode(folder) == 0o755


def test_files_that_go_while_it_is_looked_at_are_no_trouble(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used(folder)
    (folder / "up.env").write_text("")
    real = Path.lstat

    def gone(path: Path) -> os.stat_result:
        if path.name == "up.env":
            path.unlink()
        return real(path)

    monkeypatch.setattr(Path, "lstat", gone)
    private_folder(folder)
