"""`hookline batch`, over a store in memory."""

import csv
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

import worker
from tests.support.jobs import CUT_OFF, NOW
from tests.support.web import Web
from worker.adapters.store import Batch
from worker.domain.account import Account
from worker.domain.errors import InvalidRequest
from worker.domain.events import Posting, Started
from worker.domain.job import Attempt, AttemptOutcome, Job, Status
from worker.domain.result import JobError
from worker.entrypoints import client, connection
from worker.entrypoints.cli import base, batch_view, cli
from worker.services.reports.batch_overview import report, reports


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.chdir(tmp_path)
    web = Web(tmp_path)
    priced = Account("default", "https://provider.example", prices={"default": 250_000})
    orchestrator = web.services.orchestrator
    orchestrator.accounts = orchestrator.dispatch.accounts = {"default": priced}
    connection.use(web.services)
    yield web
    connection.use(None)


def run(*args: str, data: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["batch", *args], prog_name="hookline", input=data)


def a_file(name: str = "cats.txt", text: str = "a cat\na dog\n") -> str:
    Path(name).write_text(text)
    return name


def test_the_seeds_of_a_whole_file_are_asked_for_with_a_flag(web: Web) -> None:
    assert run(a_file(), "--seed").exit_code == 0
    assert [root.options.seed for root in roots(web)] == [True, True]
    assert "2 known" in run(a_file()).stderr, "how it is made does not make it another job"


def roots(web: Web, name: str = "cats.txt") -> list[Job]:
    return [root for root, _ in web.services.batches.jobs(web.services.batches.find(name))]


def fail(web: Web, job: Job) -> None:
    attempt = Attempt(1, NOW, AttemptOutcome.FAILED, NOW, "t1")
    error = JobError("moderated", "Banned word.")
    web.services.store.jobs.commit(
        replace(job, status=Status.FAILED, attempts=(attempt,), error=error, finished_at=NOW),
        capacity=web.services.orchestrator.dispatch.capacity("default", NOW),
    )


def test_a_file_becomes_a_batch_of_its_name(web: Web) -> None:
    answer = run(a_file(), "--then", "U1,U2", "--priority", "7", "--metadata", "order=9")
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.strip() == web.services.batches.find("cats.txt").id
    assert "2 rows: 2 new, 0 known, 0 bad" in answer.stderr
    assert "hookline batch watch cats.txt" in answer.stderr
    assert [root.request["prompt"] for root in roots(web)] == ["a cat", "a dog"]
    for root in roots(web):
        assert [step["press"] for step in root.spec.then] == ["U1", "U2"]
        assert (root.options.priority, root.metadata) == (7, {"order": "9"})


def test_submit_is_the_long_form(web: Web) -> None:
    assert run("submit", a_file()).exit_code == 0
    assert len(roots(web)) == 2


def test_standard_input_needs_a_name_and_a_form(web: Web) -> None:
    data = b'{"prompt": "a cat"}\n'
    answer = run("-", "--name", "cats", "--form", "ndjson", data=data)
    assert answer.exit_code == 0, answer.output
    assert len(roots(web, "cats")) == 1
    for args, field in (([], "name"), (["--name", "cats"], "form")):
        answer = run("-", *args, data=data)
        assert answer.exit_code == 2
        assert f"{field}: is required with standard input" in answer.stderr


def test_columns_fill_the_template_and_defaults_are_for_all(web: Web) -> None:
    name = a_file("cats.csv", "subject,style\na cat,ink\n")
    defaults = '{"metadata": {"a": "1"}, "bot_type": "NIJI_JOURNEY", "priority": 1}'
    run(name, "--prompt", "{subject}, {style}", "--defaults", defaults, "--priority", "2")
    [root] = roots(web, name)
    assert root.request == {"prompt": "a cat, ink", "bot_type": "NIJI_JOURNEY"}
    assert (root.options.priority, root.metadata) == (2, {"a": "1"})


def test_permutations_can_be_turned_off(web: Web) -> None:
    run(a_file(text="a {red, green} cat"), "--name", "on")
    run("cats.txt", "--name", "off", "--no-permute")
    assert (len(roots(web, "on")), len(roots(web, "off"))) == (2, 1)


def test_the_same_file_again_adds_what_is_new(web: Web) -> None:
    run(a_file())
    answer = run(a_file(text="a cat\na dog\na fox\n"), "--json")
    said = json.loads(answer.stdout)
    assert (said["new"], said["known"]) == (1, 2)


