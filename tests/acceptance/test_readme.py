"""What README.md and docs/*.md say is true: their blocks run, and their tables name what there is.

A block runs where the line before it is a comment such as ``<!-- run: 2 succeeded -->``: as a
script of its language, in the folder of a ``hookline up``, as a reader would. It must end with code
0, and the jobs that come of it must end as the comment says (nothing there: no jobs). Only the
port is put in, and the sandbox is a quick one.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from click import Context
from dotenv import dotenv_values

from tests.support.drawing import draw
from tests.support.processes import ROOT, clean_env, hookline, up, wait_for
from worker.adapters.local.running import told_by_up
from worker.domain.error_codes import ErrorCode, Family
from worker.domain.job import Status
from worker.domain.job_spec import SUBMITTED_KINDS
from worker.domain.requests.kinds import MODELS
from worker.domain.requests.options import Pictured
from worker.entrypoints.cli import cli
from worker.entrypoints.cli.http import call
from worker.sandbox.options import OPTIONS, SandboxOptions
from worker.sandbox.server import Sandbox

#: Every page, by its path in the checkout.
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").glob("*.md"))]
}

#: Seconds for a block on a busy machine; a quiet one needs a tenth.
BLOCK_S = 90.0

_BLOCK = re.compile(
    r"^<!-- run:(?P<jobs>[^>]*)-->\n```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block that runs, and how many jobs come of it, by status."""

    page: str
    line: int
    language: str
    text: str
    jobs: Counter[str]


def blocks() -> list[Block]:
    found = []
    for page, text in PAGES.items():
        for match in _BLOCK.finditer(text):
            pairs = (words.split() for words in match["jobs"].split(",") if words.strip())
            jobs = Counter({status: int(count) for count, status in pairs})
            line = text.count("\n", 0, match.start("text")) + 1
            found.append(Block(page, line, match["language"], match["text"], jobs))
    return found


@dataclass(frozen=True)
class Reader:
    """Somebody who follows the pages: a folder in which ``hookline up`` runs."""

    folder: Path
    env: dict[str, str]
    port: int

    def run(self, block: Block) -> subprocess.CompletedProcess[str]:
        interpreter = {"sh": ["sh", "-eu", "-c"], "python": [sys.executable, "-c"]}
        text = block.text.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        return subprocess.run(
            [*interpreter[block.language], text],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=BLOCK_S,
            check=False,
        )

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Every job, by id, as HTTP tells it."""
        token = (self.folder / ".hookline/api-token").read_text().strip()
        url = f"http://127.0.0.1:{self.port}/v1/jobs?limit=200"
        _, page = call("GET", url, token=token)
        return {job["id"]: job for job in page["items"]}

    def new_jobs(self, known: set[str], count: int) -> list[dict[str, Any]]:
        """The jobs that are not ``known``, once there are ``count`` and all of them are over."""
        new: list[dict[str, Any]] = []

        def are_over() -> bool:
            new[:] = [job for job_id, job in self.jobs().items() if job_id not in known]
            return len(new) >= count and all(Status(job["status"]).terminal for job in new)

        wait_for(are_over, f"{count} jobs", BLOCK_S)
        return new


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """A folder with a `.env`, as the README says, and all processes."""
    with (
        # A socket's path must be short, and pytest's own temporary folders are not.
        tempfile.TemporaryDirectory(prefix="hl-") as name,
        Sandbox(SandboxOptions(task_seconds=(0.1, 0.3))) as sandbox,
    ):
        folder = Path(name)
        (folder / ".env").write_text(
            f"HOOKLINE_PROVIDER_URL={sandbox.url}\nHOOKLINE_PORT=0\nHOOKLINE_MAX_RUNNING=6\n"
            "HOOKLINE_ALLOWED_HOSTS=127.0.0.1\n"
        )
        (folder / "photo.png").write_bytes(draw())
        with up(folder):
            port = int(told_by_up(folder / ".hookline")["HOOKLINE_PORT"])
            yield Reader(folder, _environment(folder), port)


def _environment(folder: Path) -> dict[str, str]:
    """`hookline` is on the PATH, as it is after `. .venv/bin/activate`; `hookline env` was read."""
    tools = folder / "bin"
    tools.mkdir()
    command = tools / "hookline"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m hookline.start "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)])
    (folder / "shop.env").write_text(hookline(folder, "env").stdout)
    given = dotenv_values(folder / "shop.env")
    return clean_env(PATH=path, HOOKLINE_BROKER_URL=given["HOOKLINE_BROKER_URL"] or "")


@pytest.mark.parametrize("block", blocks(), ids=lambda block: f"{block.page}:{block.line}")
def test_a_block_does_what_it_says(reader: Reader, block: Block) -> None:
    if block.text.startswith("curl") and not which("curl"):
        pytest.skip("curl is not installed")
    if "mask.png" in block.text and not (reader.folder / "mask.png").exists():
        _draw_mask(reader)  # its own block does so, but may run in another process
    known = set(reader.jobs())
    done = reader.run(block)
    assert done.returncode == 0, done.stdout + done.stderr
    jobs = reader.new_jobs(known, block.jobs.total())
    failures = [job["error"] for job in jobs if job["error"]]
    assert Counter(job["status"] for job in jobs) == block.jobs, failures
    for job in jobs:
        for path in job["result"]["assets"]:
            assert (reader.folder / "output" / path).stat().st_size > 0


def _draw_mask(reader: Reader) -> None:
    drawing = next(b for b in blocks() if b.language == "python" and "mask.save" in b.text)
    assert reader.run(drawing).returncode == 0


def test_every_way_in_is_among_the_blocks_that_run() -> None:
    texts = [block.text for block in blocks()]
    for words in ("curl", "send_task", "from worker import", "hookline press", "hookline modal"):
        assert any(words in text for text in texts), words
    assert len(texts) == sum(page.count("\n<!-- run:") for page in PAGES.values())


def test_the_readme_stays_short() -> None:
    assert len(PAGES["README.md"].encode()) <= 8192


def rows_of_table(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table of the page whose first column has that heading."""
    table = PAGES[page].split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [row.strip("|").split("|") for row in table.splitlines()[2:]]


