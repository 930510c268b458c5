"""The file of accounts: read whole, or refused with every problem at once and at its place."""

import pickle
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.accounts import AccountsFile, AccountTable, check_accounts
from config.loading import load_settings
from config.settings import Settings
from worker.domain.account import Account, Budgets
from worker.domain.errors import FieldError, SettingsError
from worker.domain.money import amount

REMOTE = 'url = "https://mj.example"\nkey = "a-key"\n'
LOCAL = '[accounts.main]\nurl = "http://127.0.0.1:9100"\n'


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str, **env: str) -> Settings:
    Path("accounts.toml").write_text(dedent(text), encoding="utf-8")
    given = {f"HOOKLINE_{name}": value for name, value in env.items()}
    return load_settings({"HOOKLINE_ACCOUNTS": "accounts.toml"} | given, None)


def all_problems(text: str, **env: str) -> list[FieldError]:
    with pytest.raises(SettingsError) as caught:
        load(text, **env)
    assert caught.value.__cause__ is None
    return list(caught.value.problems)


def problems(text: str, **env: str) -> dict[str, str]:
    """What is wrong with the file, by its place there."""
    found = all_problems(text, **env)
    assert {problem.field for problem in found} == {"HOOKLINE_ACCOUNTS"}
    places = [problem.message.partition(": ")[::2] for problem in found]
    assert len(dict(places)) == len(places)
    return dict(places)


def account(lines: str, **env: str) -> Account:
    (made,) = load(LOCAL + dedent(lines), **env).accounts
    return made


def test_a_file_gives_every_account_in_its_order_and_the_budgets() -> None:
    Path("secrets").mkdir()
    Path("secrets/mj").write_text("key-in-a-file\n")
    given = load(
        """
        [budget]
        day = 100

        [tenants.acme]
        budget = 50
        [tenants."*"]
        budget = 20.5

        [accounts.main]
        url = "https://mj.example.com/mj-relax/"
        key_file = "secrets/mj"
        auth = "mj-api-secret"
        dialect = "trueai"
        max_running = 12
        max_running_video = 2
        max_starts_per_minute = 30
        modes = ["fast", "relax"]
        weight = 2
        budget = 500
        refunds_failures = true
        allowed_hosts = ["Pictures.internal"]
        [accounts.main.price]
        imagine = 1
        upscale = 0.2
        default = 1

        [accounts.a-spare]
        url = "http://localhost:9100"
        """
    )
    assert given.accounts == (
        Account(
            name="main",
            url="https://mj.example.com/mj-relax",
            key="key-in-a-file",
            auth="mj-api-secret",
            dialect="trueai",
            max_running=12,
            max_running_video=2,
            max_starts_per_minute=30,
            modes=frozenset({"fast", "relax"}),
            weight=2.0,
            prices={"imagine": 1_000_000, "upscale": 200_000, "default": 1_000_000},
            budget=amount(500),
            refunds_failures=True,
            allowed_hosts=frozenset({"pictures.internal"}),
        ),
        Account(
            name="a-spare",
            url="http://localhost:9100",
            allowed_hosts=frozenset({"localhost"}),
            costs="provider",
        ),
    )
    assert given.budgets == Budgets(
        day=amount(100), tenants={"acme": amount(50), "*": amount(20.5)}
    )


def test_without_a_file_there_is_one_account_and_no_budget() -> None:
    given = load_settings({"HOOKLINE_PROVIDER_URL": "http://127.0.0.1:9"}, None)
    assert [made.name for made in given.accounts] == ["default"]
    assert given.budgets == Budgets()


def test_a_file_without_budgets_limits_nothing() -> None:
    given = load(LOCAL)
    assert given.budgets == Budgets()
    assert given.accounts[0].budget is None
    assert given.accounts[0].price("imagine") == 0


