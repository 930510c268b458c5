"""What Hookline is made of, and whether any of it has a known hole. Called by the Makefile.

    python3 .ci/supply.py wheel   build dist/hookline-*.whl
    python3 .ci/supply.py sbom    write dist/hookline.cdx.json: what requirements.lock installs, as
                                  CycloneDX says
    python3 .ci/supply.py audit   look for known holes in it. Exit code 1: there are; 3: the data is
                                  out of reach, so that nothing is known

The tools are installed from .ci/supply.txt into .uv/supply, apart from ours. Only `audit` needs
more than the package index: the advisories of PyPI.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from install import (
    LOCK,
    ROOT,
    SUPPLY_LOCK,
    UV_HOME,
    VENV,
    fill,
    made_by_this_python,
    prepared,
    run,
)

TOOLS = UV_HOME / "supply"
DIST = ROOT / "dist"
SBOM = DIST / "hookline.cdx.json"
HOLES, UNKNOWN = 1, 3


def main() -> None:
    """Do what the first argument says."""
    uv, environment = prepared()
    what = sys.argv[1:]
    if what == ["wheel"]:
        build = [uv, "build", "--quiet", "--wheel", "--offline", "--no-build-isolation"]
        run([*build, "--python", str(VENV / "bin/python"), "--out-dir", str(DIST)], environment)
    elif what == ["sbom"]:
        bring_tools(uv, environment)
        sbom()
        print(SBOM.relative_to(ROOT))
    elif what == ["audit"]:
        bring_tools(uv, environment)
        sys.exit(audit())
    else:
        sys.exit(__doc__)


def bring_tools(uv: str, environment: dict[str, str]) -> None:
    """Install the tools, unless they are there: then no index is needed."""
    lock, installed = (ROOT / SUPPLY_LOCK).read_text(encoding="utf-8"), TOOLS / "installed.txt"
    there = installed.exists() and installed.read_text(encoding="utf-8") == lock
    if not (there and made_by_this_python(TOOLS)):
        fill(TOOLS, SUPPLY_LOCK, uv, environment)
        installed.write_text(lock, encoding="utf-8")


def sbom() -> None:
    """Write the bill: every package that production may install, with its hashes."""
    DIST.mkdir(exist_ok=True)
    made = [str(TOOLS / "bin/cyclonedx-py"), "requirements", "--pyproject", "pyproject.toml"]
    form = ["--mc-type", "application", "--sv", "1.6", "--of", "JSON", "--output-reproducible"]
    # It warns that the project itself has no dependencies: a list of versions does not say whose.
    run([*made, *form, "-o", str(SBOM), LOCK], {"PYTHONWARNINGS": "ignore"})


def audit() -> int:
    """Print the known holes of what production installs; return the exit code."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = [str(TOOLS / "bin/pip-audit"), "--require-hashes", "--disable-pip"]
        command += ["--progress-spinner", "off", "--format", "json", "--output", str(report)]
        done = subprocess.run(
            [*command, "--requirement", LOCK], capture_output=True, text=True, check=False
        )
        if not report.exists():
            return unknown((done.stderr.strip().splitlines() or ["no reason given"])[-1])
        found = json.loads(report.read_text(encoding="utf-8"))["dependencies"]
    holes = [(each, hole) for each in found for hole in each.get("vulns", ())]
    for each, hole in holes:
        fixed = ", ".join(hole["fix_versions"]) or "no version yet"
        print(f"{each['name']} {each['version']}: {hole['id']}, fixed in {fixed}")
    # A mirror without advisories answers that there is no such package, which is no trouble to
    # pip-audit.
    skipped = [each["skip_reason"] for each in found if "skip_reason" in each]
    if skipped and not holes:
        return unknown(f"{len(skipped)} of {len(found)} packages: {skipped[0]}")
    print(f"{len(found) - len(skipped)} packages audited, {len(holes)} known holes")
    return HOLES if holes else 0


def unknown(reason: str) -> int:
    """Say that nothing is known, and why; return the exit code."""
    print(f"Not audited: PyPI's advisories are out of reach. {reason}", file=sys.stderr)
    return UNKNOWN


if __name__ == "__main__":
    main()
