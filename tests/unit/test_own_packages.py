"""Where a name of ours means something else, an import says so at once."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def imported(folder: Path, code: str = "import worker", *paths: Path) -> str:
    """What a program in the folder says that imports `worker`; empty if all is well."""
    setup = f"import sys; sys.path[:0] = {[str(path) for path in (folder, *paths)]}; "
    done = subprocess.run(
        [sys.executable, "-P", "-c", setup + code],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode == 0) is (not done.stderr)
    return done.stderr


@pytest.mark.parametrize("file", ["config.py", "config/__init__.py"])
@pytest.mark.parametrize("code", ["import worker", "import config, worker", "import worker.domain"])
def test_another_config_is_named_in_one_sentence(tmp_path: Path, file: str, code: str) -> None:
    place = tmp_path / file
    place.parent.mkdir(exist_ok=True)
    place.touch()
    *_, last = imported(tmp_path, code).splitlines()
    assert last.startswith("ImportError: Hookline's `worker` needs its own package `config`, but")
    assert str(place) in last
    assert "hookline up" in last


def test_a_module_that_was_made_up_is_another_config_as_well(tmp_path: Path) -> None:
    code = "import sys, types; sys.modules['config'] = types.ModuleType('config'); import worker"
    assert "needs its own package `config`" in imported(tmp_path, code)


@pytest.mark.parametrize("ours", [(), (ROOT,)], ids=["installed", "on the path"])
def test_a_folder_called_config_without_python_is_no_package(
    tmp_path: Path, ours: tuple[Path, ...]
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/app.yaml").touch()
    assert imported(tmp_path, "from worker import imagine", *ours) == ""


def test_a_link_to_the_checkout_is_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(ROOT)
    code = "from worker import imagine; import worker; assert 'linked' in worker.__file__"
    assert imported(tmp_path, code, tmp_path / "linked") == ""
