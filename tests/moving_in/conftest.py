"""One installation of the wheel and one `hookline up` of it, for all that moves in with it."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.installed import Installed, install
from worker.adapters.local.running import told_by_up
from worker.sandbox import Sandbox, SandboxOptions

#: A word that the provider refuses.
BANNED = "forbidden"


@dataclass(frozen=True)
class Server:
    """A `hookline up` in a folder of its own."""

    folder: Path
    url: str

    @property
    def token(self) -> str:
        return self._secret("api-token")

    @property
    def notify_secret(self) -> str:
        return self._secret("notify-secret")

    @property
    def env(self) -> dict[str, str]:
        """What a program is given that talks to it; nothing else of Hookline's."""
        others = {n: v for n, v in os.environ.items() if not n.startswith("HOOKLINE_")}
        return {**others, "HOOKLINE_URL": self.url, "HOOKLINE_API_TOKEN": self.token}

    def _secret(self, name: str) -> str:
        return (self.folder / ".hookline" / name).read_text().strip()


@pytest.fixture(scope="session")
def installed() -> Iterator[Installed]:
    # A socket's path must be short, and pytest's own temporary folders are not.
    with tempfile.TemporaryDirectory(prefix="hl-") as home:
        yield install(Path(home))


@pytest.fixture(scope="session")
def server(installed: Installed) -> Iterator[Server]:
    with (
        Sandbox(SandboxOptions(task_seconds=(0.1, 0.3), banned=(BANNED,))) as sandbox,
        tempfile.TemporaryDirectory(prefix="hl-") as name,
    ):
        folder = Path(name)
        # The receivers of notifications are on this machine.
        (folder / ".env").write_text("HOOKLINE_ALLOWED_HOSTS=127.0.0.1\n")
        with installed.up(folder, "--provider-url", sandbox.url):
            yield Server(folder, told_by_up(folder / ".hookline")["HOOKLINE_PUBLIC_URL"])
