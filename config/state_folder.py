"""The state folder, which only its owner may read or change.

It has the secrets that sign callbacks and open the API, the private Redis with its data, and the
settings that ``hookline up`` leaves for other commands. Whoever can write there could plant them.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from config.logger import get_logger
from worker.domain.errors import FieldError, SettingsError

log = get_logger(__name__)

_SETTING = "HOOKLINE_STATE_DIR"
#: What we keep in it; each name is the beginning of a file's.
_OURS = ("api-token", "logs", "notify-secret", "redis", "sandbox.", "secret", "up.")
_OTHERS = 0o077  #: every right of the group and of everybody


def private_folder(folder: Path) -> None:
    """Create the folder, or take what rights others have there, with a line in the log.

    Raises ``SettingsError`` for a folder of another user, or one that is used for other things too
    and open: what is not ours is not changed.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        was_open = _close(folder)
        for path in _below(folder):
            with suppress(FileNotFoundError):  # others may be starting or stopping
                _secure(folder, path)
    except OSError as error:
        raise _refused(folder, f"cannot be used: {error.strerror}") from error
    if was_open:
        log.warning("state.tightened", folder=str(folder))


def _close(folder: Path) -> bool:
    """Close the folder to others; return whether it was open."""
    found = folder.stat()  # of its target, if it is a link
    if found.st_uid != os.geteuid():
        raise _refused(folder, f"belongs to another user (uid {found.st_uid})")
    if not found.st_mode & _OTHERS:
        return False
    _require_ours(folder, found)
    folder.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
    if folder.stat().st_mode & _OTHERS:
        raise _refused(folder, "stays open to others: its file system has no modes")
    return True


def _require_ours(folder: Path, found: os.stat_result) -> None:
    """Raise ``SettingsError`` if the folder is also somebody else's."""
    if found.st_mode & stat.S_ISVTX:
        raise _refused(folder, "is shared by several users")
    other = sorted(path.name for path in folder.iterdir() if not path.name.startswith(_OURS))
    if other:
        raise _refused(folder, f"is open to other users, and holds other things ({other[0]})")


def _below(folder: Path) -> Iterator[Path]:
    """What we keep in the folder; links are not followed."""
    for path in folder.iterdir():
        if not path.name.startswith(_OURS):
            continue
        yield path  # also a link: who made it chose what a secret is
        if not path.is_symlink():
            for at, folders, files in os.walk(path):
                yield from (Path(at, name) for name in (*folders, *files))


def _secure(folder: Path, path: Path) -> None:
    """Take the rights of others to a file, which is no other user's."""
    found = path.lstat()
    if found.st_uid not in (os.geteuid(), 0):
        raise _refused(folder, f"has {path.name} in it, which belongs to another user")
    if found.st_mode & _OTHERS and not stat.S_ISLNK(found.st_mode):
        path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)


def _refused(folder: Path, why: str) -> SettingsError:
    hint = "name a folder that only you can enter, or one that does not exist yet"
    return SettingsError([FieldError(_SETTING, f"{folder} {why}: {hint}")])
