"""The settings of a running `hookline up`, for other commands in its folder and below.

They rank below the environment and `.env`.
"""

import os
import time
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

from dotenv import dotenv_values

from config.checks import ACCOUNTS, ONE_ACCOUNT
from config.loading import GENERATED, given_names, load_settings
from config.settings import STATE_DIR, Settings
from config.state_folder import private_folder
from worker.adapters.local.claim import is_held
from worker.domain.errors import FieldError, SettingsError

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
    if not is_held(state_dir / "up.lock"):
        return {}
    private_folder(state_dir)
    values = dotenv_values(state_dir / "up.env", interpolate=False)
    return {name: value for name, value in values.items() if value}


def _is_starting(state_dir: Path) -> bool:
    return is_held(state_dir / "up.lock") and not (state_dir / "up.env").exists()
