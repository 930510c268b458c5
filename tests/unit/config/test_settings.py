"""Settings: read, completed, and refused with every problem at once."""

import base64
import stat
from pathlib import Path

import pytest

from config.loading import load_settings
from config.settings import Settings
from worker.domain.account import Account
from worker.domain.errors import SettingsError
from worker.domain.job import Status

SECRET = "s" * 32
TOKEN = "t" * 32


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(**env: str) -> Settings:
    return load_settings({f"HOOKLINE_{name}": value for name, value in env.items()}, None)


def problems(env: dict[str, str], dotenv: Path | None = None) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(env, dotenv)
    return {problem.field: problem.message for problem in caught.value.problems}


def test_nothing_set_is_a_complete_local_configuration(tmp_path: Path) -> None:
    settings = load()
    assert settings.redis_url is None
    assert settings.accounts == ()
    assert (settings.host, settings.port, settings.max_running) == ("127.0.0.1", 8000, 3)
    assert settings.storage_url == "file://./output"
    assert settings.state_dir == tmp_path / ".hookline"
    assert settings.log_level == "info"
    assert settings.public_url is None


def test_generated_secrets_are_private_and_stay() -> None:
    first, second = load(), load()
    assert first == second
    for name in ("secret", "api-token", "notify-secret"):
        assert stat.S_IMODE(Path(".hookline", name).stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(".hookline").stat().st_mode) == 0o700
    assert sorted(p.name for p in Path(".hookline").iterdir()) == [
        "api-token",
        "notify-secret",
        "secret",
    ]


def test_a_state_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    assert list(problems({"HOOKLINE_STATE_DIR": "taken/below"})) == ["HOOKLINE_STATE_DIR"]


def test_a_generated_secret_that_was_spoilt_is_named() -> None:
    load()
    Path(".hookline/notify-secret").write_text("spoilt")
    assert list(problems({})) == ["HOOKLINE_NOTIFY_SECRET"]


def test_every_problem_is_reported_by_name() -> None:
    found = problems(
        {
            "HOOKLINE_REDIS_URL": "http://redis",
            "HOOKLINE_BROKER_URL": "kafka://x",
            "HOOKLINE_PROVIDER_URL": "https://api.example/mj",
            "HOOKLINE_PROVIDER_AUTH": "basic",
            "HOOKLINE_PROVIDER_DIALECT": "klingon",
            "HOOKLINE_MAX_RUNNING": "101",
            "HOOKLINE_PUBLIC_URL": "https://hooks.example/?a=1",
            "HOOKLINE_SECRET": "short",
            "HOOKLINE_API_TOKEN": "short",
            "HOOKLINE_NOTIFY_SECRET": "whsec_short",
            "HOOKLINE_HOST": "not a host",
            "HOOKLINE_PORT": "65536",
            "HOOKLINE_STORAGE_URL": "nowhere",
            "HOOKLINE_ASSET_NAMES": "{job}.{ext}",
            "HOOKLINE_LOG_FORMAT": "xml",
            "HOOKLINE_LOG_LEVEL": "loud",
            "HOOKLINE_ACCOUNTS": "accounts.toml",
            "HOOKLINE_MAX_RUNING": "3",
            "HOOKLINE_SOMETHING_ELSE": "3",
        }
    )
    assert set(found) == {
        "HOOKLINE_REDIS_URL",
        "HOOKLINE_BROKER_URL",
        "HOOKLINE_PROVIDER_URL",
        "HOOKLINE_PROVIDER_AUTH",
        "HOOKLINE_PROVIDER_DIALECT",
        "HOOKLINE_MAX_RUNNING",
        "HOOKLINE_PUBLIC_URL",
        "HOOKLINE_SECRET",
        "HOOKLINE_API_TOKEN",
        "HOOKLINE_NOTIFY_SECRET",
        "HOOKLINE_HOST",
        "HOOKLINE_PORT",
        "HOOKLINE_STORAGE_URL",
        "HOOKLINE_ASSET_NAMES",
        "HOOKLINE_LOG_FORMAT",
        "HOOKLINE_LOG_LEVEL",
        "HOOKLINE_ACCOUNTS",
        "HOOKLINE_MAX_RUNING",
        "HOOKLINE_SOMETHING_ELSE",
    }
    assert found["HOOKLINE_ACCOUNTS"] == "cannot be read: No such file or directory"
    assert found["HOOKLINE_MAX_RUNING"] == "is not a setting; meant HOOKLINE_MAX_RUNNING?"
    assert not Path(".hookline").exists()


