"""The pages in a real browser, against `hookline up`."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.support.chromium import DESKTOP, PHONE, Window, chromium
from tests.support.processes import up, wait_for
from worker.sandbox.options import SandboxOptions
from worker.sandbox.server import Sandbox

#: Milliseconds that a change may take to appear; a machine under load is slow.
PATIENCE_MS = 60_000


@pytest.fixture
def link(tmp_path: Path) -> Iterator[str]:
    """The link that `hookline up` prints."""
    written = tmp_path / "up.out"
    quick = Sandbox(SandboxOptions(task_seconds=(0.5, 1.0)))

    def printed() -> str | None:
        found = re.search(r"http://\S+/sign-in/\S+", written.read_text())
        return found and found[0]

    with quick, up(tmp_path, "--no-open", "--provider-url", quick.url):
        wait_for(printed, "the sign-in link")
        yield printed() or ""


def test_a_day_in_a_browser(link: str, tmp_path: Path) -> None:
    with chromium() as browser:
        window = opened(browser, link)
        makes_a_job(window)
        presses_by_keyboard(window)
        varies_a_region(window)
        runs_again(window)
        looks_well(window, tmp_path)
        assert window.trouble == []
        reads_without_scripts(browser, window)


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


def looks_well(window: Window, folder: Path) -> None:
    """On a desktop and a phone, light and dark, in both languages."""
    page = window.page
    paths = ["/", "/new", "/batches", "/batches/new", "/accounts", "/deliveries"]
    pipeline = urlsplit(page.url).path
    page.goto(f"http://{window.host}/language/zh?next=/")
    for scheme, size in (("light", PHONE), ("dark", DESKTOP)):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.set_viewport_size(size)
        for path in [*paths, pipeline]:
            page.goto(f"http://{window.host}{path}")
            expect(page.locator("html")).to_have_attribute("lang", "zh")
            assert not window.overflows(), (path, scheme)
            assert window.unusable() == [], (path, scheme)
            name = path.strip("/").replace("/", "-")[:10] or "gallery"
            page.screenshot(path=folder / f"{name}-{scheme}.png")


def reads_without_scripts(browser: Browser, window: Window) -> None:
    state = window.page.context.storage_state()
    context = browser.new_context(java_script_enabled=False, storage_state=state)
    page = context.new_page()
    page.goto(f"http://{window.host}/")
    page.locator(".prompt a").first.click()
    expect(page.locator(".lineage li")).to_have_count(2)
    expect(page.locator("figure img")).to_be_visible()