def test_the_files_own_folder_is_where_its_paths_begin(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "mj").write_text("beside-the-file")
    (folder / "absolute").write_text("named-in-full")
    (folder / "accounts.toml").write_text(
        '[accounts.a]\nurl = "https://a.example"\nkey_file = "mj"\n'
        f'[accounts.b]\nurl = "https://b.example"\nkey_file = "{folder}/absolute"\n'
    )
    given = load_settings({"HOOKLINE_ACCOUNTS": "etc/accounts.toml"}, None)
    assert [made.key for made in given.accounts] == ["beside-the-file", "named-in-full"]


def test_hosts_allowed_everywhere_are_allowed_for_each_account() -> None:
    text = f"""
        [accounts.here]
        url = "http://127.0.0.1:9100"
        allowed_hosts = ["10.0.0.2"]
        [accounts.there]\n{REMOTE}"""
    here, there = load(dedent(text), ALLOWED_HOSTS="Pictures.lan").accounts
    assert here.allowed_hosts == {"127.0.0.1", "10.0.0.2", "pictures.lan"}
    assert there.allowed_hosts == {"pictures.lan"}


def test_keys_are_never_shown_and_always_known_to_the_log() -> None:
    Path("mj").write_text("canary-in-a-file")
    given = load(
        """
        [accounts.a]
        url = "https://a.example"
        key = "canary-as-it-is"
        [accounts.b]
        url = "https://b.example"
        key_file = "mj"
        """
    )
    assert "canary" not in f"{given!r} {given} {given.accounts}"
    assert {"canary-as-it-is", "canary-in-a-file"} <= given.secret_values()


def test_settings_with_accounts_reach_a_process_of_their_own() -> None:
    given = load(f"[accounts.main]\n{REMOTE}")
    assert pickle.loads(pickle.dumps(given)).accounts == given.accounts


@pytest.mark.parametrize(
    ("line", "place", "message"),
    [
        ("max_running = 0", "max_running", "must be from 1 to 10000"),
        ("max_running = 10001", "max_running", "must be from 1 to 10000"),
        ("max_running = 3.0", "max_running", "must be a whole number"),
        ("max_running = true", "max_running", "must be a whole number"),
        ("max_running_video = -1", "max_running_video", "must be from 0 to 10000"),
        ("max_running_video = 10001", "max_running_video", "must be from 0 to 10000"),
        ("max_starts_per_minute = 0", "max_starts_per_minute", "must be from 1 to 10000"),
        ("max_starts_per_minute = 10001", "max_starts_per_minute", "must be from 1 to 10000"),
        ("weight = 0", "weight", "must be above 0 and at most 1000"),
        ("weight = 1000.5", "weight", "must be above 0 and at most 1000"),
        ("weight = nan", "weight", "must be above 0 and at most 1000"),
        ("weight = '2'", "weight", "must be a number"),
        ("budget = -1", "budget", "must be a number from 0 to 1,000,000"),
        ("budget = 1000001", "budget", "must be a number from 0 to 1,000,000"),
        ("budget = inf", "budget", "must be a number from 0 to 1,000,000"),
        ("budget = true", "budget", "must be a number from 0 to 1,000,000"),
        ("budget = '5'", "budget", "must be a number from 0 to 1,000,000"),
        ("price.upscale = nan", "price.upscale", "must be a number from 0 to 1,000,000"),
        ("price = 1", "price", "must be a table"),
        ("auth = 'basic'", "auth", "must be 'bearer', 'mj-api-secret' or 'raw'"),
        ("modes = ['fast', 'slow']", "modes[1]", "must be 'fast', 'relax' or 'turbo'"),
        ("modes = 'fast'", "modes", "must be a list"),
        ("refunds_failures = 1", "refunds_failures", "must be true or false"),
        ("allowed_hosts = ['http://x']", "allowed_hosts[0]", "must be a host name or an address"),
        ("allowed_hosts = [1]", "allowed_hosts[0]", "must be a string"),
        ("key = 'a key'", "key", "must be plain characters without spaces"),
        ("key = 1", "key", "must be a string"),
        ("key_file = 1", "key_file", "must be a string"),
        ("key_file = 'gone'", "key_file", "cannot be read: No such file or directory"),
        (
            "key_file = 'binary'",
            "key_file",
            "cannot be read: not UTF-8 text in line 1; save it as UTF-8",
        ),
        ("key_file = 'blank'", "key_file", "is empty: put the key into it"),
        ("key_file = 'words'", "key_file", "must be plain characters without spaces"),
        ("ledger_token = 't'", "ledger_user", "is needed with `ledger_token`"),
        ("ledger_user = 1", "ledger_token", "is needed with `ledger_user`"),
        (
            "ledger_user = 1\nledger_token = 'a b'",
            "ledger_token",
            "must be plain characters without spaces",
        ),
        (
            "ledger_token = 't'\nledger_user = 'a b'",
            "ledger_user",
            "must be plain characters without spaces",
        ),
        ("ledger_token = 't'\nledger_user = 1.5", "ledger_user", "must be a string"),
        (
            "ledger_user = 1\nledger_token_file = 'gone'",
            "ledger_token_file",
            "cannot be read: No such file or directory",
        ),
        ("costs = 'mine'", "costs", "must be 'provider' or 'prices'"),
    ],
)
def test_a_wrong_value_is_named_by_its_place(line: str, place: str, message: str) -> None:
    Path("binary").write_bytes(b"\xff\xff")
    Path("blank").write_text(" \n")
    Path("words").write_text("not a key")
    assert problems(LOCAL + line) == {f"accounts.main.{place}": message}


