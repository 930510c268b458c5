"""What `hookline up` runs here, so that the other commands in the same directory find it.

`up` knows things that are set nowhere, such as the address of its sandbox, or only by its options.
It writes them to `up.env` in the state directory, and they count below the environment and `.env`.
While it runs it holds a lock: a file left behind by an `up` that was killed counts for nothing, and
a second `up` is refused.
"""

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dotenv import dotenv_values

from config.settings import Settings, load_settings
from worker.domain.errors import Conflict

#: How long a command waits for an `up` that is only just starting, in seconds.
PATIENCE_S = 30.0
_LOOK_EVERY_S = 0.1
#: The account, said in one way or the other: what is set takes the place of all of it.
_ACCOUNTS = "HOOKLINE_ACCOUNTS"
_ONE_ACCOUNT = frozenset(
    {
        "HOOKLINE_PROVIDER_URL",
        "HOOKLINE_PROVIDER_KEY",
        "HOOKLINE_PROVIDER_AUTH",
        "HOOKLINE_PROVIDER_DIALECT",
        "HOOKLINE_MAX_RUNNING",
    }
)


def settings_here(*, patience_s: float = 0.0) -> Settings:
    """The settings of this directory, completed by what a running `up` says.

    An `up` that is only just starting is waited for, `patience_s` at most. Raises `SettingsError`.
    """
    settings = load_settings()
    deadline = time.monotonic() + patience_s
    while _is_starting(settings.state_dir) and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
    told = told_by_up(settings.state_dir)
    given = {Settings.model_fields[name].alias for name in settings.model_fields_set}
    if _ACCOUNTS in given:
        given |= _ONE_ACCOUNT
    elif given & _ONE_ACCOUNT:
        given.add(_ACCOUNTS)
    if not settings.port:  # which one was free, `up` says
        given.discard("HOOKLINE_PORT")
    missing = {name: value for name, value in told.items() if name not in given}
    return load_settings({**os.environ, **missing}) if missing else settings


def told_by_up(state_dir: Path) -> Mapping[str, str]:
    """The settings that the `up` of this state directory made up; none where none runs."""
    if not _is_held(state_dir / "up.lock"):
        return {}
    values = dotenv_values(state_dir / "up.env", interpolate=False)
    return {name: value for name, value in values.items() if value}


@contextmanager
def claimed(state_dir: Path) -> Iterator[None]:
    """Be the only `up` of this state directory. Raises `Conflict`."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (state_dir / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"`hookline up` runs here already (in {state_dir}).") from None
        # What one that was killed said is not for those that ask while this one starts.
        (state_dir / "up.env").unlink(missing_ok=True)
        try:
            yield
        finally:
            (state_dir / "up.env").unlink(missing_ok=True)


def tell(state_dir: Path, values: Mapping[str, str]) -> None:
    """Let the other commands know; whole or not at all."""
    draft = state_dir / "up.env.tmp"
    draft.touch(mode=0o600)  # a provider's key may be among them
    draft.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    draft.replace(state_dir / "up.env")


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
