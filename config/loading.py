"""Reads the settings, once, and reports all problems at once.

The environment wins over `.env`, an empty value counts as unset, and each secret may come from a
file named by `NAME_FILE`.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config import checks
from config.accounts import read_accounts
from config.generated import plain_secret, read_or_create, webhook_secret
from config.settings import STATE_DIR, STORAGE_URL, Settings
from config.sources import collect
from config.state_folder import private_folder
from worker.domain.errors import FieldError, SettingsError

#: May also come from a file: `NAME_FILE`.
FROM_FILE = (
    "HOOKLINE_REDIS_URL",
    "HOOKLINE_BROKER_URL",
    "HOOKLINE_PROVIDER_KEY",
    "HOOKLINE_LEDGER_TOKEN",
    "HOOKLINE_SECRET",
    "HOOKLINE_API_TOKEN",
    "HOOKLINE_NOTIFY_SECRET",
    "HOOKLINE_PROXY",
)

#: Generated in the state directory if they are not set: name -> file, generator.
GENERATED = {
    "HOOKLINE_SECRET": ("secret", plain_secret),
    "HOOKLINE_API_TOKEN": ("api-token", plain_secret),
    "HOOKLINE_NOTIFY_SECRET": ("notify-secret", webhook_secret),
}

_STATE, _STORAGE = "HOOKLINE_STATE_DIR", "HOOKLINE_STORAGE_URL"
_PATHS = (_STATE, checks.ACCOUNTS, *(f"{name}_FILE" for name in FROM_FILE))
_PLACES = {_STATE: STATE_DIR, _STORAGE: STORAGE_URL}  #: where they are by default

_NAMES = tuple(field.alias or name for name, field in Settings.model_fields.items())


def load_settings(
    env: Mapping[str, str] | None = None,
    dotenv: Path | None = Path(".env"),
    *,
    folder: Path | None = None,
    keeps: bool = True,
) -> Settings:
    """Read `env` (default: the process's own) over the file `dotenv`, which may be missing.

    `folder`: where relative paths begin, except those in `env`; None: in the current directory.
    `keeps`: whether generated secrets are stored; otherwise missing ones are this process's own,
    and no folder is made. Raises `SettingsError` with every problem by the name of its setting;
    then nothing is written.
    """
    env = os.environ if env is None else env
    found = collect(env, dotenv, _NAMES, FROM_FILE)
    values: dict[str, Any] = dict(found.values)
    if folder is not None:
        placed = in_folder(folder, _PLACES | found.values)
        values |= {name: value for name, value in placed.items() if not env.get(name)}
    values.setdefault("HOOKLINE_LOG_FORMAT", "console" if sys.stderr.isatty() else "json")
    missing = {name: made for name, made in GENERATED.items() if name not in values}
    placeholders = {name: make() for name, (_, make) in missing.items()}
    unread = _read_accounts(values)
    settings, wrong = _validate(values | placeholders, env)
    named = {problem.field for problem in found.problems}
    wrong += [*unread, *(() if found.incomplete else checks.across(found.values))]
    problems = [*found.problems, *(p for p in wrong if p.field not in named)]
    if settings is None or problems:
        raise SettingsError(found.renamed(problems))
    if missing and keeps:
        private_folder(settings.state_dir)
    try:
        for name, (file, make) in missing.items():
            kept = settings.state_dir / file
            if keeps or kept.exists():
                values[name] = read_or_create(kept, make)
            else:
                values[name] = placeholders[name]
    except (OSError, UnicodeError) as error:
        reason = f"cannot keep the generated secrets there ({error})"
        raise SettingsError([FieldError("HOOKLINE_STATE_DIR", reason)]) from error
    settings, wrong = _validate(values, env)
    if settings is None:
        raise SettingsError(wrong)
    return settings


def given_names(env: Mapping[str, str], dotenv: Path) -> set[str]:
    """The settings that `env` or the file `dotenv` names, whatever is wrong with them."""
    return set(collect(env, dotenv, _NAMES, FROM_FILE).values)


def in_folder(folder: Path, values: Mapping[str, str]) -> dict[str, str]:
    """`values` with absolute paths: relative ones begin in `folder`."""
    paths = (name for name in _PATHS if name in values)
    placed = dict(values) | {name: str(folder / values[name]) for name in paths}
    scheme, mark, path = values.get(_STORAGE, "").partition("://")
    if mark and scheme in ("file", "local") and not path.startswith("~"):
        placed[_STORAGE] = f"{scheme}://{folder / path}"
    return placed


def _read_accounts(values: dict[str, Any]) -> list[FieldError]:
    """Replace the name of the accounts' file by its content; return the problems."""
    name = "HOOKLINE_ACCOUNTS"
    if name not in values:
        return []
    file, problems = read_accounts(Path(values.pop(name)))
    if file is not None:
        values[name] = file
    return [FieldError(name, problem) for problem in problems]


def _validate(
    values: Mapping[str, Any], env: Mapping[str, str]
) -> tuple[Settings | None, list[FieldError]]:
    """The settings, or the problems of single values, which are not repeated."""
    try:
        return Settings.model_validate(values, context=env), []
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
    return None, [
        FieldError(_name_of(detail["loc"][0]), detail["msg"].removeprefix("Value error, "))
        for detail in details
    ]


def _name_of(place: int | str) -> str:
    """The setting: of a default that is wrong pydantic only says the field."""
    field = Settings.model_fields.get(str(place))
    return (field and field.alias) or str(place)
