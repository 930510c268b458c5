"""PURE. The header of a CSV file: what its names mean, and why no row below it can be valid."""

from collections.abc import Iterator, Sequence

from worker.domain.batch.defaults import Defaults, known_columns, needed, required
from worker.domain.errors import FieldError


class Header:
    """Reads headers of files that share the defaults."""

    def __init__(self, shared: Defaults) -> None:
        self._shared = shared

    def meant(self, names: Sequence[str]) -> Sequence[str]:
        """``names``, or those of known columns in their own spelling (``Prompt`` is ``prompt``) if
        otherwise a column were missing that every row needs.

        Only then, because a row of a file that was read before must not become another one.
        """
        if not self._lacks(names):
            return names
        known = {name.casefold(): name for name in known_columns(self._shared)}
        respelt = [
            name if name in known.values() else known.get(name.casefold(), name) for name in names
        ]
        return respelt if len(self._lacks(respelt)) < len(self._lacks(names)) else names

    def errors(self, names: Sequence[str]) -> Iterator[FieldError]:
        """Report a likely mistake once instead of for each row."""
        if "kind" in names or "prompt" in names:
            return
        missing = self._missing(names)
        for column in missing:
            yield FieldError("header", f"lacks `{column}`: {needed(column, names)}")
        needs = self._needs()
        if needs and not missing and not known_columns(self._shared).intersection(names):
            listed = ", ".join(f"`{name}`" for name in needs)
            yield FieldError(
                "header",
                f"names no field of {self._shared.kind}, which needs {listed}; the first line must "
                "name the columns. A file with a prompt per line is read as lines",
            )

    def _missing(self, names: Sequence[str]) -> list[str]:
        """Columns of the template that are not there."""
        return sorted(self._shared.columns.difference(names))

    def _needs(self) -> list[str]:
        """The fields that each row must have."""
        given = set(self._shared.fields)
        if self._shared.template is not None:
            given.add("prompt")
        return [name for name in required(self._shared.kind) if name not in given]

    def _lacks(self, names: Sequence[str]) -> list[str]:
        return [*self._missing(names), *(name for name in self._needs() if name not in names)]
