"""What production installs: the runtime's lock and our package, without the checkout."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.processes import ROOT, clean_env

EVERY_MODULE = """
import importlib, pkgutil
for name in ("hookline", "worker", "webhooks", "config"):
    package = importlib.import_module(name)
    assert "site-packages" in package.__file__, package.__file__
    for found in pkgutil.walk_packages(package.__path__, name + "."):
        importlib.import_module(found.name)
for name in ("pytest", "mypy", "django", "moto", "hypothesis"):
    assert importlib.util.find_spec(name) is None, name
"""


@pytest.fixture(scope="module")
def scripts() -> Callable[[str], ModuleType]:
    """The scripts of `.ci`, which are no package."""

    def script(name: str) -> ModuleType:
        sys.path.insert(0, str(ROOT / ".ci"))
        try:
            return importlib.import_module(name)
        finally:
            sys.path.pop(0)

    return script


@pytest.fixture(scope="module")
def production(
    scripts: Callable[[str], ModuleType], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder `bin` of an environment as docs/deployment.md makes it."""
    folder, install = tmp_path_factory.mktemp("production"), scripts("install")
    uv = shutil.which("uv") or install.bring_uv()
    env = {**os.environ, **install.uv_environment()}

    def run(*command: str, check: bool = True) -> bool:
        return subprocess.run([uv, *command], cwd=ROOT, env=env, check=check).returncode == 0

    python = str(folder / "venv/bin/python")
    run("venv", "--quiet", "--python", sys.executable, str(folder / "venv"))
    sync = ["pip", "sync", "--quiet", "--require-hashes", "--python", python, "requirements.lock"]
    # From uv's cache, where the same versions were put for the developers' environment.
    run(*sync, "--offline", check=False) or run(*sync)
    build = ["build", "--quiet", "--wheel", "--offline", "--no-build-isolation"]
    run(*build, "--python", sys.executable, "--out-dir", str(folder))
    [wheel] = folder.glob("hookline-*.whl")
    run("pip", "install", "--quiet", "--no-deps", "--offline", "--python", python, str(wheel))
    return folder / "venv/bin"


def ran(command: list[str], folder: Path) -> str:
    env = clean_env(PYTHONDONTWRITEBYTECODE="")  # compiled once
    del env["PYTHONPATH"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_lock_of_production_is_enough(production: Path, tmp_path: Path) -> None:
    ran([str(production / "python"), "-P", "-c", EVERY_MODULE], tmp_path)
    assert "imagine" in ran([str(production / "hookline"), "--help"], tmp_path)


def test_the_bill_lists_what_the_lock_installs(
    scripts: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    supply, install = scripts("supply"), scripts("install")
    monkeypatch.chdir(ROOT)
    supply.bring_tools(*install.prepared())
    monkeypatch.setattr(supply, "DIST", tmp_path)
    monkeypatch.setattr(supply, "SBOM", tmp_path / "bill.json")
    supply.sbom()
    bill = json.loads((tmp_path / "bill.json").read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "hookline")
    lock = (ROOT / "requirements.lock").read_text()
    pinned = {
        f"pkg:pypi/{n}@{v}" for n, v in re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE)
    }
    assert {component["purl"] for component in bill["components"]} == pinned
    assert lock.count("--hash=") == str(bill).count("SHA-256")


HOLE = {"id": "GHSA-1", "fix_versions": ["2.0"]}
FOUND = {"name": "one", "version": "1.0", "vulns": []}


@pytest.mark.parametrize(
    ("report", "code", "words"),
    [
        ([FOUND, FOUND], 0, "2 packages audited, 0 known holes"),
        ([FOUND, {**FOUND, "vulns": [HOLE]}], 1, "one 1.0: GHSA-1, fixed in 2.0"),
        ([{**FOUND, "vulns": [{**HOLE, "fix_versions": []}]}], 1, "fixed in no version yet"),
        ([FOUND, {"name": "two", "skip_reason": "unheard of"}], 3, "1 of 2 packages: unheard of"),
        (None, 3, "out of reach. No route to host"),
    ],
)
def test_an_audit_says_what_it_found_or_that_it_could_not_look(  # noqa: PLR0917
    scripts: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    report: list[dict[str, object]] | None,
    code: int,
    words: str,
) -> None:
    supply = scripts("supply")
    tool = tmp_path / "bin" / "pip-audit"
    tool.parent.mkdir()
    said = json.dumps({"dependencies": report})
    tool.write_text(
        f"#!{sys.executable}\nimport sys\n"
        + ("sys.exit('Traceback\\nNo route to host')" if report is None else "")
        + f"\nopen(sys.argv[sys.argv.index('--output') + 1], 'w').write({said!r})\n"
    )
    tool.chmod(0o755)
    monkeypatch.setattr(supply, "TOOLS", tmp_path)
    assert supply.audit() == code
    captured = capsys.readouterr()
    assert words in captured.out + captured.err
