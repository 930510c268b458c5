"""What production installs is listed, and looked up."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.installed import ci_script
from tests.support.processes import ROOT


@pytest.fixture(scope="module")
def scripts() -> Callable[[str], ModuleType]:
    """The scripts of `.ci`, which are no package."""
    return ci_script


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
