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
from config.settings import Settings
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

_NAMES = tuple(field.alias or name for name, field in Settings.model_fields.items())


def load_settings(
    env: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")
) -> Settings:
    """Read `env` (default: the process's own) over the file `dotenv`, which may be missing.

    Generates missing secrets. Raises `SettingsError` with every problem by the name of its setting;
    then nothing is written.
    """
    env = os.environ if env is None else env
    found = collect(env, dotenv, _NAMES, FROM_FILE)
    values: dict[str, Any] = dict(found.values)
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
    if missing:
        private_folder(settings.state_dir)
    try:
        for name, (file, make) in missing.items():
            values[name] = read_or_create(settings.state_dir / file, make)
    except (OSError, UnicodeError) as error:
        reason = f"cannot keep the generated secrets there ({error})"
        raise SettingsError([FieldError("HOOKLINE_STATE_DIR", reason)]) from error
    settings, wrong = _validate(values, env)
    if settings is None:
        raise SettingsError(wrong)
    return settings


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
