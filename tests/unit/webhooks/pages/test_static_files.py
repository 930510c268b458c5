"""What browsers load: our own files and those of others, each as it is locked."""

import tomllib
from hashlib import sha256
from pathlib import Path

from tests.support.processes import ROOT
from tests.support.web import Web
from webhooks.pages.static_files import StaticFiles

LOCK = tomllib.loads((ROOT / ".ci/vendor.toml").read_text("utf-8"))["package"]
FILES = {file["to"]: file["sha256"] for package in LOCK for file in package["files"]}


def test_vendored_files_are_what_is_locked() -> None:
    folders = (ROOT / "webhooks/static/vendor", ROOT / "tests/vendor")
    there = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    found = {p.relative_to(ROOT).as_posix(): sha256(p.read_bytes()).hexdigest() for p in there}
    assert found == FILES


def test_each_package_comes_with_its_licence() -> None:
    for package in LOCK:
        assert package["licence"]
        assert any(file["from"].startswith("LICENSE") for file in package["files"])


def test_a_file_is_kept_for_a_year_by_its_content(tmp_path: Path) -> None:
    client, url = Web(tmp_path).client, StaticFiles().url("app.css")
    answer = client.get(url)
    assert (answer.status_code, answer.mimetype) == (200, "text/css")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for other in ("/static/app.css", url.replace("app.", "app.0"), "/static/../app.py"):
        assert client.get(other).status_code == 404


def test_only_what_browsers_need_is_served() -> None:
    files = StaticFiles()
    assert not [name for name in files._by_name if not name.endswith((".css", ".js", ".svg"))]  # noqa: SLF001


def test_scripts_and_styles_load_nothing_else() -> None:
    for path in (ROOT / "webhooks/static").glob("*.*"):
        text = path.read_text("utf-8").replace("http://www.w3.org/", "")
        assert "http:" not in text
        assert "https:" not in text
