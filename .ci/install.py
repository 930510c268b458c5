"""Installs Hookline and its tools into `.venv` of this checkout. Called by the Makefile.

    python3 .ci/install.py                  make .venv what requirements-dev.lock says, with
                                            `hookline` in it
    python3 .ci/install.py --lock           write the locks; versions that still fit are kept
    python3 .ci/install.py --lock --upgrade the same with the newest versions

There are four locks: requirements.lock is all that production installs, requirements-dev.lock has
the same versions and what tests and checks need, .ci/supply.txt has the tools of .ci/supply.py, and
.ci/uv.txt has uv.

Standard library only: it runs before anything is installed, on Python 3.11 or newer. Needs no root
and writes nothing outside the checkout but uv's download cache. `uv` is taken from the PATH; where
it is missing it is brought into `.uv/` with pip, by whatever of pip, venv or apt is there.
"""

from __future__ import annotations

import configparser
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
UV_HOME = ROOT / ".uv"
LOCK = "requirements.lock"
DEV_LOCK = "requirements-dev.lock"
SUPPLY_LOCK = ".ci/supply.txt"
UV_LOCK = ".ci/uv.txt"

#: uv does not read pip's configuration: an index set up for pip is handed on under uv's names.
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
}


def main() -> None:
    """Install, or with `--lock` write the locks."""
    if sys.version_info < (3, 11):  # noqa: UP036 - here an older one is told so
        version = sys.version.split()[0]
        sys.exit(f"Hookline needs Python 3.11 or newer, this is {version}: make PYTHON=python3.11")
    uv, environment = prepared()
    if "--lock" in sys.argv[1:]:
        write_locks(uv, environment, upgrade="--upgrade" in sys.argv[1:])
    else:
        install(uv, environment)


def prepared() -> tuple[str, dict[str, str]]:
    """The command of uv and its environment; from here on the checkout is the working folder."""
    os.chdir(ROOT)
    return shutil.which("uv") or bring_uv(), {**os.environ, **uv_environment()}


def install(uv: str, environment: dict[str, str]) -> None:
    """A new or kept .venv of this Python, exactly the locked packages, and the project itself."""
    fill(VENV, DEV_LOCK, uv, environment)
    # The build backend came with the lock, so this step fetches nothing.
    editable = ["--no-deps", "--no-build-isolation", "--editable", "."]
    target = ["--python", str(VENV / "bin/python")]
    run([uv, "pip", "install", "--quiet", "--offline", *target, *editable], environment)


def fill(venv: Path, lock: str, uv: str, environment: dict[str, str]) -> None:
    """A new or kept environment of this Python with exactly the packages of a lock."""
    if not made_by_this_python(venv):
        shutil.rmtree(venv, ignore_errors=True)
        run([uv, "venv", "--quiet", "--python", sys.executable, str(venv)], environment)
    print(f"Installing into {venv.relative_to(ROOT)}", file=sys.stderr)
    target = ["--python", str(venv / "bin/python")]
    run([uv, "pip", "sync", "--quiet", "--require-hashes", *target, lock], environment)


