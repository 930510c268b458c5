"""Rows on a terminal: a table, or a block for each row where the terminal is too narrow for one."""

from collections.abc import Collection, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

_ANY_WIDTH = 10_000


def print_rows(rows: Sequence[Mapping[str, str]], numbers: Collection[str]) -> None:
    """Print the rows, the values of the first column as they are: nothing is cut.

    Values may have markup of rich; ``numbers``: the columns that are aligned at the right.
    """
    if not rows:
        return
    console, made = Console(highlight=False, soft_wrap=True), _table(rows, numbers)
    wide = console.options.update(width=_ANY_WIDTH)
    needed = Measurement.get(console, wide, made).maximum
    if console.is_terminal and needed > console.width:
        for row in rows:
            for text in _block(row):
                console.print(text)
        return
    console.width = needed
    console.print(made)


def _table(rows: Sequence[Mapping[str, str]], numbers: Collection[str]) -> Table:
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in rows[0]:
        made.add_column(name, justify="right" if name in numbers else "left")
    for row in rows:
        made.add_row(*row.values())
    return made


def _block(row: Mapping[str, str]) -> list[str]:
    first, *others = row.items()
    return [f"[bold]{first[1]}[/]", *(f"  {name:<9} {value}" for name, value in others)]