def test_a_problem_never_repeats_the_value() -> None:
    canary = "canary-value"
    names = ("REDIS_URL", "BROKER_URL", "NOTIFY_SECRET", "SECRET", "PROVIDER_AUTH", "STORAGE_URL")
    env = {f"HOOKLINE_{name}": f"http://:{canary}" for name in names}
    with pytest.raises(SettingsError) as caught:
        load_settings(env | {"HOOKLINE_SECRET": "short-canary"}, None)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_secrets_are_never_shown() -> None:
    key = "provider-key-canary"
    settings = load(
        REDIS_URL="redis://:redis-password-canary@localhost/0",
        BROKER_URL="amqp://user:broker-password-canary@localhost//",
        STORAGE_URL="sftp://user:storage-password-canary@localhost/x",
        PROVIDER_URL="https://api.example",
        PROVIDER_KEY=key,
        SECRET="signing-secret-canary",
        API_TOKEN="api-token-canary-value",
    )
    assert "canary" not in f"{settings!r} {settings} {settings.accounts}"
    values = settings.secret_values()
    assert {v for v in values if "canary" in v} == {
        "redis-password-canary",
        "broker-password-canary",
        "storage-password-canary",
        key,
        "signing-secret-canary",
        "api-token-canary-value",
    }
    assert any(value.startswith("whsec_") for value in values)


@pytest.mark.parametrize("name", ["port", "provider_key"])
def test_settings_do_not_change(name: str) -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(load(), name, 1)


def test_the_environment_wins_over_dotenv_and_empty_is_unset(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        f"HOOKLINE_PORT=9000\nHOOKLINE_MAX_RUNNING=7\nHOOKLINE_SECRET=${{x}}{SECRET}\n"
        "UNRELATED=1\nHOOKLINE_HOST=\n"
    )
    settings = load_settings({"HOOKLINE_PORT": "9001"})
    assert (settings.port, settings.max_running, settings.host) == (9001, 7, "127.0.0.1")
    assert settings.secrets[0].get_secret_value() == f"${{x}}{SECRET}"


def test_what_the_clients_read_may_be_in_our_environment(tmp_path: Path) -> None:
    assert load_settings({"HOOKLINE_URL": "http://127.0.0.1:8000"}, tmp_path / ".env").port == 8000


def test_a_typo_in_dotenv_is_a_problem_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HOOKLINE_PROT=9000\n")
    assert problems({}, tmp_path / ".env") == {
        "HOOKLINE_PROT": "is not a setting; meant HOOKLINE_PORT?"
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_dotenv_may_have_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    (tmp_path / ".env").write_text("HOOKLINE_PORT=9000\n", encoding=encoding)
    (tmp_path / "key").write_text("from-a-file\n", encoding=encoding)
    env = {"HOOKLINE_PROVIDER_URL": "https://api.example", "HOOKLINE_PROVIDER_KEY_FILE": "key"}
    settings = load_settings(env, tmp_path / ".env")
    assert (settings.port, settings.provider_key.get_secret_value()) == (9000, "from-a-file")


GOOD = f"HOOKLINE_PROVIDER_URL=https://api.example\nHOOKLINE_PROVIDER_KEY={SECRET}\n"


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        (GOOD.encode("utf-16"), "", "UTF-16, as PowerShell's > writes it"),
        (GOOD.encode() + GOOD.encode("utf-16-le"), "", "from line 3 on but UTF-16"),
        (GOOD.encode() + b"HOOKLINE_SECRET=\xe9\n", "", "not UTF-8 text in line 3"),
        (f"\n\nHOOKLINE_SECRET: {SECRET}\n{GOOD}".encode(), ", line 3", "write NAME=value"),
        (f"HOOKLINE_SECRET {SECRET}\n{GOOD}".encode(), ", line 1", "write NAME=value"),
        (f"HOOKLINE_SECRET\n{GOOD}".encode(), ", line 1", "HOOKLINE_SECRET has no value"),
        (f"{GOOD}X='{SECRET}\nB=1\nC='d'\n".encode(), ", lines 3 to 5", "not closed"),
        (f"{GOOD}X='{SECRET}\r\n".encode(), ", line 3", "quotes in pairs"),
        (f"{GOOD}if [ -n {SECRET} ]; then\n".encode(), ", line 3", "write NAME=value"),
    ],
)
def test_what_cannot_be_read_of_dotenv_is_one_error_with_its_place(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes, place: str, problem: str
) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load_settings({"HOOKLINE_PROVIDER_KEY": "given"}, tmp_path / ".env")
    ((where, what),) = [(each.field, each.message) for each in caught.value.problems]
    assert where == f"{tmp_path / '.env'}{place}"
    assert problem in what
    assert SECRET not in str(caught.value)
    assert capfd.readouterr() == ("", ""), "it is said once"