@pytest.mark.parametrize(
    ("lines", "costs"),
    [
        ("", "provider"),
        ("price.imagine = 1", "prices"),
        ("price.imagine = 1\ncosts = 'provider'", "provider"),
        ("costs = 'prices'", "prices"),
        ("price.imagine = 1\nledger_token = 't'\nledger_user = 7", "provider"),
        ("ledger_token = 't'\nledger_user = 7\ncosts = 'prices'", "prices"),
    ],
)
def test_a_price_list_counts_unless_the_gateways_figures_are_wanted(lines: str, costs: str) -> None:
    assert account(lines).costs == costs


@pytest.mark.parametrize(
    ("price", "video"),
    [
        ("{action = 2}", 2_000_000),
        ("{action = 2, video = 9}", 9_000_000),
        ("{action = 2, video = 0}", 0),
        ("{action = 2, default = 1}", 1_000_000),
        ("{imagine = 2}", 0),
    ],
)
def test_a_press_that_makes_a_film_does_not_become_free(price: str, video: int) -> None:
    assert account(f"price = {price}").price("video") == video


def test_the_token_of_the_gateways_user_may_be_in_a_file_and_is_never_shown() -> None:
    Path("token").write_text("users-token\n")
    found = account("ledger_token_file = 'token'\nledger_user = 7")
    assert (found.ledger_token, found.ledger_user) == ("users-token", "7")
    assert "users-token" not in repr(found)
    both = "ledger_token = 't'\nledger_token_file = 'token'\nledger_user = 7"
    [(place, message)] = problems(LOCAL + both).items()
    assert place == "accounts.main.ledger_token_file"
    assert message == "cannot be combined with `ledger_token`: keep one of them"


@pytest.mark.parametrize(
    "line",
    [
        "max_running = 100",
        "max_running_video = 0",
        "max_starts_per_minute = 10000",
        "weight = 1000",
        "budget = 0",
        "price = {}",
        "price = {swap_face = 1000000, video = 0.000001}",
        "key = ''",
    ],
)
def test_the_ends_of_each_range_are_allowed(line: str) -> None:
    assert account(line).name == "main"


