"""What an operator does in the pages: doubts, stray callbacks, dead letters."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from playwright.sync_api import Page, expect

from tests.support.chromium import Window
from tests.support.listening import Listener
from tests.support.processes import wait_for
from worker.adapters.tokens import Tokens
from worker.sandbox.server import Sandbox

#: Milliseconds that a change may take to appear; a machine under load is slow.
PATIENCE_MS = 60_000
SECRET = "a-secret-of-these-tests-that-signs-their-callbacks"


@dataclass(frozen=True)
class Place:
    """A `hookline up` with two providers: one good, one that cuts every answer and never calls."""

    link: str  #: that signs in
    good: Sandbox
    bad: Sandbox
    listener: Listener  #: whom jobs may notify

    @property
    def host(self) -> str:
        return urlsplit(self.link).netloc


def submits(page: Page, job: str) -> None:
    """As JSON."""
    page.goto(f"{page.url.split('/', 3)[0]}//{urlsplit(page.url).netloc}/new")
    page.get_by_text("JSON").first.click()
    page.locator("[name=json]").fill(job)
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/pipelines/*")


def submits_into_doubt(window: Window, place: Place) -> str:
    """Two jobs whose answers are cut off; the page of one of them."""
    page = window.page
    for prompt in ("a red door", "a blue door"):
        submits(page, f'{{"kind": "imagine", "prompt": "{prompt}", "account": "other"}}')
        expect(page.locator(".story .state").first).to_have_text("in doubt")
        expect(page.get_by_role("button", name="Send it again")).to_be_visible()
    assert window.unusable() == []
    return f"{urlsplit(page.url).path}?{urlsplit(page.url).query}"


def task_of(place: Place, prompt: str) -> str:
    """The task that the bad provider accepted without a word."""
    [task_id] = [e["task_id"] for e in place.bad.ledger.entries() if e["prompt"] == prompt]
    return str(task_id)


def binds_a_stray_callback(window: Window, place: Place) -> str:
    """The provider calls the account's hook; that comes up in the page without a reload.

    The page of another, which stays unbound.
    """
    page, task_id = window.page, task_of(place, "a red door")
    page.get_by_text("Operate").click()
    page.get_by_role("link", name="Inbox").click()
    task = requests.get(f"{place.bad.url}/mj/task/{task_id}/fetch", timeout=10).json()
    token = Tokens([SECRET]).for_account("other")
    hook = f"http://{place.host}/webhooks/midjourney/{token}"
    for body in (task, {**task, "id": "1795900000000001"}):
        assert requests.post(hook, json={**body, "state": None}, timeout=10).status_code == 200
    stray = page.locator(".rows li", has_text="1795900000000001").get_by_role("link").first
    path = stray.get_attribute("href") or ""
    page.locator(".rows li", has_text=task_id).get_by_role("link", name="Bind it").click()
    expect(page.locator(".way", has_text="its prompt is the same")).to_contain_text("a red door")
    page.get_by_role("button", name="Bind to this job").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("a red door")
    expect(page.locator("figure img")).to_be_visible()
    return path


def resolves_a_doubt(window: Window, place: Place) -> None:
    """It was accepted, as a look at the provider's tasks shows."""
    page = window.page
    page.get_by_text("Operate").click()
    page.get_by_role("link", name="Doubts").click()
    doubt = page.locator(".doubt")
    expect(doubt).to_have_count(1)
    expect(doubt).to_contain_text("a blue door")
    expect(doubt).to_contain_text("foreign")
    expect(doubt).to_contain_text("0.1 is spent")
    doubt.get_by_label("Task id").fill(task_of(place, "a blue door"))
    doubt.get_by_role("button", name="Go on").click()
    expect(page.locator("figure img")).to_be_visible()


def sends_a_dead_letter_again(window: Window, place: Place) -> None:
    """Its receiver is back."""
    page, listener = window.page, place.listener
    notify = f'{{"url": "{listener.url}", "on": ["job.succeeded"]}}'
    listener.status = 410
    submits(
        page, f'{{"kind": "imagine", "prompt": "a boat", "account": "main", "notify": {notify}}}'
    )
    wait_for(lambda: listener.bodies, "a notification", 60)
    page.goto(f"http://{window.host}/deliveries?state=dead")
    until_there(page, ".state.bad")
    listener.status = 200
    page.get_by_text("Tries").click()
    expect(page.locator("details[open]")).to_contain_text("410")
    with page.expect_navigation():  # a reload before it would meet no page
        page.get_by_role("button", name="Send again").click()
    until_there(page, ".state.good")
    assert len(listener.bodies) == 2


def until_there(page: Page, what: str) -> None:
    """Pages that do not follow what happens are loaded again."""

    def there() -> bool:
        page.reload()
        return page.locator(f"main {what}").count() > 0

    wait_for(there, what, PATIENCE_MS / 1000)


def has_a_batch(window: Window) -> str:
    """Of one row; its page."""
    page = window.page
    page.goto(f"http://{window.host}/batches/new")
    page.locator("[name=name]").fill("spring")
    page.locator("[name=rows]").fill('{"prompt": "a bus", "account": "main"}')
    page.locator("[name=format]").select_option("ndjson")
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".quote .sum")).to_contain_text("0.1")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile(r"/batches/[0-9a-f]{32}$"))
    expect(page.locator("#cards img")).to_be_visible()
    return urlsplit(page.url).path