def test_every_bad_line_of_dotenv_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("a b\nHOOKLINE_PORT=nine\n\nc d\nOTHERS\n")
    found = problems({}, tmp_path / ".env")
    assert [name.partition(", ")[2] or name for name in found] == [
        "line 1", "line 4", "HOOKLINE_PORT",
    ]  # fmt: skip


def test_a_folder_of_that_name_is_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert load_settings({}, tmp_path / ".env").port == 8000


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")
    settings = load(PROVIDER_URL="https://api.example", PROVIDER_KEY_FILE="key")
    assert settings.provider_key.get_secret_value() == "from-a-file"


def test_a_secret_file_that_is_missing_unreadable_or_doubled_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    found = problems(
        {
            "HOOKLINE_SECRET_FILE": "missing",
            "HOOKLINE_API_TOKEN_FILE": "binary",
            "HOOKLINE_PROVIDER_KEY_FILE": "binary",
            "HOOKLINE_PROVIDER_KEY": "key",
            "HOOKLINE_PROVIDER_URL": "https://api.example",
        }
    )
    assert set(found) == {
        "HOOKLINE_SECRET_FILE",
        "HOOKLINE_API_TOKEN_FILE",
        "HOOKLINE_PROVIDER_KEY",
    }


def test_a_secret_in_the_environment_beats_the_file_in_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HOOKLINE_SECRET_FILE=missing\n")
    settings = load_settings({"HOOKLINE_SECRET": SECRET})
    assert settings.secrets[0].get_secret_value() == SECRET


def test_several_secrets_keep_their_order() -> None:
    secrets = load(SECRET=f"{SECRET}new, {SECRET}old").secrets
    assert [s.get_secret_value() for s in secrets] == [f"{SECRET}new", f"{SECRET}old"]


@pytest.mark.parametrize("value", [",", f"{SECRET},short"])
def test_each_signing_secret_is_long_enough(value: str) -> None:
    assert list(problems({"HOOKLINE_SECRET": value})) == ["HOOKLINE_SECRET"]


def test_port_is_only_the_fallback() -> None:
    assert load_settings({"PORT": "5000"}, None).port == 5000
    assert load_settings({"PORT": "5000", "HOOKLINE_PORT": "6000"}, None).port == 6000
    assert list(problems({"PORT": "many"})) == ["PORT"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "hookline.example"])
def test_a_public_host_needs_secret_and_token(host: str) -> None:
    assert set(problems({"HOOKLINE_HOST": host})) == {"HOOKLINE_SECRET", "HOOKLINE_API_TOKEN"}
    assert load(HOST=host, SECRET=SECRET, API_TOKEN=TOKEN).host == host


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost/", "http://[::1]:80/x"])
def test_a_loopback_public_url_needs_no_secret(url: str) -> None:
    assert load(PUBLIC_URL=url).public_url == url.rstrip("/")


def test_a_reachable_public_url_needs_a_secret() -> None:
    url = "https://hooks.example/base/"
    assert list(problems({"HOOKLINE_PUBLIC_URL": url})) == ["HOOKLINE_SECRET"]
    assert load(PUBLIC_URL=url, SECRET=SECRET).public_url == "https://hooks.example/base"


@pytest.mark.parametrize(
    "url",
    [
        "hooks.example",
        "ftp://hooks.example",
        "https://",
        "https://hooks.example/?a=1",
        "https://hooks.example/#a",
        "https://user:password@hooks.example",
        "https://hooks.example/a b",
        "https://hooks.example/ä",
        "https://hooks.example:99999",
        "https://hooks.example/%2f",
        "https://[::1",
    ],
)
def test_a_public_url_that_may_be_rewritten_is_refused(url: str) -> None:
    assert "HOOKLINE_PUBLIC_URL" in problems({"HOOKLINE_PUBLIC_URL": url})