@pytest.mark.parametrize(
    ("text", "place", "meant"),
    [
        (LOCAL + "max_runing = 3", "accounts.main.max_runing", "max_running"),
        (LOCAL + "price.imagin = 3", "accounts.main.price.imagin", "imagine"),
        (LOCAL + "[bugdet]\nday = 3", "bugdet", "budget"),
        (LOCAL + "[budget]\ndays = 3", "budget.days", "day"),
        (LOCAL + '[tenants."*"]\nbudget = 1\nbudgets = 1', 'tenants."*".budgets', "budget"),
        (LOCAL + '"ma\\nx" = 3', 'accounts.main."ma\\nx"', "max_running"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(
    text: str, place: str, meant: str
) -> None:
    ((where, message),) = problems(text).items()
    assert where == place
    assert message.startswith("is not known; ")
    if place != 'accounts.main."ma\\nx"':  # near to nothing
        assert f"did you mean `{meant}`?" in message
    assert meant in message.partition("choose from ")[2].split(", ")


@pytest.mark.parametrize("name", ["*", "", "a b", "ä", "a/b", "x" * 65])
def test_an_account_has_a_plain_name(name: str) -> None:
    ((place, message),) = problems(f'[accounts."{name}"]\n{REMOTE}').items()
    assert place == (f"accounts.{name}" if name == "x" * 65 else f'accounts."{name}"')
    assert message == "an account's name is 1 to 64 letters, digits, dots, `_` and `-`"


@pytest.mark.parametrize("name", ["main", "A-1_x", "mj.example.com", "x" * 64])
def test_a_plain_name_is_kept(name: str) -> None:
    assert [made.name for made in load(f'[accounts."{name}"]\n{REMOTE}').accounts] == [name]


@pytest.mark.parametrize("name", [" acme", "x" * 201])
def test_a_tenant_that_no_request_can_name_is_refused(name: str) -> None:
    (message,) = problems(f'{LOCAL}[tenants."{name}"]\nbudget = 1').values()
    assert message.startswith("a tenant's name has at most 200 characters")


def test_a_tenant_without_a_budget_says_nothing() -> None:
    assert problems(f"{LOCAL}[tenants.acme]") == {"tenants.acme.budget": "is required"}


@pytest.mark.parametrize("text", ["", "[accounts]", "[budget]\nday = 1"])
def test_a_file_without_accounts_is_refused(text: str) -> None:
    assert problems(text) == {
        "accounts": "there is none: add a table such as [accounts.main] with its `url`"
    }


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("accounts = 1", "accounts"),
        ("[[accounts]]\n" + REMOTE, "accounts"),
        ("[accounts]\nmain = 'https://a.example'", "accounts.main"),
        (LOCAL + "[tenants]\nacme = 5", "tenants.acme"),
        ("budget = 5\n" + LOCAL, "budget"),
    ],
)
def test_what_should_be_a_table_is_named(text: str, place: str) -> None:
    assert problems(text) == {place: "must be a table"}


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ('url = "https://mj.example"', {"key": "is needed with this `url`; or give `key_file`"}),
        ('key = "x"', {"url": "is required"}),
        ("", {"url": "is required"}),
        (
            REMOTE + 'key_file = "mj"',
            {"key_file": "cannot be combined with `key`: keep one of them"},
        ),
        (
            'url = "https://mj.example/mj"\nkey = "x"',
            {"url": 'must be the base before "/mj": leave out the "/mj" at its end'},
        ),
        (
            'url = "https://mj.example?a=b"\nkey = "x"',
            {
                "url": "must be http:// or https://, a host, perhaps a path; "
                "no user, query or fragment"
            },
        ),
    ],
)
def test_url_and_key_are_checked_as_those_of_a_single_account(
    lines: str, found: dict[str, str]
) -> None:
    Path("mj").write_text("a-key")
    expected = {f"accounts.main.{name}": message for name, message in found.items()}
    assert problems(f"[accounts.main]\n{lines}") == expected