def test_bad_rows_are_told_with_their_lines_and_the_rest_can_be_seen(web: Web) -> None:
    rows = ['{"prompt": "a cat"}', '{"promt": "a dog"}', *["{}"] * 20]
    answer = run(a_file("cats.jsonl", "\n".join(rows)))
    assert answer.exit_code == 0
    assert "line 2  promt: is not a field" not in answer.stderr  # an unknown column is metadata
    assert "line 2  prompt: is required" in answer.stderr
    assert "line 11  prompt: is required" in answer.stderr
    assert "line 12 " not in answer.stderr
    assert "and 11 more: hookline batch bad cats.jsonl" in answer.stderr
    listed = run("bad", "cats.jsonl").stdout.splitlines()
    assert len(listed) == 21
    assert listed[-1].startswith("line 22  prompt")


def test_a_file_without_a_good_row_is_a_failure(web: Web) -> None:
    assert run(a_file("cats.jsonl", "{}\n")).exit_code == 1


def test_strict_submits_nothing_and_tells_why(web: Web) -> None:
    answer = run(a_file("cats.jsonl", '{"prompt": "a cat"}\n{}\n'), "--strict")
    assert answer.exit_code == 1
    assert "Nothing was submitted for 1 bad row:" in answer.stderr
    assert "line 2  prompt: is required" in answer.stderr
    assert web.store.batches.newest(9) == []


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nowhere.txt"], "file: nowhere.txt cannot be read: No such file"),
        (["."], "form: cannot be told"),
        ([".", "--form", "lines", "--name", "x"], "file: . cannot be read: Is a directory"),
        (["cats.txt", "--form", "xml"], "form: must be one of"),
        (["cats.txt", "--defaults", "{"], "defaults: must be JSON"),
        (["cats.txt", "--defaults", "[]"], "defaults: must be a JSON object"),
        (["cats.txt", "--budget", "-1"], "budget: must be"),
        (["cats.txt", "--kind", "imagin"], "did you mean `imagine`"),
        (["cats.txt", "--mode", "slow"], "mode: must be"),
    ],
)
def test_wrong_usage_is_told_and_stores_nothing(web: Web, args: list[str], words: str) -> None:
    a_file()
    answer = run(*args)
    assert answer.exit_code == 2
    assert words in answer.stderr
    assert web.store.batches.newest(9) == []


def test_a_dry_run_prices_the_file_and_stores_nothing(web: Web) -> None:
    answer = run(a_file(), "--then", "U1,V2>U1", "--dry-run")
    assert answer.exit_code == 0
    assert "2 rows: 2 new" in answer.stderr
    assert answer.stdout.strip() == "8 jobs, 2 at most"
    assert "Nothing was submitted." in answer.stderr
    said = json.loads(run("cats.txt", "--dry-run", "--json").stdout)
    assert (said["rows"], said["jobs"], said["total"], said["exact"]) == (2, 2, 0.5, True)
    assert web.store.batches.newest(9) == []


def test_show_and_list_tell_how_batches_stand(web: Web) -> None:
    run(a_file(), "--then", "U1", "--budget", "10")
    fail(web, roots(web)[0])
    shown = run("show", "cats.txt").stdout
    assert "cats.txt  running" in shown
    assert "1 queued, 1 failed" in shown
    assert "1 moderated" in shown
    assert "0 of 10 spent, about 0.25 for what is queued" in shown
    assert "cats.txt" in run("list").stdout
    listed = json.loads(run("list", "--json").stdout)["items"]
    one = json.loads(run("show", "cats.txt", "--json").stdout)
    assert one == {**listed[0], "bad_rows": []}
    assert (one["planned"], one["errors"]) == (4, {"moderated": 1})


def test_pause_resume_cancel_and_retry(web: Web) -> None:
    run(a_file())
    assert "paused" in run("pause", "cats.txt").stdout
    assert "hookline batch resume cats.txt" in run("show", "cats.txt").stdout
    assert "paused" not in run("resume", "cats.txt").stdout
    fail(web, roots(web)[0])
    assert run("cancel", "cats.txt").stdout == "1 job given up\n"
    assert json.loads(run("retry", "cats.txt", "--failed", "--json").stdout) == {"jobs": 1}
    assert [root.status for root in roots(web)] == [Status.QUEUED, Status.CANCELLED]


def test_retry_wants_to_be_told_what(web: Web) -> None:
    run(a_file())
    answer = run("retry", "cats.txt")
    assert answer.exit_code == 2
    assert "--failed" in answer.stderr


def test_the_manifest_goes_to_standard_output_or_a_file(web: Web) -> None:
    run(a_file())
    told = [json.loads(line) for line in run("manifest", "cats.txt").stdout.splitlines()]
    assert [line["prompt"] for line in told] == ["a cat", "a dog"]
    assert run("manifest", "cats.txt", "--csv", "-o", "done.csv").stdout == ""
    with Path("done.csv").open(newline="") as file:
        assert [row["job"] for row in csv.DictReader(file)] == [line["job"] for line in told]
    answer = run("manifest", "cats.txt", "-o", "nowhere/done.csv")
    assert answer.exit_code == 2


