"""Where settings come from: the environment, a `.env` file and secrets' own files."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dotenv import dotenv_values

from worker.errors import FieldError

_PREFIX = "HOOKLINE_"
_PORT = "HOOKLINE_PORT"

#: Promised, not there yet: better refused than silently without effect.
_LATER = ("HOOKLINE_ACCOUNTS",)


@dataclass(frozen=True, slots=True)
class Found:
    """The values by setting name, unchecked, and what was wrong with finding them."""

    values: dict[str, str] = field(default_factory=dict, repr=False)
    problems: list[FieldError] = field(default_factory=list)
    #: True where the port is that of `PORT`.
    port_is_fallback: bool = False

    def renamed(self, problems: Iterable[FieldError]) -> list[FieldError]:
        """The same problems under the names that the user wrote."""
        if not self.port_is_fallback:
            return list(problems)
        return [replace(p, field="PORT") if p.field == _PORT else p for p in problems]


def collect(
    env: Mapping[str, str], dotenv: Path | None, names: Sequence[str], secrets: Sequence[str]
) -> Found:
    """Take `names` from `env` over `dotenv`; each of `secrets` may be in a file, `NAME_FILE`.

    An empty value counts as unset. `PORT` stands in for HOOKLINE_PORT, as hosting platforms set it.
    """
    files = {f"{name}_FILE": name for name in secrets}
    known = {*names, *files, "PORT"}
    given = _given(env)
    lower = _given(dotenv_values(dotenv, interpolate=False)) if dotenv else {}
    for file, name in files.items():
        if file in given or name in given:  # either form in the environment beats both in .env
            lower.pop(file, None)
            lower.pop(name, None)
    given = lower | given
    values = {name: given[name] for name in names if name in given}
    problems = [
        _unknown(name, known) for name in given if name.startswith(_PREFIX) and name not in known
    ]
    for file, name in files.items():
        if file not in given:
            continue
        if name in values:
            problems.append(FieldError(name, f"is set, and {file} as well: keep one"))
            continue
        try:
            values[name] = Path(given[file]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            problems.append(FieldError(file, f"cannot be read: {reason}"))
    fallback = _PORT not in values and "PORT" in given
    if fallback:
        values[_PORT] = given["PORT"]
    return Found(values, problems, fallback)


def _given(source: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value.strip() for name, value in source.items() if value and value.strip()}


def _unknown(name: str, known: Iterable[str]) -> FieldError:
    if name in _LATER:
        return FieldError(name, "is not available yet")
    near = difflib.get_close_matches(name, known, n=1)
    return FieldError(name, f"is not a setting; meant {near[0]}?" if near else "is not a setting")
