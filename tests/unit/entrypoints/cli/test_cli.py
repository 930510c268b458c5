import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from click.testing import CliRunner, Result

import worker
from tests.support.drawing import draw
from tests.support.jobs import GRID, NOW, a_job, after, capacity, changed, in_status
from tests.support.stores import OwnStore
from worker.adapters.messaging import names
from worker.adapters.storage.storage import Storage
from worker.adapters.store import Filter
from worker.adapters.store.durability import Durability
from worker.adapters.tokens import Tokens
from worker.bootstrap import Services
from worker.domain.access import Caller
from worker.domain.account import Account, Budgets
from worker.domain.account.callback_stats import TrackingMode
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.account.ledger import Balance, Ledger
from worker.domain.events import AssetsSettled, Cancelled
from worker.domain.job import Attempt, AttemptOutcome, Job, Status
from worker.domain.job_spec import Kind, Retry
from worker.domain.money import amount
from worker.domain.result import AssetsRetry, AssetsStatus, JobError, Keep
from worker.domain.result import Result as JobResult
from worker.entrypoints import connection
from worker.entrypoints.cli import attempts, cli
from worker.services import ledgers
from worker.services.api_tokens import ApiTokens
from worker.services.batches import Batches
from worker.services.callbacks import CallbackReceiver
from worker.services.desk import Desk
from worker.services.doctor import account_findings, findings
from worker.services.enqueue import Enqueuer
from worker.services.inbox import Inbox
from worker.services.notify import Deliveries
from worker.services.orchestrator import Orchestrator
from worker.services.reports import answers
from worker.services.reports.answers.accounts import AccountState, Taking
from worker.services.reports.overview import overview
from worker.services.roster import Roster
from worker.services.visible import Visible


class Quiet:
    """Wake-ups that wake nobody."""

    def start(self, account: str) -> None: ...
    def ask(self, account: str, job_ids: Any) -> None: ...
    def check(self, account: str) -> None: ...
    def store_assets(self, job_id: str) -> None: ...
    def ask_seeds(self, account: str, job_ids: Any) -> None: ...
    def read_ledger(self, account: str) -> None: ...
    def choose(self, job_id: str) -> None: ...

    def tidy(self) -> None: ...

    def notify(self, notification_id: str) -> None: ...


class Here:
    """The part of the services that the command line uses."""

    def __init__(self, output: Path) -> None:
        accounts = {"default": Account("default", "https://provider.example")}
        self.store = OwnStore()
        self.storage = Storage(f"file://{output}")
        self.serve(*accounts.values())

    def serve(self, *accounts: Account, budgets: Budgets | None = None) -> None:
        """From now on these accounts are set."""
        known = {account.name: account for account in accounts}
        self.orchestrator = Orchestrator(
            self.store, Quiet(), known, hooked=True, budgets=budgets, clock=lambda: NOW
        )
        self.accounts = known
        self.enqueuer = Enqueuer(self.orchestrator, self.storage)
        self.batches = Batches(self.orchestrator, self.enqueuer)
        self.api_tokens = ApiTokens(self.store, self.orchestrator.clock)
        self.roster = Roster(self.store, known, "a secret", clock=lambda: NOW)
        tokens = Tokens(["a secret"])
        receiver = CallbackReceiver(self.orchestrator, tokens)
        self.inbox = Inbox(self.store, tokens, receiver, clock=lambda: NOW)

    def visible(self, caller: Caller) -> Visible:
        return Visible(self.store, caller)

    def desk(self, caller: Caller) -> Desk:
        return Desk(
            caller,
            self.orchestrator,
            self.visible(caller),
            self.enqueuer,
            self.batches,
            Deliveries(self.orchestrator),
            self.inbox,
            self.api_tokens,
        )


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
    connection.use(None)


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, args, prog_name="hookline")


def keep(here: Here, job: Job, *children: Job) -> Job:
    here.store.jobs.commit(job, children, capacity=capacity(9))
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
    first = run("--help").output
    assert '\n    hookline imagine "a red fox" --then U1 --wait\n' in first, "to be copied as it is"


