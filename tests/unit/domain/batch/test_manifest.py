"""The manifest of a batch: a line for each job, whoever reads it."""

import csv
import io
import json
from typing import Any

import pytest

from tests.support.jobs import NOW, a_job
from worker.domain.batch.manifest import COLUMNS, Form, entry, manifest
from worker.domain.job import Attempt, AttemptOutcome, Job, Status, Window
from worker.domain.job_spec import Kind
from worker.domain.result import JobError, Result


def at_home(path: str) -> str:
    return f"/output/{path}"


def a_root(**fields: Any) -> Job:
    return a_job(id="a" * 32, row=7, row_key="order-7", batch_id="b1", **fields)


def paid(units: float, **more: Any) -> Attempt:
    return Attempt(1, NOW, task_id="t1", price=round(units * 1_000_000), **more)


def of(job: Job, root: Job | None = None) -> dict[str, Any]:
    return entry(root or job, job, at_home)


def test_a_line_has_all_that_people_ask_of_a_job() -> None:
    done = Result(
        image_url="https://cdn.example/1.png",
        prompt="a cat, --ar 3:2",
        assets=("1.png",),
        seed="1234567890",
    )
    root = a_root(
        request={"prompt": "a cat"},
        status=Status.SUCCEEDED,
        result=done,
        attempts=(paid(0.25, outcome=AttemptOutcome.SUCCEEDED),),
    )
    assert of(root) == {
        "row": 7,
        "key": "order-7",
        "job": "a" * 32,
        "parent": None,
        "kind": "imagine",
        "what": "imagine",
        "status": "succeeded",
        "pictures": ["/output/1.png"],
        "prompt": "a cat, --ar 3:2",
        "seed": "1234567890",
        "cost": 0.25,
        "error_code": None,
        "error_message": None,
    }


def test_a_follow_up_is_told_by_its_button_and_its_roots_row() -> None:
    root = a_root()
    child = a_job(
        kind=Kind.ACTION, parent_id=root.id, pipeline_id=root.id, request={"button": "U2"}
    )
    told = of(child, root)
    assert [told[name] for name in ("row", "key", "parent", "what")] == [
        7,
        "order-7",
        root.id,
        "U2",
    ]


@pytest.mark.parametrize(
    ("result", "pictures"),
    [
        (Result(), []),
        (Result(image_url="https://x/grid.png"), ["https://x/grid.png"]),
        (Result(image_url="https://x/g", image_urls=("https://x/1", "https://x/2")),
         ["https://x/1", "https://x/2"]),
        (Result(image_url="https://x/1", video_urls=("https://x/1.mp4",)),
         ["https://x/1", "https://x/1.mp4"]),
        (Result(image_url="https://x/g", assets=("a b.png", "c.png")),
         ["/output/a b.png", "/output/c.png"]),
    ],
)  # fmt: skip
def test_pictures_are_our_files_and_until_then_the_providers(
    result: Result, pictures: list[str]
) -> None:
    assert of(a_root(status=Status.SUCCEEDED, result=result))["pictures"] == pictures


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ({}, 0.0),
        ({"status": Status.SUCCEEDED, "attempts": (paid(2),)}, 2.0),
        ({"status": Status.FAILED, "attempts": (paid(2, outcome=AttemptOutcome.FAILED),)}, 2.0),
        (
            {
                "status": Status.FAILED,
                "attempts": (paid(2, outcome=AttemptOutcome.FAILED, refundable=True),),
            },
            0.0,
        ),
        (
            {
                "status": Status.SUBMITTED,
                "attempts": (paid(1, outcome=AttemptOutcome.FAILED), paid(2)),
            },
            3.0,
        ),
        ({"status": Status.AWAITING_MODAL, "window": Window.OPEN, "attempts": (paid(2),)}, 0.0),
    ],
)
def test_the_cost_is_what_was_paid_and_did_not_come_back(
    fields: dict[str, Any], cost: float
) -> None:
    assert of(a_root(**fields))["cost"] == cost


def test_an_error_is_told_once_the_job_is_over() -> None:
    error = JobError("moderated", "Banned word.")
    failed = of(a_root(status=Status.FAILED, error=error))
    assert (failed["error_code"], failed["error_message"]) == ("moderated", "Banned word.")
    refused = of(a_root(status=Status.QUEUED, error=JobError("queue_full", "The queue is full.")))
    assert (refused["error_code"], refused["error_message"]) == (None, None)


def test_both_forms_tell_the_same() -> None:
    root = a_root(
        request={"prompt": 'a "cat",\nasleep ☕'},
        status=Status.SUCCEEDED,
        result=Result(assets=("1.png", "2.png")),
    )
    child = a_job(kind=Kind.ACTION, parent_id=root.id, request={"custom_id": "MJ::1"})
    pipelines = [(root, (root, child))]
    as_json = [json.loads(line) for line in manifest(pipelines, Form.JSONL, at_home)]
    as_csv = list(csv.DictReader(io.StringIO("".join(manifest(pipelines, Form.CSV, at_home)))))
    assert [list(line) for line in (*as_json, *as_csv)] == [list(COLUMNS)] * 4
    for told, cells in zip(as_json, as_csv, strict=True):
        written = {**told, "pictures": "|".join(told["pictures"])}
        assert cells == {k: "" if v is None else str(v) for k, v in written.items()}


def test_a_line_is_written_before_the_next_job_is_read() -> None:
    read = 0

    def endless() -> Any:
        nonlocal read
        while True:
            read += 1
            root = a_root()
            yield root, (root,)

    for form in Form:
        lines, read = manifest(endless(), form, at_home), 0
        for _ in range(1000):
            next(lines)
        assert 999 <= read <= 1000


def test_a_csv_of_nothing_has_its_header() -> None:
    assert list(manifest([], Form.CSV, at_home)) == [",".join(COLUMNS) + "\r\n"]
    assert list(manifest([], Form.JSONL, at_home)) == []


HOSTILE = "=HYPERLINK('http://evil')\x1b]0;x\x07\u202e"


def test_no_cell_is_a_formula_or_moves_the_cursor() -> None:
    job = a_job(id="a" * 32, row=7, row_key="-1+1", request={"prompt": HOSTILE})
    text = "".join(manifest([(job, (job,))], Form.CSV, at_home))
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["key"], row["prompt"]) == ("'-1+1", "'=HYPERLINK('http://evil')]0;x")
    assert row["cost"] == "0.0"


def test_a_program_gets_the_cells_as_they_are() -> None:
    job = a_job(id="a" * 32, row=7, row_key="-1+1", request={"prompt": HOSTILE})
    text = "".join(manifest([(job, (job,))], Form.CSV, at_home, raw=True))
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["key"], row["prompt"]) == ("-1+1", HOSTILE)


def test_json_lines_mean_what_was_given_and_show_nothing() -> None:
    job = a_job(id="a" * 32, row=7, row_key="-1+1", request={"prompt": HOSTILE})
    (line,) = manifest([(job, (job,))], Form.JSONL, at_home)
    assert line.rstrip("\n").isprintable()
    assert json.loads(line)["prompt"] == HOSTILE
