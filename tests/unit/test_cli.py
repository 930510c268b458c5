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
from tests.support.jobs import GRID, NOW, a_job, in_status, terms
from worker import connection
from worker.account import Account
from worker.bootstrap import Services
from worker.cli import attempts, cli, verdicts
from worker.errors import StoreUnavailable
from worker.events import Policy
from worker.habits import Delivery, Mode
from worker.intake import Intake
from worker.job import AssetsStatus, Attempt, Job, JobError, Kind, Status
from worker.job import Result as JobResult
from worker.orchestrator import Orchestrator
from worker.overview import Report
from worker.present import job_json
from worker.storage import Storage
from worker.store import Load
from worker.store.durability import Durability
from worker.store.memory import MemoryStore


class Quiet:
    """Wake-ups that wake nobody."""

    def start(self, account: str, count: int) -> None: ...
    def ask(self, account: str, job_ids: Any) -> None: ...
    def store_assets(self, job_id: str) -> None: ...

    def choose(self, job_id: str) -> None: ...


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
    here.store.commit(job, children, terms=terms(9))
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


# Money: doubts, attempts, double payments, accounts.


def paid_twice(**fields: Any) -> Job:
    """A job whose first attempt, given up in doubt, was accepted as well."""
    former = Attempt(1, NOW, "in_doubt", NOW + 1, "t1", extra=True)
    tries = (former, Attempt(2, NOW + 9, "succeeded", NOW + 10, "t2"))
    return done(task_id="t2", attempts=tries, **fields)


def test_attempts_are_shown_with_their_tasks_and_a_second_payment_in_one_line(here: Here) -> None:
    once, twice = keep(here, done()), keep(here, paid_twice(created_at=NOW + 1))
    lines = run("show", twice.id).stdout.splitlines()
    assert "attempts   1: sent 2027-01-15 08:00:01 UTC, in_doubt, task t1" in lines
    assert "           2: sent 2027-01-15 08:00:10 UTC, succeeded, task t2" in lines
    [said] = [line for line in lines if line.startswith("paid twice")]
    assert "t1 (attempt 1) beside t2" in said
    assert "paid twice" not in run("show", once.id).stdout
    listed = run("jobs", "--double-payments", "--json")
    assert [item["id"] for item in json.loads(listed.stdout)["items"]] == [twice.id]


DOUBTS: dict[str, tuple[Policy, bool, list[str]]] = {
    "waits": (Policy(), False, ["08:30:00 UTC", "sent again if callbacks", "else it is held"]),
    "resubmit": (Policy(in_doubt="resubmit"), False, ["08:30:00", "may be paid for twice"]),
    "fail": (Policy(in_doubt="fail"), False, ["sent again if callbacks", "else it fails"]),
    "no more": (Policy(max_resubmits=0), False, ["held for you", "not sent again by itself"]),
    "no more, fail": (Policy(max_resubmits=0, in_doubt="fail"), False, ["Then it fails"]),
    "held": (Policy(), True, ["held: a callback still settles it"]),
}  # fmt: skip


@pytest.mark.parametrize(("policy", "held", "words"), DOUBTS.values(), ids=DOUBTS)
def test_what_happens_next_to_a_job_in_doubt(
    policy: Policy, words: list[str], *, held: bool
) -> None:
    job = replace(in_status(Status.IN_DOUBT), held=held)
    said = attempts.what_next(job, policy)
    assert said is not None
    assert [word for word in words if word not in said] == []
    for outcome in ("accepted --task-id TASK", "resubmit", "failed"):
        assert f"hookline resolve {job.id} --outcome {outcome}" in said
    assert attempts.what_next(in_status(Status.SUBMITTED), policy) is None


def test_a_doubt_is_shown_with_its_end(here: Here) -> None:
    job = keep(here, in_status(Status.IN_DOUBT))
    said = run("show", job.id).stdout
    assert "next       until 2027-01-15 08:30:00 UTC" in said
    assert "resolve" in said


def test_accounts_are_shown_without_their_keys(here: Here) -> None:
    account = Account("default", "https://provider.example", "sk-secret", max_running=3)
    cast("Any", here.orchestrator).accounts = {"default": account}
    keep(here, in_status(Status.SUBMITTED))
    keep(here, in_status(Status.IN_DOUBT))
    keep(here, a_job())
    keep(here, paid_twice())
    table = run("accounts")
    assert table.exit_code == 0
    assert "2 of 3" in table.stdout
    assert "mixed" in table.stdout
    assert "hookline jobs --status in_doubt" in table.stderr
    assert "hookline jobs --double-payments" in table.stderr
    told = run("accounts", "--json")
    assert "sk-secret" not in table.output + told.output
    [shown] = json.loads(told.stdout)["items"]
    assert {name: shown[name] for name in shown if name not in ("delivery", "url")} == {
        "name": "default", "dialect": "auto", "max_running": 3, "running": 2, "ready": 1,
        "in_doubt": 1, "double_payments": 1,
    }  # fmt: skip
    assert shown["delivery"]["mode"] == "mixed"
    assert shown["delivery"]["receiving_since"] is None
    assert [report.account.name for report in worker.accounts()] == ["default"]


# What `hookline doctor` makes of it.

GOOD = Durability("8.0", appendonly=True, appendfsync="always", maxmemory_policy="noeviction")


@pytest.mark.parametrize(
    ("found", "verdict", "words"),
    [
        (GOOD, "ok", "on disk before it is answered"),
        (replace(GOOD, appendfsync="everysec"), "warn", "paid for twice"),
        (replace(GOOD, appendfsync="no"), "warn", "paid for twice"),
        (replace(GOOD, appendfsync=None), "warn", "does not say"),
        (replace(GOOD, appendonly=None, appendfsync=None), "warn", "does not say"),
        (replace(GOOD, appendonly=False), "warn", "lost with its process"),
        (replace(GOOD, maxmemory_policy="allkeys-lru"), "fail", "drops keys"),
        (replace(GOOD, maxmemory_policy=None), "ok", "version 8.0"),
    ],
)
def test_a_redis_that_may_forget_is_found(found: Durability, verdict: str, words: str) -> None:
    finding = verdicts.durability(found)
    assert finding.verdict == verdict
    assert words in finding.message
    assert (finding.advice is None) == (verdict == "ok")


def test_an_accounts_mode_doubts_and_payments_are_found() -> None:
    account = Account("default", "https://provider.example")
    good = Report(account, Load(0, 0), 0, 0, Delivery(), Mode.CALLBACKS, "3 of 3 ends")
    [finding] = verdicts.account(good)
    assert (finding.name, finding.verdict) == ("delivery default", "ok")
    assert "3 of 3 ends" in finding.message
    bad = replace(good, mode=Mode.POLLING, in_doubt=1, double_payments=2)
    findings = {finding.name: finding for finding in verdicts.account(bad)}
    assert {finding.verdict for finding in findings.values()} == {"warn"}
    assert "of 1 job nobody" in findings["in doubt default"].message
    assert "2 jobs had more" in findings["paid twice default"].message
