"""A new job by form or JSON: its preview, and what is submitted."""

import io
from pathlib import Path
from typing import Any

import pytest

from tests.support.browsing import Browser
from tests.support.drawing import draw
from tests.support.jobs import a_job
from tests.support.web import Web
from webhooks.pages import job_form
from worker.adapters.store import Filter
from worker.domain.errors import InvalidRequest
from worker.domain.job import Job
from worker.domain.job_spec import Kind


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return Web(tmp_path)


def submitted(web: Web, place: str) -> Job:
    return web.job(place.partition("job=")[2])


def test_the_form_becomes_a_job(web: Web) -> None:
    form = {"kind": "imagine", "prompt": " a fox ", "then": "U1,V2>U1", "priority": "7",
            "metadata": '{"order": 18}', "seed": "on", "attempts": "2"}  # fmt: skip
    sent = Browser(web).send("/new", on="/new", **form)
    job = submitted(web, sent.headers["Location"])
    assert job.request == {"prompt": "a fox"}
    assert [step["press"] for step in job.spec.then] == ["U1", "V2"]
    assert (job.options.priority, job.options.seed, job.metadata) == (7, True, {"order": 18})
    assert job.options.retry is not None


def test_json_becomes_a_job(web: Web) -> None:
    sent = Browser(web).send(
        "/new", on="/new", **{"as": "json", "json": '{"kind": "shorten", "prompt": "x"}'}
    )
    assert submitted(web, sent.headers["Location"]).kind is Kind.SHORTEN


def test_the_same_form_twice_is_one_job(web: Web) -> None:
    form = {"kind": "imagine", "prompt": "a fox", "key": "of this page"}
    places = {Browser(web).send("/new", on="/new", **form).headers["Location"] for _ in range(2)}
    assert len(places) == 1


def test_a_chosen_picture_is_sent_with_it(web: Web) -> None:
    browser = Browser(web)
    token = browser.get("/new").partition('name="form_token" value="')[2].partition('"')[0]
    data: dict[str, Any] = {"form_token": token, "kind": "describe"}
    data["pictures"] = (io.BytesIO(draw()), "a.png", "image/png")
    sent = browser.client.post("/new", data=data, content_type="multipart/form-data")
    assert submitted(web, sent.headers["Location"]).request["image"].startswith("blob:")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"kind": "imagine"}, "prompt"),
        ({"kind": "imagine", "prompt": "x", "then": "U1,,U2"}, "empty place"),
        ({"kind": "imagine", "prompt": "x", "priority": "high"}, "priority"),
        ({"kind": "imagine", "prompt": "x", "metadata": "{"}, "metadata"),
        ({"as": "json", "json": "nonsense"}, "must be JSON"),
        ({"as": "json", "json": "[]"}, "must be a JSON object"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(
    web: Web, form: dict[str, str], words: str
) -> None:
    for path, status in (("/new", 400), ("/new/preview", 200)):
        answer = Browser(web).send(path, on="/new", **form)
        assert answer.status_code == status
        assert words in answer.text
    assert not web.store.jobs.page(Filter(), 9).jobs


def test_the_preview_has_the_tree_and_the_same_request_thrice(web: Web) -> None:
    form = {"kind": "imagine", "prompt": "it's a fox", "then": "U1,U2"}
    page = Browser(web).send("/new/preview", on="/new", **form).text
    assert "3 jobs" in page
    for words in ("&#34;press&#34;: &#34;U1&#34;", "curl &#34;http://localhost/v1/jobs",
                  "it&#39;\\&#39;&#39;s a fox", "from worker import imagine"):  # fmt: skip
        assert words in page
    assert not web.store.jobs.page(Filter(), 9).jobs


def test_chosen_pictures_count_in_the_preview_before_they_are_sent(web: Web) -> None:
    page = Browser(web).send("/new/preview", on="/new", kind="describe", chosen="1").text
    assert "base64,..." in page
    assert "1 job" in page


@pytest.mark.parametrize(
    "job",
    [
        a_job(request={"prompt": "a fox"}, priority=7, metadata={"order": 18},
              then=({"press": "U1"}, {"press": "V2", "then": [{"press": "U1"}]})),
        a_job(request={"prompt": "a fox", "images": ["blob:" + "a" * 64 + ".png"]}),
        a_job(request={"prompt": "a fox", "bot_type": "NIJI_JOURNEY"}),
        a_job(request={"prompt": "a"}, then=({"press": "U1", "modal": {"prompt": "x"}},)),
    ],
)  # fmt: skip
def test_running_again_asks_for_the_same(job: Job) -> None:
    again = job_form.request_of(job_form.form_of(job), [])
    assert again == job_form.request_again(job)


def test_a_job_of_one_account_is_run_again_there() -> None:
    bound, free = (a_job(account="main", anywhere=anywhere) for anywhere in (False, True))
    assert job_form.form_of(bound)["account"] == "main"
    assert "account" not in job_form.form_of(free)


def test_a_press_is_run_again_on_its_parent() -> None:
    job = a_job(kind=Kind.ACTION, parent_id="f" * 32, request={"button": "U1", "custom_id": "x"})
    assert job_form.request_of(job_form.form_of(job), []) == {
        "kind": "action", "job_id": "f" * 32, "button": "U1",
    }  # fmt: skip


def test_a_bad_number_reaches_the_check_as_it_is() -> None:
    assert job_form.request_of({"prompt": "x", "priority": "seven"}, [])["priority"] == "seven"
    with pytest.raises(InvalidRequest, match="metadata"):
        job_form.request_of({"prompt": "x", "metadata": "["}, [])


@pytest.mark.parametrize("text", ["\uff12", "\u0663", "1_0", "9" * 5000])
@pytest.mark.parametrize("name", ["priority", "deadline_s", "attempts"])
def test_a_number_is_in_plain_digits(web: Web, name: str, text: str) -> None:
    sent = Browser(web).send("/new", on="/new", kind="imagine", prompt="a fox", **{name: text})
    assert sent.status_code == 400


@pytest.mark.parametrize("text", ["\uff12", "-1", "9" * 5000])
def test_how_many_pictures_are_chosen_may_be_nonsense(web: Web, text: str) -> None:
    form = {"kind": "imagine", "prompt": "a fox", "chosen": text}
    assert Browser(web).send("/new/preview", on="/new", **form).status_code == 200
