import pickle
from collections.abc import Mapping
from pathlib import Path

import pytest

from config.loading import load_settings
from config.proxies import DIRECT, read_proxies
from worker.domain.errors import SettingsError

PROXY = "http://me:pa%3Ass@proxy.test:3128"


def proxied(setting: str, url: str, **env: str) -> str | None:
    proxy = read_proxies(setting, env).to(url)
    return f"{proxy.place} {proxy.name}" if proxy else None


@pytest.mark.parametrize(
    ("env", "http", "https"),
    [
        ({}, None, None),
        ({"HTTP_PROXY": "http://a:1"}, "http://a:1 HTTP_PROXY", None),
        ({"HTTPS_PROXY": "http://a:1"}, None, "http://a:1 HTTPS_PROXY"),
        ({"ALL_PROXY": "http://a:1"}, "http://a:1 ALL_PROXY", "http://a:1 ALL_PROXY"),
        (
            {"ALL_PROXY": "socks5://a:1", "HTTP_PROXY": "http://b:2", "https_proxy": "http://c:3"},
            "http://b:2 HTTP_PROXY",
            "http://c:3 https_proxy",
        ),
        ({"http_proxy": "http://a:1", "HTTP_PROXY": "http://b:2"}, "http://a:1 http_proxy", None),
        ({"http_proxy": "", "HTTP_PROXY": "http://b:2"}, None, None),
        ({"HTTP_PROXY": "a:1"}, "http://a:1 HTTP_PROXY", None),
        ({"HTTP_PROXY": " http://a:1/ "}, "http://a:1 HTTP_PROXY", None),
        ({"HTTPS_PROXY": "https://me:secret@a:1"}, None, "https://a:1 HTTPS_PROXY"),
    ],
)
def test_the_environment_s_variables(
    env: Mapping[str, str], http: str | None, https: str | None
) -> None:
    assert proxied("environment", "http://target.test/", **env) == (
        http and http.replace("a:1/", "a:1")
    )
    assert proxied("environment", "https://target.test/", **env) == https


def test_none_is_none_and_a_url_is_for_both() -> None:
    assert proxied("none", "https://target.test/", HTTPS_PROXY=PROXY) is None
    for url in ("http://target.test/", "https://target.test:444/"):
        assert proxied(PROXY, url, HTTP_PROXY="http://b:2") == (
            "http://proxy.test:3128 HOOKLINE_PROXY"
        )


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1/", "http://LOCALHOST/", "https://127.0.0.1/", "https://127.8.9.10/",
        "http://[::1]:80/",
    ],
)  # fmt: skip
def test_this_machine_is_never_a_proxy_s_target(url: str) -> None:
    assert proxied(PROXY, url) is None


@pytest.mark.parametrize(
    ("bypass", "direct"),
    [
        ("", False), ("*", True), ("target.test", True), ("TARGET.test", True), (".test", True),
        ("test", True), ("*.test", True), ("other.test", False), ("get.test", False),
        ("a.test, target.test", True), ("a.test target.test", True), ("target.test:443", True),
        ("target.test:80", False), (",", False), ("10.0.0.0/8", False),
    ],
)  # fmt: skip
def test_no_proxy(bypass: str, direct: bool) -> None:
    for setting in (PROXY, "environment"):
        found = proxied(setting, "https://target.test/", HTTPS_PROXY=PROXY, NO_PROXY=bypass)
        assert (found is None) is direct


def test_no_proxy_may_name_networks() -> None:
    assert proxied(PROXY, "https://10.1.2.3/", no_proxy="10.0.0.0/8") is None
    assert proxied(PROXY, "https://[fd00::1]/", no_proxy="fd00::/8") is None
    assert proxied(PROXY, "https://11.1.2.3/", no_proxy="10.0.0.0/8") is not None


@pytest.mark.parametrize(
    "url", ["socks5://u:hunter2@h:1", "socks5h://h:1", "socks4://h", "SOCKS://h"]
)
def test_socks_is_not_supported(url: str) -> None:
    for setting, env, name in (
        (url, {}, "HOOKLINE_PROXY: is"),
        ("environment", {"ALL_PROXY": url}, "ALL_PROXY of the environment is"),
        ("environment", {"https_proxy": url}, "https_proxy of the environment is"),
    ):
        with pytest.raises(SettingsError, match=f"{name} a SOCKS proxy") as caught:
            load_settings({"HOOKLINE_PROXY": setting, **env}, None)
        assert "hunter2" not in str(caught.value)
    load_settings({"HOOKLINE_PROXY": "none", "ALL_PROXY": url}, None)


@pytest.mark.parametrize(
    "value",
    [
        "proxy.test:3128", "http://", "ftp://h:1", "http://h:port", "http://h:99999", "http://[::1",
        "http://me:hunter2#x@h:1", "http://me:hunter2/x@h:1", "http://h:1/path", "http://h:1?x=1",
        "yes",
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_and_not_repeated(value: str) -> None:
    with pytest.raises(SettingsError, match="HOOKLINE_PROXY: must be http://host:port") as caught:
        load_settings({"HOOKLINE_PROXY": value}, None)
    assert "hunter2" not in str(caught.value)


def test_the_password_is_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for env in ({"HOOKLINE_PROXY": PROXY}, {"HTTPS_PROXY": PROXY}):
        settings = load_settings(env, None)
        assert {"pa%3Ass", "pa:ss"} <= settings.secret_values()
        assert "pa%3Ass" not in repr(settings) + repr(settings.proxies)
        assert pickle.loads(pickle.dumps(settings)).proxies == settings.proxies


def test_without_a_setting_nothing_counts_as_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings({"HTTP_PROXY": PROXY}, None)
    assert "proxies" not in settings.model_fields_set
    assert load_settings({}, None).proxies == DIRECT


def test_a_proxy_of_the_environment_that_is_wrong_is_reported_for_the_setting() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"ALL_PROXY": "socks5://h:1"}, None)
    [problem] = caught.value.problems
    assert problem.field == "HOOKLINE_PROXY"
    assert "ALL_PROXY of the environment" in problem.message
