"""Jobs and pipelines as the outside sees them."""

import json

import pytest

from tests.support.jobs import NOW, a_job, in_status
from worker.adapters.store import Page, Pipeline
from worker.domain.job import Attempt, AttemptOutcome, Status
from worker.domain.result import Button, JobError, Result
from worker.services.reports import answers
from worker.services.reports.answers.waiting import Reason, Waiting


def a_pipeline(*statuses: Status) -> Pipeline:
    """A root in the first status, and a child in each of the others."""
    root = a_job(status=statuses[0])
    rest = (a_job(status=s, parent_id=root.id, pipeline_id=root.id) for s in statuses[1:])
    return Pipeline(root.id, (root, *rest))


def test_a_job_shows_what_the_contract_names() -> None:
    job = a_job(
        id="ab" * 16,
        request={"prompt": "a cat"},
        then=({"press": "U1"},),
        metadata={"order": 7},
        attempts=(Attempt(1, NOW, AttemptOutcome.FAILED), Attempt(2, NOW + 0.25)),
        result=Result(image_url="u", buttons=(Button("c", "U1", "e"),), assets=("p/1.png",)),
        error=JobError("lost", "gone", "retry it", retryable=True),
        submitted_at=NOW,
    )
    shown = answers.Job.of(job).to_dict()
    assert json.loads(json.dumps(shown)) == shown, "it is JSON already"
    assert {
        "id", "kind", "status", "progress", "account", "task_id", "parent_id", "pipeline_id",
        "batch_id", "request", "then", "result", "error", "attempts", "metadata",
        "created_at", "submitted_at", "finished_at",
    } <= shown.keys()  # fmt: skip
    assert shown["kind"] == "imagine"
    assert shown["created_at"] == "2027-01-15T08:00:00.000Z"
    assert shown["finished_at"] is None
    assert shown["attempts"][1] == {
        "number": 2, "started_at": "2027-01-15T08:00:00.250Z", "outcome": None,
        "task_id": None,
    }  # fmt: skip
    assert shown["error"] == {
        "code": "lost", "message": "gone", "hint": "retry it", "retryable": True,
    }  # fmt: skip
    assert shown["result"]["buttons"] == [{"custom_id": "c", "label": "U1", "emoji": "e"}]
    assert {"image_url", "image_urls", "prompts", "text", "video_urls", "assets"} <= shown[
        "result"
    ].keys()


def test_half_a_surrogate_pair_can_be_answered() -> None:
    job = a_job(error=JobError("moderated", "no \ud83d such é"))
    written = answers.Job.of(job).to_json()
    assert written.isascii()
    assert json.loads(written) == answers.Job.of(job).to_dict()


def test_only_one_job_says_why_it_waits() -> None:
    assert "waiting" not in answers.Job.of(a_job()).to_dict()
    assert answers.Job.of(a_job(), waiting=None).to_dict()["waiting"] is None
    told = answers.Job.of(a_job(), waiting=Waiting(Reason.SLOTS, "no free slot")).to_dict()
    assert told["waiting"] == {
        "reason": "slots", "message": "no free slot", "until": None, "commands": []
    }  # fmt: skip


@pytest.mark.parametrize("status", Status)
def test_every_job_can_be_shown_at_any_time(status: Status) -> None:
    shown = answers.Job.of(in_status(status)).to_dict()
    assert shown["status"] == status.value
    assert (shown["error"] is None) or shown["error"]["message"]
    assert shown["result"]["buttons"] is not None, "a list even while nobody knows them"


@pytest.mark.parametrize(
    ("statuses", "summary"),
    [
        ([Status.SUCCEEDED], "succeeded"),
        ([Status.SUCCEEDED, Status.SUCCEEDED], "succeeded"),
        ([Status.SUCCEEDED, Status.FAILED, Status.SUCCEEDED], "partly_failed"),
        ([Status.SUCCEEDED, Status.CANCELLED], "partly_failed"),
        ([Status.FAILED], "failed"),
        ([Status.CANCELLED], "failed"),
        ([Status.TIMED_OUT], "failed"),
        ([Status.QUEUED], "open"),
        ([Status.SUCCEEDED, Status.IN_DOUBT], "open"),
        ([Status.SUCCEEDED, Status.FAILED, Status.OVERDUE], "open"),
        ([Status.SUCCEEDED, Status.AWAITING_MODAL], "open"),
    ],
)
def test_a_pipeline_is_open_while_any_of_it_is(statuses: list[Status], summary: str) -> None:
    assert a_pipeline(*statuses).status == summary


def test_a_pipeline_counts_every_status() -> None:
    pipeline = a_pipeline(Status.SUCCEEDED, Status.FAILED, Status.FAILED)
    shown = answers.Pipeline.of(pipeline).to_dict()
    assert shown["counts"] == {s.value: 0 for s in Status} | {
        "succeeded": 1, "failed": 2, "total": 3,
    }  # fmt: skip
    assert [job["id"] for job in shown["jobs"]] == [job.id for job in pipeline.jobs]


def test_a_page_says_whether_it_goes_on() -> None:
    job = a_job()
    assert answers.Page.of(Page((job,), "next")).to_dict() == {
        "items": [answers.Job.of(job).to_dict()],
        "next_cursor": "next",
    }
    assert answers.Page.of(Page(())).to_dict() == {"items": [], "next_cursor": None}
