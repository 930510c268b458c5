import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from click.testing import CliRunner, Result

import worker
from tests.support.jobs import GRID, NOW, a_job
from worker import connection
from worker.bootstrap import Services
from worker.cli import cli
from worker.errors import StoreUnavailable
from worker.intake import Intake
from worker.job import AssetsStatus, Job, JobError, Kind, Status
from worker.job import Result as JobResult
from worker.orchestrator import Orchestrator
from worker.present import job_json
from worker.provider.account import Account
from worker.storage import Storage
from worker.store.memory import MemoryStore


class Quiet:
    """Wake-ups that wake nobody."""

    def start(self, account: str, count: int) -> None: ...
    def ask(self, account: str, job_ids: Any) -> None: ...
    def store_assets(self, job_id: str) -> None: ...


class Here:
    """The part of the services that the command line uses."""

    def __init__(self, output: Path) -> None:
        accounts = {"default": Account("default", "https://provider.example")}
        self.store = MemoryStore()
        self.storage = Storage(f"file://{output}")
        self.orchestrator = Orchestrator(
            self.store, Quiet(), accounts, hooked=True, clock=lambda: NOW
        )
        self.intake = Intake(self.orchestrator, self.storage)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    services = Here(tmp_path / "output")
    connection.use(cast("Services", services))
    yield services
    connection._Connection.services = None


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, args, prog_name="hookline")


def keep(here: Here, job: Job, *children: Job) -> Job:
    here.store.commit(job, children, max_running=9)
    return job


def done(**fields: Any) -> Job:
    result = fields.pop("result", JobResult(image_url="https://cdn.example/1.png", buttons=GRID))
    return a_job(status=Status.SUCCEEDED, finished_at=NOW, result=result, **fields)


def test_every_command_has_help_with_examples() -> None:
    names = cli.list_commands(cast("Any", None))
    assert {"up", "demo", "doctor", "imagine", "swap-face", "jobs", "web"} <= set(names)
    for name in names:
        answer = run(name, "--help")
        assert answer.exit_code == 0, name
        assert "Examples:" in answer.output, name
        assert f"hookline {name}" in answer.output, name


