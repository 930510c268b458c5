"""The pages in a real browser, against `hookline up`."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.acceptance.operating import (
    PATIENCE_MS,
    SECRET,
    Place,
    binds_a_stray_callback,
    has_a_batch,
    resolves_a_doubt,
    sends_a_dead_letter_again,
    submits_into_doubt,
)
from tests.support.chromium import DESKTOP, PHONE, Window, chromium
from tests.support.listening import listener
from tests.support.processes import up, wait_for
from worker.sandbox.options import SandboxOptions
from worker.sandbox.server import Sandbox

ACCOUNTS = """
[accounts.main]
url = "{good}"
price = {{ default = 0.1 }}
[accounts.other]
url = "{bad}"
price = {{ default = 0.1 }}
"""
#: Adds up what the browser calls the scores of unexpected layout shifts.
_SHIFTS = """
window.shifted = 0;
window.moved = [];
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) if (!each.hadRecentInput) {
    window.shifted += each.value;
    window.moved.push(...each.sources.map(({ node }) => node?.outerHTML ?? node?.textContent));
  }
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    written = tmp_path / "up.out"
    good = Sandbox(SandboxOptions(task_seconds=(0.5, 1.0)))
    bad = Sandbox(
        SandboxOptions(
            dialect="gateway",
            task_seconds=(0.2, 0.2),
            cut_replies=1.0,
            callbacks_lost=1.0,
            books=False,
        )
    )

    def printed() -> str | None:
        found = re.search(r"http://\S+/sign-in/\S+", written.read_text())
        return found and found[0]

    with good, bad, listener() as receiver:
        accounts = tmp_path / "accounts.toml"
        accounts.write_text(ACCOUNTS.format(good=good.url, bad=bad.url), encoding="utf-8")
        env = {
            "HOOKLINE_ACCOUNTS": str(accounts),
            "HOOKLINE_SECRET": SECRET,
            "HOOKLINE_ALLOWED_HOSTS": "127.0.0.1",
        }
        with up(tmp_path, "--no-open", **env):
            wait_for(printed, "the sign-in link")
            yield Place(printed() or "", good, bad, receiver)


@pytest.mark.timeout(600)  # a browser on a busy machine
def test_a_day_in_a_browser(place: Place) -> None:
    with chromium() as browser:
        window = opened(browser, place.link)
        makes_a_job(window)
        presses_by_keyboard(window)
        varies_a_region(window)
        runs_again(window)
        tries_a_call(window)
        shared = shares(window, browser)
        doubtful = submits_into_doubt(window, place)
        stray = binds_a_stray_callback(window, place)
        resolves_a_doubt(window, place)
        sends_a_dead_letter_again(window, place)
        chosen = presses_many(window)
        batch = has_a_batch(window)
        keeps_still(window)
        paths = [*PATHS, shared, stray, doubtful, history_of(doubtful), chosen, batch]
        looks_well(window, paths)
        assert window.trouble == []
        reads_without_scripts(browser, window, paths)


def opened(browser: Browser, link: str) -> Window:
    context = browser.new_context(viewport=DESKTOP, locale="en-US")
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    host = link.split("/")[2]
    window = Window(context.new_page(), host)
    window.page.goto(link)
    expect(window.page).to_have_title("Gallery · Hookline")
    assert window.unusable() == []
    return window


