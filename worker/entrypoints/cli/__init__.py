"""The `hookline` command: a module per group of commands, `base` for what they share."""

import click

from worker.domain.job_spec import SUBMITTED_KINDS
from worker.entrypoints.cli.base import Commands

#: The commands of each module, in help order.
_PLACES = {
    "up": ("up",),
    "demo": ("demo",),
    "doctor": ("doctor",),
    "env": ("env",),
    "kinds": tuple(kind.value.replace("_", "-") for kind in SUBMITTED_KINDS),
    "batch": ("batch",),
    "accounts": ("accounts", "pause", "resume"),
    "deliveries": ("deliveries",),
    "inbox": ("inbox",),
    "doubts": ("doubts",),
    "refused": ("refused",),
    "tokens": ("tokens",),
    "audit": ("audit",),
    "jobs": ("jobs", "show", "watch", "press", "cancel", "retry", "fetch", "resolve"),
    "export": ("export",),
    "processes": ("web", "worker", "sandbox"),
}


#: Click does not rewrap a paragraph after a backspace.
_HELP = """Run paid, slow, asynchronous image jobs, and what follows from them.

Start with `hookline up`, then, in a second terminal:

\b
  hookline imagine "a red fox" --then U1 --wait

Exit codes: 0 done, 1 the job failed, 2 wrong usage, 3 a service is unreachable, 4 not over within
--timeout.
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