def test_a_job_is_handed_in_with_everything_that_was_said(here: Here) -> None:
    answer = run(
        "imagine", "a", "red", "fox", "--then", "U1,U2", "--then", "V2>U1", "--priority", "9",
        "--mode", "fast", "--deadline", "120", "--metadata", "order=a=b", "--json",
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    said = json.loads(answer.stdout)
    job = here.store.get(said["id"])
    assert job is not None
    assert said == json.loads(json.dumps(job_json(job)))
    assert job.request == {"prompt": "a red fox"}
    assert [step["press"] for step in job.then] == ["U1", "U2", "V2"]
    assert job.then[2]["then"] == [{"press": "U1"}]
    assert (job.priority, job.mode, job.deadline_s) == (9, "fast", 120)
    assert job.metadata == {"order": "a=b"}


def test_without_json_stdout_has_the_id_alone(here: Here) -> None:
    answer = run("imagine", "a fox")
    assert here.store.get(answer.stdout.strip())
    assert "hookline watch" in answer.stderr


def test_the_same_key_gives_the_same_job_and_refuses_another_request(here: Here) -> None:
    first, again = run("imagine", "a fox", "--key", "k"), run("imagine", "a fox", "--key", "k")
    assert first.stdout == again.stdout
    other = run("imagine", "a bear", "--key", "k")
    assert other.exit_code == 2
    assert "idempotency key" in other.stderr


@pytest.mark.parametrize(
    ("args", "kind", "request_"),
    [
        (["shorten", "too", "long"], Kind.SHORTEN, {"prompt": "too long"}),
        (
            ["action", "--task-id", "7", "--custom-id", "MJ::JOB::upsample::1::4f2c"],
            Kind.ACTION,
            {"task_id": "7", "custom_id": "MJ::JOB::upsample::1::4f2c"},
        ),
        (
            ["change", "--task-id", "7", "--action", "UPSCALE", "--index", "2"],
            Kind.CHANGE,
            {"task_id": "7", "action": "UPSCALE", "index": 2},
        ),
        (
            ["describe", "https://x.example/a.png"],
            Kind.DESCRIBE,
            {"image": "https://x.example/a.png"},
        ),
        (
            ["blend", "https://x.example/a.png", "https://x.example/b.png"],
            Kind.BLEND,
            {"images": ["https://x.example/a.png", "https://x.example/b.png"]},
        ),
        (["video", "--task-id", "7", "--index", "0"], Kind.VIDEO, {"task_id": "7", "index": 0}),
        (
            ["swap-face", "https://x.example/a.png", "https://x.example/b.png"],
            Kind.SWAP_FACE,
            {"source": "https://x.example/a.png", "target": "https://x.example/b.png"},
        ),
    ],
)
def test_the_other_kinds(here: Here, args: list[str], kind: Kind, request_: dict[str, Any]) -> None:
    answer = run(*args)
    assert answer.exit_code == 0, answer.output
    job = here.store.get(answer.stdout.strip())
    assert job is not None
    assert (job.kind, dict(job.request)) == (kind, request_)


def test_every_wrong_field_has_its_line(here: Here) -> None:
    answer = run("imagine", "a fox", "--priority", "12", "--mode", "slow", "--image", "none.png")
    assert answer.exit_code == 2
    assert answer.stdout == ""
    lines = [line.strip().partition(":")[0] for line in answer.stderr.splitlines()]
    assert {"priority", "mode"} <= set(lines)
    assert "Traceback" not in answer.stderr


def test_bad_shorthand_and_bad_metadata_are_wrong_usage(here: Here) -> None:
    for args in (["--then", "U1,,U2"], ["--metadata", "novalue"]):
        answer = run("imagine", "a fox", *args)
        assert answer.exit_code == 2
        assert args[0].removeprefix("--") in answer.stderr


def test_waiting_ends_with_the_tree_and_zero(here: Here) -> None:
    result = JobResult(assets=("p/1-0.png",), assets_status=AssetsStatus.STORED)
    root = done(request={"prompt": "a fox"}, result=result)
    keep(here, root)
    answer = run("watch", root.id)
    assert answer.exit_code == 0
    assert "imagine a fox  succeeded" in answer.stdout
    assert "output/p/1-0.png" in answer.stdout


def test_a_failed_follow_up_makes_waiting_end_with_one(here: Here) -> None:
    root = done()
    child = a_job(
        kind=Kind.ACTION, parent_id=root.id, pipeline_id=root.id, request={"button": "U9"},
        status=Status.FAILED, finished_at=NOW, error=JobError("no_button", "No such button."),
    )  # fmt: skip
    keep(here, root, child)
    answer = run("watch", root.id)
    assert answer.exit_code == 1
    assert "No such button." in answer.stderr
    pipeline = json.loads(run("watch", root.id, "--json").stdout)
    assert pipeline["status"] == "partly_failed"
    assert run("watch", child.id).exit_code == 1


def test_only_what_grew_from_the_job_counts(here: Here) -> None:
    root = done()
    good, bad = (
        replace(
            done(parent_id=root.id, kind=Kind.ACTION, request={"button": name}),
            pipeline_id=root.id, status=status,
        )
        for name, status in (("U1", Status.SUCCEEDED), ("U2", Status.FAILED))
    )  # fmt: skip
    keep(here, root, good, bad)
    assert run("watch", good.id).exit_code == 0
    assert run("watch", root.id).exit_code == 1


def test_pressing_a_glob_answers_as_http_does(here: Here) -> None:
    root = keep(here, done())
    one = json.loads(run("press", root.id, "U1", "--json").stdout)
    assert one["request"]["button"] == "U1"
    many = json.loads(run("press", root.id, "U*", "--json").stdout)
    assert len(many["items"]) == 4
    missing = run("press", root.id, "U9")
    assert missing.exit_code == 2
    assert "U1" in missing.stderr


def test_cancel_retry_and_resolve(here: Here) -> None:
    job = keep(here, a_job())
    assert json.loads(run("cancel", job.id, "--json").stdout)["status"] == "cancelled"
    assert run("cancel", job.id).exit_code == 2
    assert json.loads(run("retry", job.id, "--json").stdout)["status"] == "queued"
    assert run("resolve", job.id, "--outcome", "failed").exit_code == 2


def test_listing_and_showing(here: Here) -> None:
    first, second = keep(here, a_job(created_at=NOW)), keep(here, done(created_at=NOW + 1))
    listed = run("jobs")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [second.id, first.id]
    page = json.loads(run("jobs", "--status", "queued", "--json").stdout)
    assert [item["id"] for item in page["items"]] == [first.id]
    assert "--cursor" in run("jobs", "--limit", "1").stderr
    assert "U1" in run("show", second.id).stdout
    whole = json.loads(run("show", second.id, "--pipeline", "--json").stdout)
    assert whole["counts"]["total"] == 1
    assert run("show", "nowhere").exit_code == 2
    assert run("jobs", "--limit", "0").exit_code == 2


def test_a_store_that_is_away_is_three(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable

    monkeypatch.setattr(here.store, "get", away)
    answer = run("show", "x")
    assert answer.exit_code == 3
    assert answer.stderr == "Error: Redis does not answer.\n"


def test_without_anything_running_it_says_how_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    connection._Connection.services = None
    answer = run("jobs")
    assert answer.exit_code == 3
    assert "hookline up" in answer.stderr


def test_wrong_settings_are_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOKLINE_PORT", "99999")
    connection._Connection.services = None
    answer = run("jobs")
    assert answer.exit_code == 2
    assert "HOOKLINE_PORT" in answer.stderr


def test_ctrl_c_leaves_the_job_running(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Any) -> Iterator[list[Job]]:
        raise KeyboardInterrupt
        yield []

    job = keep(here, a_job())
    monkeypatch.setattr("worker.api.follow", interrupted)
    answer = run("watch", job.id)
    assert answer.exit_code == 130
    assert f"hookline watch {job.id}" in answer.stderr
    kept = here.store.get(job.id)
    assert kept is not None
    assert kept.status is Status.QUEUED


def test_the_python_door(here: Here) -> None:
    job = worker.imagine("a fox", then="V2>U1", priority=7, key="k")
    assert job.then == ({"press": "V2", "then": [{"press": "U1"}]},)
    assert worker.imagine("a fox", then="V2>U1", priority=7, key="k").id == job.id
    root = keep(here, done())
    assert worker.wait(root).id == root.id
    assert [child.request["button"] for child in worker.press(root, "U1")] == ["U1"]
    with pytest.raises(TimeoutError):
        worker.wait(job, timeout_s=0.01)
    assert worker.cancel(job).status is Status.CANCELLED
