"""The `hookline` command.

base        exit codes, errors in words, JSON; options: settings as options
kinds       a command per kind of job, from one table
jobs        jobs, show, watch, press, cancel, retry, resolve
export      jobs that are over, as lines of JSON
batch       what people ask of many jobs together; batch_submit: their file, batch_view: in words
deliveries  what callers were told; replayed
accounts    how each account stands; pause, resume
submitting  what the two have in common: --then, --wait, --json, --dry-run
progress    following a job; render: jobs in words; quotes: plans and their prices
processes   web, worker, sandbox
up, demo    all of it on one machine; stack: the processes that the two run
doctor      what is wrong here, and what to do about it
"""

import click

from worker.domain.job import SUBMITTED_KINDS
from worker.entrypoints.cli.base import Commands

#: Which module has which commands, in the order of the help.
_PLACES = {
    "up": ("up",),
    "demo": ("demo",),
    "doctor": ("doctor",),
    "kinds": tuple(kind.value.replace("_", "-") for kind in SUBMITTED_KINDS),
    "batch": ("batch",),
    "accounts": ("accounts", "pause", "resume"),
    "deliveries": ("deliveries",),
    "jobs": ("jobs", "show", "watch", "press", "cancel", "retry", "resolve"),
    "export": ("export",),
    "processes": ("web", "worker", "sandbox"),
}


#: Click keeps the lines of a paragraph that begins with a backspace.
_HELP = """Run paid, slow, asynchronous image jobs, and what follows from them.

Start with `hookline up`, then, in a second terminal:

\b
  hookline imagine "a red fox" --then U1 --wait

Exit codes: 0 done, 1 the job failed, 2 wrong usage, 3 a service is unreachable.
"""


@click.group(
    cls=Commands,
    places=_PLACES,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="hookline")
def cli() -> None:
    """Run a command: see ``_HELP``."""


def main() -> None:
    """Run the command line."""
    cli(prog_name="hookline")
