"""PURE. Whole numbers as other programs write them.

A column of whole numbers with one empty cell is a column of floats to pandas, which writes ``5.0``
for ``5``. The same rows must not become other jobs by that.
"""

import re
from dataclasses import replace
from typing import Any

from worker.domain.batch.defaults import KEY
from worker.domain.batch.records import Record

#: Not ``5.000`` or ``5,000``, which may be five thousand.
_FLOAT = re.compile(r"([+-]?[0-9]{1,18})[.,]0{1,2}")
_WHOLE = re.compile(r"[0-9]{1,18}")


def whole(text: str) -> str:
    """``5`` for ``5.0``, ``5,0`` and ``5.00``; any other text as it is."""
    found = _FLOAT.fullmatch(text.strip())
    return found[1] if found else text


def whole_of(value: Any) -> Any:
    """5 for the float 5.0; any other value as it is."""
    return int(value) if _is_whole_float(value) else value


def as_before(record: Record) -> Record | None:
    """The row as it may have been written before: with ``5`` for each ``5.0``, or else with the key
    ``5.0`` for ``5``; None if neither applies. A prompt is never a number.
    """
    columns = {
        name: value if name == "prompt" else _whole(value, record)
        for name, value in record.columns.items()
    }
    if columns == record.columns and not _has_floats(record):
        key = str(record.columns.get(KEY, "")).strip()
        if not record.as_text or not _WHOLE.fullmatch(key):
            return None
        columns[KEY] = f"{key}.0"
    return replace(record, columns=columns)


def differ_in_key_only(record: Record, before: Record) -> bool:
    """Whether the two have the same values but for their key."""
    names = record.columns.keys() - {KEY}
    return record.as_text and all(record.columns[n] == before.columns[n] for n in names)


def _whole(value: Any, record: Record) -> Any:
    return whole(value) if record.as_text else whole_of(value)


def _has_floats(record: Record) -> bool:
    """Python finds 5.0 and 5 equal."""
    return any(map(_is_whole_float, record.columns.values()))


def _is_whole_float(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) < 2**53
