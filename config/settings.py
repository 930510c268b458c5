"""The settings: a frozen value, read once, with all problems reported at once.

The environment wins over `.env`, an empty value counts as unset, and each secret may come from a
file named by `NAME_FILE`.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from config import checks
from config.accounts import AccountsFile, read_accounts
from config.generated import plain_secret, read_or_create, webhook_secret
from config.redis_urls import Broker, as_broker, broker_for
from config.sources import collect
from worker.domain.account import Account, Auth, Budgets, Dialect
from worker.domain.assets import naming
from worker.domain.errors import FieldError, SettingsError
from worker.domain.events import InDoubt, Policy


class Settings(BaseModel):
    """The settings. URLs that may hold passwords are left out of the `repr`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    redis_url: checks.RedisUrl | None = Field(None, alias="HOOKLINE_REDIS_URL", repr=False)
    """The job store; unset: a private Redis under `state_dir`."""

    broker_url: checks.BrokerUrl | None = Field(None, alias="HOOKLINE_BROKER_URL", repr=False)
    """Celery's broker; unset: the same Redis, the next database. Use `broker()`."""

    provider_url: checks.ProviderUrl | None = Field(None, alias="HOOKLINE_PROVIDER_URL")
    """The base before `/mj`, without a trailing slash; unset: the sandbox."""

    provider_key: checks.HeaderSecret = Field(SecretStr(""), alias="HOOKLINE_PROVIDER_KEY")
    provider_auth: Auth = Field("bearer", alias="HOOKLINE_PROVIDER_AUTH")
    provider_dialect: Dialect = Field("auto", alias="HOOKLINE_PROVIDER_DIALECT")

    max_running: int = Field(3, alias="HOOKLINE_MAX_RUNNING", ge=1, le=100)
    """Jobs that run at once."""

    accounts_file: AccountsFile | None = Field(None, alias="HOOKLINE_ACCOUNTS")
    """A file of several accounts, instead of the five settings above. Use `accounts`."""

    submit_timeout_s: float = Field(80.0, alias="HOOKLINE_SUBMIT_TIMEOUT_S", ge=1, le=600)
    """Seconds for a submission; then it is cut off, and the job is in doubt."""

    doubt_window_s: float = Field(1800.0, alias="HOOKLINE_DOUBT_WINDOW_S", ge=5, le=86_400)
    """Seconds that a job in doubt waits for evidence: more than the slowest task takes."""

    in_doubt: InDoubt = Field("hold", alias="HOOKLINE_IN_DOUBT")
    """What follows a doubt without evidence: wait for a person, submit again, or give up."""

    max_resubmits: int = Field(1, alias="HOOKLINE_MAX_RESUBMITS", ge=0, le=5)
    """Automatic submissions of one job after a doubt, at most."""

    allowed_hosts: checks.Words = Field((), alias="HOOKLINE_ALLOWED_HOSTS")
    """Hosts that may serve pictures and receive notifications over plain http or at a private
    address."""

    choosers: checks.Words = Field((), alias="HOOKLINE_CHOOSERS")
    """Modules whose functions a `choose` may name; to allow any function is to allow any code."""

    public_url: checks.PublicUrl | None = Field(None, alias="HOOKLINE_PUBLIC_URL")
    """The address at which the provider reaches the web process, without a trailing slash; unset:
    polling only."""

    secrets: checks.SigningSecrets = Field(alias="HOOKLINE_SECRET")
    """Secrets of the state tokens, newest first: the first signs, all verify."""

    api_token: checks.ApiToken = Field(alias="HOOKLINE_API_TOKEN")
    notify_secrets: checks.WebhookSecrets = Field(alias="HOOKLINE_NOTIFY_SECRET")
    """`whsec_...`, newest first; each signs notifications by the Standard Webhooks scheme."""

    host: checks.Host = Field("127.0.0.1", alias="HOOKLINE_HOST")
    """The address on which the web process listens."""

    port: int = Field(8000, alias="HOOKLINE_PORT", ge=0, le=65535)
    """Its port, 0: a free one; `PORT` is used if HOOKLINE_PORT is unset."""

    storage_url: checks.StorageUrl = Field(
        "file://./output", alias="HOOKLINE_STORAGE_URL", repr=False
    )
    """Where results and input pictures are stored: an fsspec URL."""

    asset_names: checks.AssetNames = Field(naming.DEFAULT, alias="HOOKLINE_ASSET_NAMES")
    """The template of the names of stored files, below the storage's root."""

    state_dir: checks.AbsolutePath = Field(
        Path(".hookline"), alias="HOOKLINE_STATE_DIR", validate_default=True
    )
    """The folder of the private Redis and the generated secrets; made absolute."""

    retention: checks.Retention = Field("30d", alias="HOOKLINE_RETENTION", validate_default=True)
    """How long pipelines stay in Redis after their end, by the status of their root; in seconds."""

    log_format: Literal["console", "json"] = Field("json", alias="HOOKLINE_LOG_FORMAT")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], checks.Lower] = Field(
        "info", alias="HOOKLINE_LOG_LEVEL"
    )

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The provider's accounts; none if the sandbox stands in for it."""
        if self.accounts_file is not None:
            tables = self.accounts_file.accounts.items()
            return tuple(table.account(name, self.allowed_hosts) for name, table in tables)
        if self.provider_url is None:
            return ()
        account = Account(
            name="default",
            url=self.provider_url,
            key=self.provider_key.get_secret_value(),
            auth=self.provider_auth,
            dialect=self.provider_dialect,
            max_running=self.max_running,
            allowed_hosts=checks.picture_hosts(self.provider_url, self.allowed_hosts),
        )
        return (account,)

    @property
    def receivers(self) -> frozenset[str]:
        """Hosts that may receive notifications over plain http or at a private address: those
        allowed, and this machine while the web process listens on it alone.
        """
        named = {host.lower() for host in self.allowed_hosts}
        return frozenset(named | (checks.LOOPBACK if checks.is_loopback(self.host) else set()))

    @property
    def budgets(self) -> Budgets:
        """The budgets of the day and of the tenants."""
        return self.accounts_file.budgets() if self.accounts_file else Budgets()

    @property
    def policy(self) -> Policy:
        """How jobs in doubt and silent accounts are treated."""
        return Policy(
            # Beyond the deadline, with room for a slow exchange and for clock skew.
            lease_s=1.5 * self.submit_timeout_s + 2.0,
            in_doubt=self.in_doubt,
            doubt_window_s=self.doubt_window_s,
            max_resubmits=self.max_resubmits,
        )

    def broker(self, redis_url: str) -> Broker:
        """Celery's broker, given the Redis in use (the setting's, or the private one's)."""
        return as_broker(self.broker_url) if self.broker_url else broker_for(redis_url)

    def secret_values(self) -> frozenset[str]:
        """Every value that must not appear in a log, for `config.logs`."""
        tables = self.accounts_file.accounts.values() if self.accounts_file else ()
        keys = (self.provider_key, *(table.secret() for table in tables))
        held = (*self.secrets, *keys, self.api_token, *self.notify_secrets)
        urls = (self.redis_url, self.broker_url, self.storage_url)
        passwords = (checks.password_of(url) for url in urls if url)
        return frozenset(filter(None, (*(s.get_secret_value() for s in held), *passwords)))


