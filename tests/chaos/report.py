"""The table of results: for a terminal, and for docs/reliability.md."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

from tests.chaos.scenario import Row, Scenario
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
    failed = sum(not row.passed for row in rows)
    return (
        f"{sum(row.jobs for row in rows):,} jobs, {sum(row.faults for row in rows):,} faults: "
        f"{sum(row.lost for row in rows)} lost, {sum(row.paid_twice for row in rows)} paid twice; "
        f"{len(rows) - failed} of {len(rows)} scenarios passed"
    )


def write(results: Sequence[Result], seed: int, *, full: bool, page: Path = PAGE) -> None:
    """Put the table between the page's markers. Raises ``ValueError`` where there are none."""
    _put("chaos", _markdown(results, seed, full=full), page)


def write_protections(proofs: Sequence[Proof], seed: int, page: Path = PAGE) -> None:
    """Put what each missing protection led to between the page's other markers."""
    heads = ["| protection | what was changed | scenario | what it found |", "|---|---|---|---|"]
    rows = [
        f"| {each.protection.name} | {each.protection.change} | {each.protection.scenario} |"
        f" {_found(each)} |"
        for each in proofs
    ]
    _put("protections", "\n".join([f"Seed {seed}, {_where()}.", "", *heads, *rows]), page)


def _found(proof: Proof) -> str:
    """The first thing that was wrong, and how many more."""
    if not proof.found:
        return "NOTHING: the scenario is too weak"
    first, more = proof.found[0].replace("|", "/"), len(proof.found) - 1
    shown = first if len(first) <= _CELL else f"{first[:_CELL]} ..."
    return f"{shown} (and {more} more)" if more else shown


def _put(name: str, section: str, page: Path) -> None:
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    _, also_found, after = rest.partition(end)
    if not found or not also_found:
        raise ValueError(f"{page} lacks the markers {begin} and {end}")
    page.write_text(f"{before}{begin}\n{section}\n{end}{after}", encoding="utf-8")


def _where() -> str:
    day = datetime.now(UTC).date().isoformat()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{day}, {machine}, Python {platform.python_version()}"


def _markdown(results: Sequence[Result], seed: int, *, full: bool) -> str:
    heads = [f"| {' | '.join(_HEADS)} |", "|---|" + "---:|" * (len(_HEADS) - 2) + "---|"]
    rows = [f"| {' | '.join(_cells(scenario, row))} |" for scenario, row in results]
    size = "full size" if full else "short"
    note = f"{size}, seed {seed}, {_where()}"
    return "\n".join([f"{sums(results)} ({note}).", "", *heads, *rows])


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
