"""The table of docs/neighbours.md: a row per case, as the tests saw it."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "neighbours.md"
_BEGIN, _END = "<!-- neighbours -->\n", "<!-- /neighbours -->"
#: The name under which a test reports a row.
PROPERTY = "neighbour"


class Row(NamedTuple):
    """What was tried, with which server or program and version, and what was seen."""

    case: str
    server: str
    result: str


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table, in the order of the tests."""
    lines = ["| case | with | what was seen |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def write(rows: Iterable[Row], page: Path = PAGE) -> None:
    """Replace the page's table. Raises ``ValueError`` if the page lacks the markers."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{page} lacks {_BEGIN.strip()} or {_END}")
    page.write_text(f"{before}{begin}{table(rows)}{end}{after}", encoding="utf-8")