def write_locks(uv: str, environment: dict[str, str], *, upgrade: bool) -> None:
    """Resolve what pyproject.toml asks for, for every Python and platform.

    uv keeps the versions of the present locks where they fit. The developers' lock is bound to the
    versions of production, so that these are what is tested.
    """
    environment = environment | {"UV_CUSTOM_COMPILE_COMMAND": "make lock"}
    compile_ = [uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    if upgrade:
        compile_.append("--upgrade")
    run([*compile_, "pyproject.toml", "-o", LOCK], environment)
    dev = ["--group", "dev", "--constraints", LOCK, "pyproject.toml", "-o", DEV_LOCK]
    run([*compile_, *dev], environment)
    run([*compile_, "--no-annotate", "--group", "supply", "-o", SUPPLY_LOCK], environment)
    run([*compile_, "--no-annotate", "-", "-o", UV_LOCK], environment, feed="uv\n")


def made_by_this_python(venv: Path) -> bool:
    """Whether the environment exists and has the minor version of the Python that runs this."""
    try:
        settings = (venv / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return False
    wanted = f"{sys.version_info.major}.{sys.version_info.minor}."
    lines = (line.partition("=") for line in settings.splitlines())
    found = {key.strip(): value.strip() for key, _, value in lines}
    return (venv / "bin/python").exists() and (
        found.get("version_info") or found.get("version", "")
    ).startswith(wanted)


def uv_environment() -> dict[str, str]:
    """What uv must be told: no Pythons of its own, and the index that pip is set up for."""
    told = {"UV_PYTHON_DOWNLOADS": "never"}
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home())
    if not os.access(cache, os.W_OK):
        told["UV_CACHE_DIR"] = str(UV_HOME / "cache")
    for option, value in pip_configuration().items():
        told[PIP_TO_UV[option]] = value
    return {name: value for name, value in told.items() if name not in os.environ}


def pip_configuration() -> dict[str, str]:
    """The index options of pip, from its files and environment; the later ones win."""
    home = Path.home()
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    paths = [
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        home / "Library/Application Support/pip/pip.conf",
        config_home / "pip/pip.conf",
        Path(os.environ.get("PIP_CONFIG_FILE") or os.devnull),
    ]
    files = configparser.RawConfigParser()
    files.read(paths, encoding="utf-8")
    found: dict[str, str] = {}
    for option in PIP_TO_UV:
        for section in ("global", "install"):
            found[option] = files.get(section, option, fallback=found.get(option, ""))
        name = "PIP_" + option.upper().replace("-", "_")
        found[option] = " ".join(os.environ.get(name, found[option]).split())
    links = found["find-links"].split()
    # uv refuses a folder that does not exist, pip only mentions it.
    found["find-links"] = " ".join(link for link in links if "://" in link or Path(link).is_dir())
    return {option: value for option, value in found.items() if value}


def bring_uv() -> str:
    """Install the locked uv into .uv/ and return its path."""
    uv = UV_HOME / "bin/uv"
    if not uv.exists():
        print("Bringing uv into .uv/", file=sys.stderr)
        UV_HOME.mkdir(exist_ok=True)
        quiet = ["--quiet", "--disable-pip-version-check", "--no-warn-script-location"]
        arguments = ["install", *quiet, "--require-hashes", "--requirement", UV_LOCK]
        with tempfile.TemporaryDirectory(dir=UV_HOME) as scratch:
            pip = find_pip(Path(scratch))
            environment = os.environ | {"PIP_ROOT_USER_ACTION": "ignore"}
            run([*pip, *arguments, "--upgrade", "--target", str(UV_HOME)], environment)
    return str(uv)


def find_pip(scratch: Path) -> list[str]:
    """The command of a pip: the system's, one in a scratch venv, or Debian's from its package."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if importlib.util.find_spec("ensurepip"):
        run([sys.executable, "-m", "venv", str(scratch / "venv")], os.environ)
        return [str(scratch / "venv/bin/python"), "-m", "pip"]
    # Debian without python3-venv: its pip wheel is in a package which needs no root to fetch and
    # unpack, and a wheel runs as it is.
    for command in (["apt-get", "-qq", "download", "python3-pip-whl"], ["dpkg-deb", "-x"]):
        packages = sorted(map(str, scratch.glob("*.deb")))
        arguments = [*packages, "."] if packages else []
        try:
            subprocess.run([*command, *arguments], cwd=scratch, check=True)
        except (OSError, subprocess.CalledProcessError):
            sys.exit("Neither uv, pip nor venv is here. Install one: apt install python3-venv")
    wheel = next(scratch.glob("usr/share/python-wheels/pip-*.whl"))
    return [sys.executable, f"{wheel}/pip"]


def run(command: list[str], environment: Mapping[str, str], feed: str | None = None) -> None:
    """Run a command that must succeed; its own words are the error message."""
    done = subprocess.run(command, env=environment, input=feed, text=True, check=False)
    if done.returncode:
        sys.exit(f"failed ({done.returncode}): {' '.join(command)}")


if __name__ == "__main__":
    main()
