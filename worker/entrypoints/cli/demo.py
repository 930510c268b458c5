"""`hookline demo`: the main job against the sandbox, in processes and folders of its own."""

import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from PIL import Image, ImageDraw

from worker.adapters.local.claim import claimed
from worker.adapters.local.stopping import Stop
from worker.domain.errors import HooklineError
from worker.domain.job import Job, Status
from worker.domain.wording import counted
from worker.entrypoints import client, connection
from worker.entrypoints.cli import progress, render
from worker.entrypoints.cli.base import Command, leave, note, say
from worker.entrypoints.cli.http import call
from worker.entrypoints.cli.planning import Plan, plan
from worker.entrypoints.exit_codes import DONE, JOB_FAILED
from worker.entrypoints.stack import running, wait_until_ready
from worker.entrypoints.tidy import tidy_line
from worker.sandbox.options import DIALECTS

#: How long the sandbox's tasks take: short enough to watch.
_TASKS = ("--task-seconds", "1-3")
_RUNNING = 4
_PROMPT = "a small red lighthouse above a stormy sea, ink and watercolor --ar 3:2"
#: The size of the sandbox's upscales at this aspect ratio: a mask must have it, too.
_UPSCALE = (1256, 836)
#: Seconds after which a job counts as stuck.
_DEADLINE_S = 120
#: The last lines of the processes are shown after an error.
_LAST_LINES = 30


@click.command(cls=Command, examples=("hookline demo --keep", "hookline demo --dialect novicezk"))
@click.option(
    "--dialect",
    type=click.Choice(DIALECTS),
    default=DIALECTS[0],
    show_default=True,
    help="The provider that the sandbox imitates.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default="output",
    show_default=True,
    help="Where the pictures go.",
)
@click.option("--keep", is_flag=True, help="Leave the jobs here, for `hookline up` to go on with.")
def demo(*, dialect: str, output: Path, keep: bool) -> None:
    """Run the main job against the sandbox: real processes, real HTTP, real pictures.

    A picture of four, each upscaled, a variation with its own upscale, a blend, a describe with a
    new picture from its first prompt, and a change of one region. It does not touch what already
    runs here; with --keep its jobs stay in the state folder.
    """
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    lines: deque[tuple[str, str]] = deque(maxlen=_LAST_LINES)
    try:
        with _running(dialect, output.absolute(), lines, keep=keep) as (planned, then):
            job = client.imagine(_PROMPT, then=then, deadline_s=_DEADLINE_S)
            members: list[Job] = []
            with progress.view() as view:
                for members in client.follow(job):
                    view.show(members)
            _report(planned, members, output, time.monotonic() - began)
    except HooklineError:
        for _, text in (tidy_line(*line) for line in list(lines)):
            if text:
                note(text)
        raise
    failed = [job for job in members if job.status is not Status.SUCCEEDED]
    for job in failed:
        note(f"{render.what(job)} {job.status}: {job.error.message if job.error else 'no reason'}")
    for text in _next(members, keep=keep):
        note(text)
    leave(JOB_FAILED if failed else DONE)


def _next(members: Sequence[Job], *, keep: bool) -> Iterator[str]:
    """What to type now."""
    yield "Next, in this folder: hookline up, and then, in another terminal:"
    if keep:
        yield f"  hookline press {members[0].id[:8]} V3 --wait"
    yield '  hookline imagine "a red fox" --then U1 --wait'


@contextmanager
def _running(
    dialect: str, output: Path, lines: deque[tuple[str, str]], *, keep: bool
) -> Iterator[tuple[Plan, list[dict[str, Any]]]]:
    """Run everything in a temporary folder; yields the steps that fit the dialect, too."""
    with TemporaryDirectory(prefix="hookline-demo-") as scratch:
        folder = Path(scratch)
        env = _environment(
            dialect, output, Path(".hookline").absolute() if keep else folder / "state"
        )
        note(f"starting a Redis, the sandbox ({dialect}), the web process and a worker ...")
        with (
            claimed(Path(env["HOOKLINE_STATE_DIR"])),
            plan(env, None) as planned,
            running(
                stack := planned.stack(env, folder, _TASKS), lambda *line: lines.append(line)
            ) as supervisor,
        ):
            wait_until_ready(stack, supervisor, Stop())
            connection.connect(planned.settings)
            windows = dialect != "novicezk"
            if not windows:
                note(f"{dialect} has no windows: no change of a region.")
            yield planned, _steps(_mask(folder) if windows else None)


def _steps(mask: Path | None) -> list[dict[str, Any]]:
    """What follows the first picture; ``mask``: of the region to change."""
    change = {"press": "Vary (Region)", "modal": {"prompt": "a full moon", "mask": str(mask)}}
    return [
        {"press": "U1"},
        {"press": "U2"},
        {"press": "U3", "then": [{"describe": True, "then": [{"imagine": "{prompts[0]}"}]}]},
        {"press": "U4", "then": [change] if mask else []},
        {"press": "V2", "then": [{"press": "U1"}]},
        {"blend": ["U1", "U2"], "dimensions": "LANDSCAPE"},
    ]


def _mask(folder: Path) -> Path:
    """White where the picture changes, black elsewhere."""
    width, height = _UPSCALE
    drawn = Image.new("L", _UPSCALE, 0)
    box = (width * 0.6, height * 0.1, width * 0.9, height * 0.4)
    ImageDraw.Draw(drawn).ellipse(box, fill=255)
    drawn.save(folder / "mask.png")
    return folder / "mask.png"


def _environment(dialect: str, output: Path, state: Path) -> dict[str, str]:
    """Without any of the user's own settings."""
    env = {n: v for n, v in os.environ.items() if not n.startswith("HOOKLINE_") and n != "PORT"}
    return env | {
        "HOOKLINE_STATE_DIR": str(state),
        "HOOKLINE_STORAGE_URL": f"file://{output}",
        "HOOKLINE_PORT": "0",
        "HOOKLINE_PROVIDER_DIALECT": dialect,
        "HOOKLINE_MAX_RUNNING": str(_RUNNING),
        "HOOKLINE_LOG_FORMAT": "json",
        "HOOKLINE_PROXY": "none",  # everything is on this machine
    }


def _report(planned: Plan, members: Sequence[Job], output: Path, seconds: float) -> None:
    """Print the trees of jobs, where their pictures are, and what it took."""
    for text in render.tree(members, lambda path: str(output / path)):
        say(text)
    _, ledger = call("GET", f"{planned.sandbox_url}/sandbox/ledger")
    _, stats = call("GET", f"{planned.sandbox_url}/sandbox/stats")
    pictures = sum(len(job.result.assets) for job in members)
    say(
        f"{counted(len(members), 'job')} in {seconds:.0f} s: "
        f"{counted(len(ledger), 'paid submission')}, "
        f"{counted(stats['counts'].get('callbacks_sent', 0), 'callback')}, "
        f"{counted(pictures, 'picture')} in {output}/"
    )


COMMANDS: tuple[click.Command, ...] = (demo,)
