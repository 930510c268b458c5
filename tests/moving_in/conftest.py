"""One installation of the wheel and one `hookline up` of it, for all that moves in with it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.neighbours.servers import program
from tests.support.installed import Installed, install
from tests.support.processes import ROOT
from worker.adapters.local.running import told_by_up
from worker.sandbox.options import SandboxOptions
from worker.sandbox.server import Sandbox

TYPESCRIPT = ROOT / "clients/typescript"

#: A word that the provider refuses.
BANNED = "forbidden"


@dataclass(frozen=True)
class Server:
    """A `hookline up` in a folder of its own."""

    installed: Installed
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

    def run(self, *args: str) -> str:
        """Run a command of the installation beside it; what it printed."""
        return self.installed.run(self.folder, "hookline", *args)

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
            yield Server(installed, folder, told_by_up(folder / ".hookline")["HOOKLINE_PUBLIC_URL"])


def node_modules() -> Path:
    """The TypeScript client's tools, installed by its lock; without npm the test is skipped."""
    npm, found = program("npm", "npm"), TYPESCRIPT / "node_modules"
    if not found.exists():
        quiet = ("--silent", "--no-fund", "--no-audit")
        subprocess.run([npm, "ci", *quiet], cwd=TYPESCRIPT, check=True)
    return found


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `node_modules` with the TypeScript client as it is published."""
    program("node", "nodejs")
    folder = tmp_path_factory.mktemp("published") / "node_modules"
    package = folder / "hookline-client"
    package.mkdir(parents=True)
    shutil.copy(TYPESCRIPT / "package.json", package)
    compiled(TYPESCRIPT / "tsconfig.build.json", package / "dist")
    return folder


def compiled(config: Path, into: Path) -> None:
    """Compile what the configuration names, strictly."""
    tsc = [str(node_modules() / ".bin/tsc"), "-p", str(config), "--outDir", str(into)]
    done = subprocess.run(tsc, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def run_by_node(script: Path, env: dict[str, str]) -> str:
    """What the script printed; it must succeed."""
    done = subprocess.run(
        [program("node", "nodejs"), str(script)], cwd=script.parent, env=env, capture_output=True,
        text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
