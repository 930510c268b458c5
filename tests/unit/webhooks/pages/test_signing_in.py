"""Who is signed in to the pages, how they got there, and how it ends."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.support.browsing import Browser, browser_of, token_for
from tests.support.web import AUTH, TOKEN, Web
from webhooks.api.jobs import MAX_BYTES
from webhooks.api.scopes import NEEDS
from webhooks.pages.everything import PAGES
from worker.adapters.sessions import Session, Sessions
from worker.services import access


@pytest.fixture
def web(tmp_path: Path) -> Web:
    web = Web(tmp_path)
    web.client = browser_of(web)
    return web


def where(client: FlaskClient, path: str = "/") -> tuple[int, str | None]:
    answer = client.get(path)
    return answer.status_code, answer.headers.get("Location")


def test_pages_are_for_those_who_signed_in(web: Web) -> None:
    assert where(web.client, "/?text=fox") == (303, "/sign-in?next=/%3Ftext%3Dfox")
    assert where(Browser(web).client) == (200, None)
    # The header of programs signs no browser in.
    assert web.client.get("/", headers=AUTH).status_code == 303


@pytest.mark.parametrize("given", ["", "nonsense", "hookline_" + "a" * 43, TOKEN + "x", "ü"])
def test_a_wrong_token_signs_nobody_in(web: Web, given: str) -> None:
    answer = web.client.post("/sign-in", data={"token": given})
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert given not in answer.text or not given


def test_the_cookie_is_out_of_reach(web: Web) -> None:
    [cookie] = Browser(web).answer.headers.getlist("Set-Cookie")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert TOKEN not in cookie
    assert "Secure" not in cookie  # over plain http on this machine


def test_behind_tls_the_cookie_stays_there(tmp_path: Path) -> None:
    env = {"HOOKLINE_PUBLIC_URL": "https://hooks.example", "HOOKLINE_SECRET": "a-secret-of-tests"}
    web = Web(tmp_path, env=env)
    answer = web.client.post("/sign-in", data={"token": TOKEN}, base_url="https://hooks.example/")
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "to",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "x",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\\evil.example",
    ],
)
def test_signing_in_leads_nowhere_else(web: Web, to: str) -> None:
    answer = web.client.post("/sign-in", data={"token": TOKEN, "next": to})
    assert answer.headers["Location"] == "/"


def test_a_link_signs_in_once(web: Web) -> None:
    sessions = Sessions([s.get_secret_value() for s in web.settings.secrets], TOKEN)
    path = f"/sign-in/{sessions.link()}"
    first, second = browser_of(web), browser_of(web)
    assert where(first, path) == (303, "/")
    assert where(first) == (200, None)
    assert where(second, path) == (200, None)  # the form, with what happened
    assert where(second)[0] == 303


def test_only_our_links_and_cookies_count(web: Web) -> None:
    others = Sessions(["another-secret-of-tests"], TOKEN)
    assert web.client.get(f"/sign-in/{others.link()}").status_code == 200
    web.client.set_cookie("hookline_session", others.start(""))
    assert where(web.client)[0] == 303


def test_a_session_cookie_is_no_link_and_no_link_a_cookie() -> None:
    sessions = Sessions(["a-secret-of-tests"], TOKEN)
    assert sessions.read_link(sessions.start("")) is None
    assert sessions.read(sessions.link()) is None


def test_another_api_token_in_the_settings_ends_sessions() -> None:
    cookie = Sessions(["a-secret-of-tests"], TOKEN).start("")
    assert Sessions(["a-secret-of-tests"], "another-api-token").read(cookie) is None


def test_a_rotated_secret_still_reads_sessions() -> None:
    cookie = Sessions(["old-secret-of-tests"], TOKEN).start("a digest")
    found = Sessions(["new-secret-of-tests", "old-secret-of-tests"], TOKEN).read(cookie)
    assert found == Session("a digest", cookie)


def test_a_revoked_token_ends_its_session(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "AGE_S", 0.0)
    browser = Browser(web, token_for(web, "shop", "read"))
    assert where(browser.client) == (200, None)
    web.services.api_tokens.revoke("shop")
    assert where(browser.client)[0] == 303
    assert where(browser.client, "/sign-in")[0] == 200  # and not in a circle


def test_signing_out(web: Web) -> None:
    browser = Browser(web)
    assert browser.client.post("/sign-out").headers["Location"] == "/sign-in"
    assert where(browser.client)[0] == 303


def test_another_site_signs_nobody_in_or_out(web: Web) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = web.client.post("/sign-in", data={"token": TOKEN}, headers=headers)
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers
        assert Browser(web).client.post("/sign-out", headers=headers).status_code == 403


def test_scopes_and_limits_are_those_of_the_token(web: Web) -> None:
    limited = token_for(web, "slow", "read", requests_per_minute=2)
    browser = Browser(web, limited)
    assert [browser.client.get("/").status_code for _ in range(3)] == [200, 200, 429]
    assert browser.client.get("/live/gallery").status_code == 204  # polls do not count
    assert Browser(web, token_for(web, "writer", "submit")).client.get("/").status_code == 403


def test_pages_say_what_a_browser_may_do(web: Web) -> None:
    for answer in (Browser(web).client.get("/"), web.client.get("/sign-in")):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["Cache-Control"] == "private, no-cache"
        for inline in ("<style", " style=", "onclick", "javascript:", "<script>"):
            assert inline not in answer.text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("zh-CN,zh;q=0.9", "zh"), ("zh-TW", "zh"), ("de,en;q=0.5", "en"), ("de", "en"), ("", "en")],
)
def test_the_language_is_the_browsers(web: Web, accepted: str, language: str) -> None:
    page = web.client.get("/sign-in", headers={"Accept-Language": accepted}).text
    assert f'<html lang="{language}">' in page


def test_the_language_can_be_chosen(web: Web) -> None:
    assert where(web.client, "/language/zh?next=/sign-in") == (303, "/sign-in")
    assert "登录" in web.client.get("/sign-in").text
    assert where(web.client, "/language/xx")[0] == 404


def test_every_page_has_a_need_or_is_for_signing_in_or_needs_a_link() -> None:
    assert {page.like for page in PAGES} <= {*NEEDS, ""}
    signing_in = "webhooks.pages.signing_in"
    others = [page.rule for page in PAGES if not page.like and page.view.__module__ != signing_in]
    assert all(rule.startswith("/shared/<token>") for rule in others)
    assert all(page.limit <= MAX_BYTES for page in PAGES)
