"""Hookline as its users have it: the wheel in an environment of its own, without the checkout."""

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tests.support.processes import ROOT, ready


def ci_script(name: str) -> ModuleType:
    """A script of `.ci`, which is no package."""
    sys.path.insert(0, str(ROOT / ".ci"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


@dataclass(frozen=True)
class Installed:
    """An installation in an otherwise empty HOME, on a machine that has no other program."""

    home: Path
    wheel: Path

    @property
    def bin(self) -> Path:
        """Where the command is."""
        return self.home / "venv/bin"

    @property
    def env(self) -> dict[str, str]:
        """All that its commands find in their environment."""
        return {"HOME": str(self.home), "PATH": str(self.bin)}

    def run(self, folder: Path, program: str, *args: str) -> str:
        """Run a program of the installation; what it printed. It must succeed."""
        done = subprocess.run(
            [str(self.bin / program), *args], cwd=folder, env=self.env, capture_output=True,
            text=True, timeout=270, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def up(self, folder: Path, *args: str) -> Iterator[subprocess.Popen[str]]:
        """A ready `hookline up`."""
        with ready([str(self.bin / "hookline"), "up", *args], folder, self.env) as process:
            yield process


def install(home: Path) -> Installed:
    """Build the wheel as `make build` does, and install it with the locked versions."""
    scripts = ci_script("install")
    uv = shutil.which("uv") or scripts.bring_uv()
    env = {**os.environ, **scripts.uv_environment()}

    def run(*command: str, check: bool = True) -> bool:
        return subprocess.run([uv, *command], cwd=ROOT, env=env, check=check).returncode == 0

    python = str(home / "venv/bin/python")
    run("venv", "--quiet", "--python", sys.executable, str(home / "venv"))
    sync = ["pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode", "--python", python]
    # From uv's cache, where the same versions were put for the developers' environment.
    run(*sync, "requirements.lock", "--offline", check=False) or run(*sync, "requirements.lock")
    build = ["build", "--quiet", "--wheel", "--offline", "--no-build-isolation"]
    run(*build, "--python", sys.executable, "--out-dir", str(home))
    [wheel] = home.glob("hookline-*.whl")
    run("pip", "install", "--quiet", "--no-deps", "--offline", "--python", python, str(wheel))
    return Installed(home, wheel)
