"""The settings: a frozen value. ``config.loading`` reads it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from config import checks, redis_urls
from config.accounts import AccountsFile
from config.broker_options import QueueType
from config.broker_urls import Broker, broker_beside, parse_broker
from config.proxies import ProxiesSetting
from worker.domain import numerals
from worker.domain.account import Account, Auth, Budgets, Dialect
from worker.domain.assets import naming
from worker.domain.assets.limits import ImageLimits, ResultLimits
from worker.domain.destinations import SEPARATOR, Destinations
from worker.domain.events import InDoubt, Policy
from worker.domain.job_spec import Notify
from worker.domain.notifications import ALERTS, Topic

#: Where the state and the pictures are by default, below the folder of `hookline up`.
STATE_DIR, STORAGE_URL = ".hookline", "file://./output"

_NUMBERS: Mapping[Any, Callable[[str], bool]] = {
    int: numerals.is_whole,
    int | None: numerals.is_whole,
    float: numerals.is_decimal,
}


class Settings(BaseModel):
    """Every setting. The string below a field is its documentation: `make docs` writes it to
    docs/settings.md and .env.example. URLs that may hold passwords are left out of the `repr`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider_url: checks.ProviderUrl | None = Field(
        None, alias="HOOKLINE_PROVIDER_URL", examples=["https://provider.example"]
    )
    """The provider's address before `/mj`; it may end with a mode such as `/mj-relax`.
    Unset: `hookline up` starts the sandbox."""

    provider_key: checks.HeaderSecret = Field(
        SecretStr(""), alias="HOOKLINE_PROVIDER_KEY", examples=["your-key"]
    )
    """The provider's API key."""

    provider_auth: Auth = Field("bearer", alias="HOOKLINE_PROVIDER_AUTH")
    """How the key is sent: `Authorization: Bearer KEY`, `mj-api-secret: KEY`, or `Authorization:
    KEY`."""

    provider_dialect: Dialect = Field("auto", alias="HOOKLINE_PROVIDER_DIALECT")
    """The provider's API dialect; `auto` detects it from the provider's answers."""

    max_running: int = Field(3, alias="HOOKLINE_MAX_RUNNING", ge=1, le=10_000)
    """Jobs running at the provider at once, over all workers together."""

    ledger_token: checks.HeaderSecret = Field(SecretStr(""), alias="HOOKLINE_LEDGER_TOKEN")
    """The access token of your user at a gateway (new-api). With it jobs in doubt are settled by
    the user's own list of tasks, and costs are the gateway's own; see
    [accounts.md](accounts.md#the-gateways-own-ledger)."""

    ledger_user: checks.HeaderText = Field("", alias="HOOKLINE_LEDGER_USER", examples=["1"])
    """The number of that user."""

    accounts_file: AccountsFile | None = Field(
        None, alias="HOOKLINE_ACCOUNTS", examples=["accounts.toml"]
    )
    """A TOML file with several accounts, their prices and budgets. It replaces the settings
    above; see [accounts.md](accounts.md)."""

    submit_timeout_s: float = Field(80.0, alias="HOOKLINE_SUBMIT_TIMEOUT_S", ge=1, le=600)
    """Timeout of a whole submit, in seconds. A submit that times out leaves its job in doubt.
    Gateways give their own provider 60 seconds."""

    doubt_window_s: float = Field(1800.0, alias="HOOKLINE_DOUBT_WINDOW_S", ge=5, le=86_400)
    """How long a job in doubt waits for evidence, in seconds. It must be longer than the provider's
    slowest task and its callback."""

    in_doubt: InDoubt = Field("hold", alias="HOOKLINE_IN_DOUBT")
    """What happens to a job in doubt when the window ends without evidence: wait for a person,
    submit again, or fail. See [reliability.md](reliability.md#jobs-in-doubt)."""

    max_resubmits: int = Field(1, alias="HOOKLINE_MAX_RESUBMITS", ge=0, le=5)
    """How often a job in doubt may be submitted again automatically."""

    allowed_hosts: checks.Hosts = Field((), alias="HOOKLINE_ALLOWED_HOSTS")
    """Hosts that images and notifications may be exchanged with over plain `http` or at a private
    address, this machine included: `127.0.0.1`."""

    proxies: ProxiesSetting = Field(
        "environment",
        alias="HOOKLINE_PROXY",
        validate_default=True,
        repr=False,
        examples=["http://proxy.example:3128"],
    )
    """The HTTP proxy of every call to a provider, download and webhook: `environment` (HTTP_PROXY,
    HTTPS_PROXY, ALL_PROXY), `none`, or `http://user:password@host:port`. Targets in NO_PROXY and
    on this machine have none; see [deployment.md](deployment.md#behind-a-proxy)."""

    choosers: checks.Words = Field((), alias="HOOKLINE_CHOOSERS", examples=["ranking"])
    """Python modules whose functions a `choose` step may call; see
    [follow-ups.md](follow-ups.md)."""

    public_url: checks.PublicUrl | None = Field(
        None, alias="HOOKLINE_PUBLIC_URL", examples=["https://hooks.example"]
    )
    """Where the provider reaches the web process. Unset: jobs are polled, unless the provider runs
    on this machine, as the sandbox does; then `hookline up` sets it."""

    secrets: checks.SigningSecrets = Field(alias="HOOKLINE_SECRET")
    """Signs callback URLs; at least 16 characters. Several for rotation, newest first. Must be set
    when the public URL or the host is not local."""

    api_token: checks.ApiToken = Field(alias="HOOKLINE_API_TOKEN")
    """Bearer token of the HTTP API; at least 16 characters. Must be set when the host is not
    local."""

    notify_secrets: checks.WebhookSecrets = Field(alias="HOOKLINE_NOTIFY_SECRET")
    """Signs notifications (Standard Webhooks): `whsec_` followed by 24 to 64 bytes in base64.
    Several for rotation, newest first."""

    redis_url: checks.RedisUrl | None = Field(
        None, alias="HOOKLINE_REDIS_URL", repr=False, examples=["redis://127.0.0.1:6379/0"]
    )
    """Redis or Valkey, 6.2 or newer: `redis://`, `rediss://`, `unix:///path?db=0` or
    `sentinel://host:26379,host:26379/master/0`. Unset: `hookline up` runs a private one."""

    redis_replicas: int = Field(0, alias="HOOKLINE_REDIS_REPLICAS", ge=0, le=16)
    """Replicas of Redis that must have a job's change before it counts: before a submit leaves, and
    before a request or a callback is answered; see [deployment.md](deployment.md#fail-over)."""

    broker_url: checks.BrokerUrl | None = Field(
        None, alias="HOOKLINE_BROKER_URL", repr=False, examples=["redis://127.0.0.1:6379/1"]
    )
    """Celery's broker; `amqp://` works too. Unset: the next database of the same Redis."""

    broker_options: checks.BrokerOptions = Field(
        {}, alias="HOOKLINE_BROKER_OPTIONS", examples=['{"global_keyprefix": "shop:"}']
    )
    """Celery's transport options as a JSON object, where the apps that share the broker have set
    them, too; see [deployment.md](deployment.md#the-broker)."""

    queue_type: QueueType = Field("classic", alias="HOOKLINE_QUEUE_TYPE")
    """How RabbitMQ creates our queues. A queue that exists is used as it is."""

    queue_max_priority: int | None = Field(
        None, alias="HOOKLINE_QUEUE_MAX_PRIORITY", ge=1, le=255, examples=["10"]
    )
    """`x-max-priority` of the queue `hookline`, if RabbitMQ creates it. On Redis see
    `priority_steps` in `HOOKLINE_BROKER_OPTIONS`."""

    notify_tasks: checks.NamePatterns = Field(
        ("*",), alias="HOOKLINE_NOTIFY_TASKS", examples=["shop.*"]
    )
    """The Celery tasks that `notify` may name: names, or beginnings of names followed by `*`. Those
    of Celery and Hookline themselves are always refused; see
    [notifications.md](notifications.md#as-a-celery-task)."""

    notify_queues: checks.NamePatterns = Field(
        ("*",), alias="HOOKLINE_NOTIFY_QUEUES", examples=["shop,celery"]
    )
    """The queues that `notify` may name, likewise; a `celery_task` without a queue goes to
    `celery`."""

    refused_notify: checks.CeleryTask | None = Field(
        None, alias="HOOKLINE_REFUSED_NOTIFY", examples=["shop.request_refused@shop"]
    )
    """A Celery task of yours that is notified of requests refused at the Celery door, as
    `NAME[@QUEUE]`; without a queue, Celery's own (`celery`). See
    [celery.md](celery.md#refused-requests)."""

    alert_url: str | None = Field(
        None, alias="HOOKLINE_ALERT_URL", repr=False, examples=["https://ops.example/alerts"]
    )
    """A URL that gets a signed notification when something needs a person, and when that is over: a
    closed account, an old doubt, a low budget, a double payment, no worker. See
    [notifications.md](notifications.md#alerts)."""

    max_image_pixels: int = Field(
        ImageLimits().pixels, alias="HOOKLINE_MAX_IMAGE_PIXELS", ge=1_000_000, le=500_000_000
    )
    """Width times height of the largest image that is decoded, submitted or from a provider; the
    default is 8192x8192. While it is decoded, a process of its own may use 20 bytes for each."""

    max_image_frames: int = Field(
        ImageLimits().frames, alias="HOOKLINE_MAX_IMAGE_FRAMES", ge=1, le=100_000
    )
    """Frames of the longest animated image that is stored."""

    max_result_files: int = Field(
        ResultLimits().files, alias="HOOKLINE_MAX_RESULT_FILES", ge=1, le=1000
    )
    """Files that are downloaded for one job; further ones are left out."""

    max_result_bytes: int = Field(
        ResultLimits().bytes, alias="HOOKLINE_MAX_RESULT_BYTES", ge=1_000_000, le=100_000_000_000
    )
    """Bytes that are downloaded for one job; files beyond them are left out. One file may have 100
    MiB."""

    host: checks.Host = Field("127.0.0.1", alias="HOOKLINE_HOST")
    """The address that the web process listens on."""

    port: int = Field(8000, alias="HOOKLINE_PORT", ge=0, le=65535)
    """Its port; 0 picks a free one. `PORT` is used if this is unset. If neither is set, `hookline
    up` takes the port of its last time, or picks a free one where 8000 is taken, and prints it."""

    web_processes: int = Field(2, alias="HOOKLINE_WEB_PROCESSES", ge=1, le=64)
    """Processes that answer at that port: one for each core that callbacks may keep busy, and at
    least two, so that one answers while the other starts again. Each needs about 50 MB."""

    web_hosts: checks.Words = Field((), alias="HOOKLINE_WEB_HOSTS", examples=["hookline.internal"])
    """Further names by which the web process is called. It answers to the public URL's, its own
    address and this machine's only; a request for another name in `Host` gets 421."""

    max_connections_per_peer: int = Field(
        256, alias="HOOKLINE_MAX_CONNECTIONS_PER_PEER", ge=0, le=100_000
    )
    """Connections that one address (of IPv6: one /64 network) may have open to the web process;
    then its idle ones give way to its new ones. `0`: any number, for a reverse proxy on another
    machine; programs on this machine have no limit."""

    storage_url: checks.StorageUrl = Field(STORAGE_URL, alias="HOOKLINE_STORAGE_URL", repr=False)
    """Where results and submitted images are stored: any fsspec URL whose driver is installed; see
    [results.md](results.md)."""

    asset_names: checks.AssetNames = Field(naming.DEFAULT, alias="HOOKLINE_ASSET_NAMES")
    """Template for the names of stored files; also `{kind}`, `{batch}`, `{row}` and `{date}`. See
    [results.md](results.md)."""

    retention: checks.Retention = Field("30d", alias="HOOKLINE_RETENTION", validate_default=True)
    """How long finished pipelines stay in Redis: `12h`, `30d` or `forever`, with exceptions by
    status: `30d, failed=90d`. Stored files are never deleted; see [retention.md](retention.md)."""

    state_dir: checks.AbsolutePath = Field(
        Path(STATE_DIR), alias="HOOKLINE_STATE_DIR", validate_default=True
    )
    """Holds the private Redis, the generated secrets and the logs of `hookline up` (at most 50 MB
    of each process). Only its owner may enter it: a folder that is open is closed, one of another
    user, or one that is open and holds other things, is refused."""

    log_format: Literal["console", "json"] = Field("json", alias="HOOKLINE_LOG_FORMAT")
    """Log format. On a terminal the default is `console`."""

    log_level: Annotated[Literal["debug", "info", "warning", "error"], checks.Lower] = Field(
        "info", alias="HOOKLINE_LOG_LEVEL"
    )
    """Log level."""

    @field_validator("*", mode="before")
    @classmethod
    def _plain_digits(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic takes ``1_000`` and ``1e3`` for numbers."""
        kind = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, str) and kind in _NUMBERS and not _NUMBERS[kind](value.strip()):
            raise ValueError("must be a number in plain digits, such as 5")
        return value

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
            ledger_token=self.ledger_token.get_secret_value(),
            ledger_user=self.ledger_user,
            costs="provider",
        )
        return (account,)

    @property
    def receivers(self) -> frozenset[str]:
        """Hosts that may get notifications over plain http or at a private address."""
        return frozenset(host.lower() for host in self.allowed_hosts)

    @property
    def destinations(self) -> Destinations:
        """The Celery tasks and queues that may be notified."""
        separator = self.broker_options.get("sep", SEPARATOR)
        return Destinations(self.notify_tasks, self.notify_queues, separator)

    @property
    def refused_target(self) -> Notify | None:
        """The Celery task that is notified of refused requests."""
        if self.refused_notify is None:
            return None
        name, _, queue = self.refused_notify.partition("@")
        return Notify((Topic.REQUEST_REFUSED.value,), celery_task=name, queue=queue or None)

    @property
    def alert_target(self) -> Notify | None:
        """Where alerts go."""
        return Notify(ALERTS, url=self.alert_url) if self.alert_url else None

    @property
    def image_limits(self) -> ImageLimits:
        """The largest images that are decoded."""
        return ImageLimits(self.max_image_pixels, self.max_image_frames)

    @property
    def result_limits(self) -> ResultLimits:
        """What is downloaded for one job at most."""
        return ResultLimits(self.max_result_files, self.max_result_bytes)

    @property
    def budgets(self) -> Budgets:
        """Budgets on top of each account's own."""
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
        if self.broker_url:
            broker = parse_broker(self.broker_url)
        else:
            broker = broker_beside(redis_urls.parse(redis_url))
        return replace(broker, options={**broker.options, **self.broker_options})

    def unverified(self) -> list[str]:
        """The settings whose servers need not prove who they are."""
        tls = {
            "HOOKLINE_REDIS_URL": redis_urls.parse(self.redis_url).tls if self.redis_url else None,
            "HOOKLINE_BROKER_URL": parse_broker(self.broker_url).tls if self.broker_url else None,
        }
        return [name for name, found in tls.items() if found and not found.verified]

    def signing_values(self) -> Mapping[str, list[str]]:
        """The secrets that sign or open something of ours, by the name of their setting."""
        return {
            "HOOKLINE_SECRET": [each.get_secret_value() for each in self.secrets],
            "HOOKLINE_API_TOKEN": [self.api_token.get_secret_value()],
            "HOOKLINE_NOTIFY_SECRET": [each.get_secret_value() for each in self.notify_secrets],
        }

    def places_of(self, account: str) -> tuple[str, str, str]:
        """Where the account's url, key and auth are set, in words."""
        if self.accounts_file is None:
            return "HOOKLINE_PROVIDER_URL", "HOOKLINE_PROVIDER_KEY", "HOOKLINE_PROVIDER_AUTH"
        at = f"accounts.{account}"
        return f"{at}.url in the file of HOOKLINE_ACCOUNTS", f"{at}.key", f"{at}.auth there"

    def secret_values(self) -> frozenset[str]:
        """Every value that must not appear in a log, for `config.logs`."""
        tables = self.accounts_file.accounts.values() if self.accounts_file else ()
        keys = [self.provider_key, self.ledger_token]
        for table in tables:
            keys += [table.secret(), table.ledger_secret()]
        held = (*self.secrets, *keys, self.api_token, *self.notify_secrets)
        urls = (self.redis_url, self.broker_url, self.storage_url)
        passwords = (checks.passwords_in(url) for url in urls if url)
        keys_and_tokens = (secret.get_secret_value() for secret in held)
        return frozenset(filter(None, keys_and_tokens)).union(*passwords, self.proxies.secrets())