def test_a_job_is_handed_in_with_everything_that_was_said(here: Here) -> None:
    answer = run(
        "imagine", "a", "red", "fox", "--then", "U1,U2", "--then", "V2>U1", "--priority", "9",
        "--mode", "fast", "--deadline", "120", "--metadata", "order=a=b", "--json",
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    said = json.loads(answer.stdout)
    job = here.store.jobs.get(said["id"])
    assert job is not None
    assert said == json.loads(json.dumps(answers.Job.of(job, here.orchestrator.accounts).to_dict()))
    assert job.request == {"prompt": "a red fox"}
    assert [step["press"] for step in job.spec.then] == ["U1", "U2", "V2"]
    assert job.spec.then[2]["then"] == [{"press": "U1"}]
    assert (job.options.priority, job.options.mode, job.options.deadline_s) == (9, "fast", 120)
    assert job.metadata == {"order": "a=b"}


@pytest.mark.parametrize(
    ("text", "retry"), [("3", Retry(3)), ("2:failed, timeout", Retry(2, on=("failed", "timeout")))]
)
def test_further_attempts_are_asked_for_in_a_word(here: Here, text: str, retry: Retry) -> None:
    job = here.store.jobs.get(run("imagine", "a fox", "--retry", text).stdout.strip())
    assert job is not None
    assert job.options.retry == retry


@pytest.mark.parametrize("words", [("a red fox --seed 5", "--seed"), ("--seed", "a", "red fox")])
def test_a_seed_is_asked_for_with_a_flag_beside_midjourneys_own(
    here: Here, words: tuple[str, ...]
) -> None:
    job = here.store.jobs.get(run("imagine", *words).stdout.strip())
    assert job is not None
    assert job.options.seed
    assert job.request == {"prompt": " ".join(word for word in words if word != "--seed")}


def test_midjourneys_own_seed_without_quotes_is_not_taken_for_ours(here: Here) -> None:
    answer = run("imagine", "a", "red", "fox", "--seed", "5")
    assert answer.exit_code == 2
    assert "put it in quotes" in answer.stderr
    assert here.store.jobs.page(Filter(), 9).jobs == ()


@pytest.mark.parametrize(
    ("flags", "keep"),
    [
        ([], Keep()),
        (["--assets", "grid"], Keep("grid")),
        (["--tiles"], Keep(tiles=True)),
        (["--assets", "off", "--tiles"], Keep("off", tiles=True)),
    ],
)
def test_what_is_stored_is_asked_for_in_a_word(here: Here, flags: list[str], keep: Keep) -> None:
    job = here.store.jobs.get(run("imagine", "a fox", *flags).stdout.strip())
    assert job is not None
    assert job.keep == keep


def test_a_wrong_word_for_what_is_stored_is_refused(here: Here) -> None:
    answer = run("imagine", "a fox", "--assets", "some")
    assert answer.exit_code == 2
    assert "assets.files: must be off, grid or all" in answer.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("often", "as in 3 or 3:failed,timeout"),
        ("99", "from 1 to 10"),
        ("3:", "is not the code"),
        ("3:moderated", "is refused again"),
    ],
)
def test_a_wrong_retry_is_refused_with_what_to_write(here: Here, text: str, words: str) -> None:
    answer = run("imagine", "a fox", "--retry", text)
    assert answer.exit_code == 2
    assert words in answer.stderr


def test_without_json_stdout_has_the_id_alone(here: Here) -> None:
    answer = run("imagine", "a fox")
    assert here.store.jobs.get(answer.stdout.strip())
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
    job = here.store.jobs.get(answer.stdout.strip())
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


