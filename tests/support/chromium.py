"""Debian's Chromium on the pages: it collects what it may not see happen."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.neighbours.servers import program
from tests.support.processes import ROOT

DESKTOP, PHONE = ViewportSize(width=1320, height=860), ViewportSize(width=390, height=844)
_AXE = ROOT / "tests/vendor/axe/axe.min.js"
_LOOK = 'async () => (await axe.run({ resultTypes: ["violations"] })).violations'
#: What axe calls the impact of what shuts somebody out.
_SERIOUS = {"serious", "critical"}


@dataclass
class Window:
    """One page, and what went wrong in it."""

    page: Page
    host: str
    trouble: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self._requested(request.url))
        self.page.on("pageerror", lambda error: self.trouble.append(f"script: {error}"))
        self.page.on("console", lambda said: self._said(said.type, said.text))

    def _requested(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != self.host:
            self.trouble.append(f"asks another host: {url}")

    def _said(self, kind: str, text: str) -> None:
        """A refusal by the policy is an error in the console, and so is a file that is missing."""
        if kind == "error":
            self.trouble.append(f"console: {text}")

    def unusable(self) -> list[str]:
        """What axe finds that shuts somebody out."""
        self.page.evaluate(_AXE.read_text("utf-8"))
        found: list[dict[str, Any]] = self.page.evaluate(_LOOK)
        return [
            f"{each['id']}: {node['target']} {node['failureSummary']}"
            for each in found
            if each["impact"] in _SERIOUS
            for node in each["nodes"]
        ]

    def overflows(self) -> bool:
        """Whether the page is wider than the window."""
        wide: bool = self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        return wide


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without windows. Skips the test without it, and fails it in CI."""
    path = program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
