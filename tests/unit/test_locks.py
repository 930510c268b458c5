"""The locks fit pyproject.toml and each other, and none of it has a hole that is known."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support.processes import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
#: The first versions in which every hole known at the end of November 2026 is closed.
CLOSED = {
    "aiohttp": "3.14.3",  # CVE-2026-69243, CVE-2026-69244, CVE-2026-59881
    "celery": "5.2.2",  # CVE-2021-23727
    "certifi": "2024.7.4",  # CVE-2024-39689
    "click": "8.3.3",  # CVE-2026-7246
    "flask": "3.1.3",  # CVE-2026-27205
    "granian": "2.7.4",  # CVE-2026-42544, CVE-2026-42545
    "idna": "3.15",  # CVE-2026-45409
    "jinja2": "3.1.6",  # CVE-2025-27516
    "pillow": "12.3.0",  # CVE-2026-54058, CVE-2026-59197, CVE-2026-59200
    "pydantic": "2.4.0",  # CVE-2024-3772
    "pygments": "2.20.0",  # CVE-2026-4539
    "python-dotenv": "1.2.2",  # CVE-2026-28684
    "redis": "4.5.5",  # CVE-2023-28858, CVE-2023-28859
    "requests": "2.33.0",  # CVE-2026-25645
    "urllib3": "2.8.0",  # CVE-2026-97687, CVE-2026-97689
    "werkzeug": "3.1.9",  # GHSA-g6x2-hccm-hh4m
}
FOR_DEVELOPERS = {"pytest", "mypy", "ruff", "django", "moto", "hypothesis", "coverage", "uv-build"}

_PIN = re.compile(
    r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: ; [^\\]*)?(.*(?:\n    --hash=.*)*)", re.MULTILINE
)


def pins(lock: str) -> dict[str, set[Version]]:
    """The versions of each package; several, where they depend on the platform."""
    found: dict[str, set[Version]] = {}
    for name, version, rest in _PIN.findall((ROOT / lock).read_text(encoding="utf-8")):
        assert "--hash=sha256:" in rest, f"{lock}: {name} has no hash"
        found.setdefault(canonicalize_name(name), set()).add(Version(version))
    assert found
    return found


def requirements(texts: list[str]) -> list[Requirement]:
    return [Requirement(text) for text in texts]


RUNTIME, DEV = pins("requirements.lock"), pins("requirements-dev.lock")
NEEDED = requirements(PROJECT["project"]["dependencies"])
EXTRA = requirements(
    [text for texts in PROJECT["project"]["optional-dependencies"].values() for text in texts]
)
GROUPS = {name: requirements(texts) for name, texts in PROJECT["dependency-groups"].items()}


@pytest.mark.parametrize(
    ("lock", "needed"),
    [
        ("requirements.lock", NEEDED),
        ("requirements-dev.lock", [*NEEDED, *EXTRA, *GROUPS["dev"]]),
        (".ci/supply.txt", GROUPS["supply"]),
    ],
)
def test_a_lock_has_what_is_asked_for(lock: str, needed: list[Requirement]) -> None:
    locked = pins(lock)
    for each in needed:
        versions = locked[canonicalize_name(each.name)]
        assert all(each.specifier.contains(version) for version in versions), each


def test_developers_have_the_versions_of_production() -> None:
    assert {name: DEV.get(name) for name in RUNTIME} == RUNTIME


def test_production_installs_no_tools_of_developers() -> None:
    assert FOR_DEVELOPERS & RUNTIME.keys() == set()
    assert DEV.keys() >= FOR_DEVELOPERS


@pytest.mark.parametrize("locked", [RUNTIME, DEV], ids=["production", "developers"])
def test_no_locked_version_has_a_known_hole(locked: dict[str, set[Version]]) -> None:
    old = {
        name: versions
        for name, versions in locked.items()
        if name in CLOSED and min(versions) < Version(CLOSED[name])
    }
    assert old == {}


def test_no_lower_bound_has_a_known_hole() -> None:
    """Without the lock, a version with a hole must not be enough either."""
    asked = [*NEEDED, *EXTRA]
    bounds: dict[str, Version] = {
        each.name: Version(clause.version)
        for each in asked
        for clause in each.specifier
        if clause.operator == ">="
    }
    assert {each.name for each in asked} == bounds.keys()
    installed = bounds.keys() | RUNTIME.keys()
    low = {
        name: first
        for name, first in CLOSED.items()
        if name in installed and bounds.get(name, Version("0")) < Version(first)
    }
    assert low == {}


def test_the_locks_name_no_hosts() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock", ".ci/supply.txt", ".ci/uv.txt"):
        assert "://" not in Path(ROOT / lock).read_text(encoding="utf-8"), lock
