"""The TOML file of HOOKLINE_ACCOUNTS: several accounts and their budgets.

All problems are reported at once as ``place: problem``, the place as in TOML
(``accounts.main.url``). Values are not repeated: one may be a key.
"""

import difflib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails

from config import checks
from config.text_files import text_of
from worker.domain import money
from worker.domain.account import Account, Auth, Budgets, Costs, Dialect
from worker.domain.destinations import check_queue, check_task
from worker.domain.job_spec import Kind, Notify
from worker.domain.notifications import DEFAULT_TOPICS, JOB_TOPICS

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
#: The limit of a request's `tenant`.
_LONGEST_TENANT = 200
#: Keys of `price`: see `Account.prices`.
_PRICED = (*(kind.value for kind in Kind), "upscale", "default")

#: A place in the file: keys and indexes.
_Place = tuple[int | str, ...]

_WORDING = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
}


def _account_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("an account's name is 1 to 64 letters, digits, dots, `_` and `-`")
    return name


def _tenant_name(name: str) -> str:
    if name != name.strip() or len(name) > _LONGEST_TENANT:
        raise ValueError(
            f"a tenant's name has at most {_LONGEST_TENANT} characters, no blanks around them"
        )
    return name


def _one_of(known: Collection[str]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in known:
            raise ValueError(_unknown(name, known))
        return name

    return AfterValidator(check)


def _amount(value: object) -> money.Amount:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return money.amount("")
    return money.amount(value)


def _whole(low: int, high: int) -> AfterValidator:
    def check(value: int) -> int:
        if not low <= value <= high:
            raise ValueError(f"must be from {low} to {high}")
        return value

    return AfterValidator(check)


def _weight(value: float) -> float:
    if not 0 < value <= 1000:
        raise ValueError("must be above 0 and at most 1000")
    return value


def _key_inside(value: object, info: ValidationInfo) -> object:
    """The key in a file, whose path is relative to the folder of the accounts' file."""
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004  # pydantic expects it
    key = text_of(cast("Path", info.context) / value).strip()
    if not key:
        raise ValueError("is empty: put the key into it")
    return key


def _user(value: object) -> object:
    """The id of the gateway's user, which is a number there."""
    return str(value) if type(value) is int else value


Amount = Annotated[money.Amount, BeforeValidator(_amount)]


class _Table(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class NotifyTable(_Table):
    """``notify = {url = ...}``: the receiver for jobs whose caller named none."""

    url: str | None = None
    celery_task: Annotated[str, AfterValidator(check_task)] | None = None
    queue: Annotated[str, AfterValidator(check_queue)] | None = None
    on: list[Annotated[str, _one_of(JOB_TOPICS)]] = list(DEFAULT_TOPICS)

    @model_validator(mode="after")
    def _one_way(self) -> "NotifyTable":
        if (self.url is None) == (self.celery_task is None):
            raise ValueError("needs one of `url` and `celery_task`")
        if self.queue is not None and self.celery_task is None:
            raise ValueError("has a `queue`, which belongs to a `celery_task`")
        return self

    def value(self) -> Notify:
        """The setting of the account."""
        return Notify(tuple(self.on), self.url, self.celery_task, self.queue)


class AccountTable(_Table):
    """``[accounts.NAME]``; `Account` documents the keys."""

    url: checks.ProviderUrl
    key: checks.HeaderSecret = SecretStr("")
    key_file: Annotated[checks.HeaderSecret, BeforeValidator(_key_inside)] = SecretStr("")
    """A path in the file; here the content."""

    auth: Auth = "bearer"
    dialect: Dialect = "auto"
    max_running: Annotated[int, _whole(1, 10_000)] = 3
    max_running_video: Annotated[int, _whole(0, 10_000)] = 1
    max_starts_per_minute: Annotated[int, _whole(1, 10_000)] | None = None
    modes: list[Literal["fast", "relax", "turbo"]] = []
    weight: Annotated[float, AfterValidator(_weight)] = 1.0
    price: dict[Annotated[str, _one_of(_PRICED)], Amount] = {}
    budget: Amount | None = None
    refunds_failures: bool = False
    allowed_hosts: list[checks.Host] = []
    notify: NotifyTable | None = None
    ledger_token: checks.HeaderSecret = SecretStr("")
    ledger_token_file: Annotated[checks.HeaderSecret, BeforeValidator(_key_inside)] = SecretStr("")
    ledger_user: Annotated[checks.HeaderText, BeforeValidator(_user)] = ""
    costs: Costs | None = None

    def secret(self) -> SecretStr:
        """The provider's key, or an empty one."""
        return self.key or self.key_file

    def ledger_secret(self) -> SecretStr:
        """The access token of the gateway's user, or an empty one."""
        return self.ledger_token or self.ledger_token_file

    def account(self, name: str, hosts: Iterable[str]) -> Account:
        """The account; ``hosts`` are allowed in addition to its own."""
        return Account(
            name=name,
            url=self.url,
            key=self.secret().get_secret_value(),
            auth=self.auth,
            dialect=self.dialect,
            max_running=self.max_running,
            max_running_video=self.max_running_video,
            max_starts_per_minute=self.max_starts_per_minute,
            modes=frozenset(self.modes),
            weight=self.weight,
            prices=self._prices(),
            budget=self.budget,
            refunds_failures=self.refunds_failures,
            allowed_hosts=checks.picture_hosts(self.url, [*self.allowed_hosts, *hosts]),
            notify=self.notify.value() if self.notify else None,
            ledger_token=self.ledger_secret().get_secret_value(),
            ledger_user=self.ledger_user,
            costs=self.costs or self._costs(),
        )

    def _prices(self) -> dict[str, Amount]:
        """A press that makes a film has the price of a video: where only presses have a price, it
        must not become free.
        """
        action, video = Kind.ACTION.value, Kind.VIDEO.value
        if action in self.price and not self.price.keys() & {video, "default"}:
            return {**self.price, video: self.price[action]}
        return self.price

    def _costs(self) -> Costs:
        """A price list may count in other units than the gateway; a token shows that its figures
        are wanted.
        """
        return "prices" if self.price and not self.ledger_secret() else "provider"


class BudgetTable(_Table):
    """``[budget]``: the limit of all accounts together."""

    day: Amount | None = None


class TenantTable(_Table):
    """``[tenants.NAME]``."""

    budget: Amount


def _at_least_one(accounts: dict[str, AccountTable]) -> dict[str, AccountTable]:
    if not accounts:
        raise ValueError("there is none: add a table such as [accounts.main] with its `url`")
    return accounts


class AccountsFile(_Table):
    """The whole file."""

    budget: BudgetTable = Field(default_factory=BudgetTable)
    tenants: dict[Annotated[str, AfterValidator(_tenant_name)], TenantTable] = {}
    accounts: Annotated[
        dict[Annotated[str, AfterValidator(_account_name)], AccountTable],
        AfterValidator(_at_least_one),
    ] = Field({}, validate_default=True)

    def budgets(self) -> Budgets:
        """The budgets of the day and of the tenants."""
        tenants = {name: table.budget for name, table in self.tenants.items()}
        return Budgets(day=self.budget.day, tenants=tenants)


def read_accounts(path: Path) -> tuple[AccountsFile | None, list[str]]:
    """The content of the file, or all its problems."""
    import tomllib  # noqa: PLC0415  # few have the file

    try:
        tables = tomllib.loads(text_of(path))
    except tomllib.TOMLDecodeError as error:
        return None, [f"is not TOML: {error}"]
    except ValueError as error:
        return None, [str(error)]
    return check_accounts(tables, path.parent)


def check_accounts(
    tables: Mapping[str, Any], folder: Path
) -> tuple[AccountsFile | None, list[str]]:
    """Check the parsed TOML of a file in ``folder``."""
    wrong = [f"{_written(place)}: {message}" for place, message in _together(tables)]
    file = None
    try:
        file = AccountsFile.model_validate(tables, context=folder)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
        wrong = [f"{_written(_place(detail))}: {_message(detail)}" for detail in details] + wrong
    return (None, wrong) if wrong else (file, [])


def _together(tables: Mapping[str, Any]) -> Iterator[tuple[_Place, str]]:
    """The rules between the keys of an account. An invalid value breaks none of them."""
    accounts = tables.get("accounts")
    for name, table in accounts.items() if isinstance(accounts, dict) else ():
        if not isinstance(table, dict):
            continue
        url, keys = table.get("url"), [k for k in ("key", "key_file") if table.get(k)]
        tokens = [k for k in ("ledger_token", "ledger_token_file") if table.get(k)]
        for secret, given in (("key", keys), ("ledger_token", tokens)):
            if len(given) > 1:
                place = ("accounts", name, f"{secret}_file")
                yield place, f"cannot be combined with `{secret}`: keep one of them"
        if tokens and not table.get("ledger_user"):
            yield ("accounts", name, "ledger_user"), "is needed with `ledger_token`"
        if table.get("ledger_user") and not tokens:
            yield ("accounts", name, "ledger_token"), "is needed with `ledger_user`"
        if isinstance(url, str) and checks.is_remote(url) and not keys:
            yield ("accounts", name, "key"), "is needed with this `url`; or give `key_file`"


def _place(detail: ErrorDetails) -> _Place:
    place = detail["loc"]
    return place[:-1] if place[-1] == "[key]" else place  # pydantic's mark of an invalid key


def _written(place: _Place) -> str:
    """The place as TOML has it: ``tenants."*".budget``, ``accounts.main.modes[0]``."""
    parts = (
        f"[{part}]"
        if isinstance(part, int)
        else f".{part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)}"
        for part in place
    )
    return "".join(parts).removeprefix(".")


def _message(detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        place = detail["loc"]
        return _unknown(str(place[-1]), _keys_beside(place))
    if kind == "literal_error":
        return f"must be {detail['ctx']['expected']}"
    return _WORDING.get(kind) or detail["msg"].removeprefix("Value error, ")


def _keys_beside(place: _Place) -> Collection[str]:
    """The known keys of the table that holds this place."""
    tables: Mapping[str, type[_Table]]
    tables = {"budget": BudgetTable, "tenants": TenantTable, "accounts": AccountTable}
    table = AccountsFile if len(place) == 1 else tables[str(place[0])]
    if place[2:3] == ("notify",) and len(place) > 3:
        table = NotifyTable
    return list(table.model_fields)


def _unknown(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name[:64], known, n=1)
    meant = f"did you mean `{near[0]}`? " if near else ""
    return f"is not known; {meant}choose from {', '.join(known)}"
