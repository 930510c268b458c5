"""Hookline works in any folder, and says so at once where it cannot."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.neighbours.conftest import Seen
from tests.support import processes
from tests.support.ports import free_port
from tests.support.processes import clean_env, ended, hookline, up, wait_for
from worker.adapters.local.running import told_by_up
from worker.entrypoints.cli.http import answers

TRAP = """
from pathlib import Path
Path(__file__).with_suffix(".imported").touch()
raise RuntimeError("a file of the user's folder was imported")
"""
#: Names of our packages and of our libraries ...
INSTALLED = (
    "worker", "config", "webhooks", "tests", "celery", "kombu", "redis", "flask", "httptools",
    "click", "requests", "uvloop", "gevent", "brotli", "simplejson",
)  # fmt: skip
#: ... and of the standard library.
STANDARD = ("logging", "types", "http", "queue", "signal", "json", "sitecustomize")


@pytest.fixture
def _as_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed command, and nothing on Python's path."""
    script = str(Path(sys.executable).with_name("hookline"))
    monkeypatch.setattr(processes, "command", lambda *args: [script, *args])


def trapped(folder: Path, names: Iterable[str], *, packages: bool) -> Path:
    """A folder of modules, or packages, that note their import and fail."""
    for name in names:
        place = folder / name / "__init__.py" if packages else folder / f"{name}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(TRAP)
    return folder