def names_in_table(page: str, heading: str) -> list[str]:
    """What stands in the first cells of that table."""
    rows = rows_of_table(page, heading)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row[0])]


def test_the_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ".ci/docs.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_status_table_names_every_status_in_order() -> None:
    assert names_in_table("docs/jobs.md", "status") == [status.value for status in Status]


def test_the_error_table_names_every_code_that_a_job_can_end_with() -> None:
    codes = names_in_table("docs/jobs.md", "`error.code`")
    assert len(codes) == len(set(codes))
    assert set(codes) == {code.value for code in ErrorCode if code.family is not Family.FILES}


def test_the_kinds_table_names_every_kind_and_field() -> None:
    fields = {row[0].strip(" `"): row[1] for row in rows_of_table("docs/jobs.md", "kind")}
    assert fields.keys() == {kind.value for kind in SUBMITTED_KINDS}
    common = {*Pictured.model_fields, "bot_type"}
    for kind, model in MODELS.items():
        named = set(re.findall(r"`(\w+)\??`", fields[kind.value])) - set(Status)
        assert named == model.model_fields.keys() - common, kind


def test_the_fields_table_names_every_option_of_a_job() -> None:
    names = set(names_in_table("docs/jobs.md", "field"))
    assert names == Pictured.model_fields.keys() - {"seed", "kind"}


def test_the_commands_that_others_may_look_for_exist() -> None:
    ours = [row[-1] for row in rows_of_table("docs/commands.md", "you know")]
    named = {name for cell in ours for name in re.findall(r"`hookline ([a-z-]+)", cell)}
    assert len(named) > 20
    assert named <= set(cli.list_commands(Context(cli)))


def test_the_sandbox_page_names_every_fault_and_nothing_else() -> None:
    page = "docs/sandbox.md"
    rates = {option.flag for option in OPTIONS if option.is_rate}
    assert set(names_in_table(page, "option")) == rates
    known = {option.flag for option in OPTIONS} | {"--port", "--help"}
    known |= {option.flag.replace("--", "--no-") for option in OPTIONS if option.is_switch}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGES[page])) <= known


@pytest.mark.parametrize("page", PAGES)
def test_local_links_lead_somewhere(page: str) -> None:
    prose = re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", prose):
        path, _, anchor = target.partition("#")
        if ":" in path:
            continue
        found = (ROOT / page).parent / path if path else ROOT / page
        assert found.exists(), target
        if anchor:
            assert anchor in _anchors(found.read_text(encoding="utf-8")), target


def _anchors(text: str) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_chinese_readme_has_the_same_commands_and_links() -> None:
    english, chinese = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")
    )
    fenced = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
    link = re.compile(r"\]\(([^)]+)\)")
    assert fenced.findall(chinese) == fenced.findall(english)
    assert link.findall(chinese)[1:] == link.findall(english)[1:], "the first is the other language"
    headings = re.compile(r"^#+ ", re.MULTILINE)
    assert headings.findall(fenced.sub("", chinese)) == headings.findall(fenced.sub("", english))


def test_every_page_is_linked_from_the_readme() -> None:
    for page in PAGES:
        assert page == "README.md" or f"({page})" in PAGES["README.md"], page


@pytest.mark.parametrize("page", PAGES)
def test_prose_wraps_at_120(page: str) -> None:
    prose = re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)
    prose = re.sub(r"<!-- [^>]*begin.*?end -->", "", prose, flags=re.DOTALL)
    long = [line for line in prose.splitlines() if len(line) > 120 and not line.startswith("|")]
    assert not long