def makes_a_job(window: Window) -> None:
    """With a follow-up, in the form; it is watched to its end without a reload."""
    page = window.page
    page.get_by_role("link", name="New job").click()
    page.locator("[name=prompt]").fill("a lighthouse in fog")
    page.get_by_text("Options").click()
    page.locator("[name=account]").select_option("main")
    page.get_by_role("button", name="U1", exact=True).click()
    expect(page.locator("#preview .sum")).to_contain_text("2 jobs")
    assert window.unusable() == []
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/pipelines/*")
    page.evaluate("window.same = true")
    expect(page.locator(".lineage .state.good")).to_have_count(2)
    expect(page.locator("figure img")).to_be_visible()
    assert page.evaluate("window.same")


def presses_by_keyboard(window: Window) -> None:
    page = window.page
    page.get_by_role("link", name="Gallery").click()
    page.wait_for_load_state()  # keys pressed before the scripts run are lost
    page.keyboard.press("j")
    page.keyboard.press("Shift+Digit2")
    pressed = page.locator(".strip li", has_text="V2")
    expect(pressed.locator("img")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")


def varies_a_region(window: Window) -> None:
    """With a mask that is drawn on the picture."""
    page = window.page
    page.locator(".strip a", has_text="U1").click()
    page.locator("a.press", has_text="Vary (Region)").click()
    page.wait_for_load_state()
    assert window.unusable() == []
    box = page.locator("canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 120, steps=4)
    page.mouse.up()
    page.locator("[name=prompt]").fill("a red door")
    page.get_by_role("button", name="Vary (Region)").click()
    page.wait_for_url("**/pipelines/*")
    expect(page.locator(".lineage .state.good")).to_have_count(4)


def runs_again(window: Window) -> None:
    """With another prompt."""
    page = window.page
    page.locator(".lineage a").first.click()
    page.locator("a", has_text="Edit and run again").click()
    expect(page.locator("[name=then]")).to_have_value("U1")
    page.locator("[name=prompt]").fill("a lighthouse in the sun")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("a lighthouse in the sun")
    expect(page.locator(".lineage .state.good")).to_have_count(2)


def keeps_still(window: Window) -> None:
    """Nothing moves when pictures arrive: neither where they are awaited nor where they load."""
    page = window.page
    page.goto(f"http://{window.host}/new")
    page.locator("[name=prompt]").fill("a lighthouse in a storm --ar 3:2")
    page.get_by_text("Options").click()
    page.locator("[name=account]").select_option("main")  # the other one never sends a picture
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/pipelines/*")
    page.context.add_init_script(_SHIFTS)
    page.reload()
    with page.context.new_page() as gallery:
        gallery.goto(f"http://{window.host}/")
        expect(gallery.locator(".tile").first.locator(".shot img")).to_be_visible()
        expect(page.locator("figure img")).to_be_visible()
        for each in (gallery, page):
            assert each.evaluate("window.shifted") < 0.01, each.evaluate("window.moved")
            each.reload()
            each.wait_for_load_state("networkidle")
            assert each.evaluate("window.shifted") < 0.01
        under = gallery.locator(".tile").first.locator(".under rect")
        assert re.fullmatch("#[0-9a-f]{6}", under.get_attribute("fill") or "")


def tries_a_call(window: Window) -> None:
    """Of the API's own page: the example of a new job, which is only priced."""
    page, pipeline = window.page, window.page.url
    page.goto(f"http://{window.host}/docs")
    call = page.locator("#operations-jobs-create")
    call.locator(".opblock-summary-control").click()
    assert window.unusable() == []
    call.get_by_role("button", name="Execute").click()
    expect(call.locator(".live-responses-table .response-col_status").last).to_have_text("200")
    page.goto(pipeline)


def shares(window: Window, browser: Browser) -> str:
    """A link that shows the pipeline to a browser which is not signed in."""
    page = window.page
    page.get_by_text("Share", exact=True).click()
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("[data-copied]").input_value()
    with browser.new_context() as context:
        stranger = Window(context.new_page(), window.host)
        stranger.page.goto(link)
        expect(stranger.page.locator("figure img")).to_be_visible()
        expect(stranger.page.locator(".lineage li")).to_have_count(2)
        assert stranger.trouble == []
    return urlsplit(link).path


def presses_many(window: Window) -> str:
    """By the keyboard, for the price of all; the page that asks."""
    page = window.page
    page.goto(f"http://{window.host}/")
    page.wait_for_load_state()
    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    expect(page.locator(".choosing")).to_contain_text("2")
    page.keyboard.press("c")
    page.wait_for_url("**/selection?*")
    asked = f"{urlsplit(page.url).path}?{urlsplit(page.url).query}"
    expect(page.locator(".press", has_text="U2")).to_contain_text("2 jobs · 0.2")
    page.locator(".press", has_text="U2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Done for 2 jobs")
    return asked


def history_of(pipeline: str) -> str:
    return f"/jobs/{pipeline.rpartition('=')[2]}/history"


#: Everybody's pages.
PATHS = (
    "/", "/new", "/batches", "/batches/new", "/accounts", "/deliveries", "/inbox", "/doubts",
    "/docs", "/doctor",
)  # fmt: skip


def looks_well(window: Window, paths: list[str]) -> None:
    """On a desktop and a phone, light and dark, in both languages.

    To look at it yourself, set SCREENSHOTS to a folder.
    """
    page = window.page
    for language, scheme, size in (("zh", "light", PHONE), ("en", "dark", DESKTOP)):
        page.goto(f"http://{window.host}/language/{language}?next=/")
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.set_viewport_size(size)
        for path in paths:
            page.goto(f"http://{window.host}{path}")
            expect(page.locator("html")).to_have_attribute("lang", language)
            assert not window.overflows(), (path, scheme)
            assert window.unusable() == [], (path, scheme)
            if folder := os.environ.get("SCREENSHOTS"):
                name = re.sub(r"\W+", "-", path)[1:12] or "gallery"
                page.screenshot(path=Path(folder) / f"{name}-{scheme}.png")


def reads_without_scripts(browser: Browser, window: Window, paths: list[str]) -> None:
    """On a phone: whatever is shown; and what is chosen in the gallery can be gone on with."""
    state = window.page.context.storage_state()
    with browser.new_context(
        java_script_enabled=False, storage_state=state, viewport=PHONE, has_touch=True
    ) as context:
        page = context.new_page()
        for path in paths:
            page.goto(f"http://{window.host}{path}")
            expect(page.locator("main :is(h1, h2, article, label)").first).to_be_attached()
        page.goto(f"http://{window.host}/")
        page.locator(".choose").first.tap()
        page.locator(".choosing button").first.click()
        expect(page.locator("h1")).to_have_text("1 pipeline is chosen")
        page.locator(".picked a").click()
        expect(page.locator("figure img")).to_be_visible()
