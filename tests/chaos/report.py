"""The table of results: for a terminal, and for docs/reliability.md."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from rich.table import Table

from tests.chaos.scenario import Row, Scenario
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.scenarios.protections import Proof

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
#: Characters of a problem in a table.
_CELL = 160

_HEADS = (
    "scenario",
    "jobs",
    "faults",
    "lost",
    "paid twice",
    "of them unlisted",
    "follow-ups missing",
    "doubled",
    "in doubt",
    "seconds",
    "result",
)

_PAGE_HEADS = (*_HEADS, "seed", "day")
_writing = Lock()

Result = tuple[Scenario, Row]


def table(results: Sequence[Result]) -> Table:
    """For a terminal."""
    shown = Table(*_HEADS)
    for scenario, row in results:
        shown.add_row(*_cells(scenario, row), style=None if row.passed else "red")
    return shown


def sums(results: Sequence[Result]) -> str:
    """The one line that people want."""
    rows = [row for _, row in results]
    kept = [row for scenario, row in results if not scenario.beyond]
    failed = sum(not row.passed for row in rows)
    return (
        f"{sum(row.jobs for row in rows):,} jobs, {sum(row.faults for row in rows):,} faults: "
        f"{sum(row.lost for row in kept)} lost, {sum(row.paid_twice for row in kept)} paid twice; "
        f"{len(rows) - failed} of {len(rows)} scenarios passed"
    )


def write(scenario: Scenario, row: Row, seed: int, page: Path = PAGE) -> None:
    """Put one row into the page's table; those of other scenarios stay as they were.

    Raises ``ValueError`` where the page lacks the markers.
    """
    with _writing:
        rows = {_name(line): line for line in _section("chaos", page).splitlines() if _name(line)}
        cells = [*_cells(scenario, row), f"{seed}", datetime.now(UTC).date().isoformat()]
        rows[scenario.name] = f"| {' | '.join(cells)} |"
        told = {_told(line): line for line in _section("chaos", page).splitlines() if _told(line)}
        told[scenario.name] = f"- {scenario.name}: {row.figures}" if row.figures else ""
        lines = [rows[each.name] for each in SCENARIOS if each.name in rows]
        heads = [f"| {' | '.join(_PAGE_HEADS)} |", "|---|" + "---:|" * 9 + "---|---:|---|"]
        figures = [line for each in SCENARIOS if (line := told.get(each.name))]
        shown = [_sums_of(lines), "", *heads, *lines, *([""] if figures else []), *figures]
        _put("chaos", "\n".join(shown), page)


def _name(line: str) -> str | None:
    """The scenario of a line of the page's table, if it is one."""
    first = line.removeprefix("| ").split(" ", 1)[0]
    return first if line.startswith("| ") and first in {s.name for s in SCENARIOS} else None


def _told(line: str) -> str | None:
    """The scenario of a line below the page's table that tells further figures."""
    first = line.removeprefix("- ").partition(":")[0]
    return first if line.startswith("- ") and first in {s.name for s in SCENARIOS} else None


def _sums_of(lines: Sequence[str]) -> str:
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    beyond = {scenario.name for scenario in SCENARIOS if scenario.beyond}
    kept = [row for row in cells if row[0].split(" ")[0] not in beyond]
    jobs, faults, lost, twice = (
        sum(int(row[column].replace(",", "")) for row in kept) for column in range(1, 5)
    )
    passed = sum(row[len(_HEADS) - 1] == "passed" for row in cells)
    there = {_name(line) for line in lines}
    missing = [scenario.name for scenario in SCENARIOS if scenario.name not in there]
    not_yet = f" Not run at this size yet: {', '.join(missing)}." if missing else ""
    return (
        f"{jobs:,} jobs, {faults:,} faults: {lost} lost, {twice} paid twice; {passed} of"
        f" {len(cells)} scenarios passed ({_machine()}).{not_yet}"
    )


def write_protections(proofs: Sequence[Proof], seed: int, page: Path = PAGE) -> None:
    """Put what each missing protection led to between the page's other markers."""
    heads = ["| protection | what was changed | scenario | what it found |", "|---|---|---|---|"]
    rows = [
        f"| {each.protection.name} | {each.protection.change} | {each.protection.scenario} |"
        f" {_found(each)} |"
        for each in proofs
    ]
    day = datetime.now(UTC).date().isoformat()
    _put("protections", "\n".join([f"Seed {seed}, {day}, {_machine()}.", "", *heads, *rows]), page)


def _found(proof: Proof) -> str:
    """What had to be found, and how much more was."""
    if not proof.noticed:
        return "NOT NOTICED: the scenario is too weak, or broken"
    first, more = proof.signs[0].replace("|", "/"), len(proof.found) - 1
    shown = first if len(first) <= _CELL else f"{first[:_CELL]} ..."
    return f"{shown} (and {more} more)" if more else shown


def _put(name: str, section: str, page: Path) -> None:
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text, old = page.read_text(encoding="utf-8"), _section(name, page)
    page.write_text(text.replace(f"{begin}{old}{end}", f"{begin}\n{section}\n{end}"), "utf-8")


def _section(name: str, page: Path) -> str:
    """What is between the page's markers of this name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    _, found, rest = page.read_text(encoding="utf-8").partition(begin)
    section, also_found, _ = rest.partition(end)
    if not found or not also_found:
        raise ValueError(f"{page} lacks the markers {begin} and {end}")
    return section


def _machine() -> str:
    kind = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{kind}, Python {platform.python_version()}"


def _cells(scenario: Scenario, row: Row) -> list[str]:
    numbers = (
        row.jobs,
        row.faults,
        row.lost,
        row.paid_twice,
        row.unlisted,
        row.follow_ups_missing,
        row.follow_ups_doubled,
        row.in_doubt,
        round(row.seconds),
    )
    result = "passed" if row.passed else "FAILED"
    return [f"{scenario.name} {scenario.title}", *(f"{number:,}" for number in numbers), result]
