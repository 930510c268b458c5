"""Many pipelines at once: what is offered, for which price, and what one refusal stops."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.browsing import Browser, token_for
from tests.support.jobs import NOW
from tests.support.tenants import web_with_prices
from tests.support.web import Web
from worker.domain.audit import Wanted
from worker.domain.job import Attempt, Job, Status
from worker.domain.result import Button, Result

U1, V1 = Button("MJ::JOB::upsample::1::x", "U1"), Button("MJ::JOB::variation::1::x", "V1")
REGION = Button("MJ::Inpaint::1::x::SOLO", "Vary (Region)")


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return web_with_prices(tmp_path)


def root(web: Web, n: int, **fields: Any) -> Job:
    job_id = f"{n:032x}"
    asked = {"pipeline_id": job_id, "created_at": NOW + n, "account": "main", **fields}
    return web.put(id=job_id, **asked)


def done(web: Web, n: int, *buttons: Button) -> Job:
    ended = {"task_id": f"t{n}", "finished_at": NOW + 9}
    attempts = (Attempt(1, NOW, task_id=f"t{n}"),)
    result = Result(buttons=buttons)
    return root(web, n, status=Status.SUCCEEDED, result=result, attempts=attempts, **ended)


def path_of(*jobs: Job) -> str:
    return "/selection?" + "&".join(f"pipeline={job.id}" for job in jobs)


def offers(page: str) -> list[str]:
    """What each button says."""
    found = re.findall(r'class="press">(.*?)</button>', page, re.DOTALL)
    return [" ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", "", each).split()) for each in found]


def jobs_of(page: str, path: str) -> list[str]:
    [form] = re.findall(rf'action="/selection/{path}">(.*?)</form>', page, re.DOTALL)
    return re.findall(r'name="job" value="(\w+)"', form)


def test_what_most_have_is_offered_first_with_the_price_of_all(web: Web) -> None:
    jobs = (done(web, 1, U1), done(web, 2, V1, U1, REGION), root(web, 3), root(web, 4))
    page = Browser(web).get(path_of(*jobs))
    assert offers(page) == ["U1 2 jobs · 4", "V1 1 job · 2", "Cancel what is not over 2 jobs"]
    assert "4 pipelines are chosen" in page


def test_a_retry_costs_what_follows_from_it_too(web: Web) -> None:
    failed = root(
        web, 1, status=Status.FAILED, then=({"press": "U1"},), attempts=(Attempt(1, NOW),)
    )
    cancelled = root(web, 2, status=Status.CANCELLED)
    assert offers(Browser(web).get(path_of(failed, cancelled))) == ["Retry what failed 1 job · 4"]


def test_one_that_is_refused_does_not_stop_the_others(web: Web) -> None:
    first, second, on = done(web, 1, U1), done(web, 2, U1), "/"
    browser = Browser(web)
    page = browser.get(path_of(first, second))
    assert jobs_of(page, "press") == [first.id, second.id]
    queued = root(web, 3)
    data: dict[str, Any] = {
        "job": [first.id, queued.id, second.id],
        "button": "U1",
        "key": "of this page",
    }
    for _ in range(2):  # a repeat presses nothing twice
        answer = browser.send("/selection/press", on, **data)
        assert "Done for 2 jobs" in answer.text
        assert "1 was refused" in answer.text
    found = [web.store.jobs.pipeline(each.id) for each in (first, second)]
    assert [len(each.jobs) for each in found if each] == [2, 2]


def test_cancelling_many_is_in_the_audit_trail_of_each(web: Web) -> None:
    jobs = [root(web, n) for n in (1, 2)]
    browser = Browser(web, token_for(web, "anna", "read", "submit"))
    browser.send("/selection/cancel", "/", job=[job.id for job in jobs])
    assert {web.job(job.id).status for job in jobs} == {Status.CANCELLED}
    found = web.store.audit.page(Wanted(), 9).changes
    assert sorted((each.actor, each.job) for each in found) == [("anna", job.id) for job in jobs]
    browser.send("/selection/retry", "/", job=[job.id for job in jobs])
    assert {web.job(job.id).status for job in jobs} == {Status.QUEUED}


def test_others_and_readers_are_offered_nothing(web: Web) -> None:
    job = root(web, 1, tenant="shop")
    reader = Browser(web, token_for(web, "reader", "read"))
    assert offers(reader.get(path_of(job))) == []
    assert reader.send("/selection/cancel", "/", job=job.id).status_code == 403
    other = Browser(web, token_for(web, "other", "read", "submit", tenant="other"))
    assert "0 pipelines are chosen" in other.get(path_of(job))
    assert "1 was refused" in other.send("/selection/cancel", "/", job=job.id).text
    assert web.job(job.id).status is Status.QUEUED


def test_too_many_are_refused(web: Web) -> None:
    answer = Browser(web).client.get("/selection?" + "&".join(f"pipeline={n}" for n in range(101)))
    assert (answer.status_code, "at most 100" in answer.text) == (400, True)
