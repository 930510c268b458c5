"""What `hookline up` holds and leaves in the state directory while it runs.

It chooses some settings itself, such as the address of its sandbox, and takes others as options. It
writes them to `up.env`, for other commands. While it runs it holds a lock: the file of a killed
`up` is ignored, and a second `up` is refused.
"""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from config.state_folder import private_folder
from worker.domain.errors import Conflict


@contextmanager
def claimed(state_dir: Path) -> Iterator[int]:
    """Hold the lock of `up` in this state directory; yields its descriptor.

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
        with telling_until_the_end(state_dir):
            yield lock.fileno()


@contextmanager
def telling_until_the_end(state_dir: Path) -> Iterator[None]:
    """Remove at the end what `tell` wrote."""
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


def is_held(lock: Path) -> bool:
    """Whether a process holds this lock."""
    if not lock.exists():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