def imported(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.imported"))


@pytest.mark.usefixtures("_as_installed")
@pytest.mark.parametrize("packages", [False, True], ids=["modules", "packages"])
def test_nothing_of_the_folder_is_imported(tmp_path: Path, packages: bool, seen: Seen) -> None:
    folder = trapped(tmp_path, (*INSTALLED, *STANDARD), packages=packages)
    runs_in(folder)
    of = "packages (`config/`, ...)" if packages else "modules (`worker.py`, `celery.py`, ...)"
    seen(
        case=f"A folder with {of} named like ours, our libraries' and Python's",
        server="none",
        result=f"`hookline up` ran a job there; none of {len(INSTALLED + STANDARD)} was imported.",
    )


@pytest.mark.usefixtures("_as_installed")
@pytest.mark.parametrize("python_path", [":", ".", "{here}"])
def test_nor_if_python_s_path_names_the_folder(tmp_path: Path, python_path: str) -> None:
    folder = trapped(tmp_path, INSTALLED, packages=False)
    runs_in(folder, PYTHONPATH=python_path.format(here=folder))


def runs_in(folder: Path, **env: str) -> None:
    with up(folder, **env):
        done = hookline(folder, "imagine", "a red fox", "--wait", **env)
        assert done.returncode == 0, done.stderr
    assert imported(folder) == []


RANKING = """
import os
from helping import best_of
from worker.domain.job import Job

def best(job: Job, files: list[str]) -> list[str]:
    assert os.environ["CELERY_BROKER_URL"] == "redis://theirs", "the user's variables are there"
    return best_of(files)
"""


@pytest.mark.usefixtures("_as_installed")
@pytest.mark.parametrize("place", ["the folder", "a folder of PYTHONPATH"])
def test_a_function_that_chooses_is_found(tmp_path: Path, place: str, seen: Seen) -> None:
    folder = trapped(tmp_path, (*INSTALLED, *STANDARD), packages=False)
    modules = folder if place == "the folder" else folder / "modules"
    modules.mkdir(exist_ok=True)
    (modules / "ranking.py").write_text(RANKING)
    (modules / "helping.py").write_text("def best_of(files): return ['U2'] if files else []")
    env = {
        "HOOKLINE_CHOOSERS": "ranking",
        "CELERY_BROKER_URL": "redis://theirs",
        "PYTHONPATH": "" if modules == folder else str(modules),
    }
    with up(folder, **env):
        steps = json.dumps([{"choose": "ranking:best"}])
        done = hookline(folder, "imagine", "a fox", "--then", steps, "--wait", "--json", **env)
    assert done.returncode == 0, done.stdout
    jobs = json.loads(done.stdout)["jobs"]
    assert [job["kind"] for job in jobs] == ["imagine", "choose", "action"]
    assert imported(folder) == []
    seen(
        case=f"A function that chooses buttons, in a module of {place}",
        server="none",
        result="It was called, and saw the variables of its own Celery app.",
    )


def program(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the folder, as its users do."""
    return subprocess.run(
        [sys.executable, *args], cwd=folder, env=clean_env(PYTHONPATH="", **env),
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


#: Gives a job over HTTP, as a program does that has no part of Hookline in it.
GIVE = """
def give(prompt):
    import json, os, urllib.request
    asked = urllib.request.Request(
        os.environ["IMAGES_URL"] + "/v1/jobs",
        json.dumps({"kind": "imagine", "prompt": prompt}).encode(),
        {"Content-Type": "application/json",
         "Authorization": "Bearer " + os.environ["IMAGES_TOKEN"]},
    )
    return json.load(urllib.request.urlopen(asked))["id"]
"""

DJANGO = {
    "config/__init__.py": "",
    "config/settings.py": "SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\nUSE_TZ = True\n",
    "config/celery.py": "raise RuntimeError('not for Hookline')\n",
    "shop/__init__.py": "",
    "shop/images.py": GIVE,
    "manage.py": (
        "import os, sys\n"
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings')\n"
        "from django.core.management import execute_from_command_line\n"
        "execute_from_command_line(sys.argv)\n"
    ),
}
FLASK = {
    "config.py": "class Config:\n    SECRET_KEY = 'x'\n",
    "worker.py": "raise RuntimeError('not for Hookline')\n",
    ".flaskenv": "FLASK_DEBUG=1\nFLASK_APP=app.py\n",
    "images.py": GIVE,
    "app.py": (
        "from flask import Flask\nfrom images import give\n"
        "app = Flask(__name__)\n"
        "app.config.from_object('config.Config')\n"
        "app.cli.command('draw')(lambda: print(give('from flask')))\n"
    ),
}


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def of_the_running(folder: Path) -> dict[str, str]:
    url = told_by_up(folder / ".hookline")["HOOKLINE_PUBLIC_URL"]
    return {
        "IMAGES_URL": url,
        "IMAGES_TOKEN": (folder / ".hookline/api-token").read_text().strip(),
    }


@pytest.mark.usefixtures("_as_installed")
def test_in_a_django_project(tmp_path: Path, seen: Seen) -> None:
    folder = written(tmp_path, DJANGO)
    env = {"PYTHONPATH": "", "DJANGO_SETTINGS_MODULE": "config.settings"}
    with up(folder, **env):
        shell = ("manage.py", "shell", "-v", "0", "-c")
        code = "from shop.images import give; print(give('from django'))"
        gave = program(folder, *shell, code, **of_the_running(folder))
        assert gave.returncode == 0, gave.stderr
        assert hookline(folder, "watch", gave.stdout.strip(), **env).returncode == 0

        refused = program(folder, *shell, "import worker")
        place = folder / "config/__init__.py"
        assert f"its own package `config`, but here that name means {place}" in refused.stderr

        checked = hookline(folder, "doctor", "--json", **env)
        findings = {each["name"]: each for each in json.loads(checked.stdout)}
        assert str(place) in findings["folder"]["message"]
        assert {each["verdict"] for each in findings.values()} == {"ok"}
    seen(
        case="A Django project with a package `config`",
        server=f"Django {version('django')}",
        result="`hookline up` ran a job that `manage.py shell` gave it over HTTP; `import worker` "
        "there fails in one sentence.",
    )


@pytest.mark.usefixtures("_as_installed")
def test_in_a_flask_project(tmp_path: Path, seen: Seen) -> None:
    folder = written(tmp_path, FLASK)
    with up(folder, PYTHONPATH=""):
        gave = program(folder, "-m", "flask", "draw", **of_the_running(folder))
        assert gave.returncode == 0, gave.stderr
        watched = hookline(folder, "watch", gave.stdout.strip(), PYTHONPATH="")
        assert watched.returncode == 0
    (folder / "worker.py").unlink()
    refused = program(folder, "-c", "from worker import imagine")
    assert f"but here that name means {folder / 'config.py'}" in refused.stderr
    seen(
        case="A Flask project with `config.py`, `worker.py` and `.flaskenv`",
        server=f"Flask {version('flask')}",
        result="`hookline up` ran a job that a Flask command gave it over HTTP; `import worker` "
        "there fails in one sentence.",
    )


SPAWNING = """
import multiprocessing
from hookline.start import main

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
"""


def test_web_processes_that_are_spawned_start_alike(tmp_path: Path) -> None:
    folder = trapped(tmp_path / "folder", (*INSTALLED, *STANDARD), packages=False)
    (tmp_path / "spawning.py").write_text(SPAWNING)
    port = str(free_port())
    settings = {
        "HOOKLINE_PORT": port,
        "HOOKLINE_PROVIDER_URL": "http://127.0.0.1:1",
        "HOOKLINE_REDIS_URL": "redis://127.0.0.1:1",
    }
    command = [sys.executable, "-P", str(tmp_path / "spawning.py"), "web"]
    with (
        (tmp_path / "web.out").open("w") as out,
        ended(subprocess.Popen(
            command, cwd=folder, env=clean_env(PYTHONPATH="", **settings), stdout=out, stderr=out,
            text=True,
        )) as web,
    ):  # fmt: skip
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/healthz") or web.poll(), "the web", 60)
        assert web.poll() is None, (tmp_path / "web.out").read_text()
        web.terminate()
        web.wait(30)
    assert imported(folder) == []
