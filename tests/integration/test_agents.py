"""The tools of `hookline mcp` by a real MCP client, over a real store: prices, budgets, errors."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import ImageContent

from tests.support.jobs import GRID
from tests.support.tenants import web_with_prices
from tests.support.web import Web
from worker.domain.access import Caller, Limits, Scope
from worker.domain.job import Status
from worker.domain.money import amount
from worker.domain.result import Result, StoredFile
from worker.entrypoints.agents.agent import Agent
from worker.entrypoints.agents.server import serve

IMAGINE = {"kind": "imagine", "prompt": "a cat"}
PAYING = {"submit_job", "press_button", "retry_job", "cancel_job"}

Story = Callable[[Client], Coroutine[Any, Any, None]]


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return web_with_prices(tmp_path)


def agent(web: Web, budget: float | None, tenant: str | None = None) -> Agent:
    limits = Limits(budget_per_day=None if budget is None else amount(budget))
    caller = Caller("mcp:test", frozenset({Scope.READ, Scope.SUBMIT}), tenant, limits)
    return Agent(web.services, caller)


def tell(by: Agent, story: Story) -> None:
    async def told() -> None:
        async with Client(serve(by)) as client:
            await story(client)

    asyncio.run(told())


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """What the tool answers; a refusal raises."""
    answer = await client.call_tool(tool, arguments)
    text = "".join(getattr(part, "text", "") for part in answer.content)
    if answer.is_error:
        raise AssertionError(text)
    return json.loads(text)


def test_without_a_budget_it_only_reads(web: Web) -> None:
    async def story(client: Client) -> None:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} & PAYING == set()
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
        assert "only reads" in (client.instructions or "")

    tell(agent(web, None), story)


def test_what_pays_says_so(web: Web) -> None:
    async def story(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert tools.keys() >= PAYING
        for name, tool in tools.items():
            assert tool.annotations
            assert tool.annotations.read_only_hint is (name not in PAYING)
            paid = name in PAYING - {"cancel_job"}
            assert ("max_price" in tool.input_schema.get("required", ())) is paid

    tell(agent(web, 5), story)


def test_a_price_is_stated_accepted_and_taken_from_the_budget(web: Web) -> None:
    async def story(client: Client) -> None:
        quote = await call(client, "quote_job", request=IMAGINE)
        price = quote["price_at_most"]
        assert price > 0
        with pytest.raises(AssertionError, match="nothing was submitted"):
            await call(client, "submit_job", request=IMAGINE, max_price=price / 2)
        first = await call(client, "submit_job", request=IMAGINE, max_price=price, key="1")
        assert first["price_at_most"] == price
        assert first["budget"]["spent_today"] == price
        again = await call(client, "submit_job", request=IMAGINE, max_price=price, key="1")
        assert again["jobs"] == first["jobs"]
        assert again["budget"] == first["budget"] == await call(client, "show_budget")
        (job,) = (await call(client, "list_jobs", status="queued"))["jobs"]
        assert job["id"] == first["jobs"][0]["id"]
        await call(client, "submit_job", request=IMAGINE, max_price=price)
        with pytest.raises(AssertionError, match="a day"):
            await call(client, "submit_job", request=IMAGINE, max_price=price)
        left = await call(client, "show_budget")
        assert 0 <= left["left"] < price
        cancelled = await call(client, "cancel_job", job_id=job["id"])
        assert cancelled["jobs"][0]["status"] == "cancelled"
        with pytest.raises(AssertionError, match="a day"):
            await call(client, "retry_job", job_id=job["id"], max_price=99)

    price = web.services.enqueuer.quote(IMAGINE).most / 1e6
    tell(agent(web, price * 2.5), story)


def test_a_press_is_priced_too(web: Web) -> None:
    job = web.put(status=Status.SUCCEEDED, account="main", result=Result(buttons=GRID))

    async def story(client: Client) -> None:
        price = (await call(client, "quote_press", job_id=job.id, button="U1"))["price_at_most"]
        pressed = {"job_id": job.id, "button": "U1"}
        with pytest.raises(AssertionError, match="max_price"):
            await call(client, "press_button", **pressed, max_price=0)
        done = await call(client, "press_button", **pressed, max_price=price)
        assert done["jobs"][0]["parent_id"] == job.id
        with pytest.raises(AssertionError, match="button"):
            await call(client, "press_button", job_id=job.id, button="U9", max_price=9)
        found = await call(client, "show_pipeline", job_id=job.id)
        assert (len(found["jobs"]), found["over"]) == (2, False)

    tell(agent(web, 100), story)


def test_mistakes_are_answers_that_name_the_field(web: Web) -> None:
    async def story(client: Client) -> None:
        with pytest.raises(AssertionError, match="promt"):
            await call(client, "quote_job", request={"kind": "imagine", "promt": "a cat"})
        notify = {"celery_task": "shop.tell"}
        with pytest.raises(AssertionError, match="notify: is not for agents"):
            await call(client, "submit_job", request={**IMAGINE, "notify": notify}, max_price=9)
        with pytest.raises(AssertionError, match="There is no job"):
            await call(client, "show_job", job_id="0" * 32)
        assert (await call(client, "show_accounts"))["items"]

    tell(agent(web, 100), story)


def test_a_tenants_agent_sees_its_own(web: Web) -> None:
    others = web.put()

    async def story(client: Client) -> None:
        with pytest.raises(AssertionError, match="There is no job"):
            await call(client, "show_job", job_id=others.id)
        done = await call(client, "submit_job", request=IMAGINE, max_price=99)
        shown = await call(client, "show_job", job_id=done["jobs"][0]["id"])
        assert shown["tenant"] == "acme"
        assert len((await call(client, "list_jobs"))["jobs"]) == 1

    tell(agent(web, 100, "acme"), story)


def test_a_picture_is_seen(web: Web) -> None:
    path = web.services.storage.put_result("a/1-thumb.webp", b"a small picture")
    file = StoredFile(path, "image/webp", 15, "0" * 64, 2, 2, "thumbnail")
    job = web.put(status=Status.SUCCEEDED, result=Result(files=(file,)))

    async def story(client: Client) -> None:
        answer = await client.call_tool("show_picture", {"job_id": job.id})
        (picture,) = answer.content
        assert isinstance(picture, ImageContent)
        assert picture.mime_type == "image/webp"
        waited = await call(client, "wait_for_job", job_id=job.id)
        assert waited["over"] is True
        with pytest.raises(AssertionError, match="1 stored pictures"):
            await call(client, "show_picture", job_id=job.id, number=1)

    tell(agent(web, None), story)