def test_all_problems_of_the_file_and_of_the_other_settings_come_at_once() -> None:
    text = """
        [budget]
        day = "much"
        [accounts.one]
        url = "https://one.example"
        max_running = 0
        weight = -1
        [accounts.two]
        auth = "basic"
        colour = "red"
        """
    found = all_problems(text, PORT="65536", SECRET="short")
    assert [problem.field for problem in found if problem.field != "HOOKLINE_ACCOUNTS"] == [
        "HOOKLINE_SECRET",
        "HOOKLINE_PORT",
    ]
    places = {p.message.partition(": ")[0] for p in found if p.field == "HOOKLINE_ACCOUNTS"}
    assert places == {
        "budget.day",
        "accounts.one.max_running",
        "accounts.one.weight",
        "accounts.one.key",
        "accounts.two.url",
        "accounts.two.auth",
        "accounts.two.colour",
    }
    assert not Path(".hookline").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROVIDER_URL", "https://mj.example"),
        ("PROVIDER_KEY", "key"),
        ("PROVIDER_KEY_FILE", "accounts.toml"),
        ("PROVIDER_AUTH", "raw"),
        ("PROVIDER_DIALECT", "trueai"),
        ("MAX_RUNNING", "3"),
    ],
)
def test_what_the_file_replaces_cannot_stand_beside_it(name: str, value: str) -> None:
    # The text is a fit key as well: the file stands in for both.
    (problem,) = all_problems('accounts.main.url="http://127.0.0.1:9"', **{name: value})
    assert problem.field == f"HOOKLINE_{name}"
    assert problem.message.startswith("cannot be combined with HOOKLINE_ACCOUNTS")


@pytest.mark.parametrize("missing", ["gone.toml", "."])
def test_a_file_that_cannot_be_read_is_named(missing: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"HOOKLINE_ACCOUNTS": missing, "HOOKLINE_PORT": "65536"}, None)
    found = {problem.field: problem.message for problem in caught.value.problems}
    assert set(found) == {"HOOKLINE_ACCOUNTS", "HOOKLINE_PORT"}
    assert found["HOOKLINE_ACCOUNTS"].startswith("cannot be read: ")


def test_a_file_that_is_not_text_is_named() -> None:
    Path("binary").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="cannot be read: not UTF-8 text"):
        load_settings({"HOOKLINE_ACCOUNTS": "binary"}, None)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[accounts.main]\nkey = canary", 2),
        ('[accounts.main]\n\nkey = "canary\n', 3),
        ("\n\n[accounts.main\nkey = 'canary'", 3),
        ("[accounts.main]\nkey = 'canary'\nkey = 'canary2'\n", 3),
        ("[accounts.main]\nkey = 'canary' 'canary'", 2),
    ],
)
def test_what_is_not_toml_is_named_by_its_line_without_repeating_it(text: str, line: int) -> None:
    (problem,) = all_problems(text)
    assert problem.message.startswith("is not TOML: ")
    assert f"line {line}," in problem.message
    assert "canary" not in problem.message


def test_an_endless_number_is_refused_like_any_other_mistake() -> None:
    (problem,) = all_problems(LOCAL + "max_running = " + "9" * 5000)
    assert problem.field == "HOOKLINE_ACCOUNTS"
    assert "9999" not in problem.message


def test_keys_are_never_repeated_where_they_are_wrong() -> None:
    Path("mj").write_text("canary words")
    text = """
        [accounts.a]
        url = "https://user:canary@a.example"
        key = "canary with blanks"
        auth = "canary"
        [accounts.b]
        url = "https://b.example"
        key_file = "mj"
        modes = ["canary"]
        """
    with pytest.raises(SettingsError) as caught:
        load(text)
    assert "canary" not in str(caught.value)
    assert len(caught.value.problems) == 5


_NUMBERS = [True, -1, 5, 10**30, 1.5, float("nan")]
_ODD = st.sampled_from([*_NUMBERS, "canary", "https://canary.example", "fast", "http://[::1]:9"])
_TABLE = st.dictionaries(
    st.sampled_from([*AccountTable.model_fields, "*", "[key]", ""]),
    _ODD | st.lists(_ODD, max_size=2) | st.dictionaries(st.sampled_from(["imagine", "a b"]), _ODD),
    max_size=4,
)
_TOP = [*AccountsFile.model_fields, "x"]
_TABLES = st.dictionaries(st.sampled_from(["main", "day", "budget", "*", "[key]"]), _ODD | _TABLE)


@settings(max_examples=200)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(_TOP, _TABLES)))
def test_whatever_is_wrong_is_told_without_repeating_a_value(tables: dict[str, Any]) -> None:
    file, wrong = check_accounts(tables, Path("nowhere"))
    assert (file is None) == bool(wrong)
    assert "canary" not in " ".join(wrong)
