"""The wheel on a machine that has nothing else: an empty HOME, and a PATH with its command only."""

from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

from tests.moving_in.conftest import Server
from tests.support.installed import Installed
from tests.support.processes import ROOT

PACKAGES = ("hookline", "worker", "webhooks", "config")
EVERY_MODULE = """
import importlib, pkgutil
for name in ("hookline", "worker", "webhooks", "config"):
    package = importlib.import_module(name)
    assert "site-packages" in package.__file__, package.__file__
    for found in pkgutil.walk_packages(package.__path__, name + "."):
        # Of the extras `mcp` and `otel`.
        if found.name not in ("worker.entrypoints.agents.server", "worker.adapters.traces"):
            importlib.import_module(found.name)
for name in ("pytest", "mypy", "django", "moto", "hypothesis"):
    assert importlib.util.find_spec(name) is None, name
"""


def test_the_wheel_has_every_file_of_our_packages(installed: Installed) -> None:
    files = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {f"{package}/py.typed" for package in PACKAGES} <= files
    with ZipFile(installed.wheel) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
        [about] = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(wheel.read(about).decode())
    assert files == {name for name in names if ".dist-info/" not in name}
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_all("Project-URL", []) == [], "there is no public address yet"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])


def test_the_lock_of_production_is_enough(installed: Installed, tmp_path: Path) -> None:
    installed.run(tmp_path, "python", "-P", "-c", EVERY_MODULE)


def test_the_demo_runs_in_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    said = installed.run(tmp_path, "hookline", "demo")
    assert "11 jobs in" in said
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_up_runs_in_an_empty_folder(server: Server) -> None:
    server.run("imagine", "a red fox", "--then", "U1", "--wait")
    assert len(list((server.folder / "output").rglob("*-0.png"))) >= 2
