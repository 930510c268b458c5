"""Publishes the settings of a running `hookline up` to other commands in its folder and below.

`up` chooses some settings itself, such as the address of its sandbox, and takes others as options.
It writes them to `up.env` in the state directory, where they rank below the environment and `.env`.
While it runs it holds a lock: the file of a killed `up` is ignored, and a second `up` is refused.
"""

import fcntl
import json
import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from dotenv import dotenv_values

from config.checks import ACCOUNTS, ONE_ACCOUNT
from config.loading import GENERATED, given_names, load_settings
from config.settings import STATE_DIR, Settings
from config.state_folder import private_folder
from worker.domain.errors import Conflict, FieldError, SettingsError

#: Seconds that a command waits for an `up` that is just starting.
PATIENCE_S = 30.0
_LOOK_EVERY_S = 0.1


def settings_here(
    *, patience_s: float = 0.0, keeps: bool = False, needs: Collection[str] = ()
) -> Settings:
    """The settings of `home`, completed by those of a running `up`.

    Waits up to `patience_s` for an `up` that is just starting. `keeps`: whether missing secrets are
    generated and kept, for processes that serve others. `needs`: secrets that must be set or kept.
    Raises `SettingsError`.
    """
    folder = home()
    loaded = partial(load_settings, dotenv=folder / ".env", folder=folder, keeps=False)
    settings = loaded()
    deadline = time.monotonic() + patience_s
    while _is_starting(settings.state_dir) and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
    told = told_by_up(settings.state_dir)
    given = given_names(os.environ, folder / ".env") | {"HOOKLINE_LOG_FORMAT"}
    # Accounts are given in one of two ways, which replace each other.
    if ACCOUNTS in given:
        given |= set(ONE_ACCOUNT)
    elif given & set(ONE_ACCOUNT):
        given.add(ACCOUNTS)
    if not settings.port:  # `up` knows which port was free
        given.discard("HOOKLINE_PORT")
    missing = {name: value for name, value in told.items() if name not in given}
    if missing:
        settings = loaded({**os.environ, **missing})
    if keeps and settings.redis_url:  # without one, nothing can be served here
        settings = loaded({**os.environ, **missing}, keeps=True)
    _require(needs, given | told.keys(), settings.state_dir)
    return settings


def home() -> Path:
    """The folder whose settings count: the nearest from the current one upwards that has the state
    of a `hookline up` or a `.env` with our settings, as git finds its own; else the current one.

    With HOOKLINE_STATE_DIR it is the current one. A state folder of another user is passed by.
    """
    here = Path.cwd()
    if os.environ.get("HOOKLINE_STATE_DIR"):
        return here
    return next((each for each in (here, *here.parents) if _is_home(each)), here)


def _is_home(folder: Path) -> bool:
    try:
        if (folder / STATE_DIR).stat().st_uid == os.geteuid():
            return True
    except OSError:
        pass
    try:
        return "HOOKLINE_" in (folder / ".env").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _require(needs: Collection[str], given: Collection[str], state_dir: Path) -> None:
    """Raise `SettingsError` for a secret that is not set, and was not generated in `state_dir`."""
    hint = f"is not set, and none is kept in {state_dir}: set it, or start `hookline up`"
    missing = [n for n in needs if n not in given and not (state_dir / GENERATED[n][0]).exists()]
    if missing:
        raise SettingsError(FieldError(name, hint) for name in missing)


def told_by_up(state_dir: Path) -> Mapping[str, str]:
    """The settings of the `up` that runs in this state directory, if any.

    Raises `SettingsError` if others could have written them.
    """
    if not _is_held(state_dir / "up.lock"):
        return {}
    private_folder(state_dir)
    values = dotenv_values(state_dir / "up.env", interpolate=False)
    return {name: value for name, value in values.items() if value}


@contextmanager
def claimed(state_dir: Path) -> Iterator[None]:
    """Hold the lock of `up` in this state directory.

    Raises `Conflict` if another one does, and `SettingsError` if the directory is not private.
    """
    private_folder(state_dir)
    with _private_file(state_dir / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"`hookline up` runs here already (in {state_dir}).") from None
        # The file of an `up` that was killed must not be read while this one starts.
        (state_dir / "up.env").unlink(missing_ok=True)
        try:
            yield
        finally:
            (state_dir / "up.env").unlink(missing_ok=True)


def tell(state_dir: Path, values: Mapping[str, str]) -> None:
    """Write ``values`` for the other commands, atomically."""
    draft = _private_file(state_dir / "up.env.tmp")  # a provider's key may be among them
    draft.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    draft.replace(state_dir / "up.env")


def kept_ports(state_dir: Path) -> Mapping[str, int]:
    """The ports of the last `up` in this state directory, by program."""
    try:
        found = json.loads((state_dir / "up.ports").read_text(encoding="utf-8"))
        return {name: int(port) for name, port in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}  # there was none, or the file is damaged: any free port will do


def keep_ports(state_dir: Path, ports: Mapping[str, int]) -> None:
    """Write them for the next `up`: links and callbacks of its jobs have them."""
    _private_file(state_dir / "up.ports").write_text(json.dumps(ports), encoding="utf-8")


def _private_file(path: Path) -> Path:
    path.touch(mode=0o600)
    return path


def _is_starting(state_dir: Path) -> bool:
    return _is_held(state_dir / "up.lock") and not (state_dir / "up.env").exists()


def _is_held(lock: Path) -> bool:
    if not lock.exists():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
