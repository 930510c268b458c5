"""One line of the comparison table, and the marks that are to be met."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of ours beside its floor, the least that anybody could do, from the same run."""

    what: str
    unit: str
    ours: float
    floor: float | None = None
    ratio: float | None = None
    note: str = ""
    mark: str = ""
    passed: bool | None = None  #: None where there is no mark to meet

    def at_least(self, ratio: float) -> Self:
        """This row with the mark that its ratio must not be below ``ratio``."""
        return self._marked(f"ratio >= {ratio:g}", passed=(self.ratio or 0) >= ratio)

    def below_ratio(self, ratio: float) -> Self:
        """This row with the mark that its ratio must be below ``ratio``."""
        return self._marked(f"ratio < {ratio:g}", passed=(self.ratio or ratio) < ratio)

    def below(self, figure: float) -> Self:
        """This row with the mark that our figure must be below ``figure``."""
        return self._marked(f"< {figure:g} {self.unit}", passed=self.ours < figure)

    def _marked(self, mark: str, *, passed: bool) -> Self:
        return replace(self, mark=mark, passed=passed)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def table(rows: list[Row], title: str) -> Table:
    shown = Table(title=title, title_justify="left", title_style="bold")
    shown.add_column("what")
    for name in ("floor", "ours", "ratio"):
        shown.add_column(name, justify="right")
    shown.add_column("mark")
    shown.add_column("")
    for row in rows:
        shown.add_row(
            row.what + (f"\n[dim]{row.note}[/dim]" if row.note else ""),
            _figure(row.floor, row.unit),
            _figure(row.ours, row.unit),
            "" if row.ratio is None else f"{row.ratio:.2f}",
            row.mark,
            {None: "", True: "[green]pass[/green]", False: "[red]FAIL[/red]"}[row.passed],
        )
    return shown


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    digits = 0 if value >= 100 or value == int(value) else 2 if value < 10 else 1
    return f"{value:,.{digits}f} {unit}"