@pytest.mark.parametrize("args", [("watch", "ID"), ("retry", "ID", "--wait")])
def test_a_timeout_ends_the_waiting_and_says_why_it_was_not_over(
    here: Here, args: tuple[str, ...]
) -> None:
    status = Status.FAILED if args[0] == "retry" else Status.AWAITING_MODAL
    job = keep(here, in_status(status))
    args = tuple(job.id if arg == "ID" else arg for arg in args)
    answer = run(*args, "--timeout", "0.1")
    assert answer.exit_code == 4
    assert f"Follow it again: hookline watch {job.id}" in answer.stderr
    assert "Not over after 0.1 s; it continues without you." in answer.stderr
    assert "waits: " in answer.stderr
    assert len(answer.stdout.splitlines()) == 1, "the tree as far as it is"
    as_json = run("watch", job.id, "--timeout", "0.1", "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)["status"]) == (4, "open")
    assert not here.orchestrator.job(job.id).status.terminal, "it goes on"


def test_a_window_is_told_with_its_command_while_it_is_waited_for(here: Here) -> None:
    job = keep(here, in_status(Status.AWAITING_MODAL))
    answer = run("watch", job.id, "--timeout", "0.1")
    lines = answer.stderr.splitlines()
    [at] = [n for n, line in enumerate(lines) if "waits: its window waits for your answer" in line]
    assert lines[at].endswith("without one it is timed out at 09:00:00 UTC")
    assert lines[at + 1] == f'    hookline modal --job-id {job.id} --prompt "..."'


def test_what_is_over_in_time_is_over(here: Here) -> None:
    assert run("watch", keep(here, done()).id, "--timeout", "9").exit_code == 0


@pytest.mark.parametrize(
    "args",
    [
        ("imagine", "a fox", "--timeout", "9"),
        ("press", "ID", "U1", "--timeout", "9"),
        ("retry", "ID", "--timeout", "9"),
        ("imagine", "a fox", "--wait", "--timeout", "0"),
        ("watch", "ID", "--timeout", "-1"),
        ("batch", "no.txt", "--timeout", "9"),
    ],
)
def test_a_timeout_belongs_to_a_wait(here: Here, args: tuple[str, ...]) -> None:
    job = keep(here, done())
    answer = run(*(job.id if arg == "ID" else arg for arg in args))
    assert answer.exit_code == 2
    assert "--timeout" in answer.stderr
    assert len(here.store.jobs.page(Filter(), 9).jobs) == 1, "nothing was submitted"


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
        changed(
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


def test_files_are_fetched_again(here: Here) -> None:
    queued, first, second = keep(here, a_job()), keep(here, done()), keep(here, done())
    answer = json.loads(run("fetch", first.id, "--json").stdout)
    assert answer["result"]["assets_status"] == "pending"
    refused = run("fetch", queued.id)
    assert (refused.exit_code, "this one is queued" in refused.stderr) == (2, True)
    both = run("fetch", queued.id, second.id, second.id, "unknown")
    assert both.exit_code == 2
    assert both.stdout.split() == [second.id], "one that has no files does not stop the others"
    assert f"{queued.id}: Only a succeeded job has files" in both.stderr
    assert "unknown: There is no job" in both.stderr
    assert run("fetch", first.id, "--timeout", "1").exit_code == 2
    late = run("fetch", first.id, "--wait", "--timeout", "0.1", "--json")
    assert (late.exit_code, json.loads(late.stdout)["id"]) == (4, first.id)


@pytest.mark.parametrize(("status", "code"), [(AssetsStatus.STORED, 0), (AssetsStatus.FAILED, 1)])
def test_fetch_waits_for_the_files_of_its_own_job(
    here: Here, status: AssetsStatus, code: int
) -> None:
    job = keep(here, done())
    keep(here, a_job(parent_id=job.id, pipeline_id=job.id))

    def settle() -> None:
        orchestrator = connection.services().orchestrator
        while orchestrator.job(job.id).result.assets_status is not AssetsStatus.PENDING:
            time.sleep(0.01)
        orchestrator.record(orchestrator.job(job.id), AssetsSettled((), status))

    with ThreadPoolExecutor(1) as pool:
        settled = pool.submit(settle)
        assert run("fetch", job.id, "--wait").exit_code == code
        settled.result()


def test_files_that_could_not_be_had_are_shown_with_the_reason(here: Here) -> None:
    reason = JobError("link_dead", "cdn.example answered 404", "Ask the provider.")
    result = JobResult(assets_status=AssetsStatus.FAILED, assets_error=reason)
    job = keep(here, replace(in_status(Status.SUCCEEDED), result=result))
    shown = run("show", job.id).stdout
    assert "no files   link_dead: cdn.example answered 404. Ask the provider." in shown


def test_a_job_with_some_of_its_files_shows_them_and_why_others_are_missing(here: Here) -> None:
    reason = JobError("not_taken", "2 of its 3 files are not stored", "Raise the limit.")
    result = JobResult(assets=("a/0.png",), assets_status=AssetsStatus.FAILED, assets_error=reason)
    job = keep(here, replace(in_status(Status.SUCCEEDED), result=result))
    shown = run("show", job.id).stdout
    assert "a/0.png" in shown
    assert "not stored not_taken: 2 of its 3 files are not stored. Raise the limit." in shown
    assert "no files" not in shown


@pytest.mark.parametrize("queues", ["", "files,fils"])
def test_a_worker_of_unknown_queues_does_not_start(here: Here, queues: str) -> None:
    answer = run("worker", "--queues", queues)
    assert answer.exit_code == 2
    assert "--queues must be some of wake, door, files" in answer.stderr


def test_the_queues_that_a_worker_may_serve_are_those_there_are() -> None:
    known = ", ".join(names.QUEUES)
    assert f"--queues must be some of {known}, not" in run("worker", "--queues", "x").stderr


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


def test_jobs_that_are_over_are_exported_as_lines(here: Here, tmp_path: Path) -> None:
    old = keep(here, replace(done(), finished_at=NOW - 86_400))
    new, failed = keep(here, done()), keep(here, a_job(status=Status.FAILED, finished_at=NOW))
    keep(here, a_job())
    answer = run("export")
    assert answer.exit_code == 0, answer.output
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert {line["id"] for line in lines} == {old.id, new.id, failed.id}
    assert lines[0]["result"]["image_url"]
    assert "3 jobs" in answer.stderr
    day = datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%d")
    file = tmp_path / "old.jsonl"
    assert run("export", "--until", day, "--output", str(file)).exit_code == 0
    [line] = file.read_text().splitlines()
    assert json.loads(line)["id"] == old.id
    assert run("export", "--since", "yesterday").exit_code == 2
    assert len(run("export", "--status", "failed").stdout.splitlines()) == 1


def test_a_store_that_is_away_is_three(here: Here) -> None:
    here.store.line.cut = "no connection"
    answer = run("show", "x")
    assert answer.exit_code == 3
    assert answer.stderr == "Error: Redis does not answer: no connection\n"


def test_without_anything_running_it_says_how_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    connection.use(None)
    answer = run("jobs")
    assert answer.exit_code == 3
    assert "hookline up" in answer.stderr


def test_wrong_settings_are_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOKLINE_PORT", "99999")
    connection.use(None)
    answer = run("jobs")
    assert answer.exit_code == 2
    assert "HOOKLINE_PORT" in answer.stderr


def test_ctrl_c_leaves_the_job_running(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Any) -> Iterator[list[Job]]:
        raise KeyboardInterrupt
        yield []

    job = keep(here, a_job())
    monkeypatch.setattr("worker.entrypoints.client.follow", interrupted)
    answer = run("watch", job.id)
    assert answer.exit_code == 130
    assert f"hookline watch {job.id}" in answer.stderr
    kept = here.store.jobs.get(job.id)
    assert kept is not None
    assert kept.status is Status.QUEUED


def test_the_python_door(here: Here) -> None:
    job = worker.imagine("a fox", then="V2>U1", priority=7, key="k")
    assert job.spec.then == ({"press": "V2", "then": [{"press": "U1"}]},)
    assert worker.imagine("a fox", then="V2>U1", priority=7, key="k").id == job.id
    root = keep(here, done())
    assert worker.wait(root).id == root.id
    assert [child.request["button"] for child in worker.press(root, "U1")] == ["U1"]
    with pytest.raises(TimeoutError, match="It waits: nothing keeps it from default"):
        worker.wait(job, timeout_s=0.01)
    assert worker.cancel(job).status is Status.CANCELLED


# Money: doubts, attempts, double payments, accounts.


def paid_twice(**fields: Any) -> Job:
    """A job whose first attempt, given up in doubt, was accepted as well."""
    former = Attempt(1, NOW, AttemptOutcome.IN_DOUBT, NOW + 1, "t1", extra=True)
    tries = (former, Attempt(2, NOW + 9, AttemptOutcome.SUCCEEDED, NOW + 10, "t2"))
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


def test_jobs_are_found_by_metadata_and_prompt(here: Here) -> None:
    mine = keep(here, done(metadata={"order": 4711}, request={"prompt": "a red door"}))
    keep(here, done(created_at=NOW + 1))
    found = run("jobs", "--metadata", "order=4711", "--prompt", "RED", "--roots", "--json")
    assert [item["id"] for item in json.loads(found.stdout)["items"]] == [mine.id]
    assert "metadata: must be `name=value`" in run("jobs", "--metadata", "order").stderr


def test_a_cancelled_job_that_may_still_run_says_why_it_cannot_be_retried(here: Here) -> None:
    job = keep(here, after(in_status(Status.SUBMITTED), Cancelled()).job)
    assert "next       The provider may still run it, so it cannot be" in run("show", job.id).stdout


def test_an_overdue_job_names_what_is_allowed(here: Here) -> None:
    job = keep(here, in_status(Status.OVERDUE))
    said = run("show", job.id).stdout
    assert "late success of task" in said
    assert "it holds no place meanwhile" in " ".join(said.split())
    assert f"next       hookline cancel {job.id}" in said
    assert "retry" not in said


def test_a_doubt_is_shown_with_its_end_and_what_a_person_can_do(here: Here) -> None:
    job = keep(here, in_status(Status.IN_DOUBT))
    said = run("show", job.id).stdout
    assert "waits      the submit of 08:00:00 UTC was cut off" in said
    assert "Until 08:30:00 UTC a callback" in said
    assert "next       By hand, after a look at the provider's tasks:" in said
    for outcome in ("accepted --task-id TASK", "resubmit", "failed"):
        assert f"hookline resolve {job.id} --outcome {outcome}" in said
    assert attempts.by_hand(in_status(Status.SUBMITTED)) is None


def test_what_holds_a_job_up_is_shown_with_what_to_type(here: Here) -> None:
    job = keep(here, in_status(Status.AWAITING_MODAL))
    lines = run("show", job.id).stdout.splitlines()
    assert (
        "waits      its window waits for your answer; without one it is timed out at 09:00:00 UTC"
        in lines
    )
    assert f'next       hookline modal --job-id {job.id} --prompt "..."' in lines
    assert f"           hookline cancel {job.id}" in lines
    told = json.loads(run("show", job.id, "--json").stdout)["waiting"]
    assert told["reason"] == "window"
    assert told["until"] == "2027-01-15T09:00:00.000Z"
    assert told["commands"][-1] == f"hookline cancel {job.id}"


def test_commands_are_not_broken_to_be_copied(here: Here) -> None:
    breaker = CircuitBreaker(closed=f"quota: {'no credit ' * 9}")
    settings = here.orchestrator.dispatch.settings_of("default")
    breaker = replace(breaker, settings=settings)
    assert here.store.accounts.save_breaker("default", breaker, CircuitBreaker())
    lines = run("show", keep(here, a_job()).id).stdout.splitlines()
    assert any("`hookline resume default`" in line for line in lines)
    assert max(map(len, lines)) < 115


def test_accounts_are_shown_without_their_keys(here: Here) -> None:
    account = Account("default", "https://provider.example", "sk-secret", max_running=3)
    here.accounts = cast("Any", here.orchestrator).accounts = {"default": account}
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
    assert table.stderr.count("Callbacks may not arrive: no web process with this") == 1
    told = run("accounts", "--json")
    assert "sk-secret" not in table.output + told.output
    [shown] = json.loads(told.stdout)["items"]
    assert {name: shown[name] for name in shown if name not in ("delivery", "url")} == {
        "name": "default", "dialect": "auto", "max_running": 3, "running": 2, "ready": 1,
        "in_doubt": 1, "double_payments": 1, "error_rate": 0.0, "believed_limit": None,
        "slots": {"image": {"running": 2, "max": 3}, "video": {"running": 0, "max": 1}},
        "state": {"name": "open", "why": None, "until": None, "hint": None},
        "money": {"budget": None, "spent": 0.0, "reserved": 0.0, "refunded": 0.0},
    }  # fmt: skip
    assert shown["delivery"]["mode"] == "mixed"
    assert shown["delivery"]["receiving_since"] is None
    assert [account.name for account in worker.accounts()] == ["default"]


def test_the_balance_of_a_gateways_key_is_shown_and_warns(here: Here) -> None:
    main = Account("main", "https://a.example", costs="provider")
    free = Account("free", "https://b.example")
    here.serve(main, free)
    settings = {name: ledgers.known(here.orchestrator, name).settings for name in ("main", "free")}
    left = Ledger(
        balance=Balance(amount(0.4), amount(4.9), NOW),
        trouble={"log": "refused (HTTP 401): no such token"},
        settings=settings["main"],
    )
    here.store.ledgers.save("main", left)
    unlimited = Ledger(balance=Balance(0, 0, NOW, unlimited=True), settings=settings["free"])
    here.store.ledgers.save("free", unlimited)
    told = run("accounts")
    rows = {line.split()[0]: line.split() for line in told.stdout.splitlines() if line.strip()}
    assert "balance" in rows["account"]
    assert rows["main"][-2:] == ["0.4", "mixed"]
    assert rows["free"][-3:] == ["no", "limit", "mixed"]
    assert "main, balance: 0.4 left of 4.9. Top it up at the gateway." in told.stderr
    assert "main, the gateway's own ledger is not read: refused (HTTP 401)" in told.stderr
    items = {item["name"]: item for item in json.loads(run("accounts", "--json").stdout)["items"]}
    assert items["main"]["balance"] == {
        "available": 0.4, "granted": 4.9, "read_at": "2027-01-15T08:00:00.000Z",
        "warning": "0.4 left of 4.9",
    }  # fmt: skip
    assert items["main"]["ledger"]["costs"] == "provider"
    assert items["free"]["balance"]["available"] is None
    findings = [finding for item in worker.accounts() for finding in account_findings.account(item)]
    named = {finding.name: finding for finding in findings}
    assert named["balance main"].verdict == named["ledger main"].verdict == "warn"
    assert "balance free" not in named


def test_a_cost_says_whose_figures_it_has(here: Here) -> None:
    paid = Attempt(1, NOW, AttemptOutcome.SUCCEEDED, NOW, "t1", account="default", charged=7)
    job = keep(here, done(account="default", attempts=(replace(paid, charged=amount(0.25)),)))
    assert "0.25 spent (the provider's own figures)" in run("show", job.id).stdout
    assert json.loads(run("show", job.id, "--json").stdout)["cost"]["figures"] == "provider"


def test_the_table_of_accounts_fits_a_terminal_and_says_what_to_do(here: Here) -> None:
    prices = {"imagine": amount(1)}
    main = Account("main", "https://a.example", prices=prices, budget=amount(500), max_running=12)
    spare = Account("spare", "https://b.example")
    budgets = Budgets(day=amount(100), tenants={"acme": amount(50), "*": amount(5)})
    here.serve(main, spare, budgets=budgets)
    paid = Attempt(1, NOW, None, NOW, "t1", account="main", price=amount(1))
    job = in_status(Status.SUBMITTED, tenant="acme")
    keep(here, replace(job, account="main", attempts=(paid,), version=0))
    keep(here, a_job(account="", anywhere=True))
    closed = CircuitBreaker(
        closed="quota: no credit", settings=here.orchestrator.dispatch.settings_of("spare")
    )
    assert here.store.accounts.save_breaker("spare", closed, CircuitBreaker())
    full = CircuitBreaker(limit=4, limited_at=NOW)
    assert here.store.accounts.save_breaker("main", full, CircuitBreaker())
    here.store.queue.pause("kind:video")
    told = run("accounts")
    assert told.exit_code == 0
    assert max(map(len, told.stdout.splitlines())) <= 100
    rows = {line.split()[0]: line.split() for line in told.stdout.splitlines() if line.strip()}
    assert rows["main"][1:5] == ["open", "1", "of", "4"]
    assert rows["main"][-4:] == ["1", "0", "500", "mixed"]
    assert rows["spare"][1] == "closed"
    assert "Ready for whichever account is free: 1" in told.stdout
    assert "Budget of day 2027-01-15: 1 of 100" in told.stdout
    assert "Budget of tenant acme: 1 of 50" in told.stdout
    assert "`hookline resume --kind video`" in told.stdout
    assert "spare is closed: quota: no credit; a single job tries it now." in told.stderr
    assert "`hookline resume spare`" in told.stderr
    assert "main said that it is full: it takes 4 for a while, not 12." in told.stderr


def test_a_person_stops_and_starts_an_account_and_a_kind(here: Here) -> None:
    assert run("pause", "--account", "default").stdout == "Paused now: account default\n"
    assert run("pause", "default").stdout == "Paused now: account default\n"
    assert run("resume", "default").stdout == "Paused now: nothing\n"
    assert "the name of an account, or --kind" in run("resume").stderr
    assert run("pause", "default").exit_code == 0
    assert "kind video" in run("pause", "--kind", "video").stdout
    assert here.store.queue.paused() == {"account:default", "kind:video"}
    queued = keep(here, a_job())
    assert "`hookline resume default`" in run("show", queued.id).stdout
    assert run("resume", "--account", "default", "--kind", "video").stdout == (
        "Paused now: nothing\n"
    )
    unknown = run("pause", "--account", "man")
    assert unknown.exit_code == 2
    assert "choose from default" in unknown.stderr
    assert run("pause").exit_code == run("resume", "--kind", "cat").exit_code == 2


def test_resuming_opens_a_closed_account(here: Here) -> None:
    settings = here.orchestrator.dispatch.settings_of("default")
    for trouble in (
        CircuitBreaker(closed="quota: none", settings=settings),
        CircuitBreaker(rest_until=NOW + 60),
    ):
        assert here.store.accounts.save_breaker(
            "default", trouble, here.store.accounts.breaker("default")
        )
        assert run("resume", "--account", "default").exit_code == 0
        assert here.store.accounts.breaker("default") == CircuitBreaker()


def test_what_a_job_costs_is_shown(here: Here) -> None:
    here.serve(Account("default", "https://a.example", prices={"imagine": amount("0.25")}))
    queued = keep(here, a_job())
    assert "cost       0.25 estimated" in run("show", queued.id).stdout.splitlines()
    shown = json.loads(run("show", queued.id, "--json").stdout)
    assert shown["cost"] == {"estimated": 0.25, "reserved": 0, "spent": 0, "refunded": 0}
    assert shown["waiting"]["reason"] == "next"
    [listed] = json.loads(run("jobs", "--json").stdout)["items"]
    assert listed["cost"] == shown["cost"]
    assert "waiting" not in listed, "it would be asked for each"


def test_a_dry_run_prints_the_tree_and_keeps_nothing(here: Here, tmp_path: Path) -> None:
    here.serve(
        Account("main", "https://a.example", prices={"default": amount(1), "upscale": 200_000}),
        Account("spare", "https://b.example", prices={"default": amount("0.5")}),
    )
    picture = tmp_path / "a.png"
    picture.write_bytes(draw())
    then = "U*,V1>Zoom*"
    told = run("imagine", "a", "fox", "--image", str(picture), "--then", then, "--dry-run")
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines() == [
        "imagine a fox        1 job    1",
        "├─ U1, U2, U3, U4   4 jobs  0.8",
        "└─ V1                1 job    1",
        "   └─ Zoom*         1 job*    1",
        "total              7 jobs*  3.8",
    ]
    assert "By account: main 3.8, spare 3.5" in told.stderr
    assert "there may be more jobs" in told.stderr
    assert here.store.jobs.page(Filter(), 9).jobs == ()
    assert not (tmp_path / "output").exists(), "not even the picture"
    root = keep(here, done(account="main"))
    pressed = json.loads(run("press", root.id, "U*", "--dry-run", "--json").stdout)
    assert (pressed["jobs"], pressed["total"], pressed["exact"]) == (4, 0.8, True)
    assert len(here.store.jobs.page(Filter(), 9).jobs) == 1


@pytest.mark.parametrize(
    "args",
    [
        ["a fox", "--priority", "12"],
        ["a fox", "--image", "none.png"],
        ["a fox", "--account", "man"],
        ["a fox", "--then", '[{"choose": "os:system"}]'],
        ["another fox", "--key", "k"],
    ],
)
def test_a_dry_run_refuses_what_a_real_one_would(here: Here, args: list[str]) -> None:
    run("imagine", "a fox", "--key", "k")
    real, dry = run("imagine", *args), run("imagine", *args, "--dry-run")
    assert (real.exit_code, dry.exit_code) == (2, 2)
    assert dry.stderr == real.stderr


def test_the_accounts_say_which_calls_a_provider_lacks(here: Here) -> None:
    assert "lacks" not in json.loads(run("accounts", "--json").stdout)["items"][0]
    here.orchestrator.calls.missing("default", "submit/retexture", "It shows a page.")
    [account] = json.loads(run("accounts", "--json").stdout)["items"]
    assert account["lacks"] == ["submit/retexture"]
    assert "default has no submit/retexture: tried again a day later" in run("accounts").stderr


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
        (replace(GOOD, version="6.0.16"), "fail", "6.0.16 is too old"),
        (replace(GOOD, version="6.2.0"), "ok", "6.2.0"),
        (replace(GOOD, version="10.1"), "ok", "10.1"),
        (replace(GOOD, version=None), "ok", "without its version"),
    ],
)
def test_a_redis_that_may_forget_is_found(found: Durability, verdict: str, words: str) -> None:
    finding = findings.durability(found)
    assert finding.verdict == verdict
    assert words in finding.message
    assert (finding.advice is None) == (verdict == "ok")