@pytest.mark.parametrize(
    "command",
    ["watch", "show", "cancel", "pause", "resume", "manifest", "bad"],
)
def test_what_is_not_there_is_told(web: Web, command: str) -> None:
    answer = run(command, "dogs")
    assert answer.exit_code == 2
    assert "There is no batch 'dogs'." in answer.stderr


@pytest.mark.parametrize(("failed", "code"), [(False, 0), (True, 1)])
def test_a_watch_ends_with_the_batch(web: Web, failed: bool, code: int) -> None:
    run(a_file(text="a cat\n"))
    if failed:
        fail(web, roots(web)[0])
    else:
        run("cancel", "cats.txt")
    answer = run("watch", "cats.txt")
    assert answer.exit_code == code, answer.output
    assert "1 of 1 job  100%" in answer.stderr


def test_a_timeout_ends_the_watch_and_says_what_holds_the_batch_up(web: Web) -> None:
    run(a_file("my cats.txt", text="a cat\na dog\n"))
    cat, dog = roots(web, "my cats.txt")
    for event in (Started("default"), Posting(1), CUT_OFF):
        cat = web.services.orchestrator.record(cat, event).job
        cat = web.job(cat.id)
    client.pause("account", "default")
    answer = run("watch", "my cats.txt", "--timeout", "0.1")
    assert answer.exit_code == 4
    assert "1 in_doubt: `hookline jobs --batch" in answer.stderr
    assert "account default is paused; `hookline resume default`" in answer.stderr
    assert "Not over after 0.1 s; it continues without you." in answer.stderr
    assert "hookline batch watch 'my cats.txt'" in answer.stderr
    assert web.job(dog.id).status is Status.QUEUED


def test_ctrl_c_leaves_the_batch_running_and_says_so(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("worker.entrypoints.cli.batch_view.time.sleep", interrupt)
    answer = run(a_file("my cats.txt"), "--watch")
    assert answer.exit_code == 130
    assert "It continues without you" in answer.stderr
    assert "hookline batch watch 'my cats.txt'" in answer.stderr
    assert [root.status for root in roots(web, "my cats.txt")] == [Status.QUEUED] * 2


def test_python_programs_have_the_same(web: Web) -> None:
    taken = worker.submit_batch(a_file(), then="U1", priority=7)
    assert (taken.new, roots(web)[0].options.priority) == (2, 7)
    taken = worker.submit_batch(
        ({"prompt": prompt, "key": prompt} for prompt in ("a", "b")), name="rows", budget=3
    )
    worker.submit_batch(["a # cat\nasleep", "# a dog"], name="prompts")
    assert [r.request["prompt"] for r in roots(web, "prompts")] == ["a # cat\nasleep", "# a dog"]
    assert worker.get_batch("rows").cost.budget == 3_000_000
    assert {found.name for found in worker.list_batches()} == {"cats.txt", "rows", "prompts"}
    with pytest.raises(InvalidRequest, match="name"):
        worker.submit_batch(["a cat"])
    with pytest.raises(InvalidRequest, match="row 1, prompt"):
        worker.submit_batch([{}], name="bad", strict=True)


def test_the_pace_is_that_of_the_last_minutes() -> None:
    pace = batch_view.Pace()
    pace.see(0.0, 0)
    assert (pace.per_minute, pace.left_s(10)) == (None, None)
    for second in range(1, 1001):
        pace.see(float(second), second if second <= 700 else 700 + 2 * (second - 700))
    assert pace.per_minute == pytest.approx(120.0)
    assert pace.left_s(120) == pytest.approx(60.0)
    for second in range(1001, 1300):
        pace.see(float(second), 1300)
    assert (pace.per_minute, pace.left_s(1)) == (None, None)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.9, "1 min"),
        (60, "1 min"),
        (3570, "1 h"),
        (3600, "1 h"),
        (4800, "1 h 20 min"),
        (172_800, "2 days"),
    ],
)
def test_a_duration_in_words(seconds: float, words: str) -> None:
    assert base.duration(seconds) == words


def test_a_batch_in_words_says_only_what_there_is_to_say(web: Web) -> None:
    batch = Batch("0" * 32, "cats", NOW, counts={"succeeded": 2})
    [quiet] = reports(web.store, [batch])
    assert [line.split()[0] for line in batch_view.lines(quiet)] == ["jobs"]


def test_a_report_of_the_store_is_what_is_shown(web: Web) -> None:
    run(a_file())
    batch = web.services.batches.find("cats.txt")
    assert worker.get_batch("cats.txt") == report(web.store, batch)