def test_a_provider_is_one_account() -> None:
    settings = load(
        PROVIDER_URL="https://api.example/mj-relax/",
        PROVIDER_KEY="key",
        PROVIDER_AUTH="raw",
        PROVIDER_DIALECT="trueai",
        MAX_RUNNING="12",
        ALLOWED_HOSTS="Pictures.lan, 10.0.0.2",
    )
    assert settings.accounts == (
        Account(
            name="default",
            url="https://api.example/mj-relax",
            key="key",
            auth="raw",
            dialect="trueai",
            max_running=12,
            allowed_hosts=frozenset({"pictures.lan", "10.0.0.2"}),
            costs="provider",
        ),
    )


def test_the_ledgers_token_and_user_belong_together_and_to_a_provider(tmp_path: Path) -> None:
    url = {"PROVIDER_URL": "https://api.example", "PROVIDER_KEY": "k"}
    file = tmp_path / "token"
    file.write_text("users-token\n")
    settings = load(**url, LEDGER_TOKEN_FILE=str(file), LEDGER_USER="7")
    (account,) = settings.accounts
    assert (account.ledger_token, account.ledger_user) == ("users-token", "7")
    assert "users-token" in settings.secret_values()
    assert "users-token" not in repr(settings)
    given = {f"HOOKLINE_{name}": value for name, value in url.items()}
    token, user = {"HOOKLINE_LEDGER_TOKEN": "t"}, {"HOOKLINE_LEDGER_USER": "7"}
    assert list(problems(given | token)) == ["HOOKLINE_LEDGER_USER"]
    assert list(problems(given | user)) == ["HOOKLINE_LEDGER_TOKEN"]
    assert list(problems(token | user)) == ["HOOKLINE_PROVIDER_URL"]


def test_a_loopback_provider_needs_no_key_and_may_serve_pictures() -> None:
    (account,) = load(PROVIDER_URL="http://127.0.0.1:9100").accounts
    assert account.key == ""
    assert account.allowed_hosts == {"127.0.0.1"}


def test_provider_url_and_key_belong_together() -> None:
    assert list(problems({"HOOKLINE_PROVIDER_KEY": "k"})) == ["HOOKLINE_PROVIDER_URL"]
    url = {"HOOKLINE_PROVIDER_URL": "https://api.example"}
    assert list(problems(url)) == ["HOOKLINE_PROVIDER_KEY"]
    assert list(problems(url | {"HOOKLINE_PROVIDER_KEY": "a\tb"})) == ["HOOKLINE_PROVIDER_KEY"]


@pytest.mark.parametrize("size", [23, 65])
def test_a_notify_secret_has_24_to_64_bytes(size: int) -> None:
    value = "whsec_" + base64.b64encode(b"x" * size).decode()
    assert list(problems({"HOOKLINE_NOTIFY_SECRET": value})) == ["HOOKLINE_NOTIFY_SECRET"]


def test_log_level_in_any_case() -> None:
    assert load(LOG_LEVEL="WARNING").log_level == "warning"


def test_the_broker_is_the_chosen_one_or_the_same_redis() -> None:
    assert load().broker("redis://h:1/0").url == "redis://h:1/1"
    assert load(BROKER_URL="amqp://h//").broker("redis://h:1/0").url == "amqp://h:5672//"
    assert load(BROKER_URL="unix:///s?db=3").broker("redis://h:1/0").url == (
        "redis+socket:///s?virtual_host=3"
    )


def test_how_long_what_is_over_is_kept() -> None:
    day = 86_400.0
    assert set(load().retention.values()) == {30 * day}
    kept = load(RETENTION="12h, failed=90d , cancelled = forever")
    assert kept.retention == {
        Status.SUCCEEDED: day / 2,
        Status.FAILED: 90 * day,
        Status.CANCELLED: None,
        Status.TIMED_OUT: day / 2,
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("30", "must be a time such as 30d or 12h, or forever"),
        ("0d", "must be a time"),
        ("30d, 7d", "names two times for all"),
        ("30d, queued=7d", "names queued; jobs end as succeeded, failed"),
        ("failed=soon", "must be a time"),
    ],
)
def test_a_wrong_time_says_what_to_write(value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=f"HOOKLINE_RETENTION: {words}"):
        load(RETENTION=value)