@pytest.mark.parametrize(
    ("replicas", "wanted", "verdict", "words"),
    [
        (0, 0, "ok", "on disk"),
        (None, 0, "ok", "on disk"),
        (2, 0, "warn", "a fail-over may forget"),
        (2, 1, "ok", "on disk"),
        (1, 2, "fail", "nothing is submitted with fewer than 2"),
        (None, 1, "fail", "refuses WAIT"),
    ],
)
def test_replicas_that_nobody_waits_for_are_found(
    replicas: int | None, wanted: int, verdict: str, words: str
) -> None:
    finding = findings.durability(replace(GOOD, replicas=replicas), wanted)
    assert finding.verdict == verdict
    assert words in finding.message


@pytest.mark.parametrize(
    ("free", "verdict", "words"),
    [
        ({}, "ok", "/pictures is writable"),
        ({"/tmp": 10**9, "/pictures": 10**9}, "ok", "/pictures is writable"),
        ({"/tmp": 10**9, "/pictures": 50 * 1024**2}, "warn", "/pictures has only 50 MiB left"),
        ({"/tmp": 0, "/pictures": 10**9}, "warn", "/tmp has only 0 MiB left"),
    ],
)
def test_a_storage_without_room_is_found(free: dict[str, int], verdict: str, words: str) -> None:
    finding = findings.storage("/pictures", free)
    assert finding.verdict == verdict
    assert words in finding.message