#: May also come from a file: `NAME_FILE`.
_SECRET_NAMES = (
    "HOOKLINE_REDIS_URL",
    "HOOKLINE_BROKER_URL",
    "HOOKLINE_PROVIDER_KEY",
    "HOOKLINE_SECRET",
    "HOOKLINE_API_TOKEN",
    "HOOKLINE_NOTIFY_SECRET",
)

#: Generated in the state directory if they are missing: name -> file, generator.
_GENERATED = {
    "HOOKLINE_SECRET": ("secret", plain_secret),
    "HOOKLINE_API_TOKEN": ("api-token", plain_secret),
    "HOOKLINE_NOTIFY_SECRET": ("notify-secret", webhook_secret),
}

ACCOUNTS = "HOOKLINE_ACCOUNTS"
#: What it replaces.
ONE_ACCOUNT = (
    "HOOKLINE_PROVIDER_URL",
    "HOOKLINE_PROVIDER_KEY",
    "HOOKLINE_PROVIDER_AUTH",
    "HOOKLINE_PROVIDER_DIALECT",
    "HOOKLINE_MAX_RUNNING",
)

_NAMES = tuple(field.alias or name for name, field in Settings.model_fields.items())


def load_settings(
    env: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")
) -> Settings:
    """Read `env` (default: the process's own) over the file `dotenv`, which may be missing.

    Generates missing secrets. Raises `SettingsError` with every problem by the name of its setting;
    then nothing is written.
    """
    found = collect(os.environ if env is None else env, dotenv, _NAMES, _SECRET_NAMES)
    values: dict[str, Any] = dict(found.values)
    values.setdefault("HOOKLINE_LOG_FORMAT", "console" if sys.stderr.isatty() else "json")
    missing = {name: made for name, made in _GENERATED.items() if name not in values}
    placeholders = {name: make() for name, (_, make) in missing.items()}
    unread = _read_accounts(values)
    settings, wrong = _validate(values | placeholders)
    named = {problem.field for problem in found.problems}
    wrong += [*unread, *_together(found.values)]
    problems = [*found.problems, *(p for p in wrong if p.field not in named)]
    if settings is None or problems:
        raise SettingsError(found.renamed(problems))
    try:
        for name, (file, make) in missing.items():
            values[name] = read_or_create(settings.state_dir / file, make)
    except (OSError, UnicodeError) as error:
        reason = f"cannot keep the generated secrets there ({error})"
        raise SettingsError([FieldError("HOOKLINE_STATE_DIR", reason)]) from error
    settings, wrong = _validate(values)
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


