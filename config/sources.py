"""The sources of settings: the environment, a `.env` file and files of secrets."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from config.text_files import read_dotenv, text_of
from worker.domain.errors import FieldError

_PREFIX = "HOOKLINE_"
_PORT = "HOOKLINE_PORT"
#: Read by the clients of `clients/`, which may share our environment; no setting.
_OF_CLIENTS = "HOOKLINE_URL"


@dataclass(frozen=True, slots=True)
class Found:
    """Unchecked values by setting name, and the problems of reading them."""

    values: dict[str, str] = field(default_factory=dict, repr=False)
    problems: list[FieldError] = field(default_factory=list)
    incomplete: bool = False  #: some of the `.env` file could not be read
    #: The name that the user wrote, where a setting has another one.
    written: dict[str, str] = field(default_factory=dict)

    def renamed(self, problems: Iterable[FieldError]) -> list[FieldError]:
        """The same problems under the names that the user wrote."""
        return [replace(p, field=self.written.get(p.field, p.field)) for p in problems]


def collect(
    env: Mapping[str, str], dotenv: Path | None, names: Sequence[str], secrets: Sequence[str]
) -> Found:
    """Read `names` from `env` over `dotenv`; each of `secrets` may be in a file, `NAME_FILE`.

    An empty value counts as unset. Hosting platforms set `PORT` instead of HOOKLINE_PORT.
    """
    files = {f"{name}_FILE": name for name in secrets}
    known = {*names, *files, "PORT"}
    given = _given(env)
    lower, problems = read_dotenv(dotenv, _PREFIX) if dotenv else ({}, [])
    incomplete = bool(problems)
    lower = _given(lower)
    if dotenv:
        lower |= {name: str(dotenv.parent / lower[name]) for name in files if name in lower}
    for file, name in files.items():
        if file in given or name in given:  # either form in the environment beats both in .env
            lower.pop(file, None)
            lower.pop(name, None)
    given = lower | given
    values = {name: given[name] for name in names if name in given}
    problems += [
        _unknown(name, known)
        for name in given
        if name.startswith(_PREFIX) and name not in known and name != _OF_CLIENTS
    ]
    written = {}
    for file, name in files.items():
        if file not in given:
            continue
        if name in values:
            problems.append(FieldError(name, f"is set, and {file} as well: keep one"))
            continue
        try:
            values[name] = text_of(Path(given[file])).strip()
            written[name] = file
        except ValueError as error:
            problems.append(FieldError(file, str(error)))
    if _PORT not in values and "PORT" in given:
        values[_PORT] = given["PORT"]
        written[_PORT] = "PORT"
    return Found(values, problems, incomplete, written)


def _given(source: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in source.items() if value and value.strip()}


def _unknown(name: str, known: Iterable[str]) -> FieldError:
    near = difflib.get_close_matches(name, known, n=1)
    return FieldError(name, f"is not a setting; meant {near[0]}?" if near else "is not a setting")