def test_files_that_cannot_be_stored_now_are_counted_by_their_error() -> None:
    def held(code: str, message: str) -> Job:
        retry = AssetsRetry(JobError(code, message, "Make room."), 3, NOW, NOW + 60)
        return done(result=JobResult(assets_status=AssetsStatus.PENDING, assets_retry=retry))

    jobs = [held("not_reached", "c answered 500"), held("link_dead", "c answered 403"), done()]
    first, second = account_findings.files([*jobs, held("not_reached", "No space left")])
    assert (first.name, first.verdict) == ("files", "warn")
    assert first.message == "of 2 jobs cannot be stored now (not_reached): c answered 500"
    assert first.advice is not None
    assert "Make room. `hookline show ID`" in first.advice
    assert "of 1 job cannot" in second.message


def test_an_accounts_mode_doubts_and_payments_are_found(here: Here) -> None:
    [fresh] = overview(here.orchestrator).items
    calls = fresh.delivery.model_copy(update={"mode": TrackingMode.CALLBACKS, "why": "3 of 3 ends"})
    good = fresh.model_copy(update={"delivery": calls})
    [finding] = account_findings.account(good)
    assert (finding.name, finding.verdict) == ("delivery default", "ok")
    assert "3 of 3 ends" in finding.message
    state = AccountState(name=Taking.CLOSED, why="quota: no credit", until=None, hint="Mend it.")
    polled = calls.model_copy(update={"mode": TrackingMode.POLLING})
    numbers = {"in_doubt": 1, "double_payments": 2}
    bad = good.model_copy(update={"delivery": polled, "state": state, **numbers})
    findings = {finding.name: finding for finding in account_findings.account(bad)}
    assert {finding.verdict for finding in findings.values()} == {"warn"}
    assert findings["account default"].message == "closed: quota: no credit"
    assert findings["account default"].advice == "Mend it."
    assert "1 job: it is not known yet" in findings["in doubt default"].message
    assert "2 jobs had more" in findings["paid twice default"].message