def _validate(values: Mapping[str, Any]) -> tuple[Settings | None, list[FieldError]]:
    """The settings, or the problems of single values, which are not repeated."""
    try:
        return Settings.model_validate(values), []
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
    return None, [
        FieldError(str(detail["loc"][0]), detail["msg"].removeprefix("Value error, "))
        for detail in details
    ]


def _together(values: Mapping[str, str]) -> Iterator[FieldError]:
    """The rules between settings. A value that is invalid itself breaks none of them."""
    if "HOOKLINE_ACCOUNTS" in values:
        reason = "cannot stand beside HOOKLINE_ACCOUNTS, whose file has it for each account"
        yield from (FieldError(name, reason) for name in ONE_ACCOUNT if name in values)
    else:
        yield from _one_account(values)
    public = checks.is_remote(values.get("HOOKLINE_PUBLIC_URL", ""))
    exposed = not checks.is_loopback(values.get("HOOKLINE_HOST", "127.0.0.1"))
    if (public or exposed) and "HOOKLINE_SECRET" not in values:
        where = "HOOKLINE_PUBLIC_URL" if public else "HOOKLINE_HOST"
        yield FieldError("HOOKLINE_SECRET", f"must be set when {where} is not this machine's own")
    if exposed and "HOOKLINE_API_TOKEN" not in values:
        yield FieldError(
            "HOOKLINE_API_TOKEN", "must be set when HOOKLINE_HOST is not this machine's own"
        )


def _one_account(values: Mapping[str, str]) -> Iterator[FieldError]:
    provider = values.get("HOOKLINE_PROVIDER_URL")
    if provider and checks.is_remote(provider) and "HOOKLINE_PROVIDER_KEY" not in values:
        yield FieldError("HOOKLINE_PROVIDER_KEY", "is needed with HOOKLINE_PROVIDER_URL")
    if not provider and "HOOKLINE_PROVIDER_KEY" in values:
        yield FieldError("HOOKLINE_PROVIDER_URL", "is needed with HOOKLINE_PROVIDER_KEY")
